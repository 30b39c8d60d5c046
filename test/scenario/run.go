// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// A Playback is a scenario with the rules that lived through it.
type Playback struct {
	*Scenario
	// Episodes are what the alerts did, in the order in which they began.
	Episodes []*Episode

	store  *store
	engine *promql.Engine
	groups []*group
	notify rules.NotifyFunc
	// options are those of the rule groups.
	options *rules.ManagerOptions
}

// Run writes the scenario's samples and lives through it with the rules. Close the playback after use.
func Run(ctx context.Context, s *Scenario, file rulefmt.RuleGroups, notify rules.NotifyFunc) (*Playback, error) {
	p, err := prepare(ctx, s, file, notify)
	if err != nil {
		return nil, err
	}
	from := s.Start.Add(s.Watch.Begin)
	need := needed(p.groups)
	err = p.fillIn(ctx, from, func(r *recording) (time.Time, bool) { return p.since(from, need[r.record]) })
	if err == nil {
		p.store.ForceHeadMMap()
		err = p.watch(ctx, from)
	}
	return p.finish(err)
}

func prepare(ctx context.Context, s *Scenario, file rulefmt.RuleGroups, notify rules.NotifyFunc) (_ *Playback, err error) {
	p := &Playback{Scenario: s, notify: notify}
	if p.store, err = openStore(); err != nil {
		return nil, err
	}
	p.engine = promql.NewEngine(promql.EngineOpts{MaxSamples: 500_000_000, Timeout: 10 * time.Minute})
	if p.notify == nil {
		p.notify = func(context.Context, string, ...*rules.Alert) {}
	}
	p.options = &rules.ManagerOptions{
		Context: ctx, Logger: promslog.NewNopLogger(), ExternalURL: noURL, Appendable: p.store, Queryable: p.store,
		QueryFunc: rules.EngineQueryFunc(p.engine, p.store), NotifyFunc: p.notify,
	}
	p.groups, err = load(file, p.options)
	if err == nil {
		err = p.store.append(ctx, s.Start, s.Start.Add(s.Length), s.Interval(), s.isDown, s.series())
	}
	p.store.ForceHeadMMap() // chunks that are not mapped are searched one by one
	return p.finish(err)
}

// finish gives the playback, unless something went wrong.
func (p *Playback) finish(err error) (*Playback, error) {
	if err != nil {
		return nil, errors.Join(fmt.Errorf("scenario %q: %w", p.Name, err), p.Close())
	}
	return p, nil
}

// Close lets go of the storage.
func (p *Playback) Close() error { return errors.Join(p.engine.Close(), p.store.Close()) }

// Query is the value of an expression at a time. It must be one; none is not ok.
func (p *Playback) Query(ctx context.Context, at time.Duration, expr string) (v float64, ok bool, err error) {
	q, err := p.engine.NewInstantQuery(ctx, p.store, nil, expr, p.Start.Add(at))
	if err != nil {
		return 0, false, err
	}
	defer q.Close()
	vector, err := q.Exec(ctx).Vector()
	switch {
	case err != nil:
		return 0, false, fmt.Errorf("%s: %w", expr, err)
	case len(vector) > 1:
		return 0, false, fmt.Errorf("%s gives %d values, the first of %s", expr, len(vector), vector[0].Metric)
	case len(vector) == 0:
		return 0, false, nil
	}
	return vector[0].F, true, nil
}

// since is where a past begins that reaches so far back, if it reaches anywhere.
func (p *Playback) since(from time.Time, back time.Duration) (time.Time, bool) {
	begin := from.Add(-back)
	if begin.Before(p.Start) {
		begin = p.Start
	}
	return begin, back > 0
}

