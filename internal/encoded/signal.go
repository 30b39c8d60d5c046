// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package encoded

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
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/internal/scatter"
)

// A Signal is what differs between traces, logs and metrics.
type Signal struct {
	scatter.Signal
	Name     pipeline.Signal
	method   string // of gRPC
	NewQueue func(context.Context, exporter.Settings, xexporterhelper.RequestConsumeFunc, ...exporterhelper.Option) (Queue, error)
	// rejected reads how many items of a request a server refused, and why.
	rejected func(answer []byte, json bool) (items int64, message string, err error)
}

// A Queue is upstream's: with batches, its own metrics, and optionally on disk.
type Queue interface {
	component.Component
	Send(context.Context, *Request) error
}

// Upstream's queues take pdata, which a function then makes a request of. These have the request already: it goes along in the context.
type requestKey struct{}

func inContext[T any](ctx context.Context, _ T) (xexporterhelper.Request, error) {
	return ctx.Value(requestKey{}).(*Request), nil
}

func carrying(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

type tracesQueue struct {
	exporter.Traces
	none ptrace.Traces
}

func (q tracesQueue) Send(ctx context.Context, r *Request) error {
	return q.ConsumeTraces(carrying(ctx, r), q.none)
}

type logsQueue struct {
	exporter.Logs
	none plog.Logs
}

func (q logsQueue) Send(ctx context.Context, r *Request) error {
	return q.ConsumeLogs(carrying(ctx, r), q.none)
}

type metricsQueue struct {
	exporter.Metrics
	none pmetric.Metrics
}

func (q metricsQueue) Send(ctx context.Context, r *Request) error {
	return q.ConsumeMetrics(carrying(ctx, r), q.none)
}

// The signals.
var (
	Traces = Signal{
		Signal: scatter.Traces, Name: pipeline.SignalTraces,
		method: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		NewQueue: func(ctx context.Context, set exporter.Settings, push xexporterhelper.RequestConsumeFunc, options ...exporterhelper.Option) (Queue, error) {
			q, err := xexporterhelper.NewTracesRequest(ctx, set, inContext[ptrace.Traces], push, options...)
			return tracesQueue{q, ptrace.NewTraces()}, err
		},
		rejected: func(answer []byte, json bool) (int64, string, error) {
			r := ptraceotlp.NewExportResponse()
			err := decode(r, answer, json)
			return r.PartialSuccess().RejectedSpans(), r.PartialSuccess().ErrorMessage(), err
		},
	}
	Logs = Signal{
		Signal: scatter.Logs, Name: pipeline.SignalLogs,
		method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		NewQueue: func(ctx context.Context, set exporter.Settings, push xexporterhelper.RequestConsumeFunc, options ...exporterhelper.Option) (Queue, error) {
			q, err := xexporterhelper.NewLogsRequest(ctx, set, inContext[plog.Logs], push, options...)
			return logsQueue{q, plog.NewLogs()}, err
		},
		rejected: func(answer []byte, json bool) (int64, string, error) {
			r := plogotlp.NewExportResponse()
			err := decode(r, answer, json)
			return r.PartialSuccess().RejectedLogRecords(), r.PartialSuccess().ErrorMessage(), err
		},
	}
	Metrics = Signal{
		Signal: scatter.Metrics, Name: pipeline.SignalMetrics,
		method: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
		NewQueue: func(ctx context.Context, set exporter.Settings, push xexporterhelper.RequestConsumeFunc, options ...exporterhelper.Option) (Queue, error) {
			q, err := xexporterhelper.NewMetricsRequest(ctx, set, inContext[pmetric.Metrics], push, options...)
			return metricsQueue{q, pmetric.NewMetrics()}, err
		},
		rejected: func(answer []byte, json bool) (int64, string, error) {
			r := pmetricotlp.NewExportResponse()
			err := decode(r, answer, json)
			return r.PartialSuccess().RejectedDataPoints(), r.PartialSuccess().ErrorMessage(), err
		},
	}
)

func decode(response interface {
	UnmarshalProto([]byte) error
	UnmarshalJSON([]byte) error
}, answer []byte, json bool) error {
	if json {
		return response.UnmarshalJSON(answer)
	}
	return response.UnmarshalProto(answer)
}

// partial logs what a server says of a request that it has taken.
func (s Signal) partial(answer []byte, json bool, logger *zap.Logger) {
	rejected, message, err := s.rejected(answer, json)
	if err != nil {
		logger.Warn("The server took a request, and its answer cannot be read", zap.Error(err))
	} else if rejected > 0 || message != "" {
		logger.Warn("The server took a request in part", zap.Int64("dropped_items", rejected), zap.String("message", message))
	}
}
