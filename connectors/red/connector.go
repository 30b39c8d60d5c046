// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package red

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-sre/otelcol-sre/connectors/red/internal/metadata"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

type red struct {
	config    *Config
	next      consumer.Metrics
	resource  pcommon.Resource // of the emitted metrics
	telemetry *metadata.TelemetryBuilder
	health    *flush.Health
	loop      flush.Loop
	now       func() time.Time

	calls  *calls // nil until it starts
	graph  *graph
	series atomic.Int64
}

var _ connector.Traces = (*red)(nil)

func newRed(set connector.Settings, config *Config, next consumer.Metrics) (*red, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	r := &red{
		config: config, next: next, resource: pcommon.NewResource(), telemetry: telemetry,
		health: flush.NewHealth(set.Logger), now: time.Now, graph: newGraph(config),
	}
	// The collector is who writes them. Two collectors that count the same service never write one series.
	for _, name := range []string{semconv.ServiceName, semconv.ServiceInstanceID} {
		if v, ok := set.Resource.Attributes().Get(name); ok {
			v.CopyTo(r.resource.Attributes().PutEmpty(name))
		}
	}
	return r, nil
}

// Start begins to flush.
func (r *red) Start(_ context.Context, host component.Host) error {
	source, err := servicecatalog.Find(host, r.config.Catalog)
	if err != nil {
		return err
	}
	r.open(servicecatalog.Admission(source))
	r.health.Start(host)
	if err := r.observe(); err != nil {
		return err
	}
	r.loop.Run(r.config.FlushInterval, r.flush)
	return nil
}

func (r *red) open(registry *admission.Registry) { r.calls = newCalls(registry, r.config) }

// Shutdown flushes a last time.
func (r *red) Shutdown(ctx context.Context) error {
	defer r.telemetry.Shutdown()
	if r.calls == nil {
		return nil
	}
	r.loop.Stop()
	last, cancel := flush.Last(ctx)
	defer cancel()
	r.flush(last)
	return nil
}

// Capabilities says that the input is only read.
func (*red) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeTraces counts the spans of every resource that names its service. It never fails.
func (r *red) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	now := pcommon.NewTimestampFromTime(r.now())
	for _, rs := range td.ResourceSpans().All() {
		id := judge.Identify(rs.Resource())
		if id.Name == "" || id.Synthetic { // a check is no call between services
			continue
		}
		n := r.calls.node(admission.Identity{Namespace: id.Namespace, Service: id.Name, Environment: id.Environment, Version: id.Version}, now)
		r.calls.add(n, rs, now)
		r.graph.add(n, rs, now)
	}
	return nil
}

// flush emits all series, and ends those that have not changed for a time.
func (r *red) flush(ctx context.Context) {
	now := r.now()
	since := now.Add(-r.config.Expiration).UnixNano()
	e := newEmission(r.resource, pcommon.NewTimestampFromTime(now))
	r.calls.expire(since)
	e.calls(r.calls)
	r.graph.mu.Lock()
	r.graph.expire(now.UnixNano())
	r.graph.forget(since)
	e.graph(r.graph)
	r.graph.mu.Unlock()
	r.series.Store(int64(e.series))
	if e.metrics.DataPointCount() == 0 {
		return
	}
	if err := r.next.ConsumeMetrics(ctx, e.metrics); err != nil {
		r.telemetry.ConnectorRedFlushFailures.Add(ctx, 1)
		r.health.Failed(now, flush.Emit, "The RED metrics were refused; the next flush has them again", err)
		return
	}
	r.health.Succeeded(flush.Emit)
}

func (r *red) observe() error {
	number := func(read func() int64) metric.Int64Callback {
		return func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(read())
			return nil
		}
	}
	of := func(n *int64) metric.Int64Callback {
		return number(func() int64 {
			r.graph.mu.Lock()
			defer r.graph.mu.Unlock()
			return *n
		})
	}
	return errors.Join(
		r.telemetry.RegisterConnectorRedSeriesCallback(number(r.series.Load)),
		r.telemetry.RegisterConnectorRedSpansBeyondCallback(number(r.calls.overflowed.Load)),
		r.telemetry.RegisterConnectorRedCallsBeyondCallback(of(&r.graph.beyond)),
		r.telemetry.RegisterConnectorRedSpansUnpairedCallback(of(&r.graph.expired)),
		r.telemetry.RegisterConnectorRedSpansNotPairedCallback(of(&r.graph.dropped)),
	)
}
