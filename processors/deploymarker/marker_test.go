// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deploymarker

import (
	"context"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	deploymenttracker "github.com/otelcol-sre/otelcol-sre/extensions/deployment_tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
	"github.com/otelcol-sre/otelcol-sre/processors/deploymarker/internal/metadata"
)

// deployed is a tracker that knows one deployment: checkout 1.1, from commit 02c9b5d, at now.
func deployed(t testing.TB, now *time.Time) *tracker.Tracker {
	known := tracker.New(tracker.Default(), func() time.Time { return *now })
	require.NoError(t, known.Report(deployment.Deployment{
		Service: deployment.Service{Name: "checkout"}, ID: "run-7", Version: "1.1", Revision: "02c9b5d", Status: deployment.Started, Start: *now,
	}))
	known.Due()
	return known
}

func markerOf(t testing.TB, known *tracker.Tracker) *marker {
	m, err := newMarker(processortest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config))
	require.NoError(t, err)
	t.Cleanup(m.telemetry.Shutdown)
	m.tracker = known
	return m
}

func resource(t testing.TB, to pcommon.Resource, version string, more map[string]any) {
	require.NoError(t, to.Attributes().FromRaw(more))
	to.Attributes().PutStr("service.name", "checkout")
	to.Attributes().PutStr("service.version", version)
}

func TestStamp(t *testing.T) {
	now := time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)
	m := markerOf(t, deployed(t, &now))
	stamped := func(version string, more map[string]any) map[string]any {
		td := ptrace.NewTraces()
		to := td.ResourceSpans().AppendEmpty().Resource()
		resource(t, to, version, more)
		td, err := m.traces(t.Context(), td)
		require.NoError(t, err)
		return td.ResourceSpans().At(0).Resource().Attributes().AsRaw()
	}
	require.Equal(t, map[string]any{"service.name": "checkout", "service.version": "1.1",
		"deployment.id": "run-7", "vcs.ref.head.revision": "02c9b5d", "deployment.recent": true}, stamped("1.1", nil))
	require.Equal(t, map[string]any{"service.name": "checkout", "service.version": "1.0"}, stamped("1.0", nil), "another version")
	require.Equal(t, map[string]any{"service.name": "checkout", "service.version": "1.1",
		"deployment.id": "own", "vcs.ref.head.revision": "own", "deployment.recent": true},
		stamped("1.1", map[string]any{"deployment.id": "own", "vcs.ref.head.revision": "own"}), "what the service says itself stays")
	now = now.Add(tracker.Default().Recent)
	require.NotContains(t, stamped("1.1", nil), "deployment.recent")
	require.EqualValues(t, 3, m.stamped.Load())
	require.EqualValues(t, 1, m.unknown.Load())
}

func TestSignals(t *testing.T) {
	now := time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)
	m := markerOf(t, deployed(t, &now))
	ld, md := plog.NewLogs(), pmetric.NewMetrics()
	resource(t, ld.ResourceLogs().AppendEmpty().Resource(), "1.1", nil)
	resource(t, md.ResourceMetrics().AppendEmpty().Resource(), "1.1", nil)
	ld, err := m.logs(t.Context(), ld)
	require.NoError(t, err)
	md, err = m.metrics(t.Context(), md)
	require.NoError(t, err)
	require.Equal(t, "run-7", ld.ResourceLogs().At(0).Resource().Attributes().AsRaw()["deployment.id"])
	require.Equal(t, "run-7", md.ResourceMetrics().At(0).Resource().Attributes().AsRaw()["deployment.id"])
}

