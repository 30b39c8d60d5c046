// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
)

var (
	ofSpans = metric.WithAttributes(attribute.String("signal", "spans"))
	ofLogs  = metric.WithAttributes(attribute.String("signal", "logs"))
)

// observe has the window's metrics read when they are asked for.
func observe(window *recent.Window, telemetry component.TelemetrySettings) (*metadata.TelemetryBuilder, error) {
	b, err := metadata.NewTelemetryBuilder(telemetry)
	if err != nil {
		return nil, err
	}
	return b, errors.Join(
		b.RegisterExtensionStatusPageRecentBytesCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(window.Usage().Bytes))
			return nil
		}),
		b.RegisterExtensionStatusPageRecentItemsCallback(func(_ context.Context, o metric.Int64Observer) error {
			u := window.Usage()
			o.Observe(int64(u.Spans), ofSpans)
			o.Observe(int64(u.Logs), ofLogs)
			return nil
		}),
		b.RegisterExtensionStatusPageRecentSkippedCallback(func(_ context.Context, o metric.Int64Observer) error {
			u := window.Usage()
			o.Observe(int64(u.SpansTooBig), ofSpans)
			o.Observe(int64(u.LogsTooBig), ofLogs)
			return nil
		}),
	)
}
