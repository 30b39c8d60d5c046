// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import "strings"

// Queries over the whole chosen time range. Grafana fills in its length.
const (
	chosenRange   = "$__range"
	chosenSeconds = "$__range_s"
)

// latest is the newest value of each series in the chosen time range, including ended series.
func (v vector) latest() vector {
	return vector{"last_over_time(" + v.promQL + "[" + chosenRange + "])", v.names}
}

// A pace is the resolution of queries over the past: shorter events may be missed.
type pace string

const (
	finePace   pace = "1m" // for few series
	coarsePace pace = "5m" // for states of all SLOs over weeks
	hourlyPace pace = "1h" // for how long something is known
)

func (v vector) during(function string, p pace) vector {
	return vector{function + "(" + v.promQL + "[" + chosenRange + ":" + string(p) + "])", v.names}
}

// ever keeps what there was at any time.
func (v vector) ever(p pace) vector { return v.during("max_over_time", p) }

// first is the lowest value that there was.
func (v vector) first(p pace) vector { return v.during("min_over_time", p) }

// often counts how often there was something.
func (v vector) often(p pace) vector { return v.during("count_over_time", p) }

// before is what a selector selected some time ago.
func (v vector) before(duration string) vector {
	if duration == "" {
		return v
	}
	return vector{v.promQL + " offset " + duration, v.names}
}

// where keeps series that w has too, by attributes; without keeps series that w does not have.
func (v vector) where(w vector, attributes ...string) vector { return v.matching("and", w, attributes) }
func (v vector) without(w vector, attributes ...string) vector {
	return v.matching("unless", w, attributes)
}

func (v vector) matching(symbol string, w vector, attributes []string) vector {
	labels := make([]string, len(attributes))
	for i, a := range attributes {
		labels[i] = label(a)
	}
	return v.operator(symbol+" on ("+strings.Join(labels, ", ")+")", w)
}

// above and below keep values within a bound.
func (v vector) above(w vector) vector { return v.operator(">", w) }
func (v vector) below(w vector) vector { return v.operator("<", w) }

// aboveOn compares with what w has one of for several series of v.
func (v vector) aboveOn(w vector, attributes ...string) vector { return v.on(">", w, attributes) }

func (v vector) mean(by ...string) vector { return v.aggregate("avg", by) }

func (v vector) plus(w vector) vector  { return v.operator("+", w) }
func (v vector) minus(w vector) vector { return v.operator("-", w) }

// joined puts the values of attributes into one label.
func (v vector) joined(to, separator string, attributes ...string) vector {
	promQL := "label_join(" + v.promQL + `, "` + label(to) + `", ` + quote(separator)
	for _, a := range attributes {
		promQL += `, "` + label(a) + `"`
	}
	return vector{promQL + ")", v.names}
}

// trimmed removes text before and after the value of a label.
func (v vector) trimmed(attribute, expression string) vector {
	name := label(attribute)
	return vector{"label_replace(" + v.promQL + `, "` + name + `", "$1", "` + name + `", ` + quote(expression) + ")", v.names}
}

// newest keeps, of the series that share attributes, the one with the largest value.
func (v vector) newest(attributes ...string) vector {
	labels := make([]string, len(attributes))
	for i, a := range attributes {
		labels[i] = label(a)
	}
	return vector{"topk by (" + strings.Join(labels, ", ") + ") (1, " + v.promQL + ")", v.names}
}
