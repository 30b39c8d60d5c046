package deploymarker

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-sre/otelcol-sre/connectors/deployevent"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/internal/sharedcomponent"
	"github.com/otelcol-sre/otelcol-sre/processors/deploymarker/internal/metadata"
)

// A marker stamps resources. The processors of one component, one a signal and pipeline, share it.
type marker struct {
	config           *Config
	telemetry        *metadata.TelemetryBuilder
	find             func() *tracker.Tracker // nil while the connector does not run
	stamped, unknown atomic.Int64
}

// components are those of one factory.
type components = sharedcomponent.Components[Config, *marker]

// join returns the component's marker, and what gives it back.
func join(all *components, set processor.Settings, cfg *Config) (*marker, func(), error) {
	share, err := all.Join(cfg, func() (*marker, error) { return newMarker(set, cfg) })
	if err != nil {
		return nil, nil, err
	}
	return share.Value, func() {
		if share.Leave() {
			share.Value.telemetry.Shutdown()
		}
	}, nil
}

func newMarker(set processor.Settings, cfg *Config) (*marker, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	m := &marker{config: cfg, telemetry: builder, find: func() *tracker.Tracker { return deployevent.Find(cfg.DeployEvent) }}
	stamped := metric.WithAttributeSet(attribute.NewSet(attribute.String("result", "stamped")))
	unknown := metric.WithAttributeSet(attribute.NewSet(attribute.String("result", "unknown")))
	return m, builder.RegisterProcessorDeploymarkerResourcesCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(m.stamped.Load(), stamped)
		o.Observe(m.unknown.Load(), unknown)
		return nil
	})
}

func (m *marker) traces(_ context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	if t := m.find(); t != nil {
		for i := range td.ResourceSpans().Len() {
			m.stamp(t, td.ResourceSpans().At(i).Resource().Attributes())
		}
	}
	return td, nil
}

func (m *marker) logs(_ context.Context, ld plog.Logs) (plog.Logs, error) {
	if t := m.find(); t != nil {
		for i := range ld.ResourceLogs().Len() {
			m.stamp(t, ld.ResourceLogs().At(i).Resource().Attributes())
		}
	}
	return ld, nil
}

func (m *marker) metrics(_ context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	if t := m.find(); t != nil {
		for i := range md.ResourceMetrics().Len() {
			m.stamp(t, md.ResourceMetrics().At(i).Resource().Attributes())
		}
	}
	return md, nil
}

// stamp says on the resource which deployment it is of. What the resource says itself stays.
func (m *marker) stamp(t *tracker.Tracker, resource pcommon.Map) {
	id, ok := deployment.Identify(resource)
	if !ok {
		return
	}
	stamp, ok := t.Stamp(id.Service, id.Version)
	if !ok {
		m.unknown.Add(1)
		return
	}
	m.stamped.Add(1)
	put(resource, semconv.DeploymentID, stamp.ID)
	put(resource, semconv.Revision, stamp.Revision)
	if _, ok := resource.Get(semconv.DeploymentRecent); stamp.Recent && !ok {
		resource.PutBool(semconv.DeploymentRecent, true)
	}
}

func put(m pcommon.Map, key, value string) {
	if value == "" {
		return
	}
	if _, ok := m.Get(key); !ok {
		m.PutStr(key, value)
	}
}
