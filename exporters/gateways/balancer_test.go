// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-sre/otelcol-sre/exporters/gateways/internal/metadatatest"
	"github.com/otelcol-sre/otelcol-sre/internal/encoded"
)

func stations(t testing.TB, n int) []*station {
	all := make([]*station, n)
	for i := range all {
		all[i] = newStation(t)
	}
	return all
}

var nop = componenttest.NewNopHost()

// Agents that list the gateways in different orders send each trace to the same one. Nothing is lost, and the data that they get stays as it is.
func TestTracesMeet(t *testing.T) {
	for name, change := range map[string]func(*Config){"": func(*Config) {}, "batches": batched, "no queue": func(c *Config) {
		c.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]()
	}} {
		t.Run(name, func(t *testing.T) {
			gateways := stations(t, 3)
			list := addresses(gateways...)
			one := newAgent(t, nop, testConfig(list, change))
			slices.Reverse(list)
			two := newAgent(t, nop, testConfig([]string{list[0] + " , " + list[1], list[2]}, change))
			for n := range 20 {
				td := batch(n, 10)
				td.MarkReadOnly()
				a := []*agent{one, two}[n%2]
				require.NoError(t, a.ConsumeTraces(t.Context(), td))
			}
			// The other half of the traces comes from the other agent.
			for n := range 20 {
				td := batch(n, 10)
				for _, rs := range td.ResourceSpans().All() {
					for _, s := range rs.ScopeSpans().At(0).Spans().All() {
						s.SetName("again " + s.Name())
					}
				}
				require.NoError(t, []*agent{two, one}[n%2].ConsumeTraces(t.Context(), td))
			}
			one.stop()
			two.stop()
			got := gathered(t, gateways...)
			require.Len(t, got, 2*20*10*2)
			for name, place := range expected(20, 10) {
				require.Equal(t, place, got[name])
				require.Equal(t, place, got["again "+name])
			}
			for _, g := range gateways {
				require.NotZero(t, g.count(), "each has a share")
			}
		})
	}
}

func TestOneGatewayGetsRequestsAsTheyAre(t *testing.T) {
	gateways := stations(t, 1)
	a := newAgent(t, nop, testConfig(addresses(gateways...)))
	for n := range 5 {
		a.send(n, 10)
	}
	a.stop()
	require.Equal(t, expected(5, 10), gathered(t, gateways...))
	require.Error(t, newAgentNotStarted(t).ConsumeTraces(t.Context(), batch(0, 1)))
}

func newAgentNotStarted(t *testing.T) tracesExporter {
	e, err := createTraces(t.Context(), settings(), testConfig([]string{"localhost:1"}))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	return e.(tracesExporter)
}

// A batch that is larger than a queue goes in parts.
func TestBatchLargerThanTheQueue(t *testing.T) {
	gateways := stations(t, 1)
	a := newAgent(t, nop, testConfig(addresses(gateways...), func(c *Config) {
		c.QueueConfig.Get().QueueSize = 4000
		c.QueueConfig.Get().BlockOnOverflow = true
	}))
	a.send(0, 200)
	a.stop()
	require.Equal(t, expected(1, 200), gathered(t, gateways...))
}

// What is for a gateway that is down waits, and does not hold up the others.
func TestOneGatewayIsDown(t *testing.T) {
	for name, change := range map[string]func(*Config){"memory": func(*Config) {}, "batches": batched, "disk": onDisk} {
		t.Run(name, func(t *testing.T) {
			gateways := stations(t, 3)
			gateways[1].down.Store(true)
			a := newAgent(t, withStorage(t, t.TempDir()), testConfig(addresses(gateways...), change))
			ring := a.ring.Load()
			share := 0
			for n := range 20 {
				a.send(n, 10)
				share += shareOf(ring, gateways[1], n, 10)
			}
			eventually(t, has(20*10*2-share, gateways[0], gateways[2]))
			require.Zero(t, gateways[1].count())
			gateways[1].down.Store(false)
			eventually(t, has(share, gateways[1]))
			a.stop()
			require.Equal(t, expected(20, 10), gathered(t, gateways...))
		})
	}
}

