// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/exporters/gateways/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/encoded"
)

// NewFactory returns the factory of the gateways exporter.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(metadata.Type, createDefaultConfig,
		exporter.WithTraces(createTraces, metadata.TracesStability),
		exporter.WithLogs(createLogs, metadata.LogsStability),
		exporter.WithMetrics(createMetrics, metadata.MetricsStability))
}

type tracesExporter struct{ *balancer }

func createTraces(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	b, err := newBalancer(set, cfg.(*Config), encoded.Traces)
	return tracesExporter{b}, err
}

// ConsumeTraces encodes the spans once, and puts them into the queues of their gateways.
func (e tracesExporter) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	return e.encoded(ctx, td.SpanCount(), func() ([]byte, error) { return (&ptrace.ProtoMarshaler{}).MarshalTraces(td) })
}

type logsExporter struct{ *balancer }

func createLogs(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	b, err := newBalancer(set, cfg.(*Config), encoded.Logs)
	return logsExporter{b}, err
}

// ConsumeLogs encodes the log records once, and puts them into the queues of their gateways.
func (e logsExporter) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	return e.encoded(ctx, ld.LogRecordCount(), func() ([]byte, error) { return (&plog.ProtoMarshaler{}).MarshalLogs(ld) })
}

type metricsExporter struct{ *balancer }

func createMetrics(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Metrics, error) {
	b, err := newBalancer(set, cfg.(*Config), encoded.Metrics)
	return metricsExporter{b}, err
}

// ConsumeMetrics encodes the metrics once, and puts them into the queues of their gateways.
func (e metricsExporter) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	return e.encoded(ctx, md.DataPointCount(), func() ([]byte, error) { return (&pmetric.ProtoMarshaler{}).MarshalMetrics(md) })
}

func (b *balancer) encoded(ctx context.Context, items int, encode func() ([]byte, error)) error {
	if items == 0 {
		return nil
	}
	data, err := encode()
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	return b.consume(ctx, data, items)
}
