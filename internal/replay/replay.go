// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"fmt"
	"maps"
	"regexp"
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

// Options are the settings of a replay besides its rules. Storage is required.
type Options struct {
	// Storage has the samples that the rules begin with, unless there is a Source, and takes what they record.
	Storage *Storage
	// Before is a storage of another replay, whose samples the rules read, too, but for its ALERTS.
	Before *Storage
	// Source evaluates what the rules read of series that no rule records. Only Sweep uses it.
	Source Source
	// Derived writes series that neither rules nor the source have, by name, before the first rule reads them with this
	// selector.
	Derived map[string]func(context.Context, *parser.VectorSelector) error
	// Reach is how far before the watched time series must go back, besides what rules need.
	Reach map[string]time.Duration
	// File is the rule file of a group, on which depends when in its interval Prometheus evaluates it. Default: one file.
	File func(group string) string
	// Notify is called as Prometheus calls it. Only Run uses it.
	Notify rules.NotifyFunc
	// MaxSamples bounds how many samples a query holds in memory; 50 million unless it is set, as in Prometheus.
	MaxSamples int
}

// Span is the time that is replayed.
type Span struct {
	// Earliest is the time before which there is nothing.
	Earliest time.Time
	// From and Until bound the time in which alerts are watched, both inclusive.
	From, Until time.Time
}

// A Replay is rule groups that are evaluated over a time that has passed.
type Replay struct {
	Groups []*Group
	// Episodes are what the alerts did, in the order in which they began.
	Episodes []*Episode

	options Options
	engine  *promql.Engine
	rules   *rules.ManagerOptions
	derived map[string]bool
}

// queryTimeout ends one evaluation of a rule over the whole time.
const queryTimeout = 10 * time.Minute

// New makes rules ready to be replayed. It returns an error that names the rule that cannot be. Close the replay after use.
func New(ctx context.Context, file rulefmt.RuleGroups, o Options) (_ *Replay, err error) {
	if o.File == nil {
		o.File = func(string) string { return "scenario.rules.yaml" }
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, string, ...*rules.Alert) {}
	}
	if o.MaxSamples == 0 {
		o.MaxSamples = 50_000_000
	}
	r := &Replay{options: o, derived: make(map[string]bool)}
	r.engine = promql.NewEngine(promql.EngineOpts{MaxSamples: o.MaxSamples, Timeout: queryTimeout})
	r.rules = &rules.ManagerOptions{
		Context: ctx, Logger: promslog.NewNopLogger(), ExternalURL: noURL, Appendable: o.Storage, Queryable: r.queryable(),
		QueryFunc: rules.EngineQueryFunc(r.engine, r.queryable()), NotifyFunc: o.Notify,
	}
	r.Groups, err = load(file, o.File, r.rules)
	if err == nil {
		err = r.splitAll()
	}
	if err != nil {
		_ = r.engine.Close() // it has run nothing
		return nil, err
	}
	return r, nil
}

func (r *Replay) splitAll() error {
	s := splitter{recorded: recorded(r.Groups), source: r.options.Source != nil}
	s.recorded[alertsMetric] = true
	for name := range r.options.Derived {
		s.recorded[name] = true
	}
	for _, g := range r.Groups {
		for _, rule := range g.recordings {
			if err := s.split(rule); err != nil {
				return fmt.Errorf("group %q, rule %q: %w", g.Name(), rule.record+rule.alert, err)
			}
		}
	}
	return nil
}

// Close lets go of the engine. The storage stays open.
func (r *Replay) Close() error { return r.engine.Close() }

// Run evaluates the groups one by one from span.From on; what they need from before it is filled in.
func (r *Replay) Run(ctx context.Context, span Span) error {
	need := needed(r.Groups, r.options.Reach)
	if err := r.fillIn(ctx, span.From, func(one *recording) (time.Time, bool) { return span.since(need[one.record]) }); err != nil {
		return err
	}
	r.options.Storage.ForceHeadMMap()
	return r.watch(ctx, span)
}

// Sweep is Run with range queries only; see the package for how they differ.
func (r *Replay) Sweep(ctx context.Context, span Span) error {
	after := span.Until.Add(time.Millisecond)
	need := needed(r.Groups, r.options.Reach)
	if err := r.fillIn(ctx, after, func(one *recording) (time.Time, bool) { return span.since(need[one.record]) }); err != nil {
		return err
	}
	r.options.Storage.ForceHeadMMap()
	if err := r.fillIn(ctx, after, func(one *recording) (time.Time, bool) { return span.From, need[one.record] == 0 }); err != nil {
		return err
	}
	for _, g := range r.Groups {
		for i, one := range g.recordings {
			if one.alert == "" {
				continue
			}
			if err := r.sweepAlert(ctx, g, i, span); err != nil {
				return fmt.Errorf("alert %q: %w", one.alert, err)
			}
		}
	}
	slices.SortStableFunc(r.Episodes, compareEpisodes)
	return nil
}