// shareOf is how many spans of a batch are for the gateway, by looking at each.
func shareOf(r *ring, s *station, n, count int) (share int) {
	for _, rs := range batch(n, count).ResourceSpans().All() {
		for _, span := range rs.ScopeSpans().At(0).Spans().All() {
			only := ptrace.NewTraces()
			span.CopyTo(only.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty())
			data, _ := (&ptrace.ProtoMarshaler{}).MarshalTraces(only)
			b := balancer{signal: encoded.Traces}
			parts, _ := b.divide(r, encoded.Chunk{Data: data, Items: 1})
			if r.gateways[parts[0].Gateway].endpoint == s.address {
				share++
			}
		}
	}
	return share
}

// If a queue is full, its part is dropped, and the sender is not made to repeat what the others got. If all are full, the sender keeps its data.
func TestFullQueues(t *testing.T) {
	gateways := stations(t, 2)
	gateways[0].down.Store(true)
	a := newAgent(t, nop, testConfig(addresses(gateways...), func(c *Config) { c.QueueConfig.Get().QueueSize = 40_000 }))
	for n := range 100 { // one trace after the other, so that the queue of the gateway that is up has room
		a.send(n, 10)
		eventually(t, func() bool { return has((n+1)*20-shareOfAll(a, gateways[0], n+1), gateways[1])() })
	}
	gateways[1].down.Store(true)
	var err error
	for n := 100; err == nil; n++ {
		err = a.ConsumeTraces(t.Context(), batch(n, 10))
		require.Less(t, n, 1000)
	}
	require.ErrorIs(t, err, exporterhelper.ErrQueueIsFull)
	require.False(t, consumererror.IsPermanent(err), "the sender keeps it")
}

func shareOfAll(a *agent, s *station, n int) (share int) {
	for n := range n {
		share += shareOf(a.ring.Load(), s, n, 10)
	}
	return share
}

// What a gateway refuses for good is not sent again.
func TestRefused(t *testing.T) {
	gateways := stations(t, 1)
	gateways[0].refuses.Store(true)
	a := newAgent(t, nop, testConfig(addresses(gateways...), func(c *Config) { c.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]() }))
	err := a.ConsumeTraces(t.Context(), batch(0, 1))
	require.True(t, consumererror.IsPermanent(err), "%v", err)
}

// What waits for a gateway goes to the others when it leaves the list, also if it is down, also from disk.
func TestGatewayLeaves(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"memory": func(*Config) {}, "batches": batched, "disk": onDisk, "disk and batches": func(c *Config) { onDisk(c); batched(c) },
	} {
		t.Run(name, func(t *testing.T) {
			gateways := stations(t, 3)
			gateways[1].down.Store(true)
			a := newAgent(t, withStorage(t, t.TempDir()), testConfig(addresses(gateways...), change, func(c *Config) {
				c.RetryConfig.InitialInterval, c.RetryConfig.MaxInterval = time.Hour, time.Hour // leaving does not wait for it
			}))
			for n := range 20 {
				a.send(n, 10)
			}
			leaving := a.gateway(gateways[1])
			eventually(t, leaving.failing.Load)
			a.list(gateways[0], gateways[2])
			for n := 20; n < 30; n++ {
				a.send(n, 10)
			}
			eventually(t, has(30*10*2, gateways[0], gateways[2]))
			eventually(t, func() bool { a.mu.Lock(); defer a.mu.Unlock(); return len(a.leaving) == 0 })
			require.ErrorIs(t, leaving.send(t.Context(), encoded.NewRequest(0)), errLeft)

			gateways[1].down.Store(false)
			a.list(gateways...) // it comes back, with a new queue
			require.NotSame(t, leaving, a.gateway(gateways[1]))
			for n := 30; n < 40; n++ {
				a.send(n, 10)
			}
			eventually(t, has(40*10*2, gateways...))
			require.NotZero(t, gateways[1].count())
			if a.rooms != nil {
				require.Len(t, a.rooms.Of, 3, "it has its old room")
			}
			a.stop()
			require.Equal(t, expected(40, 10), union(gateways...))
		})
	}
}