// fillIn evaluates the recording rules for which there is a beginning, in the order of the file: what a
// rule reads comes before it.
func (p *Playback) fillIn(ctx context.Context, until time.Time, since func(*recording) (time.Time, bool)) error {
	for _, g := range p.groups {
		for _, r := range g.recordings {
			begin, ok := since(r)
			first := g.slot(begin)
			if r.record == "" || !ok || !first.Before(until) {
				continue
			}
			fill := p.fillAtOnce
			if r.readsItself() {
				fill = p.fillStepwise
			}
			if err := fill(ctx, r, first, until.Add(-time.Millisecond), g.Interval()); err != nil {
				return fmt.Errorf("record %q: %w", r.record, err)
			}
		}
	}
	return nil
}

// fillAtOnce evaluates a rule over all of its past with one range query.
func (p *Playback) fillAtOnce(ctx context.Context, r *recording, first, last time.Time, step time.Duration) error {
	matrix, err := p.queryRange(ctx, r.expr, first, last, step)
	if err != nil {
		return err
	}
	found := make(map[string]*past)
	for _, one := range matrix {
		name := r.name(one.Metric)
		key := name.String()
		if found[key] == nil {
			found[key] = &past{name, make(map[int64]float64)}
		}
		for _, point := range one.Floats {
			found[key].values[point.T] = point.F
		}
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		w := writer{app: p.store.Appender(ctx), series: found[key].labels}
		for t := first; !t.After(last); t = t.Add(step) {
			v, ok := found[key].values[t.UnixMilli()]
			w.write(t, v, ok)
		}
		if err := errors.Join(w.err, w.app.Commit()); err != nil {
			return err
		}
	}
	return nil
}

// A past is what a rule would have recorded of one series. Several series of the expression make it,
// at different times: those on both sides of an "or" get the same name.
type past struct {
	labels labels.Labels
	values map[int64]float64
}

func (p *Playback) queryRange(ctx context.Context, expr parser.Expr, first, last time.Time, step time.Duration) (promql.Matrix, error) {
	q, err := p.engine.NewRangeQuery(ctx, p.store, nil, expr.String(), first, last, step)
	if err != nil {
		return nil, err
	}
	// The query stays open: its points are used after it. There is no pool that waits for them.
	return q.Exec(ctx).Matrix()
}

// fillStepwise evaluates a rule that reads what it wrote before.
func (p *Playback) fillStepwise(ctx context.Context, r *recording, first, last time.Time, step time.Duration) error {
	query := rules.EngineQueryFunc(p.engine, p.store)
	rule := rules.NewRecordingRule(r.record, r.expr, r.labels)
	for t := first; !t.After(last); t = t.Add(step) {
		vector, err := rule.Eval(ctx, 0, t, query, noURL, 0)
		if err != nil {
			return err
		}
		app := p.store.Appender(ctx)
		for _, one := range vector {
			_, err = app.Append(0, one.Metric, t.UnixMilli(), one.F)
			if err != nil {
				return errors.Join(err, app.Rollback())
			}
		}
		if err := app.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// name gives what the expression found the labels that the rule writes.
func (r *recording) name(found labels.Labels) labels.Labels {
	b := labels.NewBuilder(found)
	b.Set(model.MetricNameLabel, r.record)
	r.labels.Range(func(l labels.Label) { b.Set(l.Name, l.Value) })
	return b.Labels()
}

// watch runs each group at its own interval, in the order of time.
func (p *Playback) watch(ctx context.Context, from time.Time) error {
	until := p.end()
	next := make([]time.Time, len(p.groups))
	for i, g := range p.groups {
		next[i] = g.slot(from)
	}
	seen := make(open)
	for {
		i := 0
		for j := range next {
			if next[j].Before(next[i]) {
				i = j
			}
		}
		if len(next) == 0 || next[i].After(until) {
			slices.SortStableFunc(p.Episodes, compareEpisodes)
			return nil
		}
		g, at := p.groups[i], next[i]
		next[i] = at.Add(g.Interval())
		g.Eval(ctx, at)
		for _, r := range g.Rules() {
			if err := r.LastError(); err != nil {
				return fmt.Errorf("%s at %s: %w", r.Name(), p.Until(at), err)
			}
		}
		p.observe(g, p.Until(at), seen)
	}
}
