// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// How the rules sample events. Each evaluation records what happened in the last step, five
// evaluations a step: an event is in five samples, and one evaluation that is late or lost takes
// a fifth of it. sum_over_time ÷ overlap is a number of events.
const (
	step     = 5 * time.Minute
	interval = time.Minute
	overlap  = int(step / interval)

	// slowInterval is for windows of a day and more, which change slowly and cost more. It is well below
	// the 5 minutes after which Prometheus considers a series gone.
	slowInterval = 2 * time.Minute

	// quickInterval is for pages on burn rates that the collector has just computed.
	quickInterval = 30 * time.Second

	// longestGap is the longest gap within the life of a counter: its growth during the gap counts
	// when it is back. No raw range is longer.
	longestGap = time.Hour
)

// The recorded series from which the others are computed.
const (
	recordBad       = "slo:sli_bad:increase5m"
	recordTotal     = "slo:sli_total:increase5m"
	recordRatio     = "slo:sli_error:ratio_rate"
	recordPeriodBad = "slo:period_bad:events"
	recordPeriodAll = "slo:period_total:events"
	recordCoverage  = "slo:period_coverage:ratio"
	recordRemaining = "slo:period_error_budget_remaining:ratio"
)

// An objective is an SLO with the parts that its rules share.
type objective struct {
	*generator
	*catalog.SLO
	id string
	// key are the labels that identify an SLO. Recorded events, which rules sum over days, have no others: a new label
	// would begin new series, with a new budget, and until the old ones are stale rules that read both fail.
	key map[string]string
	// labels are the catalog's own.
	labels map[string]string
	// on matches series of the same environment and group.
	on string
	// identity is the key, and the labels by which Sloth's UI identifies the SLO. Owner and tier are on sloth_slo_info, which no
	// rule reads.
	identity map[string]string
}

// slo adds the groups of an SLO: one that runs every minute, one for pages, and a slow one.
func (g *generator) slo(slo *catalog.SLO) {
	o := newObjective(g, slo)
	fast, slow := append(o.counting(), o.events()...), []rulefmt.Rule(nil)
	for _, w := range o.windows() {
		if w < longWindow {
			fast = append(fast, o.ratio(w))
		} else {
			slow = append(slow, o.ratio(w))
		}
	}
	slow = append(slow, o.period()...)
	fast = append(fast, o.facts()...)
	var quick []rulefmt.Rule
	for _, p := range o.BurnPairs() {
		switch {
		case o.quick(p):
			quick = append(quick, o.burn(p))
		case p.Long < longWindow:
			fast = append(fast, o.burn(p))
		default:
			slow = append(slow, o.burn(p))
		}
	}
	slow = append(slow, ofSLO(o, true)...)
	fast = append(fast, ofSLO(o, false)...)
	slices.Reverse(quick) // an alert reads whether that of the next slower pair fires
	if slo.SLI.Prometheus != nil {
		o.warnUncounted()
	}
	g.group(o.id, interval, o.fastComment(), fast...)
	g.group(o.id+"-pages", quickInterval, "", quick...)
	g.group(o.id+"-period", slowInterval, o.periodComment(), slow...)
}

// longWindow is the shortest window of the slow group.
const longWindow = 24 * time.Hour

func newObjective(g *generator, slo *catalog.SLO) objective {
	slug, name := clean(g.service.Slug()), clean(slo.Name)
	o := objective{generator: g, SLO: slo, id: slug + "-" + name}
	o.key = map[string]string{label(semconv.ServiceName): clean(g.service.Name), label(semconv.ServiceNamespace): clean(g.service.Namespace), label(semconv.SLOName): name}
	drop(o.key)
	o.identity = o.with("sloth_id", o.id, "sloth_service", slug, "sloth_slo", name)
	o.labels = ownLabels(g.service, slo)
	o.on = "on (" + strings.Join(o.keys(), ", ") + ")"
	return o
}

// keys are the labels that distinguish results.
func (o objective) keys() []string {
	return append([]string{label(semconv.Environment)}, o.GroupLabels()...)
}

