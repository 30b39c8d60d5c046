// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	deduplicated  = "otelcol_connector_sli_events_deduplicated"
	flushFailures = "otelcol_connector_sli_flush_failures"
)

// exactly is the default of deduplication and of lateness, which other tests switch off.
func exactly(cfg *Config, _ host) {
	d := createDefaultConfig().(*Config)
	cfg.Deduplicate, cfg.LateAfter = d.Deduplicate, d.LateAfter
}

// disk is what outlives a process: the folders of the storage extension and of the journal.
type disk struct{ storage, journal string }

func newDisk(t testing.TB) disk { return disk{t.TempDir(), filepath.Join(t.TempDir(), "journal")} }

func (d disk) on(t testing.TB) option {
	return func(cfg *Config, h host) {
		exactly(cfg, h)
		stored(t, d.storage)(cfg, h)
		cfg.Journal.Directory = d.journal
	}
}

// killed is what a process leaves that is killed now.
func (d disk) killed(t testing.TB) disk { return disk{copyOf(t, d.storage), copyOf(t, d.journal)} }

func (d disk) segments(t testing.TB) []string {
	found, err := filepath.Glob(filepath.Join(d.journal, "*.journal"))
	require.NoError(t, err)
	return found
}

// spansAt are n spans of new IDs that ended at a time; the first is bad.
func spansAt(ended time.Time, n int, resource ...string) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	fill(rs.Resource().Attributes(), checkout(resource...))
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for i := range n {
		span := spans.AppendEmpty()
		var trace [16]byte
		var id [8]byte
		binary.LittleEndian.PutUint64(trace[:], rand.Uint64())
		binary.LittleEndian.PutUint64(id[:], rand.Uint64()|1)
		span.SetTraceID(trace)
		span.SetSpanID(id)
		span.SetKind(server)
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(ended.Add(-time.Millisecond)))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(ended))
		if i == 0 {
			span.Status().SetCode(ptrace.StatusCodeError)
		}
	}
	return td
}

// availability is the good and bad events that the flush has of the SLO, of any version.
func (f *fixture) availability(t testing.TB) [2]float64 {
	t.Helper()
	var sum [2]float64
	for _, line := range f.counts(t) {
		var value float64
		words := strings.Fields(line)
		_, err := fmt.Sscan(words[3], &value)
		require.NoError(t, err)
		if words[1] == "availability" {
			sum[map[string]int{semconv.Good: 0, semconv.Bad: 1}[words[2]]] += value
		}
	}
	return sum
}

func (f *fixture) total(t testing.TB, metric string) int64 {
	t.Helper()
	m, err := f.telemetry.GetMetric(metric)
	if err != nil {
		return 0
	}
	return sumOf(m)
}

// A kill -9 loses nothing that was acknowledged: not the counts since the last flush, not a version that no checkpoint has, and
// not what is remembered of the events, because senders send again just then.
func TestKillLosesNothing(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	first := start(t, cat, d.on(t))
	first.traces(t, spansAt(epoch, 10))
	require.Equal(t, [2]float64{9, 1}, first.availability(t))
	second := spansAt(epoch, 20, "service.version", "2.0")
	first.traces(t, second)
	first.traces(t, spansAt(epoch.Add(-time.Hour), 5))
	restarted := d.killed(t)

	next := start(t, cat, restarted.on(t))
	next.clock.add(time.Minute)
	next.traces(t, second)
	require.Equal(t, int64(20), next.total(t, deduplicated))
	want := texts(first.flush(t))
	md := next.flush(t)
	require.Equal(t, want, texts(md))
	require.Contains(t, want, "checkout/production/2.0 availability good 19")
	require.Equal(t, lateOf(first.flush(t)), lateOf(md))
	starts := func(f *fixture) (found []string) {
		for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
			found = append(found, attr(p, semconv.ServiceVersion)+p.StartTimestamp().String())
		}
		return found
	}
	require.ElementsMatch(t, starts(first), starts(next), "the same series")

	// And once more, with a journal of two processes.
	next.traces(t, spansAt(epoch, 7))
	last := start(t, cat, restarted.killed(t).on(t))
	require.Equal(t, [2]float64{9 + 19 + 6, 3}, last.availability(t))
}

