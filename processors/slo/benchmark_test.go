// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// catalogOf is a catalog of n services with one SLO each.
func catalogOf(n int) []*catalog.Service {
	services := make([]*catalog.Service, n)
	for i := range services {
		services[i] = checkout()
		services[i].Name = fmt.Sprint("service-", i)
	}
	return services
}

// batches are the counters of every service from one sender, 500 services a batch, at the time.
func batches(services []*catalog.Service, value float64, at time.Time) []pmetric.Metrics {
	var all []pmetric.Metrics
	for i, s := range services {
		c := newCounter(noon)
		c.service, c.good, c.bad = s.Name, 10*value, value
		md := c.metrics(at)
		if i%500 == 0 {
			all = append(all, md)
			continue
		}
		sum := func(md pmetric.Metrics) pmetric.NumberDataPointSlice {
			return md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints()
		}
		sum(md).MoveAndAppendTo(sum(all[len(all)-1]))
	}
	return all
}

// feed sends the counters for a number of flush intervals.
func (r *benchRig) feed(tb testing.TB, services []*catalog.Service, intervals int) {
	tb.Helper()
	for n := range intervals {
		r.clock = r.clock.Add(5 * time.Second)
		for _, md := range batches(services, float64(n+1), r.clock) {
			_, err := r.consume(tb.Context(), md)
			require.NoError(tb, err)
		}
	}
}

var sizes = []int{10, 1000, 10000}

// The cost of one point, from a batch of a thousand.
func BenchmarkPoint(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n, "SLOs"), func(b *testing.B) {
			b.ReportAllocs()
			services := catalogOf(n)
			r := newBenchRig(b, services)
			r.feed(b, services, 2)
			var perRound, points, round int
			for b.Loop() {
				b.StopTimer()
				round++
				r.clock = r.clock.Add(5 * time.Second)
				input := batches(services, float64(10+round), r.clock)
				b.StartTimer()
				perRound = 0
				for _, md := range input {
					_, _ = r.consume(b.Context(), md)
					perRound += md.DataPointCount()
				}
				points += perRound
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(points), "ns/point")
		})
	}
}

// A flush of everything, as the first one and the last one are.
func BenchmarkFlush(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n, "SLOs"), func(b *testing.B) {
			b.ReportAllocs()
			services := catalogOf(n)
			r := newBenchRig(b, services)
			r.feed(b, services, 2)
			for b.Loop() {
				r.clock = r.clock.Add(5 * time.Second)
				r.flush(b.Context(), r.clock, true)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/SLO")
		})
	}
}

// Five seconds of 10,000 SLOs whose counters arrive but do not increase, and of 1,000 services with two SLOs whose counters do: what
// the counters cost, and what the looks, which are all that is timed here.
func BenchmarkFlushInterval(b *testing.B) {
	for _, test := range []struct {
		name  string
		slos  int
		moves bool
	}{{"idle10000", 10_000, false}, {"traffic2000", 2_000, true}} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			services := catalogOf(test.slos)
			r := newBenchRig(b, services)
			r.feed(b, services, 30)
			round := 100
			for b.Loop() {
				b.StopTimer()
				if test.moves {
					round++
				}
				input := batches(services, float64(round), r.clock)
				for _, md := range input {
					each(md, func(dp pmetric.NumberDataPoint) {
						if out, _ := dp.Attributes().Get(semconv.SLOOutcome); out.Str() == semconv.Bad {
							dp.SetDoubleValue(float64(3*round + round%2)) // so that the share of bad events changes each time
						}
					})
					_, _ = r.consume(b.Context(), md)
				}
				b.StartTimer()
				for range 20 {
					r.clock = r.clock.Add(r.config.FlushInterval / 20)
					r.flush(b.Context(), r.clock, false)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/5000, "ms/s")
		})
	}
}

// What it costs to save everything in file_storage; the processor spreads it over checkpoint_interval.
func BenchmarkCheckpoint(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n, "SLOs"), func(b *testing.B) {
			b.ReportAllocs()
			services := catalogOf(n)
			r := newBenchRig(b, services)
			host := fakeHost{map[component.ID]component.Component{fileStorage: openStorage(b, b.TempDir())}}
			var err error
			r.store, err = checkpoint.Open(b.Context(), host, &fileStorage, component.KindProcessor, r.id, checkpointVersion)
			require.NoError(b, err)
			defer func() { require.NoError(b, r.store.Close(b.Context())) }()
			r.config.Storage = &fileStorage
			r.feed(b, services, 40)
			for b.Loop() {
				for i := range r.shards {
					r.shards[i].changed = true
				}
				r.checkpoint(b.Context(), r.clock, true)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/SLO")
			var size int
			for i := range r.shards {
				size += len(first(r.shards[i].encode()))
			}
			b.ReportMetric(float64(size)/float64(n), "B/SLO")
		})
	}
}

// The stated bounds: 16 KiB for an SLO with events, 1.25 KiB for one without, all of it measured.
func TestMemoryPerSLO(t *testing.T) {
	perSLO := func(value float64) float64 {
		const n = 10000
		services := catalogOf(n)
		r := newBenchRig(t, services)
		for _, md := range batches(services, value, noon.Add(time.Second)) {
			_, err := r.consume(t.Context(), md)
			require.NoError(t, err)
		}
		heap := func() float64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return float64(m.HeapAlloc)
		}
		all := heap()
		for i := range r.shards {
			r.shards[i].slos = nil
		}
		r.slos.Store(&map[key]*tracked{})
		all -= heap()
		runtime.KeepAlive(services)
		return all / n
	}
	busy, quiet := perSLO(1), perSLO(0)
	t.Logf("%.0f bytes an SLO with events, %.0f without", busy, quiet)
	require.Less(t, busy, 16.0*1024)
	require.Less(t, quiet, 1280.0)
	require.Greater(t, busy-quiet, 2000.0, "the rings and the minutes")
}

