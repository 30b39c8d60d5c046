// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// A request is what one call adds to the counters. It is judged first, without a lock, and then committed as a whole.
type request struct {
	now   time.Time
	times times
	parts []part
	// record is the request's record in the journal.
	record checkpoint.Writer
	// logs are the identities of the log records so far, and copies how often each occurred, once one did twice.
	logs   []uint64
	copies map[uint64]uint64
}

// A part of a request is one resource. Either spans or logs is valid.
type part struct {
	*batch
	service   *counted
	into      *version
	overLimit string
	isLogs    bool
	spans     ptrace.ResourceSpans
	logs      plog.ResourceLogs
}

var requests = sync.Pool{New: func() any { return &request{} }}

func (c *core) begin(now time.Time) *request {
	r := requests.Get().(*request)
	r.now, r.times = now, c.timesAt(now)
	return r
}

// part adds a part, to be judged into its batch.
func (c *core) part(r *request, p part, rules int, sender uint64) *part {
	p.batch = batches.Get().(*batch)
	p.reset(rules, c.config.Exemplars)
	p.times, p.hash, p.sender = r.times, c.hash, sender
	p.ledger, p.sampled = c.ledger != nil, p.service.books.sampled.Load()
	p.batch.into, p.of, p.batch.now = p.into, p.service.service, r.now
	r.parts = append(r.parts, p)
	return &r.parts[len(r.parts)-1]
}

// judge judges the part, for the first time or, when some events were recognized, again without them.
func (p *part) judge(ctx context.Context) {
	if p.isLogs {
		p.countLogs(ctx, p.service, p.logs)
	} else {
		p.countSpans(ctx, p.service, p.spans)
	}
}

// commit adds the request to the counters once: what was seen before is left out, the journal has the rest before the
// counters do, and a checkpoint has all of it or nothing.
func (c *core) commit(ctx context.Context, r *request) {
	if len(r.parts) > 0 {
		again := c.commitParts(ctx, r)
		for i := range r.parts {
			c.finish(ctx, r, &r.parts[i])
		}
		if again > 0 {
			c.recognized(ctx, again)
		}
	}
	clear(r.parts)
	r.parts, r.logs, r.copies = r.parts[:0], r.logs[:0], nil
	requests.Put(r)
}

// recognized counts the events that were recognized. They may belong to a request that is on its way into the journal, and their
// sender must not get an answer before they are there. So this waits for all that are being committed.
func (c *core) recognized(ctx context.Context, events int64) {
	c.commits.Lock()
	defer c.commits.Unlock()
	c.telemetry.builder.ConnectorSliEventsDeduplicated.Add(ctx, events)
}

func (c *core) commitParts(ctx context.Context, r *request) (again int64) {
	reserved := c.admit(r)
	defer c.commits.RUnlock()
	for i := range r.parts {
		p := &r.parts[i]
		if n := c.recognize(r, p); n > 0 {
			again += int64(n)
			p.judge(ctx)
		}
		reserved -= len(p.ids) - p.nameless - p.recognized
	}
	if c.seen != nil {
		c.seen.Release(reserved)
	}
	segment, err := c.append(r)
	if err != nil {
		c.journalFailed.Store(true)
		c.failed(ctx, r.now, flush.Journal, "A request could not be written to the journal; it is counted, and saved with the next checkpoint", err)
	}
	for i := range r.parts {
		p := &r.parts[i]
		p.service.add(c.registry, p.into, p.tallies[:p.used], r.now, c.config.CorrelationAttribute, segment)
		c.book(p, r.now)
	}
	return again
}

// finish reports what there is to say of the part and gives its batch back.
func (c *core) finish(ctx context.Context, r *request, p *part) {
	b := p.batch
	if b.newest != 0 && c.config.LateAfter > 0 {
		c.fleet.Observe(b.sender, b.newest.AsTime(), r.now)
	}
	b.overLimit(p.overLimit)
	c.telemetry.report(ctx, b.remarks)
	b.release()
}

// admit begins to commit: c.commits is held for reading, and there is room for the identities of the request.
func (c *core) admit(r *request) (reserved int) {
	for i := range r.parts {
		reserved += len(r.parts[i].ids) - r.parts[i].nameless
	}
	if c.journal != nil {
		if _, reached := c.journal.Size(); reached {
			c.nextSegment(r.now)
		}
	}
	c.commits.RLock()
	for c.seen != nil && !c.seen.Reserve(reserved, r.now) {
		c.commits.RUnlock()
		c.makeRoom(reserved, r.now)
		c.commits.RLock()
	}
	return reserved
}

func (c *core) nextSegment(now time.Time) {
	c.commits.Lock()
	defer c.commits.Unlock()
	if _, reached := c.journal.Size(); reached {
		c.rotate(now, c.generation())
	}
}

// makeRoom makes room for identities. A new generation of them begins with a new segment of the journal.
func (c *core) makeRoom(n int, now time.Time) {
	c.commits.Lock()
	defer c.commits.Unlock()
	generation := c.seen.Generation
	if c.seen.Advance(n, now) {
		c.rotate(now, generation)
	}
}

// recognize remembers the part's events and marks those that are remembered already.
func (c *core) recognize(r *request, p *part) (again int) {
	if c.seen == nil || len(p.ids) == p.nameless {
		return 0
	}
	if p.isLogs {
		again = c.recognizeLogs(r, p.batch)
	} else {
		p.skip, again = c.seen.AddAll(p.ids, p.skip)
	}
	p.recognized = again
	if again > 0 {
		p.again()
	}
	return again
}

// recognizeLogs is for log records, which may be equal and yet several: the second of two in a request has an identity of
// its own, and the third, and so on. When the request is sent again they are recognized all the same.
func (c *core) recognizeLogs(r *request, b *batch) (again int) {
	mark := func(i int) {
		if again == 0 {
			b.skip = append(b.skip[:0], make([]bool, len(b.ids))...)
		}
		b.skip[i] = true
		again++
	}
	for i, id := range b.ids {
		if id == 0 {
			continue
		}
		if c.seen.Add(id) {
			r.logs = append(r.logs, id)
			if r.copies != nil {
				r.copies[id]++
			}
			continue
		}
		if r.copies == nil {
			r.copies = make(map[uint64]uint64, len(r.logs)+1)
			for _, id := range r.logs {
				r.copies[id]++
			}
		}
		copies := r.copies[id]
		r.copies[id] = copies + 1
		if copies == 0 {
			mark(i)
			continue
		}
		b.ids[i] = c.hash.Sum(id, copies)
		if !c.seen.Add(b.ids[i]) {
			mark(i)
		}
	}
	return again
}

// senderOf tells the resource from others, for the time on which senders agree.
func (c *core) senderOf(id judge.Identity) uint64 {
	return c.senders.hash(id.Name) ^ c.senders.hash(id.Environment)*3 ^ c.senders.hash(id.Version)*5 ^ c.senders.hash(id.Instance)*7
}
