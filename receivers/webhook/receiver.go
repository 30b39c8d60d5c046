// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"

	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
	"github.com/otelcol-sre/otelcol-sre/receivers/webhook/internal/metadata"
)

// NewFactory returns the factory of the webhook receiver.
func NewFactory() receiver.Factory {
	return receiver.NewFactory(metadata.Type, createDefaultConfig, receiver.WithLogs(createLogs, metadata.LogsStability))
}

func createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{ReceiverID: set.ID, Transport: "http", ReceiverCreateSettings: set})
	if err != nil {
		return nil, err
	}
	r := &hooks{config: cfg.(*Config), telemetry: set.TelemetrySettings, next: next, report: report, scope: pcommon.NewInstrumentationScope(), now: time.Now}
	r.scope.SetName(metadata.ScopeName)
	r.scope.SetVersion(set.BuildInfo.Version)
	return r, nil
}

// hooks takes webhooks.
type hooks struct {
	config    *Config
	telemetry component.TelemetrySettings
	next      consumer.Logs
	report    *receiverhelper.ObsReport
	scope     pcommon.InstrumentationScope
	now       func() time.Time
	server    *webserver.Server
}

// Start listens.
func (h *hooks) Start(ctx context.Context, host component.Host) (err error) {
	h.server, err = webserver.Listen(ctx, webserver.Settings{
		Component: "webhook", Server: &h.config.ServerConfig, Keys: h.config.Keys, Host: host, Telemetry: h.telemetry, MaxHeaderBytes: 64 << 10,
	}, func(net.Addr) http.Handler {
		mux := http.NewServeMux()
		for of, source := range h.config.Sources {
			mux.Handle("POST /"+of, h.take(of, source.header(of)))
		}
		return mux
	})
	return err
}

// Shutdown ends the server. What it has answered was passed on.
func (h *hooks) Shutdown(ctx context.Context) error {
	if h.server == nil {
		return nil
	}
	return h.server.Shutdown(ctx)
}

// take passes on what the source sends, and answers when the next component has it.
func (h *hooks) take(of string, source Source) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.config.MaxRequestBodySize))
		if long := (*http.MaxBytesError)(nil); errors.As(err, &long) {
			http.Error(w, tooLong, http.StatusRequestEntityTooLarge)
			return
		} else if err != nil {
			http.Error(w, unreadable, http.StatusBadRequest)
			return
		}
		if !source.sent(r.Header, body) {
			http.Error(w, "The webhook has no sign of its sender, or a wrong one. Compare its secret with that of the receiver.", http.StatusUnauthorized)
			return
		}
		all, problem := events(r.Header.Get("Content-Type"), body)
		if problem != "" {
			http.Error(w, problem, http.StatusBadRequest)
			return
		}
		if len(all) == 0 {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		ctx := h.report.StartLogsOp(source.authenticated(r.Context(), of))
		err = h.next.ConsumeLogs(ctx, records(of, all, h.scope, h.now()))
		h.report.EndLogsOp(ctx, "json", len(all), err)
		switch {
		case err == nil:
			w.WriteHeader(http.StatusAccepted)
		case consumererror.IsPermanent(err):
			http.Error(w, "The webhook was refused, and would be again.", http.StatusUnprocessableEntity)
		default:
			w.Header().Set("Retry-After", "10")
			http.Error(w, "The webhook cannot be taken now. Send it again later.", http.StatusServiceUnavailable)
		}
	})
}
