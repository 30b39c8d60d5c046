// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func instanceOf(t testing.TB, factory connector.Factory, cfg *Config) *instance {
	c, err := factory.CreateTracesToMetrics(t.Context(), connectortest.NewNopSettings(typ), cfg, consumertest.NewNop())
	require.NoError(t, err)
	return c.(*instance)
}

// The instances of a component share one core; each shutdown flushes, the last one ends it.
func TestInstancesShareACore(t *testing.T) {
	src := &source{catalog: catalogOf(t, checkoutService), subscribers: make(map[int]func(*catalog.Catalog))}
	h := host{component.MustNewID("service_catalog"): src}
	factory, cfg, sink := NewFactory(), createDefaultConfig().(*Config), new(consumertest.MetricsSink)
	cfg.FlushInterval, cfg.LateAfter = time.Hour, 0
	set := connectortest.NewNopSettings(typ)
	traces, err := factory.CreateTracesToMetrics(t.Context(), set, cfg, sink)
	require.NoError(t, err)
	logs, err := factory.CreateLogsToMetrics(t.Context(), set, cfg, sink)
	require.NoError(t, err)
	metrics, err := factory.CreateMetricsToMetrics(t.Context(), set, cfg, sink)
	require.NoError(t, err)
	for _, c := range []component.Component{traces, logs, metrics} {
		require.NoError(t, c.Start(t.Context(), h))
	}
	require.Len(t, src.subscribers, 1)
	require.Same(t, traces.(*instance).core, metrics.(*instance).core)

	require.NoError(t, traces.ConsumeTraces(t.Context(), tracesOf(checkout(), spanOf{kind: server})))
	for i, c := range []component.Component{traces, logs, metrics} {
		require.NoError(t, c.Shutdown(t.Context()))
		require.NoError(t, c.Shutdown(t.Context()), "twice is as good as once")
		require.Len(t, sink.AllMetrics(), i+1)
		require.Contains(t, texts(sink.AllMetrics()[i]), "checkout/production/1.0 availability good 1")
	}
	require.Empty(t, src.subscribers)

	again := instanceOf(t, factory, cfg)
	require.NotSame(t, traces.(*instance).core, again.core)
	require.NoError(t, again.Shutdown(t.Context()), "without a start")
}

func TestNamedConnectorIsAnInstanceOfItsOwn(t *testing.T) {
	set := connectortest.NewNopSettings(typ)
	set.ID = component.MustNewIDWithName("sli", "x")
	set.Resource.Attributes().PutStr("service.instance.id", "collector-1")
	id, _ := resourceOf(set).Attributes().Get(semconv.ServiceInstanceID)
	require.Equal(t, "collector-1/x", id.Str())
}

// With the real extension: a catalog file in, counters out.
func TestWithTheCatalogExtension(t *testing.T) {
	dir := t.TempDir()
	document := "apiVersion: " + catalog.APIVersion + "\nkind: Service" + checkoutService
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkout.yaml"), []byte(document), 0o600))
	factory := servicecatalog.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"directory": dir}).Unmarshal(cfg))
	extension, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, extension.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, extension.Shutdown(context.Background())) })

	f := start(t, nil, func(_ *Config, h host) { h[component.MustNewID("service_catalog")] = extension })
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	require.Contains(t, f.counts(t), "checkout/production/1.0 availability good 1")
}

func TestCatalogIsMissing(t *testing.T) {
	i := instanceOf(t, NewFactory(), createDefaultConfig().(*Config))
	require.ErrorContains(t, i.Start(t.Context(), host{}), "catalog:")
	require.NoError(t, i.Shutdown(t.Context()))
}

func TestInputIsNotChanged(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService))
	require.False(t, f.Capabilities().MutatesData)
	td := tracesOf(checkout(), spanOf{kind: server, err: true})
	td.MarkReadOnly()
	f.traces(t, td)
}

func TestSwap(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService, oneSLO("name: cart", "")))
	both := func() {
		f.traces(t, tracesOf(map[string]any{"service.name": "checkout"}, spanOf{kind: server, took: time.Second}))
		f.traces(t, tracesOf(map[string]any{"service.name": "cart"}, spanOf{kind: server}))
	}
	both()
	f.source.swap(catalogOf(t, `
metadata: {name: checkout}
spec:
  owner: payments
  slos:
    - {name: latency, objective: 90, sli: {latency: {threshold: 2s}}}
    - {name: new, objective: 90, sli: {availability: {}}}
`))
	both()
	require.Equal(t, []string{
		"cart/-/- a bad 0", "cart/-/- a good 1", "checkout/-/- availability bad 0", "checkout/-/- availability good 1",
		"checkout/-/- latency bad 1", "checkout/-/- latency good 1", "checkout/-/- new bad 0", "checkout/-/- new good 1",
	}, f.counts(t), "a last time for what is gone")
	both()
	require.Equal(t, []string{
		"checkout/-/- latency bad 1", "checkout/-/- latency good 2", "checkout/-/- new bad 0", "checkout/-/- new good 2",
	}, f.counts(t))
	f.source.swap(&catalog.Catalog{})
	f.flush(t)
	require.Empty(t, f.counts(t))
	both()
	require.Empty(t, f.counts(t))
}