// since is where a past begins that reaches so far back, if it reaches anywhere.
func (s Span) since(back time.Duration) (time.Time, bool) {
	begin := s.From.Add(-back)
	if begin.Before(s.Earliest) {
		begin = s.Earliest
	}
	return begin, back > 0
}

// fillIn evaluates the recording rules for which there is a beginning, in the order of the file: what a
// rule reads comes before it.
func (r *Replay) fillIn(ctx context.Context, until time.Time, since func(*recording) (time.Time, bool)) error {
	for _, g := range r.Groups {
		for _, one := range g.recordings {
			begin, ok := since(one)
			first := g.slot(begin)
			if one.record == "" || !ok || !first.Before(until) {
				continue
			}
			fill := r.fillAtOnce
			if one.readsItself() {
				fill = r.fillStepwise
			}
			last := until.Add(-time.Millisecond)
			err := r.prepare(ctx, one, first, last, g.Interval())
			if err == nil {
				err = fill(ctx, one, first, last, g.Interval())
			}
			if err != nil {
				return fmt.Errorf("record %q: %w", one.record, err)
			}
		}
	}
	return nil
}

// prepare writes what a rule reads and no rule records.
func (r *Replay) prepare(ctx context.Context, one *recording, first, last time.Time, step time.Duration) error {
	for _, selector := range one.selectors {
		derive := r.options.Derived[selectedName(selector)]
		if key := selector.String(); derive != nil && !r.derived[key] {
			r.derived[key] = true
			if err := derive(ctx, selector); err != nil {
				return err
			}
		}
	}
	return r.parts(ctx, one, first, last, step)
}

// fillAtOnce evaluates a rule over all of its past with one range query.
func (r *Replay) fillAtOnce(ctx context.Context, one *recording, first, last time.Time, step time.Duration) error {
	matrix, err := r.queryRange(ctx, one.expr, first, last, step)
	if err != nil {
		return err
	}
	return r.store(ctx, matrix, first, last, step, one.name)
}

