// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A change of a flag is judged as a release is. If events of an SLO are counted by the variant that they were given (it is grouped by feature_flag.KEY), the
// new variant is the version, the others are those beside it or before, and such SLOs alone are asked. If those of none are, all events after the change are
// the version, and those before it the others.

// What events are called that have no variant.
const (
	beforeChange = "before the change"
	afterChange  = "after the change"
)

// flagged finds when the flag changed and which variant is new, and divides the events that are not counted by variant.
func (q *Question) flagged(ctx context.Context, source Source, g grid, events counted, r *Result) (since int, why string, err error) {
	since = g.since
	if q.Since.IsZero() {
		at, err := q.changed(ctx, source, g)
		if err != nil {
			return 0, "", err
		}
		if at.IsZero() {
			return 0, "No change of the flag " + q.Flag + " is known within the last hour: say when it changed, with since (--since of srectl verify).", nil
		}
		since = min(g.steps, max(0, int(at.Sub(g.first)/g.step)))
	}
	q.variants = map[place]bool{}
	for of, versions := range events {
		if byVariant(versions) {
			delete(versions, "") // what does not ask for the flag is something else
			q.variants[of] = true
		}
	}
	r.Evidence = ByVariant
	if len(q.variants) == 0 {
		r.Evidence = ByTime
	}
	r.Variant = cmp.Or(q.Variant, events.grown(since))
	q.Version = cmp.Or(r.Variant, afterChange)
	if r.Evidence == ByTime {
		for of, versions := range events {
			events[of] = divided(versions, since, q.Version, cmp.Or(q.Baseline, beforeChange))
		}
	}
	return since, "", nil
}

// changed is when the flag of the service changed last, within the hour; zero if it is not known.
func (q Question) changed(ctx context.Context, source Source, g grid) (at time.Time, err error) {
	label := func(attribute string) string { return q.Names.Attribute(attribute) }
	matchers := []string{
		promname.QuoteLabel(label(semconv.ChangeKind)) + "=" + strconv.Quote("feature_flag"),
		promname.QuoteLabel(label(semconv.ChangeName)) + "=" + strconv.Quote(q.Flag),
	}
	metric := q.Names.Metric(semconv.ChangeTime.Metric)
	matrix, err := source.Range(ctx, promname.Select(metric, matchers...), g.at(g.last(lately)), g.at(g.steps), g.step)
	if err != nil {
		return at, err
	}
	for _, series := range matrix {
		about := func(attribute, wanted string) bool { // a change without a service is one of all
			value := string(series.Metric[model.LabelName(label(attribute))])
			return value == "" || wanted == "" || value == wanted
		}
		if !about(semconv.ServiceName, q.Service.Name) || !about(semconv.ServiceNamespace, q.Service.Namespace) || !about(semconv.Environment, q.Environment) {
			continue
		}
		for _, v := range series.Values {
			if one := time.UnixMilli(int64(float64(v.Value) * 1000)); one.After(at) && !one.After(q.Now) && q.Now.Sub(one) <= lately {
				at = one
			}
		}
	}
	return at, nil
}

// byVariant reports whether events are counted by variant.
func byVariant(versions map[string][]pair) bool {
	for variant := range versions {
		if variant != "" {
			return true
		}
	}
	return false
}

// divided are all events, after the change and before it.
func divided(versions map[string][]pair, since int, after, before string) map[string][]pair {
	divided := map[string][]pair{}
	for _, steps := range versions {
		for i, p := range steps {
			to := before
			if i > since {
				to = after
			}
			if divided[to] == nil {
				divided[to] = make([]pair, len(steps))
			}
			divided[to][i].good, divided[to][i].bad = divided[to][i].good+p.good, divided[to][i].bad+p.bad
		}
	}
	return divided
}

// grown is the variant whose share of the events grew most; "" if none did.
func (c counted) grown(since int) (variant string) {
	type tally struct{ before, after float64 }
	each, all := map[string]*tally{}, tally{}
	for _, versions := range c {
		if !byVariant(versions) {
			continue
		}
		for name, steps := range versions {
			if each[name] == nil {
				each[name] = &tally{}
			}
			for i, p := range steps {
				if i > since {
					each[name].after, all.after = each[name].after+p.events(), all.after+p.events()
				} else {
					each[name].before, all.before = each[name].before+p.events(), all.before+p.events()
				}
			}
		}
	}
	most := 0.0
	for _, name := range slices.Sorted(maps.Keys(each)) {
		if growth := each[name].after/max(all.after, 1) - each[name].before/max(all.before, 1); growth > most {
			variant, most = name, growth
		}
	}
	return variant
}

// compared is what a variant was compared with, from what a version was.
func (r *Result) compared(with string) string {
	switch {
	case with == "":
		return ""
	case r.Evidence == ByTime:
		return TimeBefore
	case with == Beside:
		return VariantsBeside
	}
	return VariantsBefore
}