// union is all spans, where traces that moved are at two gateways.
func union(stations ...*station) map[string]string {
	all := map[string]string{}
	for _, s := range stations {
		s.mu.Lock()
		maps.Copy(all, s.spans)
		s.mu.Unlock()
	}
	return all
}

// A list that changes all the time, while data comes in and gateways go down, loses nothing.
func TestListChangesWhileDataComes(t *testing.T) {
	for name, change := range map[string]func(*Config){"memory": func(*Config) {}, "batches": batched, "disk": onDisk} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			gateways := stations(t, 4)
			a := newAgent(t, withStorage(t, t.TempDir()), testConfig(addresses(gateways...), change))
			done := make(chan error)
			for part := range 2 {
				go func() {
					var errs error
					for n := part; n < 200; n += 2 {
						errs = errors.Join(errs, a.ConsumeTraces(context.Background(), batch(n, 5)))
					}
					done <- errs
				}()
			}
			for running := 2; running > 0; {
				for _, g := range gateways {
					g.down.Store(random.IntN(3) == 0)
				}
				random.Shuffle(4, func(i, j int) { gateways[i], gateways[j] = gateways[j], gateways[i] })
				a.list(gateways[:1+random.IntN(4)]...)
				select {
				case err := <-done:
					require.NoError(t, err)
					running--
				default:
				}
			}
			for _, g := range gateways {
				g.down.Store(false)
			}
			eventually(t, func() bool { return len(union(gateways...)) == 200*5*2 })
			a.stop()
			require.Equal(t, expected(200, 5), union(gateways...))
			for _, g := range gateways {
				require.Empty(t, g.twice)
			}
		})
	}
}

// A queue on disk outlives the collector; of a gateway that is not in the list any more, it goes to the others.
func TestRestart(t *testing.T) {
	for name, batches := range map[string]func(*Config){"": func(*Config) {}, "batches": batched} {
		for _, stays := range []bool{true, false} {
			t.Run(fmt.Sprint(name, stays), func(t *testing.T) {
				directory := t.TempDir()
				gateways := stations(t, 3)
				for _, g := range gateways {
					g.down.Store(true)
				}
				list := addresses(gateways...)
				a := newAgent(t, withStorage(t, directory), testConfig(list, batches, onDisk))
				for n := range 20 {
					a.send(n, 10)
				}
				eventually(t, a.gateway(gateways[0]).failing.Load)
				a.stop()
				for _, g := range gateways {
					require.Zero(t, g.count())
					g.down.Store(false)
				}
				after := gateways
				if !stays {
					gateways[0].down.Store(true)
					after = gateways[1:]
				}
				a = newAgent(t, withStorage(t, directory), testConfig(addresses(after...), batches, onDisk))
				eventually(t, has(20*10*2, after...))
				if !stays {
					eventually(t, func() bool {
						a.mu.Lock()
						defer a.mu.Unlock()
						return len(a.leaving) == 0 && slices.Contains(a.rooms.Of, "")
					})
				}
				a.stop()
				require.Equal(t, expected(20, 10), gathered(t, after...))

				again := newAgent(t, withStorage(t, directory), testConfig(addresses(after...), batches, onDisk))
				require.Empty(t, again.leaving, "what is empty is forgotten")
				again.stop()
				require.Len(t, gathered(t, after...), 20*10*2, "nothing is sent again")
			})
		}
	}
}

func keepUnsent(c *Config) { c.Storage = &storageID }