// store writes the result of a range query, and where it has gaps.
func (r *Replay) store(ctx context.Context, matrix promql.Matrix, first, last time.Time, step time.Duration, name func(labels.Labels) labels.Labels) error {
	found := make(map[string]*past)
	for _, one := range matrix {
		if len(one.Histograms) > 0 {
			return fmt.Errorf("%s is a native histogram: only numbers can be replayed", one.Metric)
		}
		to := name(one.Metric)
		key := to.String()
		if found[key] == nil {
			found[key] = &past{to, make(map[int64]float64, len(one.Floats))}
		}
		for _, point := range one.Floats {
			found[key].values[point.T] = point.F
		}
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		w := r.options.Storage.Writer(ctx, found[key].labels)
		for t := first; !t.After(last); t = t.Add(step) {
			v, ok := found[key].values[t.UnixMilli()]
			w.Write(t, v, ok)
		}
		if err := w.Commit(); err != nil {
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

// Query is the result of an expression at first and every step after it until last. Step is above 0.
func (r *Replay) Query(ctx context.Context, expr string, first, last time.Time, step time.Duration) (promql.Matrix, error) {
	q, err := r.engine.NewRangeQuery(ctx, r.queryable(), nil, expr, first, last, step)
	if err != nil {
		return nil, err
	}
	// The query stays open: its points are used after it. There is no pool that waits for them.
	return q.Exec(ctx).Matrix()
}

// At is the result of an expression at a time.
func (r *Replay) At(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	q, err := r.engine.NewInstantQuery(ctx, r.queryable(), nil, expr, at)
	if err != nil {
		return nil, err
	}
	return q.Exec(ctx).Vector() // and stays open, as above
}

// Engine evaluates the rules.
func (r *Replay) Engine() *promql.Engine { return r.engine }

func (r *Replay) queryRange(ctx context.Context, expr parser.Expr, first, last time.Time, step time.Duration) (promql.Matrix, error) {
	return r.Query(ctx, expr.String(), first, last, step)
}

// fillStepwise evaluates a rule that reads what it wrote before.
func (r *Replay) fillStepwise(ctx context.Context, one *recording, first, last time.Time, step time.Duration) error {
	query := rules.EngineQueryFunc(r.engine, r.queryable())
	rule := rules.NewRecordingRule(one.record, one.expr, one.labels)
	for t := first; !t.After(last); t = t.Add(step) {
		vector, err := rule.Eval(ctx, 0, t, query, noURL, 0)
		if err != nil {
			return err
		}
		if err := r.options.Storage.add(ctx, vector, t); err != nil {
			return err
		}
	}
	return nil
}

// add writes what a rule recorded at a time.
func (s *Storage) add(ctx context.Context, vector promql.Vector, at time.Time) error {
	app := s.Appender(ctx)
	for _, one := range vector {
		if _, err := app.Append(0, one.Metric, at.UnixMilli(), one.F); err != nil {
			_ = app.Rollback() // the first error says why
			return err
		}
	}
	return app.Commit()
}

// name gives what the expression found the labels that the rule writes.
func (r *recording) name(found labels.Labels) labels.Labels {
	b := labels.NewBuilder(found)
	b.Set(model.MetricNameLabel, r.record)
	r.labels.Range(func(l labels.Label) { b.Set(l.Name, l.Value) })
	return b.Labels()
}

// watch runs each group at its own interval, in the order of time.
func (r *Replay) watch(ctx context.Context, span Span) error {
	next := make([]time.Time, len(r.Groups))
	for i, g := range r.Groups {
		next[i] = g.slot(span.From)
	}
	seen := make(open)
	for {
		i := 0
		for j := range next {
			if next[j].Before(next[i]) {
				i = j
			}
		}
		if len(next) == 0 || next[i].After(span.Until) {
			slices.SortStableFunc(r.Episodes, compareEpisodes)
			return nil
		}
		g, at := r.Groups[i], next[i]
		next[i] = at.Add(g.Interval())
		g.Eval(ctx, at)
		for _, rule := range g.Rules() {
			if err := rule.LastError(); err != nil {
				return fmt.Errorf("%s at %s: %w", rule.Name(), at.Format(time.RFC3339), err)
			}
		}
		r.observe(g, at, seen)
	}
}

// sweepAlert finds an alert's episodes: it is pending as soon as the expression gives a result, fires once
// that has lasted, and is resolved when there is none.
func (r *Replay) sweepAlert(ctx context.Context, g *Group, i int, span Span) error {
	one, first := g.recordings[i], g.slot(span.From)
	if first.After(span.Until) {
		return nil
	}
	if err := r.prepare(ctx, one, first, span.Until, g.Interval()); err != nil {
		return err
	}
	matrix, err := r.queryRange(ctx, one.expr, first, span.Until, g.Interval())
	if err != nil {
		return err
	}
	if _, itself := one.reads[alertsMetric]; itself {
		return r.stepAlert(ctx, g, g.Rules()[i], matrix, span)
	}
	// Two series of the expression may be one alert, at different times.
	held := make(map[string]map[int64]bool)
	found := make(map[string]labels.Labels)
	for _, series := range matrix {
		set := one.alertLabels(series.Metric)
		key := set.String()
		if found[key] = set; held[key] == nil {
			held[key] = make(map[int64]bool)
		}
		for _, point := range series.Floats {
			held[key][point.T] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		firing := r.options.Storage.Writer(ctx, firingSeries(found[key]))
		var e *Episode
		for t := first; !t.After(span.Until); t = t.Add(g.Interval()) {
			switch holds := held[key][t.UnixMilli()]; {
			case holds && e == nil:
				e = &Episode{Alert: one.alert, Labels: found[key], Pending: t}
				r.Episodes = append(r.Episodes, e)
			case !holds && e != nil:
				e.Resolved, e = t, nil
			}
			if e != nil && e.Firing.IsZero() && t.Sub(e.Pending) >= one.hold {
				e.Firing = t
			}
			firing.Write(t, 1, e != nil && !e.Firing.IsZero())
		}
		if err := firing.Commit(); err != nil {
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
func (r *Replay) stepAlert(ctx context.Context, g *Group, rule rules.Rule, begins promql.Matrix, span Span) error {
	one := &Group{Group: rules.NewGroup(rules.GroupOptions{Name: g.Name(), File: g.File(), Interval: g.Interval(), Rules: []rules.Rule{rule}, Opts: r.rules})}
	var moments []int64
	for _, series := range begins {
		for _, point := range series.Floats {
			moments = append(moments, point.T)
		}
	}
	slices.Sort(moments)
	ongoing := make(open)
	for len(moments) > 0 {
		for t := time.UnixMilli(moments[0]); !t.After(span.Until); t = t.Add(g.Interval()) {
			one.Eval(ctx, t)
			if err := rule.LastError(); err != nil {
				return err
			}
			r.observe(one, t, ongoing)
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

// Samples are those that a selector finds in the storage, of all time until at.
func (r *Replay) Samples(ctx context.Context, selector string, at time.Time) (promql.Matrix, error) {
	q, err := r.engine.NewInstantQuery(ctx, r.options.Storage, nil, selector+"["+model.Duration(ever).String()+"]", at)
	if err != nil {
		return nil, err
	}
	return q.Exec(ctx).Matrix() // and stays open, as above
}
