// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

var storageID = component.MustNewID("file_storage")

// stored keeps the counters in a real file_storage extension in dir.
func stored(t testing.TB, dir string) option {
	return func(cfg *Config, h host) {
		factory := filestorage.NewFactory()
		config := factory.CreateDefaultConfig().(*filestorage.Config)
		config.Directory = dir
		extension, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
		require.NoError(t, err)
		require.NoError(t, extension.Start(t.Context(), componenttest.NewNopHost()))
		t.Cleanup(func() { require.NoError(t, extension.Shutdown(context.WithoutCancel(t.Context()))) })
		cfg.Storage, h[storageID] = &storageID, extension
	}
}

// copyOf is what is left on disk of a process that is killed now.
func copyOf(t testing.TB, dir string) string {
	to := t.TempDir()
	require.NoError(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

func instanceID(t testing.TB, f *fixture) string {
	v, ok := f.core.resource.Attributes().Get(semconv.ServiceInstanceID)
	require.True(t, ok)
	return v.Str()
}

func TestRestart(t *testing.T) {
	dir, cat := t.TempDir(), catalogOf(t, checkoutService)
	first := startUnbound(t, cat, stored(t, dir))
	first.traces(t, tracesOf(checkout(), spanOf{kind: server}, spanOf{kind: server, err: true}))
	require.NoError(t, first.Shutdown(t.Context()))
	before := first.sink.AllMetrics()
	require.Len(t, before, 1, "flushed at the end")

	second := start(t, cat, stored(t, dir))
	second.clock.add(time.Hour)
	require.Equal(t, instanceID(t, first), instanceID(t, second))
	second.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	md := second.flush(t)
	require.Equal(t, []string{
		"checkout/production/1.0 availability bad 1", "checkout/production/1.0 availability good 2",
		"checkout/production/1.0 latency bad 0", "checkout/production/1.0 latency good 3",
	}, texts(md))
	for _, p := range points(md, semconv.SLOEvents.Name) {
		require.Equal(t, epoch.UnixNano(), int64(p.StartTimestamp()), "the series goes on")
		require.NotEqual(t, p.StartTimestamp(), p.Timestamp(), "and does not rise from 0 again")
	}
	require.Len(t, points(md, semconv.LastSeen.Name), 1)
}

func TestKill(t *testing.T) {
	dir, cat := t.TempDir(), catalogOf(t, checkoutService)
	first := start(t, cat, stored(t, dir))
	var shown []string
	for range 5 {
		first.traces(t, tracesOf(checkout(), spanOf{kind: server}))
		shown = first.counts(t)
	}
	first.traces(t, tracesOf(checkout(), spanOf{kind: server})) // lost: not flushed
	second := start(t, cat, stored(t, copyOf(t, dir)))
	require.Equal(t, shown, second.counts(t), "never less than what was emitted")
}

func TestNoStorageStartsFromZero(t *testing.T) {
	cat := catalogOf(t, checkoutService)
	first := start(t, cat)
	first.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	second := start(t, cat)
	require.Contains(t, second.counts(t), "checkout/-/- availability good 0")
}

// Streams of metrics SLIs, and what is pending, go on as well: with the counters of the
// senders nothing is lost, whenever the collector is killed.
func TestKillWithMetrics(t *testing.T) {
	dir, cat := t.TempDir(), catalogOf(t, metricsService(`{good: {name: good}, total: {name: all}}`))
	first := start(t, cat, stored(t, dir))
	first.metrics(t,
		export().sum("good", cumulativeSum, at(-5), at(10), 70).sum("all", cumulativeSum, at(-5), at(10), 100),
		export().sum("good", cumulativeSum, at(-5), at(20), 78).sum("all", cumulativeSum, at(-5), at(20), 110),
		export().sum("all", cumulativeSum, at(-5), at(30), 120))
	goodSum, badSum := first.outcome(t)
	require.Equal(t, []float64{8, 2}, []float64{goodSum, badSum})
	first.metrics(t, export().sum("good", cumulativeSum, at(-5), at(30), 80)) // lost

	second := start(t, cat, stored(t, copyOf(t, dir)))
	second.metrics(t, export().sum("good", cumulativeSum, at(-5), at(40), 85).sum("all", cumulativeSum, at(-5), at(40), 130))
	goodSum, badSum = second.outcome(t)
	require.Equal(t, []float64{15, 15}, []float64{goodSum, badSum})
}

func TestDamagedStateIsSetAside(t *testing.T) {
	disk := make(memory)
	inMemory := func(cfg *Config, h host) { cfg.Storage, h[storageID] = &storageID, disk }
	cat := catalogOf(t, oneSLO("name: checkout", ""), oneSLO("name: cart", ""), oneSLO("name: pay", ""))
	first := startUnbound(t, cat, inMemory)
	for _, name := range []string{"checkout", "cart", "pay"} {
		first.traces(t, tracesOf(map[string]any{"service.name": name}, spanOf{kind: server}))
	}
	require.NoError(t, first.Shutdown(t.Context()))

	cart, pay := shardKey(serviceKey{name: "cart"}.shard()), shardKey(serviceKey{name: "pay"}.shard())
	disk[cart] = []byte("not what was written")
	store, err := checkpoint.Open(t.Context(), host{storageID: disk}, &storageID, component.KindConnector, component.MustNewID("sli"), checkpointVersion)
	require.NoError(t, err)
	require.NoError(t, store.Save(t.Context(), checkpoint.Record{Key: pay, Payload: []byte("sound, but makes no sense")}))

	second := start(t, cat, inMemory)
	require.Equal(t, []string{
		"cart/-/- a bad 0", "cart/-/- a good 0", "checkout/-/- a bad 0", "checkout/-/- a good 1", "pay/-/- a bad 0", "pay/-/- a good 0",
	}, second.counts(t))
	require.Equal(t, int64(2), second.counter(t, "otelcol_connector_sli_flush_failures", flush.Restore))
	require.Contains(t, disk, "damaged/"+cart)
	require.Contains(t, disk, "damaged/"+pay)
}

// memory is a storage extension that a test can look into.
type memory map[string][]byte

func (memory) Start(context.Context, component.Host) error { return nil }
func (memory) Shutdown(context.Context) error              { return nil }
func (memory) Close(context.Context) error                 { return nil }

func (m memory) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return m, nil
}
func (m memory) Get(_ context.Context, key string) ([]byte, error) { return m[key], nil }
func (m memory) Set(_ context.Context, key string, value []byte) error {
	m[key] = value
	return nil
}

func (m memory) Delete(_ context.Context, key string) error {
	delete(m, key)
	return nil
}

func (m memory) Batch(_ context.Context, ops ...*storage.Operation) error {
	for _, op := range ops {
		if op.Type == storage.Set {
			m[op.Key] = op.Value
		} else {
			delete(m, op.Key)
		}
	}
	return nil
}

func TestDecode(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService, oneSLO("name: cart, namespace: shop", "environments: [a, b]")))
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}, spanOf{kind: server, err: true}))
	for i := range f.registry.shards {
		record := f.registry.shards[i].encode()
		services, err := decode(record)
		require.NoError(t, err)
		require.Len(t, services, len(f.registry.shards[i].services))
		for _, s := range services {
			was := f.registry.shards[i].services[s.serviceKey]
			require.Len(t, s.slos, len(was.slos))
			require.Len(t, s.environments, len(was.environments))
		}
		for cut := range record {
			if _, err := decode(record[:cut]); err == nil {
				assert.Empty(t, record[:cut], "cut at %d", cut)
			}
		}
		_, err = decode(append(record, 0))
		require.Error(t, err)
	}
}

