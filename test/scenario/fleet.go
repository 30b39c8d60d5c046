// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/otelcol-sre/otelcol-sre/internal/replay"
)

// A Fleet is a Prometheus with many SLOs over their whole period, to measure the cost of their rules. All
// SLOs have the same events.
type Fleet struct {
	// Groups are the rule groups that can be evaluated, in the order of their files.
	Groups []*FleetGroup

	at      time.Time
	store   *replay.Storage
	replays []*replay.Replay
}

// A FleetGroup is one rule group of a fleet.
type FleetGroup struct {
	*replay.Group
	fleet  *Fleet
	engine *promql.Engine
}

// rawHistory is how much of the counters a fleet has: more than any rule reads of them at a time.
const rawHistory = 4 * day

// NewFleet is a fleet of lives, which differ in service and SLO alone. The first is lived through with the
// rules, the others get what it recorded. So many collectors count at a time.
func NewFleet(ctx context.Context, lives []*Scenario, collectors int, recipe func(*Scenario) rulefmt.RuleGroups) (_ *Fleet, err error) {
	first := lives[0]
	p, err := Run(ctx, first, recipe(first), nil)
	if err != nil {
		return nil, err
	}
	f := &Fleet{at: first.end()}
	defer func() { err = errors.Join(err, p.Close()) }()
	if f.store, err = replay.OpenStorage(); err != nil {
		return nil, err
	}
	if err = p.eachSeries(ctx, func(found labels.Labels, samples []sample) error {
		return f.copy(ctx, found, samples, lives, collectors)
	}); err != nil {
		return nil, err
	}
	f.store.ForceHeadMMap()
	return f, f.load(ctx, lives, recipe)
}

// load makes the groups ready, each once: those of a service are in the files of all of its SLOs.
func (f *Fleet) load(ctx context.Context, lives []*Scenario, recipe func(*Scenario) rulefmt.RuleGroups) error {
	known := make(map[string]bool)
	for _, s := range lives {
		one, err := replay.New(ctx, recipe(s), replay.Options{Storage: f.store, MaxSamples: maxSamples})
		if err != nil {
			return err
		}
		f.replays = append(f.replays, one)
		for _, g := range one.Groups {
			if !known[g.Name()] {
				known[g.Name()] = true
				f.Groups = append(f.Groups, &FleetGroup{g, f, one.Engine()})
			}
		}
	}
	return nil
}

// Close lets go of the storage.
func (f *Fleet) Close() error {
	var err error
	for _, one := range f.replays {
		err = errors.Join(err, one.Close())
	}
	return errors.Join(err, f.store.Close())
}

// Evaluate evaluates the group once.
func (g *FleetGroup) Evaluate(ctx context.Context) error {
	g.Eval(ctx, g.fleet.at)
	for _, r := range g.Rules() {
		if err := r.LastError(); err != nil {
			return fmt.Errorf("%s: %w", r.Name(), err)
		}
	}
	return nil
}

// Samples are how many samples an evaluation of the group reads, and the most that are in memory at a time.
func (g *FleetGroup) Samples(ctx context.Context) (total, peak int64, err error) {
	for _, query := range g.Queries() {
		q, err := g.engine.NewInstantQuery(ctx, g.fleet.store, nil, query, g.fleet.at)
		if err != nil {
			return 0, 0, err
		}
		err = q.Exec(ctx).Err
		read := q.Stats().Samples
		total, peak = total+read.TotalSamples, max(peak, int64(read.PeakSamples))
		if q.Close(); err != nil {
			return 0, 0, err
		}
	}
	return total, peak, nil
}

type sample struct {
	at    int64
	value float64
}

// eachSeries gives every series that is stored with its samples.
func (p *Playback) eachSeries(ctx context.Context, each func(labels.Labels, []sample) error) error {
	q, err := p.store.Querier(0, p.Start.Add(p.Length).UnixMilli())
	if err != nil {
		return err
	}
	defer func() { _ = q.Close() }() // only read from
	all := q.Select(ctx, true, nil, labels.MustNewMatcher(labels.MatchNotEqual, model.MetricNameLabel, ""))
	for all.Next() {
		var samples []sample
		values := all.At().Iterator(nil)
		for values.Next() == chunkenc.ValFloat {
			at, v := values.At()
			samples = append(samples, sample{at, v})
		}
		if err := errors.Join(values.Err(), each(all.At().Labels(), samples)); err != nil {
			return err
		}
	}
	return all.Err()
}

// copy writes a series of the first life as that of all.
func (f *Fleet) copy(ctx context.Context, found labels.Labels, samples []sample, lives []*Scenario, collectors int) error {
	if slo := found.Get("slo_name"); slo != "" && slo != lives[0].SLO.Name {
		return nil // one that had no counters
	}
	name := found.Get(model.MetricNameLabel)
	if !strings.Contains(name, ":") { // is scraped
		from := f.at.Add(-rawHistory).UnixMilli()
		for len(samples) > 0 && samples[0].at < from {
			samples = samples[1:]
		}
	}
	if name != "slo_events_total" {
		collectors = 1
	}
	written := make(map[string]bool)
	for _, s := range lives {
		for i := range collectors {
			to := as(found, s, i)
			if key := to.String(); written[key] { // is of the service
				continue
			} else {
				written[key] = true
			}
			w := f.store.Writer(ctx, to)
			for _, one := range samples {
				w.Write(time.UnixMilli(one.at), one.value, true)
			}
			if err := w.Commit(); err != nil {
				return err
			}
		}
	}
	return nil
}

// as are labels of another SLO, as counted by one of several collectors.
func as(found labels.Labels, s *Scenario, collector int) labels.Labels {
	b := labels.NewBuilder(found)
	change := func(name, to string) {
		if found.Has(name) {
			b.Set(name, to)
		}
	}
	for _, prefix := range []string{"sloth_", ""} {
		change(prefix+"service", s.Service.Name)
		change(prefix+"slo", s.SLO.Name)
	}
	change("sloth_id", s.Service.Name+"-"+s.SLO.Name)
	change("service_name", s.Service.Name)
	change("slo_name", s.SLO.Name)
	if found.Get("instance") == collectorInstance {
		b.Set("instance", fmt.Sprintf("collector-%d", collector))
	}
	return b.Labels()
}
