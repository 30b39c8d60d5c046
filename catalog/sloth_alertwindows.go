// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"time"

	"github.com/prometheus/common/model"
)

// The API group and version of Sloth's Kubernetes objects.
const slothGroup = "sloth.slok.dev/v1"

// alertWindows are the period and the burn rate windows of Sloth's SLOs, which Sloth gets on its command line.
type alertWindows struct {
	at     place
	period time.Duration
	pairs  []BurnPair
}

// The document's keys.
type (
	slothAlertWindows struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Spec       struct {
			SLOPeriod model.Duration  `json:"sloPeriod"`
			Page      slothWindowPair `json:"page"`
			Ticket    slothWindowPair `json:"ticket"`
		} `json:"spec"`
	}
	slothWindowPair struct {
		Quick slothWindow `json:"quick"`
		Slow  slothWindow `json:"slow"`
	}
	slothWindow struct {
		ErrorBudgetPercent float64        `json:"errorBudgetPercent"`
		ShortWindow        model.Duration `json:"shortWindow"`
		LongWindow         model.Duration `json:"longWindow"`
	}
)

// readAlertWindows reads Sloth's AlertWindows.
func (l *loader) readAlertWindows(doc place) {
	var object slothAlertWindows
	if !l.decodeForeign(doc, &object) {
		return
	}
	before, spec := l.errors, object.Spec
	w := alertWindows{at: doc, period: time.Duration(spec.SLOPeriod)}
	l.pass(doc.key("spec", "sloPeriod"), "", func(string) (string, string) { return checkWindow(w.period) })
	for _, one := range []struct {
		window slothWindow
		page   bool
		keys   [2]string
	}{
		{spec.Page.Quick, true, [2]string{"page", "quick"}}, {spec.Page.Slow, true, [2]string{"page", "slow"}},
		{spec.Ticket.Quick, false, [2]string{"ticket", "quick"}}, {spec.Ticket.Slow, false, [2]string{"ticket", "slow"}},
	} {
		at := doc.key("spec", one.keys[0], one.keys[1])
		p := BurnPair{Page: one.page, Long: time.Duration(one.window.LongWindow), Short: time.Duration(one.window.ShortWindow), BudgetShare: timesTen(one.window.ErrorBudgetPercent, -2)}
		for key, d := range map[string]time.Duration{"longWindow": p.Long, "shortWindow": p.Short} {
			l.pass(at.key(key), "", func(string) (string, string) { return checkPairWindow(d) })
		}
		if p.BudgetShare <= 0 || p.BudgetShare > 1 {
			l.problem(at.key("errorBudgetPercent"), "is not a percentage of the budget", "write more than 0, at most 100")
		}
		if p.Short >= p.Long {
			l.problem(at.key("shortWindow"), "is not shorter than longWindow", "write about a twelfth of it")
		}
		p.For = defaultFor(p.Long)
		w.pairs = append(w.pairs, p)
	}
	if namePairs(w.pairs); l.errors == before {
		l.alertWindows = append(l.alertWindows, w)
	}
}

// finishSloth gives Sloth's SLOs their period and windows. Of several documents, the one of Sloth's own default period
// is meant, as Sloth chooses them by period.
func (l *loader) finishSloth() {
	chosen := -1
	for i, w := range l.alertWindows {
		if chosen < 0 || w.period == defaultWindow {
			chosen = i
		}
	}
	for i, w := range l.alertWindows {
		if i != chosen {
			l.warning(w.at.key("spec", "sloPeriod"), "these windows are not used: those at "+l.alertWindows[chosen].at.position().String()+" are", "keep one AlertWindows per folder")
		}
	}
	for _, slo := range l.slothSLOs {
		if chosen >= 0 {
			slo.Window = Window{Rolling: l.alertWindows[chosen].period}
			slo.Alerts.Pairs = l.alertWindows[chosen].pairs
		}
		slo.warnUnreachable(&l.reader, slo.at.key("objective"))
	}
}
