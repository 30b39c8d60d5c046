// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/otelcol-sre/otelcol-sre/exporters/gateways/internal/scatter"
)

// A signal is what differs between traces, logs and metrics.
type signal struct {
	scatter.Signal
	name     pipeline.Signal
	method   string // of gRPC
	newQueue func(context.Context, exporter.Settings, xexporterhelper.RequestConsumeFunc, ...exporterhelper.Option) (queue, error)
	// rejected reads how many items of a request the gateway refused, and why.
	rejected func(answer []byte) (items int64, message string, err error)
}

// A queue is upstream's: with batches, its own metrics, and optionally on disk.
type queue interface {
	component.Component
	send(context.Context, *request) error
}

// Upstream's queues take pdata, which a function then makes a request of. These have the request already: it goes along in the context.
type requestKey struct{}

func inContext[T any](ctx context.Context, _ T) (xexporterhelper.Request, error) {
	return ctx.Value(requestKey{}).(*request), nil
}

func with(ctx context.Context, r *request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

type tracesQueue struct {
	exporter.Traces
	none ptrace.Traces
}

func (q tracesQueue) send(ctx context.Context, r *request) error {
	return q.ConsumeTraces(with(ctx, r), q.none)
}

type logsQueue struct {
	exporter.Logs
	none plog.Logs
}

func (q logsQueue) send(ctx context.Context, r *request) error {
	return q.ConsumeLogs(with(ctx, r), q.none)
}

type metricsQueue struct {
	exporter.Metrics
	none pmetric.Metrics
}

func (q metricsQueue) send(ctx context.Context, r *request) error {
	return q.ConsumeMetrics(with(ctx, r), q.none)
}

var (
	traces = signal{
		Signal: scatter.Traces, name: pipeline.SignalTraces,
		method: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		newQueue: func(ctx context.Context, set exporter.Settings, push xexporterhelper.RequestConsumeFunc, options ...exporterhelper.Option) (queue, error) {
			q, err := xexporterhelper.NewTracesRequest(ctx, set, inContext[ptrace.Traces], push, options...)
			return tracesQueue{q, ptrace.NewTraces()}, err
		},
		rejected: func(answer []byte) (int64, string, error) {
			r := ptraceotlp.NewExportResponse()
			err := r.UnmarshalProto(answer)
			return r.PartialSuccess().RejectedSpans(), r.PartialSuccess().ErrorMessage(), err
		},
	}
	logs = signal{
		Signal: scatter.Logs, name: pipeline.SignalLogs,
		method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		newQueue: func(ctx context.Context, set exporter.Settings, push xexporterhelper.RequestConsumeFunc, options ...exporterhelper.Option) (queue, error) {
			q, err := xexporterhelper.NewLogsRequest(ctx, set, inContext[plog.Logs], push, options...)
			return logsQueue{q, plog.NewLogs()}, err
		},
		rejected: func(answer []byte) (int64, string, error) {
			r := plogotlp.NewExportResponse()
			err := r.UnmarshalProto(answer)
			return r.PartialSuccess().RejectedLogRecords(), r.PartialSuccess().ErrorMessage(), err
		},
	}
	metrics = signal{
		Signal: scatter.Metrics, name: pipeline.SignalMetrics,
		method: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
		newQueue: func(ctx context.Context, set exporter.Settings, push xexporterhelper.RequestConsumeFunc, options ...exporterhelper.Option) (queue, error) {
			q, err := xexporterhelper.NewMetricsRequest(ctx, set, inContext[pmetric.Metrics], push, options...)
			return metricsQueue{q, pmetric.NewMetrics()}, err
		},
		rejected: func(answer []byte) (int64, string, error) {
			r := pmetricotlp.NewExportResponse()
			err := r.UnmarshalProto(answer)
			return r.PartialSuccess().RejectedDataPoints(), r.PartialSuccess().ErrorMessage(), err
		},
	}
)