// Whatever is sent, flushed, swapped and killed in whatever order: what is emitted is never above what a restart restores, and a restart
// restores all that was sent.
func TestKillAtAnyTime(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	catalogs := []*catalog.Catalog{catalogOf(t, checkoutService), catalogOf(t, checkoutService, oneSLO("name: cart", ""))}
	d := newDisk(t)
	f := start(t, catalogs[0], d.on(t))
	var sent, emitted [2]float64
	var last ptrace.Traces
	for step := range 400 {
		f.clock.add(time.Duration(random.IntN(20)) * time.Second)
		switch random.IntN(10) {
		default:
			n := 1 + random.IntN(30)
			last = spansAt(f.clock.Now(), n, "service.version", strconv.Itoa(random.IntN(5)))
			f.traces(t, last)
			sent[0] += float64(n - 1)
			sent[1]++
		case 0, 1:
			emitted = f.availability(t)
			require.Equal(t, sent, emitted, "step %d", step)
		case 2:
			f.source.swap(catalogs[random.IntN(2)])
		case 3:
			d = d.killed(t)
			f = start(t, f.source.catalog, d.on(t))
			if step > 0 && sent[1] > 0 {
				f.clock.add(time.Duration(step) * time.Minute)
				f.traces(t, last) // as a client does that had no answer
			}
			restored := f.availability(t)
			require.Equal(t, sent, restored, "step %d", step)
			require.GreaterOrEqual(t, restored[0], emitted[0])
		}
	}
	require.Greater(t, sent[1], 100.0)
}

// A record that was not written to its end was not acknowledged. What is before it counts.
func TestTornRecord(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	first := start(t, cat, d.on(t))
	first.traces(t, spansAt(epoch, 10))
	before := size(t, d.segments(t)[0])
	first.traces(t, spansAt(epoch, 10))
	after := size(t, d.segments(t)[0])
	require.Greater(t, after, before)
	for length := before; length <= after; length += 7 {
		torn := d.killed(t)
		require.NoError(t, os.Truncate(torn.segments(t)[0], length))
		next := start(t, cat, torn.on(t))
		require.Equal(t, [2]float64{9, 1}, next.availability(t), "%d of %d bytes", length, after)
		require.Zero(t, next.counter(t, flushFailures, flush.Restore), "no damage")
	}
}

func size(t testing.TB, path string) int64 {
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Size()
}

