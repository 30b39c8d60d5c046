// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package encoded

import (
	"context"
	"errors"
	"net"
	"strconv"

	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelcol-sre/otelcol-sre/internal/scatter"
)

// A Push sends chunks as one request.
type Push func(context.Context, []Chunk) error

// NewTraces returns an exporter that encodes spans before they are queued. The queue is nil if there is none.
func NewTraces(ctx context.Context, set exporter.Settings, push Push, queue configoptional.Optional[exporterhelper.QueueBatchConfig], options ...exporterhelper.Option) (exporter.Traces, error) {
	encode := func(_ context.Context, td ptrace.Traces) (xexporterhelper.Request, error) {
		data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
		return request(scatter.Traces, data, td.SpanCount(), err)
	}
	e, err := xexporterhelper.NewTracesRequest(ctx, set, encode, push.request, with(options, scatter.Traces, queue)...)
	return readingTraces{e}, err
}

// NewLogs is [NewTraces] for log records.
func NewLogs(ctx context.Context, set exporter.Settings, push Push, queue configoptional.Optional[exporterhelper.QueueBatchConfig], options ...exporterhelper.Option) (exporter.Logs, error) {
	encode := func(_ context.Context, ld plog.Logs) (xexporterhelper.Request, error) {
		data, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
		return request(scatter.Logs, data, ld.LogRecordCount(), err)
	}
	e, err := xexporterhelper.NewLogsRequest(ctx, set, encode, push.request, with(options, scatter.Logs, queue)...)
	return readingLogs{e}, err
}

// NewMetrics is [NewTraces] for metrics.
func NewMetrics(ctx context.Context, set exporter.Settings, push Push, queue configoptional.Optional[exporterhelper.QueueBatchConfig], options ...exporterhelper.Option) (exporter.Metrics, error) {
	encode := func(_ context.Context, md pmetric.Metrics) (xexporterhelper.Request, error) {
		data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
		return request(scatter.Metrics, data, md.DataPointCount(), err)
	}
	e, err := xexporterhelper.NewMetricsRequest(ctx, set, encode, push.request, with(options, scatter.Metrics, queue)...)
	return readingMetrics{e}, err
}

// Exporterhelper says of every exporter with batches that it changes the data, so that pipelines make a copy for it. These only read it.
type (
	readingTraces  struct{ exporter.Traces }
	readingLogs    struct{ exporter.Logs }
	readingMetrics struct{ exporter.Metrics }
)

func (readingTraces) Capabilities() consumer.Capabilities  { return consumer.Capabilities{} }
func (readingLogs) Capabilities() consumer.Capabilities    { return consumer.Capabilities{} }
func (readingMetrics) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func request(signal scatter.Signal, data []byte, items int, err error) (xexporterhelper.Request, error) {
	if err != nil {
		return nil, consumererror.NewPermanent(err)
	}
	return NewRequest(signal, Chunk{data, items}), nil
}

func (p Push) request(ctx context.Context, r xexporterhelper.Request) error {
	err := p(ctx, r.(*Request).Chunks)
	if paused, ok := errors.AsType[*PausedError](err); ok {
		return exporterhelper.NewThrottleRetry(err, paused.Delay)
	}
	return err
}

func with(options []exporterhelper.Option, signal scatter.Signal, queue configoptional.Optional[exporterhelper.QueueBatchConfig]) []exporterhelper.Option {
	return append(options, xexporterhelper.WithQueueBatch(queue, xexporterhelper.QueueBatchSettings{Encoding: Disk{signal}}))
}

// Possible reports whether requests may be encoded before they are queued. They may not if something behind the queue needs the client's headers: the
// queue keeps bytes only.
func Possible(queue configoptional.Optional[exporterhelper.QueueBatchConfig], authenticator string) bool {
	if authenticator == "headers_setter" {
		return false
	}
	batch := queue.Get()
	return batch == nil || !batch.Batch.HasValue() || len(batch.Batch.Get().Partition.MetadataKeys) == 0
}

// ServerAttributes are those of the exporter's own telemetry that say where it sends to: an address, as host:port, and a path if there is one.
// Source: OpenTelemetry semantic conventions, server and URL attributes.
func ServerAttributes(address string, path ...string) exporterhelper.Option {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	attributes := []attribute.KeyValue{attribute.String("server.address", host)}
	if len(path) > 0 && path[0] != "" {
		attributes = append(attributes, attribute.String("url.path", path[0]))
	}
	if number, err := strconv.Atoi(port); err == nil {
		attributes = append(attributes, attribute.Int("server.port", number))
	}
	return exporterhelper.WithAttrs(attributes...)
}