func TestEnvironmentIsNoLongerListed(t *testing.T) {
	f := start(t, catalogOf(t, oneSLO("name: checkout", "")))
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	f.source.swap(catalogOf(t, oneSLO("name: checkout", "environments: [staging]")))
	f.flush(t)
	require.Equal(t, []string{"checkout/staging/- a bad 0", "checkout/staging/- a good 0"}, f.counts(t))
}

// Whatever goes on at the same time, every event is counted once.
func TestExactWhileSwappingAndFlushing(t *testing.T) {
	catalogs := []*catalog.Catalog{
		catalogOf(t, checkoutService, oneSLO("name: cart", "")),
		catalogOf(t, checkoutService),
		catalogOf(t, checkoutService, oneSLO("name: cart", "environments: [a]"), oneSLO("name: pay", "")),
	}
	f := startUnbound(t, catalogs[0])
	const senders, batches = 4, 200
	var senders1, others sync.WaitGroup
	done := make(chan struct{})
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
				f.source.swap(catalogs[i%len(catalogs)])
				f.core.flush(context.Background())
			}
		}
	})
	for s := range senders {
		senders1.Go(func() {
			for i := range batches {
				td := tracesOf(checkout("service.version", strconv.Itoa(i%3)),
					spanOf{kind: server}, spanOf{kind: server, err: s == 0}, spanOf{kind: server, took: time.Second})
				assert.NoError(t, f.ConsumeTraces(context.Background(), td))
			}
		})
	}
	senders1.Wait()
	close(done)
	others.Wait()
	f.sink.Reset()
	require.NoError(t, f.Shutdown(t.Context()))
	got := make(map[string]float64)
	for _, p := range points(f.sink.AllMetrics()[0], semconv.SLOEvents.Name) {
		if attr(p, semconv.ServiceName) == "checkout" {
			got[attr(p, semconv.SLOName)+" "+attr(p, semconv.SLOOutcome)] += p.DoubleValue()
		}
	}
	require.Equal(t, map[string]float64{
		"availability good": senders*batches*3 - batches, "availability bad": batches,
		"latency good": senders * batches * 2, "latency bad": senders * batches,
	}, got)
}

func TestTickerFlushes(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService), func(c *Config, _ host) { c.FlushInterval = time.Millisecond })
	require.Eventually(t, func() bool { return len(f.sink.AllMetrics()) > 1 }, 10*time.Second, time.Millisecond)
}

// reporting is a host that takes component statuses.
type reporting struct {
	host
	mu       sync.Mutex
	statuses []componentstatus.Status
}

func (r *reporting) Report(e *componentstatus.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statuses = append(r.statuses, e.Status())
}

// What the next component refuses is in the next flush again.
func TestNextRefuses(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService))
	h := &reporting{}
	f.health.Start(h)
	refuse := true
	next, err := consumer.NewMetrics(func(ctx context.Context, md pmetric.Metrics) error {
		if refuse {
			return errors.New("full")
		}
		return f.sink.ConsumeMetrics(ctx, md)
	})
	require.NoError(t, err)
	f.next = next
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	f.core.flush(t.Context())
	f.source.swap(&catalog.Catalog{})
	f.core.flush(t.Context())
	require.Equal(t, int64(2), f.counter(t, "otelcol_connector_sli_flush_failures", flush.Emit))
	refuse = false
	md := f.flush(t) // although the catalog does not name it any more
	require.Contains(t, texts(md), "checkout/production/1.0 availability good 1")
	require.Len(t, points(md, semconv.SLOEvents.Name), 6, "still with the two rises from 0")
	require.Empty(t, f.counts(t))
	require.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}, h.statuses)
}

func TestLogs(t *testing.T) {
	f := start(t, catalogOf(t, `
metadata: {name: checkout}
spec:
  owner: payments
  slos: [{name: l, objective: 99, sli: {logs: {match: 'attributes["event"] == "paid"', good: 'severity_number < SEVERITY_NUMBER_ERROR and attributes["n"] + 1 == 2'}}}]
`))
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	fill(rl.Resource().Attributes(), checkout())
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for _, attributes := range []map[string]any{
		{"event": "paid", "n": 1}, {"event": "paid", "n": 3, "correlation.id": "abc"}, {"event": "other"}, {"event": "paid", "n": "x"}, nil,
	} {
		record := records.AppendEmpty()
		record.SetObservedTimestamp(at(1))
		fill(record.Attributes(), attributes)
	}
	ld.MarkReadOnly()
	require.NoError(t, f.ConsumeLogs(t.Context(), ld))
	md := f.flush(t)
	require.Equal(t, []string{"checkout/production/1.0 l bad 1", "checkout/production/1.0 l good 1"}, texts(md))
	require.Equal(t, int64(1), f.counter(t, "otelcol_connector_sli_events_dropped", reasonConditionError))
	for _, p := range points(md, semconv.SLOEvents.Name) {
		if attr(p, semconv.SLOOutcome) == semconv.Bad && p.DoubleValue() > 0 {
			require.Equal(t, 1, p.Exemplars().Len())
			require.Equal(t, map[string]any{"correlation.id": "abc"}, p.Exemplars().At(0).FilteredAttributes().AsRaw())
			require.Equal(t, at(1), p.Exemplars().At(0).Timestamp())
		}
	}
}