// A damaged journal counts up to the damage, says so, is kept, and the next one is sound.
func TestDamagedJournal(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	first := start(t, cat, d.on(t))
	first.traces(t, spansAt(epoch, 10))
	sound := size(t, d.segments(t)[0])
	first.traces(t, spansAt(epoch, 10))
	first.traces(t, spansAt(epoch, 10))
	after := d.killed(t)
	flip(t, after.segments(t)[0], sound+40)

	second := start(t, cat, after.on(t), func(cfg *Config, _ host) { cfg.Deduplicate.Window = time.Minute })
	require.Equal(t, int64(1), second.counter(t, flushFailures, flush.Restore))
	second.traces(t, spansAt(epoch, 5))
	require.Equal(t, [2]float64{9 + 4, 2}, second.availability(t))
	third := start(t, cat, after.killed(t).on(t))
	require.Equal(t, [2]float64{9 + 4, 2}, third.availability(t))

	for range 3 { // the events in it are forgotten
		second.clock.add(2 * time.Minute)
		second.traces(t, spansAt(second.clock.Now(), 1))
		second.flush(t)
	}
	kept, err := filepath.Glob(filepath.Join(after.journal, "damaged-*"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
}

func flip(t testing.TB, path string, at int64) {
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	content[at] ^= 1
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

// While nothing can be written to the journal, everything counts, is saved with each flush, and the failure is counted.
func TestJournalCannotBeWritten(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	first := start(t, cat, d.on(t))
	require.NoError(t, os.RemoveAll(d.journal))
	first.traces(t, spansAt(epoch, 10))
	first.traces(t, spansAt(epoch, 10))
	require.Equal(t, int64(2), first.counter(t, flushFailures, flush.Journal))
	require.Equal(t, [2]float64{18, 2}, first.availability(t))
	require.NoError(t, os.MkdirAll(d.journal, 0o700))
	second := start(t, cat, d.killed(t).on(t))
	require.Equal(t, [2]float64{18, 2}, second.availability(t))

	first.traces(t, spansAt(epoch, 10)) // there is room again
	require.Equal(t, int64(2), first.counter(t, flushFailures, flush.Journal))
	third := start(t, cat, d.killed(t).on(t))
	require.Equal(t, [2]float64{27, 3}, third.availability(t))
}

// The journal holds what a storage that does not write cannot keep.
func TestOnlyTheStorageIsFull(t *testing.T) {
	cat, journal := catalogOf(t, checkoutService), filepath.Join(t.TempDir(), "journal")
	state := memory{}
	on := func(failing bool, dir string) option {
		return func(cfg *Config, h host) {
			exactly(cfg, h)
			cfg.Storage, cfg.Journal.Directory = &storageID, dir
			h[storageID] = state
			if failing {
				h[storageID] = full{state}
			}
		}
	}
	require.NoError(t, startUnbound(t, cat, on(false, journal)).Shutdown(t.Context()))
	f := startUnbound(t, cat, on(true, journal))
	for range 5 {
		f.traces(t, spansAt(epoch, 10))
		f.clock.add(checkpointEvery)
		f.flush(t)
	}
	require.GreaterOrEqual(t, f.counter(t, flushFailures, flush.Save), int64(5))
	next := start(t, cat, on(false, copyOf(t, journal)))
	require.Equal(t, [2]float64{45, 5}, next.availability(t))
	require.NoError(t, f.Shutdown(t.Context()))
}

// A journal that is removed under a running collector is noticed with the next checkpoint.
func TestJournalIsRemoved(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	first := start(t, cat, d.on(t))
	first.traces(t, spansAt(epoch, 10))
	require.NoError(t, os.Remove(d.segments(t)[0]))
	first.clock.add(checkpointEvery)
	first.flush(t)
	require.Equal(t, int64(1), first.counter(t, flushFailures, flush.Journal))
	first.traces(t, spansAt(first.clock.Now(), 10))
	second := start(t, cat, d.killed(t).on(t))
	second.clock.add(checkpointEvery)
	require.Equal(t, [2]float64{18, 2}, second.availability(t))
}

// Of another storage, or of a time without a journal, nothing is counted again.
func TestJournalOfAnotherStorage(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	first := start(t, cat, d.on(t))
	batch := spansAt(epoch, 10)
	first.traces(t, batch)
	other := disk{t.TempDir(), copyOf(t, d.journal)}
	second := start(t, cat, other.on(t))
	second.traces(t, batch)
	require.Equal(t, [2]float64{0, 0}, second.availability(t))
	require.Equal(t, int64(10), second.total(t, deduplicated), "but what was seen was seen")

	without := startUnbound(t, cat, exactly, stored(t, d.killed(t).storage))
	require.NoError(t, without.Shutdown(t.Context()))
}

func TestJournalIsSwitchedOffAndOn(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	first := start(t, cat, d.on(t))
	first.traces(t, spansAt(epoch, 10))
	d = d.killed(t)
	off := func(cfg *Config, _ host) { cfg.Journal.Directory = "" }
	second := startUnbound(t, cat, d.on(t), off)
	second.traces(t, spansAt(epoch, 10))
	require.NoError(t, second.Shutdown(t.Context()))
	third := start(t, cat, disk{copyOf(t, d.storage), d.journal}.on(t))
	require.Equal(t, [2]float64{9, 1}, third.availability(t), "what was in the journal only is not added when it no longer fits")
}

func TestTwoOnOneFolder(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	start(t, cat, d.on(t))
	cfg := createDefaultConfig().(*Config)
	h := host{cfg.Catalog: &source{catalog: cat, subscribers: map[int]func(*catalog.Catalog){}}}
	disk{t.TempDir(), d.journal}.on(t)(cfg, h)
	i := instanceOf(t, NewFactory(), cfg)
	require.ErrorContains(t, i.Start(t.Context(), h), "journal::directory: the folder")
	require.NoError(t, i.Shutdown(t.Context()))
}

// Old segments go when a checkpoint has their counts and their events are forgotten.
func TestSegmentsAreForgotten(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	f := start(t, cat, d.on(t), func(cfg *Config, _ host) { cfg.Deduplicate.MaxEvents = 1000 })
	var events float64
	for i := range 50 {
		f.traces(t, spansAt(f.clock.Now(), 300))
		events += 300
		if i%5 == 4 {
			f.clock.add(checkpointEvery)
			f.flush(t)
		}
	}
	require.LessOrEqual(t, len(d.segments(t)), 4)
	total := f.availability(t)
	require.Equal(t, events, total[0]+total[1])
	next := start(t, cat, d.killed(t).on(t))
	next.clock.add(time.Hour)
	require.Equal(t, total, next.availability(t))
}

// The same request by several connections at the same time counts once, and nobody is answered before it is in the journal.
func TestSentAtTheSameTime(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	f := start(t, cat, d.on(t))
	const rounds, senders = 200, 8
	for range rounds {
		batch := spansAt(epoch, 20)
		batch.MarkReadOnly()
		var all sync.WaitGroup
		for range senders {
			all.Go(func() { assert.NoError(t, f.ConsumeTraces(context.Background(), batch)) })
		}
		all.Wait()
	}
	require.Equal(t, [2]float64{rounds * 19, rounds}, f.availability(t))
	require.Equal(t, int64(rounds*20*(senders-1)), f.total(t, deduplicated))
	next := start(t, cat, d.killed(t).on(t))
	require.Equal(t, [2]float64{rounds * 19, rounds}, next.availability(t))
}

// The clock of the machine ran an hour ahead while a series began, and was set right before the collector was started again.
func TestClockIsSetBackOverARestart(t *testing.T) {
	dir, cat := t.TempDir(), catalogOf(t, checkoutService)
	first := startUnbound(t, cat, stored(t, dir))
	first.clock.add(time.Hour)
	first.flush(t)
	first.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	first.flush(t)
	require.NoError(t, first.Shutdown(t.Context()))
	second := start(t, cat, stored(t, dir))
	second.clock.add(time.Minute)
	var before pcommon.Timestamp
	for range 3 {
		second.traces(t, tracesOf(checkout(), spanOf{kind: server}))
		var now pcommon.Timestamp
		for _, p := range points(second.flush(t), semconv.SLOEvents.Name) {
			require.LessOrEqual(t, p.StartTimestamp(), p.Timestamp(), "starts %v, is of %v", p.StartTimestamp().AsTime(), p.Timestamp().AsTime())
			require.Greater(t, p.Timestamp(), before, "stores keep one point of a time")
			now = max(now, p.Timestamp())
		}
		before = now
	}
}

// While generations and segments begin and checkpoints are made, everything that is sent counts, except for what was recognized; and a kill loses
// nothing of it.
func TestConcurrentRequestsAndGenerations(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	f := start(t, cat, d.on(t), func(cfg *Config, _ host) {
		cfg.Deduplicate.MaxEvents = 1000
		cfg.LateAfter = 0 // the clock is fast
	})
	const senders, requests, spans = 8, 50, 60
	var all, flusher sync.WaitGroup
	done := make(chan struct{})
	flusher.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				f.clock.add(time.Second)
				f.core.flush(context.Background())
			}
		}
	})
	for range senders {
		all.Go(func() {
			for i := range requests {
				batch := spansAt(f.clock.Now(), spans, "service.version", strconv.Itoa(i%3))
				assert.NoError(t, f.ConsumeTraces(context.Background(), batch))
				assert.NoError(t, f.ConsumeTraces(context.Background(), batch))
			}
		})
	}
	all.Wait()
	close(done)
	flusher.Wait()
	recognized := f.total(t, deduplicated)
	require.Positive(t, recognized)
	want := f.availability(t)
	require.Equal(t, float64(2*senders*requests*spans-recognized), want[0]+want[1])
	next := start(t, cat, d.killed(t).on(t))
	next.clock.add(time.Hour)
	require.Equal(t, want, next.availability(t))
}