// by aggregates a vector of the collector's series by environment and group.
func (o objective) by(function, expr string) string {
	return o.names.by(function, expr, append([]string{semconv.Environment}, o.GroupBy...)...)
}

// windows are those of burn rates, shortest first.
func (o objective) windows() []time.Duration {
	windows := slices.Clone(catalog.BurnWindows)
	for _, p := range o.BurnPairs() {
		windows = append(windows, p.Short, p.Long)
	}
	slices.Sort(windows)
	return slices.Compact(windows)
}

// with is the identity, the catalog's labels and more labels.
func (o objective) with(pairs ...string) map[string]string {
	l := maps.Clone(o.key)
	maps.Copy(l, o.labels)
	maps.Copy(l, o.identity)
	for i := 0; i+1 < len(pairs); i += 2 {
		l[pairs[i]] = pairs[i+1]
	}
	drop(l)
	return l
}

// recorded selects a recorded series of the SLO, in every environment unless more says which.
func (o objective) recorded(name string, more ...matcher) string {
	slo := []matcher{equal(label(semconv.ServiceName), o.service.Name), equal(label(semconv.ServiceNamespace), o.service.Namespace), equal(label(semconv.SLOName), o.Name)}
	return selector(name, append(slo, more...)...)
}

// sum is a recorded series summed over a window.
func (o objective) sum(name string, window time.Duration) string {
	return "sum_over_time(" + o.recorded(name) + "[" + catalog.FormatDuration(window) + "])"
}

// events records the bad events and all events of the last step.
func (o objective) events() []rulefmt.Rule {
	if o.SLI.Prometheus != nil {
		return o.queriedEvents()
	}
	rules := o.admission(o.counted(step, matcher{labels.MatchNotEqual, o.firstGroup(), catalog.Overflow}))
	if o.Budgeting.Method == catalog.Occurrences {
		bad, total := o.countedEvents()
		rules = append(rules, rulefmt.Rule{Record: recordTotal, Expr: total}, rulefmt.Rule{Record: recordBad, Expr: bad})
	} else {
		rules = append(rules, o.moments(o.countedSlice())...)
	}
	if len(o.GroupBy) > 0 {
		return o.identifiedResults(rules...)
	}
	return o.identified(rules...)
}

// identified gives rules the labels of recorded events.
func (o objective) identified(rules ...rulefmt.Rule) []rulefmt.Rule {
	for i := range rules {
		rules[i].Labels = o.key
	}
	return rules
}

// countedEvents are the increases of slo.events.
func (o objective) countedEvents() (bad, total string) {
	counters := o.by("sum", "last_over_time("+o.names.selector(semconv.SLOEvents.Metric, o.counters()...)+"["+catalog.FormatDuration(step)+"])")
	bad = o.orNone(o.admitted(o.counted(step, equal(semconv.SLOOutcome, semconv.Bad)), "sum"), o.whole(o.admitted(counters, "sum")))
	return o.judgedBad(bad), o.judged(o.admitted(o.counted(step), "sum"))
}

// countedSlice is the share of bad events in a slice of time; 0 in one without events.
func (o objective) countedSlice() string {
	bad := o.admitted(o.counted(o.Budgeting.Slice, equal(semconv.SLOOutcome, semconv.Bad)), "sum")
	total := o.admitted(o.counted(o.Budgeting.Slice), "sum")
	return "(" + o.orNone(bad, "("+total+")") + ")\n/ " + o.on + " (" + o.whole(total) + " > 0)\nor " + o.on + " 0 * " + o.whole(total)
}

// counters select the SLO's counters.
func (o objective) counters() []matcher {
	return []matcher{equal(semconv.ServiceName, o.service.Name), equal(semconv.ServiceNamespace, o.service.Namespace), equal(semconv.SLOName, o.Name)}
}

// counted is the increase of the SLO's counters that more selects, over a length of time.
func (o objective) counted(length time.Duration, more ...matcher) string {
	return o.by("sum", o.increase(length, o.counters(), more...))
}

// whole is what admitted returns, as an operand.
func (o objective) whole(admitted string) string {
	if len(o.GroupBy) > 0 {
		return "(" + admitted + ")"
	}
	return admitted
}