// With storage, a queue in memory outlives the collector, too: what it could not send goes to the gateways of then.
func TestRestartWithUnsent(t *testing.T) {
	for name, change := range map[string]func(*Config){"": func(*Config) {}, "batches": batched} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			gateways := stations(t, 3)
			for _, g := range gateways[1:] {
				g.down.Store(true)
			}
			a := newAgent(t, withStorage(t, directory), testConfig(addresses(gateways...), change, keepUnsent))
			for n := range 20 {
				a.send(n, 10)
			}
			eventually(t, a.gateway(gateways[1]).failing.Load)
			a.list(gateways[1:]...) // also what is between two queues
			a.stop()

			gateways[2].down.Store(false)
			for range 2 {
				a = newAgent(t, withStorage(t, directory), testConfig(addresses(gateways[0], gateways[2]), change, keepUnsent))
				eventually(t, has(20*10*2, gateways...))
				a.stop()
			}
			require.Equal(t, expected(20, 10), union(gateways...))
			for _, g := range gateways {
				require.Empty(t, g.twice)
			}
		})
	}
}

// More than the queues have room for waits on disk. What is damaged is dropped.
func TestUnsentIsMoreThanQueues(t *testing.T) {
	directory := t.TempDir()
	gateways := stations(t, 1)
	gateways[0].down.Store(true)
	a := newAgent(t, withStorage(t, directory), testConfig(addresses(gateways...), keepUnsent))
	require.NoError(t, a.unsent.keep(t.Context(), []encoded.Chunk{{Data: []byte("damaged")}}))
	for n := range 5 {
		a.send(n, 20)
	}
	a.stop()
	h := withStorage(t, directory)
	small := func(c *Config) { c.QueueConfig.Get().QueueSize = 4000 }
	for range 2 { // what has no room stays, also over another restart
		a = newAgent(t, h, testConfig(addresses(gateways...), keepUnsent, small))
		eventually(t, a.gateway(gateways[0]).failing.Load)
		a.stop()
	}
	gateways[0].down.Store(false)
	a = newAgent(t, h, testConfig(addresses(gateways...), keepUnsent, small))
	eventually(t, has(5*20*2, gateways...))
	a.stop()
	require.Equal(t, expected(5, 20), gathered(t, gateways...))
	u, err := openUnsent(t.Context(), h, storageID, settings(), encoded.Traces)
	require.NoError(t, err)
	require.Equal(t, u.first, u.next)
	require.NoError(t, u.close(t.Context()))
}

// The gateway is still away, and the agent ends before its queue was given to the others: they get it after the next start.
func TestRestartWhileGatewayLeaves(t *testing.T) {
	directory := t.TempDir()
	gateways := stations(t, 2)
	for _, g := range gateways {
		g.down.Store(true)
	}
	small := func(c *Config) { c.QueueConfig.Get().QueueSize = 8000 }
	a := newAgent(t, withStorage(t, directory), testConfig(addresses(gateways...), onDisk, small))
	sent := 0
	for ; sent < 12; sent++ {
		a.send(sent, 4)
	}
	eventually(t, a.gateway(gateways[0]).failing.Load)
	a.list(gateways[1])
	a.stop()

	gateways[1].down.Store(false)
	a = newAgent(t, withStorage(t, directory), testConfig(addresses(gateways[1]), onDisk, small))
	eventually(t, func() bool { return len(union(gateways[1])) == sent*4*2 })
	a.stop()
	require.Equal(t, expected(sent, 4), union(gateways[1]))
}

// Queues on disk have a room each. Gateways with new addresses take rooms that are free, so files do not become more.
func TestRoomsAreUsedAgain(t *testing.T) {
	directory := t.TempDir()
	a := newAgent(t, withStorage(t, directory), testConfig(addresses(stations(t, 2)...), onDisk))
	for n := range 5 {
		gateways := stations(t, 2)
		a.list(gateways...)
		a.send(n, 10)
		eventually(t, has(20, gateways...))
		eventually(t, func() bool { a.mu.Lock(); defer a.mu.Unlock(); return len(a.leaving) == 0 })
	}
	a.stop()
	files, err := filepath.Glob(filepath.Join(directory, "exporter_gateways_*"))
	require.NoError(t, err)
	require.LessOrEqual(t, len(files), 1+4, "%s", files)
}