// full is a storage that does not write.
type full struct{ memory }

func (f full) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return f, nil
}

func (full) Batch(context.Context, ...*storage.Operation) error { return errors.New("disk full") }

func TestSavingFails(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService), func(cfg *Config, h host) {
		cfg.Storage, h[storageID] = &storageID, full{}
	})
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	require.Contains(t, f.counts(t), "checkout/production/1.0 availability good 1", "emitted all the same")
	require.Equal(t, int64(2), f.counter(t, "otelcol_connector_sli_flush_failures", flush.Save), "the instance ID, the counters")
	f.flush(t)
	require.Equal(t, int64(3), f.counter(t, "otelcol_connector_sli_flush_failures", flush.Save), "tried again")
}

func TestStorageIsMissing(t *testing.T) {
	for name, extension := range map[string]component.Component{"none": nil, "another kind": &source{}} {
		t.Run(name, func(t *testing.T) {
			h := host{component.MustNewID("service_catalog"): &source{}}
			if extension != nil {
				h[storageID] = extension
			}
			cfg := createDefaultConfig().(*Config)
			cfg.Storage = &storageID
			i := instanceOf(t, NewFactory(), cfg)
			require.ErrorContains(t, i.Start(t.Context(), h), "storage:")
			require.NoError(t, i.Shutdown(t.Context()))
		})
	}
}