// A month of an SLO with ten events a second, of which one in a hundred is bad, as its counters give it: each increase is spread over
// the five seconds before its point, so that most minutes have a fraction of an event.
func monthOf(tb testing.TB, o *objective, now time.Time, random *rand.Rand) *history {
	tb.Helper()
	at := now.Add(-30*day - hour).UnixNano()
	h := newHistory(at, o)
	for at < now.UnixNano() {
		to := min(at+int64(5*time.Second), now.UnixNano())
		h.advance(to, o)
		h.add(at, to, good, count(random.IntN(100))*oneEvent)
		h.add(at, to, bad, count(random.IntN(100)/99)*oneEvent)
		at = to
	}
	return h
}

// The start with a month of history of each SLO, and what that takes in storage and in memory.
func BenchmarkStart(b *testing.B) {
	for _, c := range []struct {
		n     int
		hours bool // of operation: the SLOs have a view
	}{{10, false}, {1000, false}, {1000, true}, {10000, false}} {
		name, n := fmt.Sprint(c.n, "SLOs"), c.n
		if c.hours {
			name += "WithHours"
		}
		b.Run(name, func(b *testing.B) {
			services, dir := catalogOf(n), b.TempDir()
			if c.hours {
				for _, s := range services {
					s.SLOs[0].OperatingHours = []catalog.OperatingHours{{Every: recurrence("weekday 08:00-18:00 Europe/Madrid")}}
				}
			}
			host := fakeHost{map[component.ID]component.Component{fileStorage: openStorage(b, dir)}}
			open := func() *benchRig {
				r := newBenchRig(b, nil)
				r.config.Storage = &fileStorage
				var err error
				r.store, err = checkpoint.Open(b.Context(), host, &fileStorage, component.KindProcessor, r.id, checkpointVersion)
				require.NoError(b, err)
				r.archive = &archive{r.store, r.damagedHour}
				return r
			}
			r := open()
			random := rand.New(rand.NewPCG(1, 2))
			o := newObjective(services[0], services[0].SLOs[0])
			months := make([]*history, min(n, 3))
			for i := range months {
				months[i] = monthOf(b, o, noon, random)
			}
			for i := range r.shards {
				r.shards[i].archive = r.archive
			}
			r.adopt(&catalog.Catalog{Services: services})
			var chunks []checkpoint.Record
			for i, s := range services {
				k := key{s.Namespace, s.Name, s.SLOs[0].Name}
				h := months[i%len(months)].clone()
				h.minutes.id = random.Uint64()
				h.minutes.kept = nil
				h.minutes.archive = r.archive
				of := months[(i+1)%len(months)] // its minutes
				for j := range h.minutes.hours[good].n {
					hour := of.minutes.hour(of.minutes.first + int64(j))
					h.minutes.setHour(j, hour.all())
					h.minutes.kept = append(h.minutes.kept, keptChunk{hour: h.minutes.first + int64(j), data: hour.encode()})
				}
				chunks = append(chunks, h.minutes.records()...)
				h.minutes.kept = nil
				h.total = sum{h.minutes.hours[good].sum(0, h.minutes.hours[good].n) + h.minutes.open[good].sum(0, h.minutes.open[good].n),
					h.minutes.hours[bad].sum(0, h.minutes.hours[bad].n) + h.minutes.open[bad].sum(0, h.minutes.open[bad].n)}
				one := r.shards[k.shard()].slos[k].instance("production")
				one.history, one.received, one.created = h, noon.UnixNano(), noon.Add(-30*day).UnixNano()
				one.measured = measured{{one.created, one.received}}
				if len(chunks) > 20_000 || i == n-1 {
					require.NoError(b, r.store.Save(b.Context(), chunks...))
					chunks = nil
				}
			}
			for i := range r.shards {
				r.shards[i].changed = true
			}
			r.checkpoint(b.Context(), noon, true)
			require.NoError(b, r.store.Close(b.Context()))
			var size int64
			require.NoError(b, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
				if info, failed := os.Stat(path); err == nil && failed == nil && !info.IsDir() {
					size += info.Size()
				}
				return err
			}))
			var again *benchRig
			for b.Loop() {
				again = open()
				require.NoError(b, again.restore(b.Context()))
				again.adopt(&catalog.Catalog{Services: services})
				again.flush(b.Context(), noon.Add(time.Second), true)
				b.StopTimer()
				require.NoError(b, again.store.Close(b.Context()))
				b.StartTimer()
			}
			heap := func() float64 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return float64(m.HeapAlloc)
			}
			r, months = nil, nil //nolint:ineffassign // or they would be in the figures
			all := heap()
			for i := range again.shards {
				again.shards[i].slos = nil
			}
			again.slos.Store(&map[key]*tracked{})
			b.ReportMetric((all-heap())/float64(n), "memory-B/SLO")
			b.ReportMetric(float64(size)/float64(n), "disk-B/SLO")
			runtime.KeepAlive(services)
		})
	}
}