func TestStorageThatIsNotThere(t *testing.T) {
	e, err := createTraces(t.Context(), settings(), testConfig([]string{"localhost:1"}, onDisk))
	require.NoError(t, err)
	require.ErrorContains(t, e.Start(t.Context(), nop), "sending_queue::storage: file_storage is not a storage extension")
	require.NoError(t, e.Shutdown(t.Context()))
}

// Rooms that cannot be read are an error, not lost data.
func TestDamagedRooms(t *testing.T) {
	h := withStorage(t, t.TempDir())
	r, err := openRooms(t.Context(), h, storageID, settings(), encoded.Traces)
	require.NoError(t, err)
	require.NoError(t, r.client.Set(t.Context(), roomsKey, []byte("{")))
	require.NoError(t, r.close(t.Context()))
	_, err = openRooms(t.Context(), h, storageID, settings(), encoded.Traces)
	require.ErrorContains(t, err, "cannot be read")
}

func TestDNS(t *testing.T) {
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.WithoutCancel(t.Context()))) })
	gateways := stations(t, 1)
	_, port, err := net.SplitHostPort(gateways[0].address)
	require.NoError(t, err)
	config := testConfig(nil)
	dns := DNSConfig{Hostname: "gateways.test", Port: port, Interval: time.Hour, Timeout: time.Second}
	config.DNS = configoptional.Some(dns)
	require.NoError(t, config.Validate())
	set := settings()
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	e, err := createTraces(t.Context(), set, config)
	require.NoError(t, err)
	b := e.(tracesExporter).balancer
	var found []net.IPAddr
	failure := errors.New("no such host")
	b.lookup = func(_ context.Context, name string) ([]net.IPAddr, error) {
		require.Equal(t, "gateways.test", name)
		return found, failure
	}
	require.NoError(t, e.Start(t.Context(), nop), "the name may be there later")
	require.ErrorIs(t, e.ConsumeTraces(t.Context(), batch(0, 10)), errUnknown)

	found, failure = []net.IPAddr{{IP: net.ParseIP("127.0.0.1")}}, nil
	b.resolve(t.Context(), &dns)
	require.Equal(t, []string{gateways[0].address}, endpoints(b))
	require.NoError(t, e.ConsumeTraces(t.Context(), batch(0, 10)))

	found, failure = nil, errors.New("no answer")
	b.resolve(t.Context(), &dns)
	found, failure = nil, nil // no address is no reason to lose the gateways
	b.resolve(t.Context(), &dns)
	require.Equal(t, []string{gateways[0].address}, endpoints(b))

	found = []net.IPAddr{{IP: net.ParseIP("::1")}, {IP: net.ParseIP("127.0.0.1")}}
	b.resolve(t.Context(), &dns)
	require.Equal(t, []string{gateways[0].address, "[::1]:" + port}, endpoints(b))
	metadatatest.AssertEqualExporterGatewaysLookupsFailed(t, telemetry, []metricdata.DataPoint[int64]{{Value: 3, Attributes: b.attributes}}, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
	metadatatest.AssertEqualExporterGatewaysKnown(t, telemetry, []metricdata.DataPoint[int64]{{Value: 2, Attributes: b.attributes}}, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
	require.NoError(t, e.Shutdown(t.Context()))
	require.Len(t, gathered(t, gateways...), 20)
}

func endpoints(b *balancer) (list []string) {
	for _, g := range b.ring.Load().gateways {
		list = append(list, g.endpoint)
	}
	return list
}

func TestRerouted(t *testing.T) {
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.WithoutCancel(t.Context()))) })
	gateways := stations(t, 2)
	gateways[0].down.Store(true)
	set := settings()
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	e, err := createTraces(t.Context(), set, testConfig(addresses(gateways[0])))
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), nop))
	require.NoError(t, e.ConsumeTraces(t.Context(), batch(0, 10)))
	b := e.(tracesExporter).balancer
	require.NoError(t, b.update(t.Context(), addresses(gateways[1])))
	eventually(t, has(20, gateways[1]))
	eventually(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.leaving) == 0 })
	metadatatest.AssertEqualExporterGatewaysRerouted(t, telemetry, []metricdata.DataPoint[int64]{{Value: 20, Attributes: b.attributes}}, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
	metadatatest.AssertEqualExporterGatewaysLeaving(t, telemetry, []metricdata.DataPoint[int64]{{Value: 0, Attributes: b.attributes}}, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
	require.NoError(t, e.Shutdown(t.Context()))
}

// Logs without a trace, and metrics, are at one gateway for each service; all counters of an SLO are at one.
func TestLogsAndMetrics(t *testing.T) {
	gateways := stations(t, 3)
	set := settings()
	l, err := createLogs(t.Context(), set, testConfig(addresses(gateways...)))
	require.NoError(t, err)
	m, err := createMetrics(t.Context(), set, testConfig(addresses(gateways...)))
	require.NoError(t, err)
	require.NoError(t, l.Start(t.Context(), nop))
	require.NoError(t, m.Start(t.Context(), nop))
	for agent := range 5 {
		ld, md := plog.NewLogs(), pmetric.NewMetrics()
		for service := range 10 {
			rl := ld.ResourceLogs().AppendEmpty()
			rl.Resource().Attributes().PutStr("service.name", strconv.Itoa(service))
			rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("line")
			rm := md.ResourceMetrics().AppendEmpty()
			rm.Resource().Attributes().PutStr("service.instance.id", fmt.Sprint("agent ", agent))
			sm := rm.ScopeMetrics().AppendEmpty()
			sm.Scope().Attributes().PutStr("slo.service", fmt.Sprint("shop/", service))
			events := sm.Metrics().AppendEmpty()
			events.SetName("slo.events")
			points := events.SetEmptySum().DataPoints()
			for slo := range 4 {
				for _, outcome := range []string{"good", "bad"} {
					p := points.AppendEmpty().Attributes()
					p.PutStr("slo.name", strconv.Itoa(slo))
					p.PutStr("deployment.environment.name", "production")
					p.PutStr("service.version", strconv.Itoa(agent))
					p.PutStr("slo.outcome", outcome)
				}
			}
		}
		require.NoError(t, l.ConsumeLogs(t.Context(), ld))
		require.NoError(t, m.ConsumeMetrics(t.Context(), md))
	}
	require.NoError(t, l.ConsumeLogs(t.Context(), plog.NewLogs()))
	require.NoError(t, l.Shutdown(t.Context()))
	require.NoError(t, m.Shutdown(t.Context()))
	at := map[string]*station{}
	lines, points := 0, 0
	place := func(key string, s *station) {
		if at[key] == nil {
			at[key] = s
		}
		require.Same(t, at[key], s, key)
	}
	for _, s := range gateways {
		for _, ld := range s.logs {
			for _, rl := range ld.ResourceLogs().All() {
				service, _ := rl.Resource().Attributes().Get("service.name")
				place("log "+service.Str(), s)
				lines++
			}
		}
		for _, md := range s.metrics {
			for _, rm := range md.ResourceMetrics().All() {
				for _, sm := range rm.ScopeMetrics().All() {
					service, _ := sm.Scope().Attributes().Get("slo.service")
					for _, p := range sm.Metrics().At(0).Sum().DataPoints().All() {
						slo, _ := p.Attributes().Get("slo.name")
						place("slo "+service.Str()+"/"+slo.Str(), s)
						points++
					}
				}
			}
		}
	}
	require.Equal(t, 5*10, lines)
	require.Equal(t, 5*10*4*2, points)
	require.Len(t, at, 10+10*4)
}
