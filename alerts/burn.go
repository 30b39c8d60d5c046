// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const onEnvironment = "on (deployment_environment_name)"

// minFailures is how many events must have failed before an alert about them fires, whatever the number of all; see
// [catalog.DefaultMinimumFailures].
func minFailures(s *catalog.Service, slo *catalog.SLO) int {
	return cmp.Or(s.Alerting(slo).MinimumFailures, catalog.DefaultMinimumFailures)
}

// enough asks for minFailures. Samples are a little late and early at the window's edges, hence half an event of grace.
func (o objective) enough(failures string) string {
	return "\nand " + o.on + " " + failures + " >= " + decimal(float64(minFailures(o.service, o.SLO))-0.5)
}

// noChance is the guard of a pair against alerts on chance failures: as many as the catalog says, or more than an SLO that meets its objective has
// by chance.
//
// A total outage still fires, after its last such failure. Where a pair's long window holds fewer
// events than that, the next longer pair takes its place.
func (o objective) noChance(failures, total string, p catalog.BurnPair) string {
	if o.service.Alerting(o.SLO).MinimumFailures > 0 {
		return o.enough(failures)
	}
	return "\nand " + o.on + " " + chance(o.ErrorBudget(), p.Long).promQL(failures, total, o.on)
}

// failedEnough is noChance for a story.
func failedEnough(a Alert, failures, total float64) bool {
	if fixed := a.Service.Alerting(a.SLO).MinimumFailures; fixed > 0 {
		return failures >= float64(fixed)
	}
	return chance(a.SLO.ErrorBudget(), a.Pair.Long).exceeded(failures, total)
}

// burning is the kind of the alerts on a pair of burn rate windows.
var burning = kind{behind: 1, holds: func(s story, a Alert, at time.Duration, by float64) bool {
	threshold := a.Pair.Factor * a.SLO.ErrorBudget()
	return !s.uncounted && s.errorRatio(a.Pair.Long, at)*by > threshold && s.errorRatio(a.Pair.Short, at)*by > threshold &&
		failedEnough(a, s.failures(a.Pair.Long, at)+(by-1)/tolerance/2, s.events(a.Pair.Long, at)) && // samples may be half an event off
		(!asksNow(*a.Pair) || s.errorRatio(step, at)*by > nowFactor(*a.Pair)*a.SLO.ErrorBudget())
}}

// quick reports whether the alert of a pair is evaluated every few seconds: a page on burn rates that the collector computes, which are
// fresh to its flush interval. Queries and groups keep their own windows and waits, and tickets can wait.
func (o objective) quick(p catalog.BurnPair) bool {
	return o.SLI.Prometheus == nil && len(o.GroupBy) == 0 && p.Page && p.Long < longWindow
}

// wait is for how long the condition of a pair must hold. Both windows are means, so a wait would only delay a page, unless the catalog wants one.
func (o objective) wait(p catalog.BurnPair) time.Duration {
	if o.quick(p) && len(o.Alerts.Pairs) == 0 && len(o.service.Alerts.Pairs) == 0 {
		return 0
	}
	return p.For
}

func (o objective) burn(p catalog.BurnPair) rulefmt.Rule {
	long, short := catalog.FormatDuration(p.Long), catalog.FormatDuration(p.Short)
	threshold := product(p.Factor, o.ErrorBudget())
	expr := o.recordedBurn(p, threshold)
	if o.quick(p) {
		expr = o.computedBurn(p, threshold) + "\nor " + o.on + " (" + expr + ")" + o.goesOn(p)
	}
	severity := Ticket
	if p.Page {
		severity = Page
	}
	return o.alert(Alert{
		Name: burnPrefix + p.Name, SLO: o.SLO, Severity: severity, Expr: expr, For: o.wait(p), Keep: o.keep(p), Pair: &p,
		Annotations: map[string]string{
			"summary": o.title() + " burns its error budget more than " + decimal(p.Factor) + " times too fast" + o.where(),
			"description": fmt.Sprintf("{{ $value | humanizePercentage }} of the events of the last %s were bad, and over %s of the last %s too. "+
				"The objective of %s allows %s.%s", long, percentOf(threshold), short, percentOf(decimal(o.ObjectiveRatio())), percentOf(decimal(o.ErrorBudget())), o.meaning()) + o.suspects(p) + o.causes(p),
		},
		Why: o.whyBurn(p, threshold),
	})
}

