// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// The results of the user's queries for errors and for all events, unchecked.
const (
	recordQueried      = "slo:sli_queried_bad:increase5m"
	recordQueriedTotal = "slo:sli_queried_total:increase5m"
)

// queriedEvents records the results of the user's PromQL over a step, in events if the queries
// count events (see measured).
//
// Bad events are limited to the range from 0 to all events: one impossible value, above all infinity,
// would spoil every sum over the period. SLIImplausible fires when
// impossible values persist. Bad and all events come from results of the same time, which is one evaluation ago
// if a ruler does not read its own newest samples.
func (o objective) queriedEvents() []rulefmt.Rule {
	i := o.indicator(cmp.Or(o.Budgeting.Slice, step))
	if i.ratio != nil || o.Budgeting.Method != catalog.Occurrences {
		return o.identifiedResults(append(o.admission(o.moment(i)), o.moments(o.moment(i))...)...)
	}
	queried, total := o.recorded(recordQueried), o.recorded(recordQueriedTotal)
	errors, all := 1.0, 1.0
	if _, counts := o.counts(); counts {
		errors, all = i.errorMeasure().perStep, measureOf(i.total.expr).perStep
	}
	bad, events := o.errors(i), o.all(i.total)
	rules := append(o.admission(events),
		rulefmt.Rule{Record: recordQueried, Expr: o.admitted(times(errors, bad), "sum")},
		rulefmt.Rule{Record: recordQueriedTotal, Expr: o.admitted(times(all, events), "sum")},
		rulefmt.Rule{Record: recordTotal, Expr: o.judged(total)},
		rulefmt.Rule{Record: recordBad, Expr: o.judgedBad(o.orNone(queried+" >= 0 <= "+o.on+" "+total+
			"\nor "+o.on+" "+total+" and "+o.on+" "+queried+" > 0", total))},
	)
	return o.identifiedResults(rules...)
}

// possible says that a match is possible: results of a query may have no environment, and a service no namespace, but
// pint assumes that one side has it.
func (o objective) possible(exprs ...string) {
	for _, expr := range exprs {
		comment := o.file.comments[expr]
		if comment != "" {
			comment += "\n"
		}
		o.file.comments[expr] = comment + "Both sides may lack the label, but pint assumes that one has it:\npint disable promql/impossible"
	}
}

// identifiedResults are rules about results of queries.
func (o objective) identifiedResults(rules ...rulefmt.Rule) []rulefmt.Rule {
	for _, r := range rules {
		if strings.Contains(r.Expr, " on (") || strings.Contains(r.Expr, " by (") {
			o.possible(r.Expr)
		}
	}
	return o.identified(rules...)
}

// moments weigh each moment the same: a ratio has no number of events, and a slice of time is one. It is the only place
// where the rules weigh by time. 0/0 is a moment without events.
func (o objective) moments(moment string) []rulefmt.Rule {
	queried := o.recorded(recordQueried)
	sound := "(" + queried + " >= 0 < Inf)"
	all := "count by (" + strings.Join(o.keys(), ", ") + ") (" + queried + ")"
	each, bad := "1", "clamp_max("+queried+" >= 0 < Inf, 1)"
	if o.Budgeting.Method != catalog.Occurrences {
		each = o.slice()
		if o.Budgeting.Method == catalog.TimeSlices {
			bad = sound + " > bool " + decimal((&catalog.SLO{Objective: o.Budgeting.Target}).ErrorBudget())
		}
		bad, all = each+" * ("+bad+")", each+" * ("+all+")"
	}
	return []rulefmt.Rule{
		{Record: recordQueried, Expr: o.admitted(moment, "avg")},
		{Record: recordTotal, Expr: o.judged(o.orNone(each+" + 0 * "+sound, all))},
		{Record: recordBad, Expr: o.judgedBad(o.orNone(bad, all))},
	}
}

// slice is the weight of a moment: a slice counts once, at the evaluation that follows its end. An event is in five
// samples, which the sums divide by.
func (o objective) slice() string {
	weight := strconv.Itoa(overlap)
	if o.Budgeting.Slice == interval {
		return weight
	}
	return "(" + weight + " * (time() % " + seconds(o.Budgeting.Slice) + " < bool " + seconds(interval) + "))"
}

// moment is the share of bad events at a moment, or in a slice of time; 0 in a slice without events.
func (o objective) moment(i indicator) string {
	if i.ratio != nil {
		return o.results("max", *i.ratio, "")
	}
	total := o.all(i.total)
	return "(" + o.errors(i) + ") / " + o.on + " (" + total + " > 0)\nor " + o.on + " 0 * " + total
}

// errors are the bad events of each environment and group: where only the good ones are queried, all but them.
func (o objective) errors(i indicator) string {
	if i.errors != nil {
		return o.summed(*i.errors, " >= -Inf") // no NaN
	}
	return o.difference(o.all(i.total), o.summed(*i.good, " >= -Inf"))
}

func (o objective) all(total *part) string { return o.summed(*total, " >= 0 < Inf") }

