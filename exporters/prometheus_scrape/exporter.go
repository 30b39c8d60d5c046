// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusscrape

import (
	"context"
	"net"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

// Scraped is the exporter.
type scraped struct {
	config    *Config
	logger    *zap.Logger
	telemetry component.TelemetrySettings
	store     *store
	server    *webserver.Server
	sweeping  flush.Loop
}

func newScraped(set exporter.Settings, config *Config) *scraped {
	return &scraped{config: config, logger: set.Logger, telemetry: set.TelemetrySettings, store: newStore(config)}
}

// push keeps the last point of each series.
func (e *scraped) push(_ context.Context, md pmetric.Metrics) error {
	if err := e.store.take(md, time.Now().UnixNano()); err != nil {
		e.logger.Warn("A metric is not served", zap.Error(err))
	}
	return nil
}

func (e *scraped) start(ctx context.Context, host component.Host) (err error) {
	e.server, err = webserver.Listen(ctx, webserver.Settings{
		Component: "prometheus_scrape", Server: &e.config.ServerConfig, Keys: e.config.Keys, Host: host, Telemetry: e.telemetry,
	}, func(net.Addr) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/metrics", e)
		return mux
	})
	if err != nil {
		return err
	}
	e.sweeping.Run(e.config.MetricExpiration/2, func(context.Context) { e.store.sweep(time.Now().UnixNano()) })
	return nil
}

func (e *scraped) shutdown(ctx context.Context) error {
	e.sweeping.Stop()
	if e.server == nil {
		return nil
	}
	return e.server.Shutdown(ctx)
}
