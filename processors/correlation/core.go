// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-sre/otelcol-sre/internal/sharedcomponent"
	"github.com/otelcol-sre/otelcol-sre/processors/correlation/internal/metadata"
)

// core is shared by the processors of one component, one per signal and pipeline.
type core struct {
	config  *Config
	plan    *plan
	hygiene hygiene
	state   *state
	now     func() time.Time
	stats   *stats
	room    room
	builder *metadata.TelemetryBuilder
	batches sync.Pool // of *batch
	check   func() error
	leave   func()
}

// batch is what the first pass over a batch leaves for the second.
type batch struct {
	search  search
	items   []item
	late    []item // for lateLast
	now     int64
	tally   tally
	last    last
	changed bool // a trace of the batch has another ID than before
	noted   bool // so are its spans, for a trace of several requests
	final   bool // the items have waited
}

// last is the last result without a conflict: consecutive items often belong to one trace.
type last struct {
	trace pcommon.TraceID
	id    string
	by    evidence
	at    spot
}

// item is what the first pass found out about a span, a log record or an exemplar.
type item struct {
	finding
	trace    pcommon.TraceID // when it came
	at       spot
	loser    string
	more     *more // nil for most
	outcome  outcome
	late     bool // it waits
	passed   bool // the correlation before this one found its ID, and has counted it
	resolved bool // its trace was found by its ID, or has the ID that it has
}

// add adds an item. What is behind the items is zero, so there is nothing to copy.
func (b *batch) add() *item {
	n := len(b.items)
	if n == cap(b.items) {
		b.items = slices.Grow(b.items, max(n, 64))
		clear(b.items[n:cap(b.items)])
	}
	b.items = b.items[:n+1]
	return &b.items[n]
}

// more is what few items have.
type more struct {
	shared  string   // an ID that is not that of one request
	aliases []string // of the trace's ID
	ids     []string // of the requests that the item links to
	links   int      // that lead to traces without an ID
}

// rest returns what few items have, to be changed.
func (it *item) rest() *more {
	if it.more == nil {
		it.more = &more{}
	}
	return it.more
}

func newCore(set component.TelemetrySettings, cfg *Config, of *state) (*core, error) {
	p, err := newPlan(cfg)
	if err != nil {
		return nil, err
	}
	p.seed = of.seed
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	c := &core{
		config: cfg, plan: p, hygiene: newHygiene(cfg), state: of, now: time.Now,
		stats: newStats(p), room: room{bytes: int64(cfg.MaxWaitBytes)}, builder: builder,
	}
	c.batches.New = func() any {
		return &batch{
			search: search{plan: c.plan, hygiene: &c.hygiene, maxBody: cfg.MaxBody},
			tally:  newTally(p),
		}
	}
	return c, c.observe()
}

func (c *core) begin() *batch {
	b := c.batches.Get().(*batch)
	b.now = c.now().UnixNano()
	return b
}

// end counts the batch and lets go of its strings.
func (c *core) end(b *batch, sig signal) {
	b.tally.invalid += int64(b.search.invalid)
	b.search.invalid = 0
	b.search.begin()
	b.search.recent.value = ""
	if c.state.followed && c.config.After == nil && sig != metrics {
		b.tally.leaveOpen()
	}
	c.stats.add(sig, &b.tally)
	b.last, b.changed, b.noted, b.final = last{}, false, false, false
	clear(b.items)
	b.items = b.items[:0]
	c.batches.Put(b)
}

// components are those of one factory.
type components = sharedcomponent.Components[Config, *core]

// join returns the component's core, and what gives it back.
func join(all *components, memories *states, set processor.Settings, cfg *Config) (*core, func(), error) {
	share, err := all.Join(cfg, func() (*core, error) {
		of, leave, err := memories.join(set.ID, cfg)
		if err != nil {
			return nil, err
		}
		c, err := newCore(set.TelemetrySettings, cfg, of.state)
		if err != nil {
			leave()
			return nil, err
		}
		c.leave, c.check = leave, func() error { return memories.check(set.ID, cfg) }
		return c, nil
	})
	if err != nil {
		return nil, nil, err
	}
	return share.Value, func() {
		if share.Leave() {
			share.Value.builder.Shutdown()
			share.Value.leave()
		}
	}, nil
}