// orNone is bad, or 0 where there are events and none was ever bad.
func (o objective) orNone(bad, events string) string { return bad + "\nor " + o.on + " 0 * " + events }

// increase is the exact growth of the counters in the last step, or other length of time: the sums of consecutive
// increases add up to the growth of the counter, which those of PromQL's increase, an extrapolation,
// do only on average. A counter that was out of sight for up to longestGap grew meanwhile.
//
// A counter that is new, or lower than before, has grown from 0. That is right for a new
// replica, version or process. But if the whole SLO is new to this Prometheus, its counters may be
// old, and only their visible growth counts.
//
// A counter that was reset within a step and already exceeds its old value looks like one without a reset. For such a step
// the rule uses PromQL's increase, which reads every sample in between.
func (g *generator) increase(length time.Duration, all []matcher, more ...matcher) string {
	counters := func(more ...matcher) string {
		return g.names.selector(semconv.SLOEvents.Metric, append(append([]matcher(nil), all...), more...)...)
	}
	window, gap := catalog.FormatDuration(length), catalog.FormatDuration(longestGap)
	now := "last_over_time(" + counters(more...) + "[" + window + "])"
	before := func(series string) string {
		return "last_over_time(" + series + "[" + gap + "] offset " + window + ")"
	}
	environment := quoteLabel(g.names.Attribute(semconv.Environment))
	slo := quoteLabel(g.names.Attribute(semconv.SLOName))
	return "\n  (increase(" + counters(more...) + "[" + window + "]) and resets(" + counters(more...) + "[" + catalog.FormatDuration(2*length) + "]) > 0)" +
		"\n  or (" + now + " - " + before(counters(more...)) + " >= 0)" +
		"\n  or (" + now + " and on (" + slo + ", " + environment + ") " + before(counters()) + ")" +
		"\n  or (" + now + " - min_over_time(" + counters(more...) + "[" + window + "]))\n"
}

// ratio records the share of bad events in a window.
func (o objective) ratio(window time.Duration) rulefmt.Rule {
	name := catalog.FormatDuration(window)
	return rulefmt.Rule{Record: recordRatio + name, Expr: o.share(window), Labels: o.with("sloth_window", name)}
}

// share is the value that ratio records. Alerts compute it again from recorded events: the samples of other rules
// are one evaluation old if a ruler does not read its own newest samples.
func (o objective) share(window time.Duration) string {
	bad, total := o.sum(recordBad, window), o.sum(recordTotal, window)
	if window == step { // a sample is the window
		bad, total = o.recorded(recordBad), o.recorded(recordTotal)
	}
	return quotient(bad, total)
}

// quotient is the share of bad events: 0, not NaN, without events.
func quotient(bad, total string) string { return bad + "\n/ clamp_min(" + total + ", 1e-9)" }

// facts records constants, and the current burn rate.
func (o objective) facts() []rulefmt.Rule {
	constant := func(record, value string, more ...string) rulefmt.Rule {
		return rulefmt.Rule{Record: record, Expr: "vector(" + value + ")", Labels: o.with(more...)}
	}
	info := map[string]string{"owner": oneLine(o.service.Owner), "tier": tier(o.service)}
	maps.Copy(info, o.labels)
	share, days := decimal(o.ObjectiveRatio()), decimal(o.nominalPeriod().Hours()/24)
	return []rulefmt.Rule{
		constant("slo:objective:ratio", share),
		constant("slo:error_budget:ratio", decimal(o.ErrorBudget())),
		constant("slo:time_period:days", days),
		{Record: "slo:current_burn_rate:ratio", Expr: o.share(step) + " / " + decimal(o.ErrorBudget()), Labels: o.with("sloth_window", catalog.FormatDuration(step))},
		constant("sloth_slo_info", "1", "owner", info["owner"], "tier", info["tier"], "sloth_version", "otelcol-sre", "sloth_mode", "cli-gen-prom",
			"sloth_spec", "prometheus/v1", "sloth_objective", decimal(o.Objective)),
	}
}
