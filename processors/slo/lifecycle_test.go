// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/slo/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/processors/slo/internal/metadatatest"
)

func catalogHost(services ...*catalog.Service) fakeHost {
	source := &fakeCatalog{catalog: &catalog.Catalog{Services: services}}
	return fakeHost{map[component.ID]component.Component{component.MustNewID("service_catalog"): source}}
}

// The whole component, on the real clock.
func TestLifecycle(t *testing.T) {
	config := createDefaultConfig().(*Config)
	config.FlushInterval = 100 * time.Millisecond
	sink := &consumertest.MetricsSink{}
	set := settings(componenttest.NewNopTelemetrySettings().Logger)
	set.Resource = pcommon.NewResource()
	set.Resource.Attributes().PutStr(semconv.ServiceName, "otelcol-sre")
	set.Resource.Attributes().PutStr(semconv.ServiceInstanceID, "gateway-1")
	set.Resource.Attributes().PutStr("host.name", "x")
	p, err := NewFactory().CreateMetrics(t.Context(), set, config, sink)
	require.NoError(t, err)
	require.False(t, p.Capabilities().MutatesData)
	require.NoError(t, p.Start(t.Context(), catalogHost(checkout())))

	start := time.Now()
	in := newCounter(start).add(3, 1).metrics(start.Add(time.Second))
	in.MarkReadOnly()
	require.NoError(t, p.ConsumeMetrics(t.Context(), in))
	require.Contains(t, sink.AllMetrics(), in, "the input passes; gauges may be before it")
	require.Eventually(t, func() bool { return len(sink.AllMetrics()) >= 3 }, 10*time.Second, 10*time.Millisecond)
	flushed := len(sink.AllMetrics())
	require.NoError(t, p.Shutdown(t.Context()))
	all := sink.AllMetrics()
	require.Greater(t, len(all), flushed, "a last flush")

	last := all[len(all)-1].ResourceMetrics().At(0)
	require.Equal(t, map[string]any{semconv.ServiceName: "otelcol-sre", semconv.ServiceInstanceID: "gateway-1"}, last.Resource().Attributes().AsRaw())
	units := map[string]string{}
	for _, m := range last.ScopeMetrics().At(0).Metrics().All() {
		units[m.Name()] = m.Unit()
		require.Equal(t, pmetric.MetricTypeGauge, m.Type())
	}
	require.Equal(t, map[string]string{
		"slo.period.coverage": "1", "slo.objective": "1", "slo.digest": "", "slo.error_ratio": "1", "slo.burn_rate": "1", "slo.error_budget.remaining": "1",
		"slo.error_budget.exhaustion": "s", "slo.state": "",
	}, units)
	g := gauges{}
	g.collect(all[len(all)-1])
	require.InDelta(t, 0.25, g.of(t, "slo.error_ratio", "5m"), 1e-9)
}

func TestStartErrors(t *testing.T) {
	create := func(config *Config) processor.Metrics {
		p, err := NewFactory().CreateMetrics(t.Context(), settings(componenttest.NewNopTelemetrySettings().Logger), config, consumertest.NewNop())
		require.NoError(t, err)
		return p
	}
	p := create(createDefaultConfig().(*Config))
	require.ErrorContains(t, p.Start(t.Context(), componenttest.NewNopHost()), `catalog: no extension "service_catalog"`)
	require.NoError(t, p.Shutdown(t.Context()))

	p = create(stored())
	require.ErrorContains(t, p.Start(t.Context(), catalogHost()), `storage: no extension "file_storage"`)
	require.NoError(t, p.Shutdown(t.Context()))

	require.NoError(t, create(stored()).Shutdown(t.Context()), "without a start")
}

func TestInternalTelemetry(t *testing.T) {
	tel := componenttest.NewTelemetry()
	defer func() { require.NoError(t, tel.Shutdown(t.Context())) }()
	set := settings(tel.NewTelemetrySettings().Logger)
	set.TelemetrySettings = tel.NewTelemetrySettings()
	p, err := newProcessor(set, createDefaultConfig().(*Config), consumertest.NewErr(errors.New("no")))
	require.NoError(t, err)
	p.now = func() time.Time { return noon.Add(time.Minute) }
	require.NoError(t, p.open(t.Context(), catalogHost(checkout(), checkout(func(s *catalog.Service, _ *catalog.SLO) { s.Name = strings.Repeat("x", 1000) }))))
	_, err = p.consume(t.Context(), newCounter(noon).add(1, 1).metrics(noon.Add(time.Second)))
	require.NoError(t, err)
	p.flush(t.Context(), p.now(), true)

	point := func(n int64) []metricdata.DataPoint[int64] { return []metricdata.DataPoint[int64]{{Value: n}} }
	var byVerdict []metricdata.DataPoint[int64]
	for v := range verdicts {
		n := int64(0)
		if v == counted {
			n = 2
		}
		byVerdict = append(byVerdict, metricdata.DataPoint[int64]{Value: n, Attributes: attribute.NewSet(attribute.String("verdict", v.String()))})
	}
	ignore := metricdatatest.IgnoreTimestamp()
	metadatatest.AssertEqualProcessorSloPoints(t, tel, byVerdict, ignore)
	metadatatest.AssertEqualProcessorSloSlos(t, tel, point(2), ignore)
	metadatatest.AssertEqualProcessorSloStreams(t, tel, point(2), ignore)
	metadatatest.AssertEqualProcessorSloFlushFailures(t, tel, point(1), ignore)
	metadatatest.AssertEqualProcessorSloCheckpointSaves(t, tel, point(0), ignore)
	metadatatest.AssertEqualProcessorSloCheckpointFailures(t, tel, point(0), ignore)
	metadatatest.AssertEqualProcessorSloCheckpointDamaged(t, tel, point(0), ignore)
	require.NoError(t, p.shutdown(t.Context()))
	require.Equal(t, "slo", metadata.Type.String())
}

// A thousand SLOs go out in batches of bounded size, each SLO once.
func TestBatches(t *testing.T) {
	r := newRig(t, catalogOf(1000)...)
	require.Len(t, r.flushed(), 1000*(1+1+8+8+1+1+1+8))
	require.Len(t, r.sink.AllMetrics(), 4)
	require.EqualValues(t, 1000, r.stats.slos.Load())
}
