// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package encoded

import (
	"context"
	"errors"
	"net"
	"strconv"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/exporter/xexporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelcol-sre/otelcol-sre/internal/scatter"
)

// A Push sends chunks as one request.
type Push func(context.Context, []Chunk) error

// A Wiring is what the exporter of one signal sends with.
type Wiring struct {
	Push Push
	// Queue is the configuration of the queue, and of its batches.
	Queue   configoptional.Optional[exporterhelper.QueueBatchConfig]
	Options []exporterhelper.Option
}

// A Wire returns the wiring of a signal by the exporter's configuration; nil if bytes are not enough (see [Possible]), and upstream's exporter has to do it.
type Wire func(component.Config, Signal, exporter.Settings) (*Wiring, error)

// NewFactory returns the factory of an exporter that has the type, the keys and the stability of upstream's, and encodes traces, metrics and logs before
// they are queued.
func NewFactory(upstream xexporter.Factory, alias component.Type, wire Wire) exporter.Factory {
	traces := func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
		w, err := wire(cfg, Traces, set)
		if w == nil || err != nil {
			return orUpstream(ctx, set, cfg, err, upstream.CreateTraces)
		}
		e, err := xexporterhelper.NewTracesRequest(ctx, set, func(_ context.Context, td ptrace.Traces) (xexporterhelper.Request, error) {
			data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
			return request(scatter.Traces, data, td.SpanCount(), err)
		}, w.Push.request, w.options(scatter.Traces)...)
		return readingTraces{e}, err
	}
	metrics := func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
		w, err := wire(cfg, Metrics, set)
		if w == nil || err != nil {
			return orUpstream(ctx, set, cfg, err, upstream.CreateMetrics)
		}
		e, err := xexporterhelper.NewMetricsRequest(ctx, set, func(_ context.Context, md pmetric.Metrics) (xexporterhelper.Request, error) {
			data, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
			return request(scatter.Metrics, data, md.DataPointCount(), err)
		}, w.Push.request, w.options(scatter.Metrics)...)
		return readingMetrics{e}, err
	}
	logs := func(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
		w, err := wire(cfg, Logs, set)
		if w == nil || err != nil {
			return orUpstream(ctx, set, cfg, err, upstream.CreateLogs)
		}
		e, err := xexporterhelper.NewLogsRequest(ctx, set, func(_ context.Context, ld plog.Logs) (xexporterhelper.Request, error) {
			data, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
			return request(scatter.Logs, data, ld.LogRecordCount(), err)
		}, w.Push.request, w.options(scatter.Logs)...)
		return readingLogs{e}, err
	}
	return xexporter.NewFactory(upstream.Type(), upstream.CreateDefaultConfig, xexporter.WithDeprecatedTypeAlias(alias),
		xexporter.WithTraces(traces, upstream.TracesStability()),
		xexporter.WithMetrics(metrics, upstream.MetricsStability()),
		xexporter.WithLogs(logs, upstream.LogsStability()),
		xexporter.WithProfiles(upstream.CreateProfiles, upstream.ProfilesStability()))
}

// orUpstream returns upstream's exporter, unless there was an error.
func orUpstream[E any](ctx context.Context, set exporter.Settings, cfg component.Config, err error,
	create func(context.Context, exporter.Settings, component.Config) (E, error),
) (none E, _ error) {
	if err != nil {
		return none, err
	}
	return create(ctx, set, cfg)
}

func (w *Wiring) options(signal scatter.Signal) []exporterhelper.Option {
	return append(w.Options, xexporterhelper.WithQueueBatch(w.Queue, xexporterhelper.QueueBatchSettings{Encoding: Disk{signal}}))
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

// Possible reports whether requests may be encoded before they are queued. They may not if something behind the queue needs the client's headers: the
// queue keeps bytes only.
func Possible(queue configoptional.Optional[exporterhelper.QueueBatchConfig], auth configoptional.Optional[configauth.Config]) bool {
	if auth.HasValue() && auth.Get().AuthenticatorID.Type().String() == "headers_setter" {
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
