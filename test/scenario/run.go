// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"

	"github.com/otelcol-sre/otelcol-sre/internal/replay"
)

// A Playback is a scenario with the rules that lived through it.
type Playback struct {
	*Scenario
	// Episodes are what the alerts did, in the order in which they began.
	Episodes []*Episode

	store  *replay.Storage
	replay *replay.Replay
}

// maxSamples is what the longest scenario holds in memory, of all its rules at once.
const maxSamples = 500_000_000

// Run writes the scenario's samples and lives through it with the rules. Close the playback after use.
func Run(ctx context.Context, s *Scenario, file rulefmt.RuleGroups, notify rules.NotifyFunc) (*Playback, error) {
	return live(ctx, s, file, notify, (*replay.Replay).Run)
}

func live(ctx context.Context, s *Scenario, file rulefmt.RuleGroups, notify rules.NotifyFunc, way func(*replay.Replay, context.Context, replay.Span) error) (_ *Playback, err error) {
	p := &Playback{Scenario: s}
	if p.store, err = replay.OpenStorage(); err != nil {
		return nil, err
	}
	p.replay, err = replay.New(ctx, file, replay.Options{Storage: p.store, Notify: notify, MaxSamples: maxSamples})
	if err == nil {
		err = write(ctx, p.store, s.Start, s.Start.Add(s.Length), s.Interval(), s.isDown, s.series())
	}
	if err == nil {
		p.store.ForceHeadMMap() // chunks that are not mapped are searched one by one
		err = way(p.replay, ctx, replay.Span{Earliest: s.Start, From: s.Start.Add(s.Watch.Begin), Until: s.end()})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("scenario %q: %w", p.Name, err), p.Close())
	}
	for _, e := range p.replay.Episodes {
		p.Episodes = append(p.Episodes, p.episode(e))
	}
	return p, nil
}

// Close lets go of the storage.
func (p *Playback) Close() error {
	if p.replay == nil {
		return p.store.Close()
	}
	return errors.Join(p.replay.Close(), p.store.Close())
}

// Storage has the samples of the scenario, and what the rules recorded. The playback closes it.
func (p *Playback) Storage() storage.Storage { return p.store }

// Query is the value of an expression at a time. It must be one; none is not ok.
func (p *Playback) Query(ctx context.Context, at time.Duration, expr string) (v float64, ok bool, err error) {
	vector, err := p.replay.At(ctx, expr, p.Start.Add(at))
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
