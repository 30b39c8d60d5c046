// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusscrape

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/internal/flush"
)

// Scraped is the exporter.
type scraped struct {
	config    *Config
	logger    *zap.Logger
	telemetry component.TelemetrySettings
	store     *store
	server    *http.Server
	serving   sync.WaitGroup
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

func (e *scraped) start(ctx context.Context, host component.Host) error {
	listener, err := e.config.ToListener(ctx)
	if err != nil {
		return fmt.Errorf("endpoint: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", e)
	if e.server, err = e.config.ToServer(ctx, host.GetExtensions(), e.telemetry, mux); err != nil {
		return errors.Join(err, listener.Close())
	}
	e.serving.Go(func() {
		if err := e.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(err))
		}
	})
	e.sweeping.Run(e.config.MetricExpiration/2, func(context.Context) { e.store.sweep(time.Now().UnixNano()) })
	return nil
}

func (e *scraped) shutdown(ctx context.Context) error {
	e.sweeping.Stop()
	if e.server == nil {
		return nil
	}
	err := e.server.Shutdown(ctx)
	if err != nil { // a scrape takes too long
		err = e.server.Close()
	}
	e.serving.Wait()
	return err
}
