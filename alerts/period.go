// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// nominalPeriod is the length of the SLO's period for burn rates: that of a calendar
// period does not change from one month to the next.
func (o objective) nominalPeriod() time.Duration {
	return o.Window.Nominal()
}

// byCollector reports whether the budget comes from the collector.
func (o objective) byCollector() bool { return budgetByCollector(o.service, o.SLO) }

// period records the spent share of the period's budget.
func (o objective) period() []rulefmt.Rule {
	window := o.nominalPeriod()
	name := catalog.FormatDuration(window)
	perEvent := " / " + decimal(float64(overlap))
	rules := []rulefmt.Rule{
		{Record: recordPeriodBad, Expr: o.sum(recordBad, window) + perEvent, Labels: o.identity},
		{Record: recordPeriodAll, Expr: o.sum(recordTotal, window) + perEvent, Labels: o.identity},
	}
	if !o.byCollector() {
		rules = append(rules, rulefmt.Rule{Record: recordCoverage, Expr: o.coverage(), Labels: o.identity})
	}
	const burned = "slo:period_burn_rate:ratio"
	if !slices.Contains(o.windows(), window) { // else it is there
		rules = append(rules, rulefmt.Rule{
			Record: recordRatio + name,
			Expr:   o.periodShare(),
			Labels: o.with("sloth_window", name),
		})
	}
	if o.byCollector() {
		return append(rules,
			rulefmt.Rule{Record: recordRemaining, Expr: o.remaining(), Labels: o.with()},
			rulefmt.Rule{Record: burned, Expr: "1 - " + o.remaining(), Labels: o.with()},
		)
	}
	o.warnApproximate()
	return append(rules,
		rulefmt.Rule{Record: burned, Expr: o.burned(), Labels: o.with("sloth_window", name)},
		rulefmt.Rule{Record: recordRemaining, Expr: o.remaining(), Labels: o.with("sloth_window", name)},
	)
}

// periodShare is the share of the period's events that were bad.
func (o objective) periodShare() string {
	return quotient(o.recorded(recordPeriodBad), o.recorded(recordPeriodAll))
}

// burned is how many times the budget of the period's events is spent. Without an event in the period there is no result: a budget of which nothing is
// known is not whole.
func (o objective) burned() string {
	return o.recorded(recordPeriodBad) + "\n/ (" + o.recorded(recordPeriodAll) + " > 0) / " + decimal(o.ErrorBudget())
}

// complete is the share of a period's evaluations with which it counts as measured as a whole: a few are late or lost.
const complete = 0.998

// coverage is the share of the period that was measured: by how many evaluations recorded events, zero or more.
func (o objective) coverage() string {
	window := o.nominalPeriod()
	name := catalog.FormatDuration(window)
	measured := "count_over_time(" + o.recorded(recordTotal) + "[" + name + "]) / " + decimal(complete*float64(window/interval))
	if recordsCounts(o.schedule()) { // of the time in which events count
		measured += " / on () group_left () clamp_min(avg_over_time(" + o.recorded(recordCounts) + "[" + name + "]), 1e-9)"
	}
	return "clamp_max(" + measured + ", 1)"
}

// remaining is the share of the budget of the whole period that is left, supposed that what was not measured has as much traffic as what was. It is
// the collector's definition of a budget; the collector also knows the shape of the week. It is absent until there are events.
func (o objective) remaining() string {
	if o.byCollector() {
		return o.by("min", o.names.selector(semconv.SLORemaining.Metric, o.counters()...))
	}
	return "1 - " + o.spent()
}

// spent is how many times the budget of the whole period is spent: 1 less what remains.
func (o objective) spent() string {
	if o.byCollector() {
		return "1 - " + o.remaining()
	}
	return o.burned() + " * " + o.recorded(recordCoverage)
}

func (o objective) warn(message string) {
	o.warnings = append(o.warnings, Warning{Position: o.Position, Message: "SLO " + o.Name + ": " + message})
}

func (o objective) warnBudget(message string) {
	o.warn(message)
	o.warnings[len(o.warnings)-1].Budget = true
}

// warnApproximate reports features that PromQL alone does not support.
func (o objective) warnApproximate() {
	if o.Window.Calendar != nil {
		o.warnBudget("its error budget is computed over the last " + catalog.FormatDuration(o.nominalPeriod()) +
			", not since the " + string(o.Window.Calendar.Unit) + " began: the collector does not count this SLI, and PromQL has no calendar ranges; write a rolling window")
	}
	if s := o.schedule(); s.Recurs() || len(s.Corrections) > 0 {
		o.warnBudget("its operating hours, recurring maintenance and corrections hold from the moment on at which the rules are loaded: what the rules have recorded stays, and the collector does not count this SLI")
	}
	if len(o.Resets) > 0 {
		o.warnBudget("its resets have no effect on the rules: the collector does not count this SLI, and PromQL cannot begin a range at a reset")
	}
}

func (o objective) periodComment() string {
	switch {
	case o.byCollector() && o.Window.Calendar != nil:
		return "The budget of this calendar " + string(o.Window.Calendar.Unit) + " (" + o.Window.Calendar.Location.String() +
			") is the collector's own: PromQL has no range that begins\nat midnight of a day in a time zone. Its burn rates are over nominal lengths of the period."
	case o.byCollector() && len(o.Resets) == 0:
		return "The budget is the collector's own: what counts may be changed for the past, too, and recorded events stay."
	case o.byCollector():
		return "The budget is the collector's own: it was reset, and PromQL has no range that begins at a reset."
	}
	return ""
}