// pausesIn are the points that say that a counter did not count, as "service slo outcome time".
func pausesIn(md pmetric.Metrics) (all []string) {
	for _, p := range points(md, semconv.SLOEvents.Name) {
		if p.Flags().NoRecordedValue() {
			all = append(all, attr(p, semconv.ServiceName)+" "+attr(p, semconv.SLOName)+" "+attr(p, semconv.SLOOutcome)+" "+p.Timestamp().AsTime().Format(time.TimeOnly))
		}
	}
	return all
}

// The first points after a restart say since when is counted again, for counters from before: until they were taken, and not of SLIs by senders' counters,
// which went on.
func TestPauseIsSaid(t *testing.T) {
	dir, cat := t.TempDir(), catalogOf(t, oneSLO("name: checkout", ""), oneSLO("name: cart", ""), strings.Replace(metricsService(`{good: {name: good}, total: {name: all}}`), "checkout", "pay", 1))
	first := startUnbound(t, cat, stored(t, dir))
	first.traces(t, tracesOf(map[string]any{"service.name": "checkout"}, spanOf{kind: server}))
	require.NoError(t, first.Shutdown(t.Context()))
	require.Empty(t, pausesIn(first.sink.AllMetrics()[0]), "nothing was there before")

	second := startAt(t, cat, epoch.Add(3*time.Hour), stored(t, dir))
	require.Len(t, second.sink.AllMetrics(), 1, "at the start")
	md := second.sink.AllMetrics()[0]
	require.ElementsMatch(t, []string{
		"checkout a good 06:04:05", "checkout a bad 06:04:05", "cart a good 06:04:05", "cart a bad 06:04:05",
	}, pausesIn(md))
	require.Equal(t, []string{
		"cart/-/- a bad 0", "cart/-/- a good 0", "checkout/-/- a bad 0", "checkout/-/- a good 1", "pay/-/- m bad 0", "pay/-/- m good 0",
	}, texts(md), "each followed by its value")
	second.traces(t, tracesOf(map[string]any{"service.name": "cart"}, spanOf{kind: server}))
	require.Empty(t, pausesIn(second.flush(t)), "once")
	require.NoError(t, second.Shutdown(t.Context()))

	third := startAt(t, cat, epoch.Add(5*time.Hour), stored(t, dir))
	var values []string
	for _, p := range points(third.sink.AllMetrics()[0], semconv.SLOEvents.Name) {
		if attr(p, semconv.ServiceName) == "cart" && attr(p, semconv.SLOOutcome) == semconv.Good {
			values = append(values, fmt.Sprint(p.Timestamp().AsTime().Format("15:04:05.000 "), p.DoubleValue(), p.Flags().NoRecordedValue()))
		}
	}
	require.Equal(t, []string{"06:04:05.000 1 false", "08:04:05.000 0 true", "08:04:05.002 1 false"}, values, "what it was before, and since when it is counted")
	require.NoError(t, third.Shutdown(t.Context()))

	// What is refused at the start is said later, but for the value from before: it may have changed.
	fourth := startAt(t, cat, epoch.Add(7*time.Hour), stored(t, dir))
	fourth.core.pause = pause{start: 1, end: pcommon.NewTimestampFromTime(epoch.Add(7 * time.Hour))}
	next := fourth.core.next
	fourth.core.next = consumertest.NewErr(errors.New("full"))
	fourth.core.flush(t.Context())
	fourth.core.next = next
	fourth.traces(t, tracesOf(map[string]any{"service.name": "cart"}, spanOf{kind: server}))
	md = fourth.flush(t)
	require.Contains(t, pausesIn(md), "cart a good 10:04:05")
	for _, p := range points(md, semconv.SLOEvents.Name) {
		require.False(t, p.Timestamp().AsTime().Before(epoch.Add(7*time.Hour)))
	}
	require.NoError(t, fourth.Shutdown(t.Context()))
}
