// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
)

// Sweep is Run with range queries only: it evaluates each rule over the whole watched time at once,
// and derives an alert's state from the times at which its expression held. That is many times cheaper, and gives
// the same episodes, with two exceptions: templates in labels and annotations are not expanded, and
// keep_firing_for is ignored.
func Sweep(ctx context.Context, s *Scenario, file rulefmt.RuleGroups) (*Playback, error) {
	p, err := prepare(ctx, s, file, nil)
	if err != nil {
		return nil, err
	}
	return p.finish(p.sweep(ctx))
}

func (p *Playback) sweep(ctx context.Context) error {
	from, after := p.Start.Add(p.Watch.Begin), p.end().Add(time.Millisecond)
	need := needed(p.groups)
	if err := p.fillIn(ctx, after, func(r *recording) (time.Time, bool) { return p.since(from, need[r.record]) }); err != nil {
		return err
	}
	p.store.ForceHeadMMap()
	if err := p.fillIn(ctx, after, func(r *recording) (time.Time, bool) { return from, need[r.record] == 0 }); err != nil {
		return err
	}
	for _, g := range p.groups {
		for _, r := range g.recordings {
			if r.alert == "" {
				continue
			}
			if err := p.sweepAlert(ctx, g, r, from); err != nil {
				return fmt.Errorf("alert %q: %w", r.alert, err)
			}
		}
	}
	slices.SortStableFunc(p.Episodes, compareEpisodes)
	return nil
}

// sweepAlert finds an alert's episodes: it is pending as soon as the expression gives a result, fires once
// that has lasted, and is resolved when there is none.
func (p *Playback) sweepAlert(ctx context.Context, g *group, r *recording, from time.Time) error {
	first, last := g.slot(from), p.end()
	if first.After(last) {
		return nil
	}
	matrix, err := p.queryRange(ctx, r.expr, first, last, g.Interval())
	if err != nil {
		return err
	}
	// Two series of the expression may be one alert, at different times.
	held := make(map[string]map[int64]bool)
	found := make(map[string]labels.Labels)
	for _, one := range matrix {
		set := r.alertLabels(one.Metric)
		key := set.String()
		if found[key] = set; held[key] == nil {
			held[key] = make(map[int64]bool)
		}
		for _, point := range one.Floats {
			held[key][point.T] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		var e *Episode
		for t := first; !t.After(last); t = t.Add(g.Interval()) {
			at := p.Until(t)
			switch holds := held[key][t.UnixMilli()]; {
			case holds && e == nil:
				e = &Episode{Alert: r.alert, Labels: found[key], Pending: at}
				p.Episodes = append(p.Episodes, e)
			case !holds && e != nil:
				e.Resolved, e = at, nil
			}
			if e != nil && e.Firing == 0 && at-e.Pending >= r.hold {
				e.Firing = at
			}
		}
	}
	return nil
}

func (r *recording) alertLabels(found labels.Labels) labels.Labels {
	b := labels.NewBuilder(found)
	b.Set(model.MetricNameLabel, "")
	b.Set(labels.AlertName, r.alert)
	r.labels.Range(func(l labels.Label) { b.Set(l.Name, l.Value) })
	return b.Labels()
}
