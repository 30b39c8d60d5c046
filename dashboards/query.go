// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
)

// A matcher is a condition on an attribute.
type matcher struct {
	attribute, operator string
	// value is quoted PromQL.
	value string
}

// equal matches one value, which is text of the catalog or ours.
func equal(attribute, value string) matcher { return matcher{attribute, "=", quote(value)} }

// equalOrNone also matches series without the label: not every pipeline adds it.
func equalOrNone(attribute, value string) matcher {
	return matcher{attribute, "=~", quote(regexp.QuoteMeta(value) + "|")}
}

// anyOf matches words of ours.
func anyOf[T ~string](attribute string, values ...T) matcher {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return matcher{attribute, "=~", strconv.Quote(strings.Join(words, "|"))}
}

// chosen matches the value of a variable; "All" matches series with and without the label.
func chosen(attribute, variable string) matcher {
	return matcher{attribute, "=~", strconv.Quote("$" + variable)}
}

// chosenOrNone also matches series without the label: a query that Prometheus evaluates for an SLI need not
// have that label.
func chosenOrNone(attribute, variable string) matcher {
	return matcher{attribute, "=~", strconv.Quote("$" + variable + "|")}
}

// A vector is a PromQL expression of an instant vector, made from a metric of the registry.
type vector struct {
	promQL string
	// names translates its labels; nil when they have underscores, as all that is aggregated.
	names *names
}

// series selects series of a metric.
func (n *names) series(m metric, matchers ...matcher) vector { return n.suffixed(m, "", matchers...) }

// suffixed selects series whose name goes on: the buckets of a histogram, the window of a rule.
func (n *names) suffixed(m metric, suffix string, matchers ...matcher) vector {
	v := vector{names: n}
	translate := n.Attribute
	if m.origin == byPrometheus {
		v.names, translate = nil, label
	}
	name := n.of(m) + suffix
	var inside []string
	if !model.LegacyValidation.IsValidMetricName(name) {
		inside, name = append(inside, strconv.Quote(name)), ""
	}
	for _, one := range matchers {
		inside = append(inside, quoteLabel(translate(one.attribute))+one.operator+one.value)
	}
	v.promQL = name + "{" + strings.Join(inside, ", ") + "}"
	return v
}

// rate is the increase per second, over a range that suits the panel's width and the scrape interval.
func (v vector) rate() vector { return vector{"rate(" + v.promQL + "[$__rate_interval])", v.names} }

// rateOver is the increase per second over a fixed time, for single values.
func (v vector) rateOver(window string) vector {
	return vector{"rate(" + v.promQL + "[" + window + "])", v.names}
}

func (v vector) sum(by ...string) vector { return v.aggregate("sum", by) }
func (v vector) max(by ...string) vector { return v.aggregate("max", by) }
func (v vector) min(by ...string) vector { return v.aggregate("min", by) }

func (v vector) count(by ...string) vector { return v.aggregate("count", by) }

// aggregate gives the labels their names with underscores.
func (v vector) aggregate(function string, attributes []string) vector {
	promQL := v.promQL
	to := make([]string, len(attributes))
	for i, a := range attributes {
		to[i] = label(a)
		if v.names == nil {
			continue
		}
		if from := v.names.Attribute(a); from != to[i] {
			promQL = `label_replace(` + promQL + `, "` + to[i] + `", "$1", "` + from + `", "(.*)")`
		}
	}
	if len(to) == 0 {
		return vector{promQL: function + "(" + promQL + ")"}
	}
	return vector{promQL: function + " by (" + strings.Join(to, ", ") + ") (" + promQL + ")"}
}

func (v vector) operator(symbol string, w vector) vector {
	return vector{"(" + v.promQL + " " + symbol + " " + w.promQL + ")", v.names}
}

func (v vector) over(w vector) vector  { return v.operator("/", w) }
func (v vector) times(w vector) vector { return v.operator("*", w) }
func (v vector) or(w vector) vector    { return v.operator("or", w) }

// either is all of several, of which there need not be any but one.
func either(vectors ...vector) vector {
	all := make([]string, len(vectors))
	for i, v := range vectors {
		all[i] = v.promQL
	}
	return vector{promQL: "(" + strings.Join(all, " or ") + ")"}
}

// orAllOf is w where v has nothing at all.
func (v vector) orAllOf(w vector) vector { return v.operator("or on ()", w) }

// timesOn and overOn match what w has one of for several series of v, by attributes.
func (v vector) timesOn(w vector, attributes ...string) vector { return v.on("*", w, attributes) }
func (v vector) plusOn(w vector, attributes ...string) vector  { return v.on("+", w, attributes) }
func (v vector) overOn(w vector, attributes ...string) vector  { return v.on("/", w, attributes) }

func (v vector) on(symbol string, w vector, attributes []string) vector {
	labels := make([]string, len(attributes))
	for i, a := range attributes {
		labels[i] = label(a)
	}
	return v.operator(symbol+" on ("+strings.Join(labels, ", ")+") group_left ()", w)
}

// some drops series with the value 0: a share of nothing is not a number.
func (v vector) some() vector { return v.operator(">", number(0)) }

// is keeps what has the value.
func (v vector) is(value float64) vector { return v.operator("==", number(value)) }

// oneMinus is the rest of a share.
func oneMinus(v vector) vector { return number(1).operator("-", v) }

// between keeps values within bounds.
func (v vector) between(low, high float64) vector {
	return vector{"clamp(" + v.promQL + ", " + decimal(low) + ", " + decimal(high) + ")", v.names}
}

// positive replaces 0 by a small number that can be a divisor.
func (v vector) positive() vector { return vector{"clamp_min(" + v.promQL + ", 1e-9)", v.names} }

// quantile is that of a histogram's buckets.
func (v vector) quantile(q float64) vector {
	return vector{"histogram_quantile(" + decimal(q) + ", " + v.promQL + ")", v.names}
}

// largest are the series with the largest values, in order.
func (v vector) largest(n int) vector {
	return vector{"sort_desc(topk(" + strconv.Itoa(n) + ", " + v.promQL + "))", v.names}
}

// age is how many seconds ago a time was.
func (v vector) age() vector { return vector{promQL: "time()"}.operator("-", v) }

// labeled gives all series one label.
func (v vector) labeled(attribute, value string) vector {
	return vector{"label_replace(" + v.promQL + `, "` + label(attribute) + `", ` + quote(value) + `, "", "")`, v.names}
}

// copied has the value of one label under another name too.
func (v vector) copied(from, to string) vector {
	return vector{"label_replace(" + v.promQL + `, "` + label(to) + `", "$1", "` + label(from) + `", "(.*)")`, v.names}
}

// labelledWhere gives a label to those series of which another label is one of some names.
func (v vector) labelledWhere(attribute, value, other string, names []string) vector {
	if len(names) == 0 {
		return v
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	slices.Sort(quoted)
	return vector{"label_replace(" + v.promQL + `, "` + label(attribute) + `", ` + quote(value) + `, "` + label(other) + `", ` + quote(strings.Join(quoted, "|")) + ")", v.names}
}

// number is a number where a vector can be.
func number(f float64) vector { return vector{promQL: decimal(f)} }

// decimal writes a number without an exponent.
func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
