// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

type signal int

const (
	traces signal = iota
	logs
	metrics
	signals
)

var signalNames = [signals]string{"traces", "logs", "metrics"}

// outcome is where an item's ID came from. Every item has exactly one.
type outcome uint8

const (
	found     outcome = iota // in a source; parsed, if that is the text of a body
	inherited                // from its trace
	linked                   // from a trace that it links to
	generated                // nothing was found
	missed                   // nothing was found and nothing generated
	outcomes
)

var outcomeNames = [outcomes]string{"found", "inherited", "linked", "generated", "missed"}

// waited is what came of waiting. Every item that had a reason to wait has exactly one.
type waited int

const (
	resolved   waited = iota // its trace showed an ID, or its ID a trace
	unresolved               // the time was up
	full                     // there was no room; it went on at once
	waiteds
)

var waitedNames = [waiteds]string{"resolved", "unresolved", "full"}

// tally counts one batch.
type tally struct {
	outcomes  [outcomes]int64 // but for found
	sources   []int64         // found, by rank
	conflicts int64
	invalid   int64
	parsed    int64              // trace contexts
	reversed  int64              // trace IDs found by an ID
	shared    int64              // IDs that are not those of one request
	withheld  [certainties]int64 // trace IDs that were not certain, by reason
	waits     [waiteds]int64
}

func newTally(p *plan) tally { return tally{sources: make([]int64, len(p.names))} }

// leaveOpen leaves out the items whose ID the correlation after this one still looks for. That one counts them.
func (t *tally) leaveOpen() {
	t.outcomes[missed], t.outcomes[generated] = 0, 0
	t.withheld = [certainties]int64{}
}

// stats adds up the tallies for internal telemetry to read.
type stats struct {
	outcomes                                     [signals][outcomes]atomic.Int64
	sources                                      [signals][]atomic.Int64
	conflicts, invalid, parsed, reversed, shared atomic.Int64
	withheld                                     [certainties]atomic.Int64
	waits                                        [waiteds]atomic.Int64
	refused                                      atomic.Int64 // items that had waited
}

func newStats(p *plan) *stats {
	s := &stats{}
	for i := range s.sources {
		s.sources[i] = make([]atomic.Int64, len(p.names))
	}
	return s
}

// add adds the tally and sets it back to 0.
func (s *stats) add(sig signal, t *tally) {
	move := func(to *atomic.Int64, from *int64) {
		if *from != 0 {
			to.Add(*from)
			*from = 0
		}
	}
	for i := range t.outcomes {
		move(&s.outcomes[sig][i], &t.outcomes[i])
	}
	for i := range t.sources {
		move(&s.sources[sig][i], &t.sources[i])
	}
	move(&s.conflicts, &t.conflicts)
	move(&s.invalid, &t.invalid)
	move(&s.parsed, &t.parsed)
	move(&s.reversed, &t.reversed)
	move(&s.shared, &t.shared)
	for i := range t.withheld {
		move(&s.withheld[i], &t.withheld[i])
	}
	for i := range t.waits {
		move(&s.waits[i], &t.waits[i])
	}
}

func (c *core) observe() error {
	var bySource [signals][]metric.MeasurementOption
	var byOutcome [signals][outcomes]metric.MeasurementOption
	for sig := range signals {
		name := attribute.String("signal", signalNames[sig])
		for r, source := range c.plan.names {
			result := "found"
			if c.plan.parsed[r] {
				result = "parsed"
			}
			bySource[sig] = append(bySource[sig], with(name, attribute.String("outcome", result), attribute.String("source", source)))
		}
		for o := range outcomes {
			byOutcome[sig][o] = with(name, attribute.String("outcome", outcomeNames[o]))
		}
	}
	var byDoubt [certainties]metric.MeasurementOption
	for sure, name := range certaintyNames {
		byDoubt[sure] = with(attribute.String("doubt", name))
	}
	parsed, reverse := with(attribute.String("origin", "parsed")), with(attribute.String("origin", "reverse"))
	t, s := c.builder, c.stats
	return errors.Join(
		c.observeState(),
		c.observeWaits(),
		t.RegisterProcessorCorrelationItemsCallback(func(_ context.Context, o metric.Int64Observer) error {
			for sig := range signals {
				for r := range s.sources[sig] {
					if n := s.sources[sig][r].Load(); n > 0 {
						o.Observe(n, bySource[sig][r])
					}
				}
				for i := inherited; i < outcomes; i++ {
					o.Observe(s.outcomes[sig][i].Load(), byOutcome[sig][i])
				}
			}
			return nil
		}),
		t.RegisterProcessorCorrelationConflictsCallback(single(&s.conflicts)),
		t.RegisterProcessorCorrelationInvalidCallback(single(&s.invalid)),
		t.RegisterProcessorCorrelationTraceContextsCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(s.parsed.Load(), parsed)
			o.Observe(s.reversed.Load(), reverse)
			return nil
		}),
		t.RegisterProcessorCorrelationSharedCallback(single(&s.shared)),
		t.RegisterProcessorCorrelationTraceContextsWithheldCallback(func(_ context.Context, o metric.Int64Observer) error {
			for sure, name := range certaintyNames {
				if name != "" {
					o.Observe(s.withheld[sure].Load(), byDoubt[sure])
				}
			}
			return nil
		}),
	)
}

func with(kv ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(kv...))
}

func single(n *atomic.Int64) metric.Int64Callback {
	return func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(n.Load())
		return nil
	}
}

// observeWaits is for a correlation without another one after it, which waits in its place.
func (c *core) observeWaits() error {
	if c.config.After == nil && c.state.followed {
		return nil
	}
	var byResult [waiteds]metric.MeasurementOption
	for w := range waiteds {
		byResult[w] = with(attribute.String("result", waitedNames[w]))
	}
	return errors.Join(
		c.builder.RegisterProcessorCorrelationWaitsCallback(func(_ context.Context, o metric.Int64Observer) error {
			for w := range waiteds {
				o.Observe(c.stats.waits[w].Load(), byResult[w])
			}
			return nil
		}),
		c.builder.RegisterProcessorCorrelationWaitRefusedCallback(single(&c.stats.refused)),
		c.builder.RegisterProcessorCorrelationWaitSizeCallback(single(&c.room.used)),
	)
}

// observeState is for the correlation that a state belongs to.
func (c *core) observeState() error {
	if c.config.After != nil {
		return nil
	}
	full, expired := with(attribute.String("reason", "full")), with(attribute.String("reason", "expired"))
	return errors.Join(
		c.builder.RegisterProcessorCorrelationStateEntriesCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(c.state.usage().entries)
			return nil
		}),
		c.builder.RegisterProcessorCorrelationStateSizeCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(c.state.usage().bytes)
			return nil
		}),
		c.builder.RegisterProcessorCorrelationEvictedCallback(func(_ context.Context, o metric.Int64Observer) error {
			u := c.state.usage()
			o.Observe(u.full, full)
			o.Observe(u.expired, expired)
			return nil
		}),
	)
}