// summed sums a query by environment and group. In a sum or a difference of two vectors, one without a result counts as 0:
// PromQL would leave out what only one of them has.
func (o objective) summed(p part, filter string) string {
	if left, right, op := p.operands(); op == parser.ADD || op == parser.SUB {
		a, b := o.summed(left, " >= -Inf"), o.summed(right, " >= -Inf")
		if op == parser.SUB {
			return o.difference(a, b)
		}
		return "((" + a + ") + " + o.on + " (" + o.orNone("("+b+")", "("+a+")") + ")\nor " + o.on + " (" + b + "))"
	}
	return o.results("sum", p, filter)
}

// difference is one vector without another, which is 0 where it has no result.
func (o objective) difference(a, b string) string {
	return "((" + a + ") - " + o.on + " (" + o.orNone("("+b+")", "("+a+")") + "))"
}

// results are those of a query in each environment and group. A result without an environment belongs to the one
// that the catalog lists, if it lists exactly one.
func (o objective) results(function string, p part, filter string) string {
	expr := "(" + p.text + "\n)" + filter
	environment := o.service.EnvironmentOf(o.SLO)
	if len(o.GroupBy) == 0 && sumsUp(p.expr) {
		return o.placed(function + "(" + expr + ")")
	}
	if environment == catalog.DefaultEnvironmentLabel {
		environment = o.names.Attribute(semconv.Environment)
	}
	if environment != label(semconv.Environment) {
		expr = "label_replace(" + expr + `, "` + label(semconv.Environment) + `", "$1", "` + environment + `", "(.*)")`
	}
	expr = function + " by (" + strings.Join(o.keys(), ", ") + ") (" + expr + ")"
	switch {
	case o.service.EnvironmentLabel+o.SLI.Prometheus.EnvironmentLabel != "":
		return o.listed(expr)
	case len(o.GroupBy) > 0 && !slices.ContainsFunc(o.GroupBy, catalog.NamesEnvironment):
		return o.placed(expr)
	}
	return expr
}

// placed gives results without an environment the only one of the service.
func (o objective) placed(expr string) string {
	if len(o.service.Environments) != 1 {
		return expr
	}
	name, only := quote(label(semconv.Environment)), strings.ReplaceAll(o.service.Environments[0], "$", "$$")
	return "label_replace(" + expr + ", " + name + ", " + quote(only) + ", " + name + `, "")`
}

// listed leaves out results of environments that the catalog does not list.
func (o objective) listed(expr string) string {
	if len(o.service.Environments) == 0 {
		return expr
	}
	all := make([]string, len(o.service.Environments))
	for i, environment := range o.service.Environments {
		all[i] = labeled("vector(1)", label(semconv.Environment), strings.ReplaceAll(environment, "$", "$$"))
	}
	return "(" + expr + "\nand " + onEnvironment + " (" + strings.Join(all, " or ") + "))"
}

// times is so many times an expression.
func times(n float64, expr string) string {
	if n == 1 || n == anything {
		return expr
	}
	return decimal(n) + " * " + expr
}

// counts reports whether the rules record events, and if not, why. Only some Prometheus SLIs
// have no events.
func (o objective) counts() (why string, ok bool) {
	if o.Budgeting.Method != catalog.Occurrences {
		return "its budget counts slices of time", false
	}
	if o.SLI.Prometheus == nil {
		return "", true
	}
	i := o.indicator(step)
	if i.ratio != nil {
		return "errorRatio does not give a number of events", false
	}
	for _, query := range []struct {
		key string
		*part
	}{{"errors", i.errors}, {"good", i.good}, {"total", i.total}} {
		if query.part == nil {
			continue
		}
		if m := measureOf(query.expr); !m.known() {
			return query.key + " does not count events: " + shorten(oneLine(m.obstacle)) + " is neither a rate nor an increase", false
		}
	}
	if all := measureOf(i.total.expr).perStep; i.good != nil && measureOf(i.good.expr).perStep != all {
		return "good and total count events in different units", false
	}
	return "", true
}

// shorten bounds the length of a query in a message.
func shorten(text string) string {
	const most = 80
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// warnUncounted reports that the SLI has no guard against low traffic, and how to get one.
func (o objective) warnUncounted() {
	why, ok := o.counts()
	if ok || o.Budgeting.Method != catalog.Occurrences {
		return
	}
	fix := "write errors and total as sum(rate(…[{{.window}}])) or sum(increase(…[{{.window}}]))"
	o.warn("a single failure at low traffic can fire the alerts: " + why + "; " + fix)
}

func (o objective) fastComment() string {
	switch {
	case o.Budgeting.Method == catalog.TimeSlices:
		return "The budget counts slices of " + catalog.FormatDuration(o.Budgeting.Slice) + ": each is good or bad."
	case o.Budgeting.Method == catalog.RatioTimeSlices:
		return "The budget is the mean of the error ratios of slices of " + catalog.FormatDuration(o.Budgeting.Slice) + "."
	case o.SLI.Prometheus != nil && o.indicator(step).ratio != nil:
		return "The SLI is a query of a ratio without a number of events: every minute has the same weight."
	}
	return ""
}

func seconds(d time.Duration) string { return decimal(d.Seconds()) }

func unix(t time.Time) string { return decimal(float64(t.Unix())) }