// recordedBurn is the condition of a pair in recorded events.
func (o objective) recordedBurn(p catalog.BurnPair, threshold string) string {
	expr := o.share(p.Long) + " > " + threshold + "\nand " + o.on + " " + o.share(p.Short) + " > " + threshold
	if _, ok := o.counts(); ok {
		perEvent := " / " + strconv.Itoa(overlap)
		expr += o.noChance("("+o.sum(recordBad, p.Long)+perEvent+")", "("+o.sum(recordTotal, p.Long)+perEvent+")", p)
	}
	if o.quick(p) && asksNow(p) {
		expr += o.now(p, o.share(step)+" > "+product(nowFactor(p), o.ErrorBudget()), o.share(p.Short))
	}
	return expr
}

// computedBurn is the condition of a pair in burn rates of the collector. It must have followed the SLO for as long as the long window.
// How many events failed is the share of those that the rules have recorded.
func (o objective) computedBurn(p catalog.BurnPair, threshold string) string {
	budget := decimal(o.ErrorBudget()) + " * "
	long := budget + o.burnRate(p.Long)
	expr := long + " > " + threshold + "\nand " + o.on + " " + o.burnRate(p.Short) + " > " + decimal(p.Factor)
	if _, ok := o.counts(); ok {
		total := "(" + o.sum(recordTotal, p.Long) + " / " + strconv.Itoa(overlap) + ")"
		expr += o.noChance("("+long+" * "+o.on+" "+total+")", total, p)
	}
	if asksNow(p) {
		expr += o.now(p, o.burnRate(step)+" > "+decimal(nowFactor(p)), budget+o.burnRate(p.Short))
	}
	followed := min(float64(p.Long)/float64(o.nominalPeriod()), 1)
	return expr + "\nand " + o.on + " " + o.gauge(semconv.SLOCoverage) + " >= " + decimal(followed)
}

// burnRate is the collector's burn rate over a window.
func (o objective) burnRate(window time.Duration) string {
	return o.gauge(semconv.SLOBurnRate, equal(semconv.SLOWindow, catalog.FormatDuration(window)))
}

// gauge is one of the collector's. While an SLO moves from one collector to another, two may have it: the one that knows more, or
// burns more, counts.
func (o objective) gauge(of semconv.Metric, more ...matcher) string {
	return o.by("max", o.names.selector(of.Metric, append(o.counters(), more...)...))
}

// asksNow reports whether the short window of a pair is longer than the shortest one, which says whether the SLO burns now.
func asksNow(p catalog.BurnPair) bool { return p.Page && p.Short > step }

// nowFactor is the burn rate over the shortest window below which an SLO does not burn now: what meets the objective. It is well below the factor, so
// that chance does not end an alert while events fail.
func nowFactor(p catalog.BurnPair) float64 { return min(1, p.Factor/2) }

// tellable is how many bad events must be expected in the shortest window, at the rate of the short one, for it to say something if it
// has none: by chance, it has none in one case of twenty.
const tellable = 3

// now is the condition that the SLO burns. While the alert fires, it is also that there are too few events to tell.
func (o objective) now(p catalog.BurnPair, burns, share string) string {
	return "\nand " + o.on + " (" + burns +
		"\nor " + o.on + " " + o.recorded(recordTotal) + " * " + o.on + " (" + share + ") < " + strconv.Itoa(tellable) + "\nand " + o.on + " " + o.fires(p) + ")"
}

// fires are the series of the alert of a pair while it fires.
func (o objective) fires(p catalog.BurnPair) string {
	return o.recorded("ALERTS", equal("slo_alert", burnPrefix+p.Name), equal("alertstate", "firing"))
}

// keepFor is how long the slowest page fires on after its condition has ended, so that failures that come back, or a gap in the samples, are no
// other alert.
const keepFor = step

// keep is for how long the alert of a pair fires on. Faster ones fire on with the slowest.
func (o objective) keep(p catalog.BurnPair) time.Duration {
	if _, slower := o.slower(p); !o.quick(p) || slower {
		return 0
	}
	return keepFor
}

// slower is the next slower pair that pages.
func (o objective) slower(p catalog.BurnPair) (catalog.BurnPair, bool) {
	pairs := slices.DeleteFunc(o.BurnPairs(), func(other catalog.BurnPair) bool { return !o.quick(other) })
	i := slices.IndexFunc(pairs, func(other catalog.BurnPair) bool { return other.Name == p.Name })
	if i < 0 || i+1 >= len(pairs) {
		return catalog.BurnPair{}, false
	}
	return pairs[i+1], true
}

// goesOn keeps an alert that fires for as long as that of the next slower pair does, so that it does not end only for the other to begin.
func (o objective) goesOn(p catalog.BurnPair) string {
	slower, ok := o.slower(p)
	if !ok {
		return ""
	}
	return "\nor " + o.on + " (" + o.share(p.Long) + " > 0\nand " + o.on + " " + o.fires(p) + "\nand " + o.on + " " + o.fires(slower) + ")"
}

