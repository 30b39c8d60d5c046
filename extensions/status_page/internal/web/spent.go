// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/spent"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/month"
)

// spentWindows are the times that one can ask about, besides since and until. The first is that of a page which asks nothing; period is
// that of the objective, so far.
var spentWindows = []string{"1h", "5m", "1d", period}

const (
	period = "period"
	// onlySpent asks for a page without its months.
	onlySpent = "spent"
)

// A spentOf is what ate the budget of an SLO.
type spentOf struct {
	SLO string `json:"slo"`
	// Environment is empty for all together.
	Environment string `json:"environment"`
	// Window is the one that was asked for; "" is since and until.
	Window string `json:"window"`
	attribution.Answer
	bills
}

// A spentTime is the time that a page is asked about.
type spentTime struct {
	window      string
	since, last time.Time
}

// spentTimeOf reads window, since and until of a URL. Without any, it is the last hour, or of a month that is over, the month.
func spentTimeOf(query url.Values, m month.Month, now time.Time) (spentTime, error) {
	wrong := func(what, fix string) (spentTime, error) {
		return spentTime{}, &failure{http.StatusBadRequest, problem{"It cannot be said what ate the budget: " + what + ".", fix}}
	}
	window := query.Get("window")
	since, err := sinceOf(query.Get("since"), now)
	if err != nil {
		return wrong("since is no time", "Write a time such as 2026-10-01T08:00:00Z, or how long ago it is, such as 30m.")
	}
	until, err := sinceOf(query.Get("until"), now)
	if err != nil {
		return wrong("until is no time", "Write a time such as 2026-10-01T09:00:00Z, or how long ago it is, such as 10m.")
	}
	switch {
	case window != "" && !slices.Contains(spentWindows, window):
		return wrong("there is no such window", "Set window to 5m, 1h, 1d or period, or set since.")
	case window != "" && (!since.IsZero() || !until.IsZero()):
		return wrong("it is asked for a window and a time", "Set window, or since and until.")
	case since.IsZero() && !until.IsZero():
		return wrong("since is missing", "Set since, too.")
	case !since.IsZero():
		if until.IsZero() || until.After(now) {
			until = now
		}
		if !since.Before(until) {
			return wrong("since is not before until", "Set since to the earlier time.")
		}
		return spentTime{"", since, until}, nil
	case window == "" && !m.Running:
		return spentTime{"", m.From, m.To}, nil
	}
	return spentTime{window: cmp.Or(window, spentWindows[0]), last: now}, nil
}

// of are the bounds of the time for an SLO.
func (t spentTime) of(slo *catalog.SLO) (from, to time.Time) {
	switch t.window {
	case "":
		return t.since, t.last
	case period:
		from, _ = slo.Window.Bounds(t.last)
		return from, t.last
	}
	length, err := catalog.ParseDuration(t.window)
	if err != nil {
		panic(err) // they are of the list
	}
	return t.last.Add(-length), t.last
}

// explainers know what ate budgets.
func (s *site) explainers() []attribution.Keeper {
	if s.Explainers == nil {
		return nil
	}
	return s.Explainers()
}

// spent is what ate the budget of each SLO of which a keeper has events.
func (s *site) spent(of *catalog.Service, slos []*catalog.SLO, environment string, t spentTime) []spentOf {
	all := []spentOf{}
	keepers := s.explainers()
	for _, slo := range slos {
		if len(keepers) == 0 || len(all) == maxCalendars {
			break
		}
		from, to := t.of(slo)
		answer, ok := spent.Ask(keepers, attribution.Question{Namespace: of.Namespace, Service: of.Name, SLO: slo.Name, Environment: environment, From: from, To: to})
		if ok {
			all = append(all, spentOf{SLO: slo.Name, Environment: environment, Window: t.window, Answer: answer})
		}
	}
	return all
}

// spentChoices lead to the other windows.
func spentChoices(of *catalog.Service, query url.Values, t spentTime) (all []choice) {
	for _, window := range []string{"5m", "1h", "1d", period} {
		values := url.Values{"service": {serviceName(of)}, "window": {window}}
		for _, key := range []string{"slo", "environment", "month", "time-zone"} {
			if v := query.Get(key); v != "" {
				values.Set(key, v)
			}
		}
		all = append(all, choice{window, "/ledger?" + values.Encode() + "#spent", t.window == window})
	}
	return all
}