// Metrics pass as they are unless they are asked for.
func TestMetricsPassUnchanged(t *testing.T) {
	for _, metrics := range []bool{false, true} {
		cfg := createDefaultConfig().(*Config)
		cfg.Metrics = metrics
		p, err := NewFactory().CreateMetrics(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
		require.NoError(t, err)
		require.Equal(t, metrics, p.Capabilities().MutatesData)
		require.NoError(t, p.ConsumeMetrics(t.Context(), pmetric.NewMetrics()))
		require.NoError(t, p.Shutdown(t.Context()))
	}
}

// host has the extensions.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

func TestItAsksTheTrackerOfTheExtension(t *testing.T) {
	factory := deploymenttracker.NewFactory()
	extension, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig())
	require.NoError(t, err)
	require.NoError(t, extension.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, extension.(deploymenttracker.Source).Tracker().Report(deployment.Deployment{
		Service: deployment.Service{Name: "checkout"}, ID: "run-7", Version: "1.1", Status: deployment.Started, Start: time.Now(),
	}))
	extension.(deploymenttracker.Source).Tracker().Due()

	for name, test := range map[string]struct {
		host host
		err  string
	}{
		"started":      {host{component.MustNewID("deployment_tracker"): extension}, ""},
		"no extension": {host{}, `tracker: no extension "deployment_tracker" is running; add it to extensions and service::extensions`},
	} {
		t.Run(name, func(t *testing.T) {
			sink := new(consumertest.TracesSink)
			p, err := NewFactory().CreateTraces(t.Context(), processortest.NewNopSettings(metadata.Type), createDefaultConfig(), sink)
			require.NoError(t, err)
			defer func() { require.NoError(t, p.Shutdown(t.Context())) }()
			if err := p.Start(t.Context(), test.host); test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			td := ptrace.NewTraces()
			resource(t, td.ResourceSpans().AppendEmpty().Resource(), "1.1", nil)
			require.NoError(t, p.ConsumeTraces(t.Context(), td))
			require.Equal(t, "run-7", sink.AllTraces()[0].ResourceSpans().At(0).Resource().Attributes().AsRaw()["deployment.id"])
		})
	}
	require.NoError(t, extension.Shutdown(t.Context()))
}

// Both signals' resources are in one count.
func TestSignalsShareOneMarker(t *testing.T) {
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
	set := processor.Settings{ID: component.NewID(metadata.Type), TelemetrySettings: telemetry.NewTelemetrySettings()}
	all, cfg := &components{}, createDefaultConfig().(*Config)
	first, err := join(all, set, cfg)
	require.NoError(t, err)
	second, err := join(all, set, cfg)
	require.NoError(t, err)
	require.Same(t, first.Value, second.Value)
	first.Value.stamped.Add(3)
	m, err := telemetry.GetMetric("otelcol_processor_deploymarker_resources")
	require.NoError(t, err)
	got := map[string]int64{}
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		result, _ := p.Attributes.Value("result")
		got[result.AsString()] = p.Value
	}
	require.Equal(t, map[string]int64{"stamped": 3, "unknown": 0}, got)
	release(first)
	_, err = telemetry.GetMetric("otelcol_processor_deploymarker_resources")
	require.NoError(t, err, "the second still counts")
	release(second)
	_, err = telemetry.GetMetric("otelcol_processor_deploymarker_resources")
	require.Error(t, err)
}

func TestConfig(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
	require.NoError(t, createDefaultConfig().(*Config).Validate())
	require.ErrorContains(t, (&Config{}).Validate(), "tracker: is empty; name the deployment_tracker extension")
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	config := reflect.TypeFor[Config]()
	for field := range config.Fields() {
		if key := field.Tag.Get("mapstructure"); key != "" {
			assert.Contains(t, string(readme), "\n| `"+key+"` | ")
		}
	}
}

func benchmarkTraces(t testing.TB, version string) ptrace.Traces {
	td := ptrace.NewTraces()
	resource(t, td.ResourceSpans().AppendEmpty().Resource(), version, map[string]any{
		"telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "go", "telemetry.sdk.version": "1.43.0", "host.name": "node",
		"k8s.pod.name": "checkout-5d-x", "k8s.pod.uid": "u", "k8s.deployment.name": "checkout", "k8s.node.name": "node"})
	return td
}

func TestNothingToStampDoesNotAllocate(t *testing.T) {
	now := time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)
	m, td := markerOf(t, deployed(t, &now)), benchmarkTraces(t, "1.0")
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = m.traces(context.Background(), td) }))
}

// BenchmarkResource is the cost of a resource, whatever the number of its items.
func BenchmarkResource(b *testing.B) {
	now := time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)
	for name, version := range map[string]string{"nothing to stamp": "1.0", "stamped already": "1.1"} {
		b.Run(name, func(b *testing.B) {
			m, td := markerOf(b, deployed(b, &now)), benchmarkTraces(b, version)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = m.traces(context.Background(), td)
			}
		})
	}
}