func (o objective) whyBurn(p catalog.BurnPair, threshold string) string {
	long, short := catalog.FormatDuration(p.Long), catalog.FormatDuration(p.Short)
	why := fmt.Sprintf("More than %s of the events were bad over the last %s and over the last %s: %s times what the objective allows. ",
		percentOf(threshold), long, short, decimal(p.Factor))
	if p.Clamped {
		why += "The factor was adjusted: the factor that follows from the budget could never be reached, or would fire for a service that meets its objective. "
	} else {
		why += fmt.Sprintf("At that speed %s of the period's budget is gone after %s. ", percent(p.BudgetShare), long)
	}
	why += "The long window ignores short peaks. "
	if o.quick(p) && asksNow(p) {
		why += fmt.Sprintf("The alert ends when the SLO has met its objective for %s, if there are enough events to tell. ", catalog.FormatDuration(step))
	} else {
		why += fmt.Sprintf("The short window (%s) resolves the alert soon after the failures end. ", short)
	}
	if wait := o.wait(p); wait > 0 {
		why += fmt.Sprintf("The condition must hold for %s. ", catalog.FormatDuration(wait))
	}
	if uncounted, ok := o.counts(); !ok {
		return why + "A single failure at low traffic can fire the alert: " + uncounted + "."
	}
	const instead = "With less traffic this alert cannot fire: the next longer pair fires instead, and in the end " + Exhausted + "."
	if fixed := o.service.Alerting(o.SLO).MinimumFailures; fixed > 0 {
		return why + fmt.Sprintf("At least %d events must have failed in the last %s. ", fixed, long) + instead
	}
	return why + fmt.Sprintf("So many events must have failed in the last %s that it is hardly chance (for a service that meets its objective, once in ten years): %s. ", long, o.examples(p)) + instead
}

// examples say how many events must fail for a few numbers of events in the long window.
func (o objective) examples(p catalog.BurnPair) string {
	var all []string
	b := chance(o.ErrorBudget(), p.Long)
	for _, total := range []float64{10, 100, 1000} {
		for bad := 1.0; bad <= total; bad++ {
			if b.exceeded(bad, total) {
				all = append(all, fmt.Sprintf("%v of %v", bad, total))
				break
			}
		}
	}
	return strings.Join(all, ", ")
}

// exhausted fires when more events have failed than the period allows.
var exhausted = kind{
	name:     Exhausted,
	severity: "ticket", when: "more events have failed than the whole period allows",
	slow: true, behind: 2, // events of a step, of the period
	ofSLO: func(o objective) []rulefmt.Rule { return []rulefmt.Rule{o.exhausted()} },
	holds: func(s story, a Alert, at time.Duration, by float64) bool {
		if s.uncounted || budgetByCollector(a.Service, a.SLO) && at < s.failAt+s.failing { // the test has the collector say it at once
			return false
		}
		return s.spent(a.SLO, at)*by >= 1 && s.failures(a.SLO.Window.Nominal(), at) >= float64(minFailures(a.Service, a.SLO))
	},
}

func (o objective) exhausted() rulefmt.Rule {
	expr := o.spent() + " >= 1"
	why := fmt.Sprintf("No error budget of the period (%s) has been left for %s", o.Window, catalog.FormatDuration(exhaustedFor))
	if _, ok := o.counts(); ok {
		expr += o.enough(o.recorded(recordPeriodBad))
		why += fmt.Sprintf(", and at least %d events failed in it", minFailures(o.service, o.SLO))
	}
	return o.alert(Alert{
		Name: Exhausted, SLO: o.SLO, Severity: Ticket, Expr: expr, For: exhaustedFor,
		Annotations: map[string]string{
			"summary": o.title() + " has spent its error budget" + o.where(),
			"description": fmt.Sprintf("Left of the error budget of this %s: none. {{ $value | printf `%%.1f` }} times the budget is spent. The objective of %s is missed until bad events leave the period.%s",
				o.Window, percentOf(decimal(o.ObjectiveRatio())), o.meaning()),
		},
		Why: why + ". The alert is a ticket: if the budget still burns, the burn rate alerts page.",
	})
}

// exhaustedFor prevents alerts in the first minutes of a new SLO, and while the budget varies around 0.
const exhaustedFor = 15 * interval

// title names the SLO in a sentence, as a template.
func (o objective) title() string { return literal(oneLine(o.service.Name + "/" + o.Name)) }

// where names the environment and the group of a series.
func (o objective) where() string {
	text := inEnvironment
	for _, group := range o.GroupLabels() {
		text += "{{ with $labels." + group + " }}, " + group + " {{ . }}{{ end }}"
	}
	return text
}

// meaning is the SLO's description, if it has one.
func (o objective) meaning() string {
	if d := oneLine(o.Description); d != "" {
		return " " + literal(d)
	}
	return ""
}
