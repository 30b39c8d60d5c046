// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deploymarker

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	deploymenttracker "github.com/otelcol-sre/otelcol-sre/extensions/deployment_tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/internal/sharedcomponent"
	"github.com/otelcol-sre/otelcol-sre/processors/deploymarker/internal/metadata"
)

// A marker stamps resources. The processors of one component, one per signal and pipeline, share it.
type marker struct {
	config           *Config
	telemetry        *metadata.TelemetryBuilder
	tracker          *tracker.Tracker // nil until it starts
	stamped, unknown atomic.Int64
}

// components are those of one factory; a share is a processor's part in the marker of its component.
type (
	components = sharedcomponent.Components[Config, *marker]
	share      = sharedcomponent.Share[*marker]
)

func join(all *components, set processor.Settings, cfg *Config) (*share, error) {
	return all.Join(cfg, func() (*marker, error) { return newMarker(set, cfg) })
}

// release gives the share back.
func release(s *share) {
	if s.Leave() {
		s.Value.telemetry.Shutdown()
	}
}

func newMarker(set processor.Settings, cfg *Config) (*marker, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	m := &marker{config: cfg, telemetry: builder}
	stamped := metric.WithAttributeSet(attribute.NewSet(attribute.String("result", "stamped")))
	unknown := metric.WithAttributeSet(attribute.NewSet(attribute.String("result", "unknown")))
	return m, builder.RegisterProcessorDeploymarkerResourcesCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(m.stamped.Load(), stamped)
		o.Observe(m.unknown.Load(), unknown)
		return nil
	})
}

func (m *marker) start(host component.Host) error {
	source, err := deploymenttracker.Find(host, m.config.Tracker)
	if err != nil {
		return err
	}
	m.tracker = source.Tracker()
	return nil
}

func (m *marker) traces(_ context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	for i := range td.ResourceSpans().Len() {
		m.stamp(td.ResourceSpans().At(i).Resource().Attributes())
	}
	return td, nil
}

func (m *marker) logs(_ context.Context, ld plog.Logs) (plog.Logs, error) {
	for i := range ld.ResourceLogs().Len() {
		m.stamp(ld.ResourceLogs().At(i).Resource().Attributes())
	}
	return ld, nil
}

func (m *marker) metrics(_ context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	for i := range md.ResourceMetrics().Len() {
		m.stamp(md.ResourceMetrics().At(i).Resource().Attributes())
	}
	return md, nil
}

// stamp says on the resource which deployment it is of. What the resource says itself stays.
func (m *marker) stamp(resource pcommon.Map) {
	id, ok := deployment.Identify(resource)
	if !ok {
		return
	}
	stamp, ok := m.tracker.Stamp(id.Service, id.Version)
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
