// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

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
func (o objective) queriedEvents(p *catalog.Prometheus) []rulefmt.Rule {
	queried, total := o.recorded(recordQueried), o.recorded(recordQueriedTotal)
	if p.ErrorRatio != "" {
		// A ratio has no number of events, so each moment weighs the same: the only place where the rules
		// weigh by time. 0/0 is a moment without events.
		moments := "count by (deployment_environment_name) (" + queried + ")"
		return o.identified(
			rulefmt.Rule{Record: recordQueried, Expr: o.query("max", p.ErrorRatio, "")},
			rulefmt.Rule{Record: recordTotal, Expr: o.judged(orNone("1 + 0 * ("+queried+" >= 0 < Inf)", moments))},
			rulefmt.Rule{Record: recordBad, Expr: o.judged(orNone("clamp_max("+queried+" >= 0 < Inf, 1)", moments))},
		)
	}
	errors, all := 1.0, 1.0
	if _, counts := o.counts(); counts {
		errors, all = measured(p.Errors).perStep, measured(p.Total).perStep
	}
	return o.identified(
		rulefmt.Rule{Record: recordQueried, Expr: times(errors, o.query("sum", p.Errors, " >= -Inf"))}, // no NaN
		rulefmt.Rule{Record: recordQueriedTotal, Expr: times(all, o.query("sum", p.Total, " >= 0 < Inf"))},
		rulefmt.Rule{Record: recordTotal, Expr: o.judged(total)},
		rulefmt.Rule{Record: recordBad, Expr: o.judged(orNone(queried+" >= 0 <= "+onEnvironment+" "+total+
			"\nor "+onEnvironment+" "+total+" and "+onEnvironment+" "+queried+" > 0", total))},
	)
}

// query is the result of a query over a step in each environment. A result without an environment belongs to the one
// that the catalog lists, if it lists exactly one.
func (o objective) query(function, query, filter string) string {
	expr := "(" + catalog.RenderQuery(query, step) + "\n)" + filter
	if parsed, err := parse(query); err != nil || !sumsUp(parsed) {
		return o.names.by(function, expr, semconv.Environment)
	}
	expr = function + "(" + expr + ")"
	if len(o.service.Environments) != 1 {
		return expr
	}
	name, only := quote(label(semconv.Environment)), strings.ReplaceAll(o.service.Environments[0], "$", "$$")
	return "label_replace(" + expr + ", " + name + ", " + quote(only) + ", " + name + `, "")`
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
	p := o.SLI.Prometheus
	switch {
	case p == nil:
		return "", true
	case p.ErrorRatio != "":
		return "errorRatio does not give a number of events", false
	}
	for _, query := range []struct{ key, promql string }{{"errors", p.Errors}, {"total", p.Total}} {
		if m := measured(query.promql); !m.known() {
			return query.key + " does not count events: " + shorten(oneLine(m.obstacle)) + " is neither a rate nor an increase", false
		}
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
	if ok {
		return
	}
	fix := "write errors and total as sum(rate(…[{{.window}}])) or sum(increase(…[{{.window}}]))"
	o.warn("a single failure at low traffic can fire the alerts: " + why + "; " + fix)
}

func (o objective) fastComment() string {
	if p := o.SLI.Prometheus; p != nil && p.ErrorRatio != "" {
		return "The SLI is a query of a ratio without a number of events: every minute has the same weight."
	}
	return ""
}

func seconds(d time.Duration) string { return decimal(d.Seconds()) }

func unix(t time.Time) string { return decimal(float64(t.Unix())) }
