// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
)

// Sweep is Run with range queries only: it evaluates each rule over the whole watched time at once,
// and derives an alert's state from the times at which its expression held. That is many times cheaper, and gives
// the same episodes, with two exceptions: of the templates in labels and annotations, only the value of a label in a label is expanded, and
// keep_firing_for is ignored. An alert that reads ALERTS is evaluated step by step while it is up, without exceptions.
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
		for i, r := range g.recordings {
			if r.alert == "" {
				continue
			}
			if err := p.sweepAlert(ctx, g, i, from); err != nil {
				return fmt.Errorf("alert %q: %w", r.alert, err)
			}
		}
	}
	slices.SortStableFunc(p.Episodes, compareEpisodes)
	return nil
}

// sweepAlert finds an alert's episodes: it is pending as soon as the expression gives a result, fires once
// that has lasted, and is resolved when there is none.
func (p *Playback) sweepAlert(ctx context.Context, g *group, i int, from time.Time) error {
	r, first, last := g.recordings[i], g.slot(from), p.end()
	if first.After(last) {
		return nil
	}
	matrix, err := p.queryRange(ctx, r.expr, first, last, g.Interval())
	if err != nil {
		return err
	}
	if _, itself := r.reads[alertsMetric]; itself {
		return p.stepAlert(ctx, g, g.Rules()[i], matrix)
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
		firing := writer{app: p.store.Appender(ctx), series: firingSeries(found[key])}
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
			firing.write(t, 1, e != nil && e.Firing != 0)
		}
		if err := errors.Join(firing.err, firing.app.Commit()); err != nil {
			return err
		}
	}
	return nil
}

// firingSeries is what an alert writes while it fires, for other alerts to read.
func firingSeries(alert labels.Labels) labels.Labels {
	b := labels.NewBuilder(alert)
	b.Set(model.MetricNameLabel, alertsMetric)
	b.Set("alertstate", "firing")
	return b.Labels()
}

// alertsMetric is the name of what alerts write.
const alertsMetric = "ALERTS"

// stepAlert lives through an alert that reads whether it fires: from each time on at which its expression would begin to hold, until it
// holds no more.
func (p *Playback) stepAlert(ctx context.Context, g *group, rule rules.Rule, begins promql.Matrix) error {
	one := &group{Group: rules.NewGroup(rules.GroupOptions{Name: g.Name(), File: g.File(), Interval: g.Interval(), Rules: []rules.Rule{rule}, Opts: p.options})}
	var moments []int64
	for _, series := range begins {
		for _, point := range series.Floats {
			moments = append(moments, point.T)
		}
	}
	slices.Sort(moments)
	ongoing := make(open)
	for len(moments) > 0 {
		for t := time.UnixMilli(moments[0]); !t.After(p.end()); t = t.Add(g.Interval()) {
			one.Eval(ctx, t)
			if err := rule.LastError(); err != nil {
				return err
			}
			p.observe(one, p.Until(t), ongoing)
			for len(moments) > 0 && moments[0] <= t.UnixMilli() {
				moments = moments[1:]
			}
			if len(ongoing[rule.(*rules.AlertingRule)]) == 0 {
				break
			}
		}
		if len(ongoing[rule.(*rules.AlertingRule)]) > 0 {
			return nil
		}
	}
	return nil
}

func (r *recording) alertLabels(found labels.Labels) labels.Labels {
	b := labels.NewBuilder(found)
	b.Set(model.MetricNameLabel, "")
	b.Set(labels.AlertName, r.alert)
	r.labels.Range(func(l labels.Label) {
		b.Set(l.Name, labelValue.ReplaceAllStringFunc(l.Value, func(template string) string {
			return found.Get(labelValue.FindStringSubmatch(template)[1])
		}))
	})
	return b.Labels()
}

var labelValue = regexp.MustCompile(`{{ \$labels\.(\w+) }}`)
