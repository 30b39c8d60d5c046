// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package healthcheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/otelcol-sre/otelcol-sre/extensions/health_check/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

// Config is the configuration of the health_check extension.
type Config struct {
	confighttp.ServerConfig `mapstructure:",squash"`
	webserver.Keys          `mapstructure:",squash"`
	// Path is where the answer is.
	Path string `mapstructure:"path"`
	// ResponseBody are the answers in place of the JSON.
	ResponseBody *ResponseBody `mapstructure:"response_body"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// ResponseBody are the texts that are answered.
type ResponseBody struct {
	// Healthy is answered while the collector is ready.
	Healthy string `mapstructure:"healthy"`
	// Unhealthy is answered while it is not.
	Unhealthy string `mapstructure:"unhealthy"`
}

func createDefaultConfig() component.Config {
	server := webserver.NewDefaultServerConfig("localhost:13133")
	server.ReadHeaderTimeout, server.ReadTimeout, server.WriteTimeout, server.IdleTimeout = 5*time.Second, 10*time.Second, 10*time.Second, 10*time.Second
	keys := webserver.NewDefaultKeys()
	keys.AllowedHosts = []string{"*"} // probes use names of their own for the collector
	return &Config{ServerConfig: server, Keys: keys, Path: "/"}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	errs := []error{c.Keys.Validate()}
	if c.NetAddr.Endpoint == "" {
		errs = append(errs, errors.New("endpoint: is empty; set the host:port to answer on"))
	}
	if !strings.HasPrefix(c.Path, "/") || strings.ContainsAny(c.Path, "{} ") {
		errs = append(errs, fmt.Errorf("path: is %.100q; begin it with /, and use no braces or spaces", c.Path))
	}
	return errors.Join(errs...)
}

// NewFactory returns the factory of the health_check extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig,
		func(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
			return &health{config: cfg.(*Config), telemetry: set.TelemetrySettings}, nil
		}, metadata.ExtensionStability)
}

// health is ready from the time on when all pipelines run, until they stop.
type health struct {
	config    *Config
	telemetry component.TelemetrySettings
	ready     atomic.Pointer[time.Time]
	server    *webserver.Server
}

var _ extensioncapabilities.PipelineWatcher = (*health)(nil)

// Start answers from now on, at first that the collector is not ready.
func (h *health) Start(ctx context.Context, host component.Host) (err error) {
	quiet := h.telemetry // probes are no requests of clients: they are neither counted nor traced
	quiet.MeterProvider, quiet.TracerProvider = noopmetric.NewMeterProvider(), nooptrace.NewTracerProvider()
	h.server, err = webserver.Listen(ctx, webserver.Settings{
		Component: "health_check", Server: &h.config.ServerConfig, Keys: h.config.Keys, Host: host, Telemetry: quiet, MaxHeaderBytes: 64 << 10,
	}, func(net.Addr) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc(h.config.Path, h.answer)
		return mux
	})
	return err
}

// Ready is called when all pipelines run.
func (h *health) Ready() error {
	now := time.Now()
	h.ready.Store(&now)
	return nil
}

// NotReady is called before the pipelines stop.
func (h *health) NotReady() error {
	h.ready.Store(nil)
	return nil
}

func (h *health) answer(w http.ResponseWriter, _ *http.Request) {
	since := h.ready.Load()
	status := http.StatusServiceUnavailable
	if since != nil {
		status = http.StatusOK
	}
	if texts := h.config.ResponseBody; texts != nil {
		w.WriteHeader(status)
		text := texts.Unhealthy
		if since != nil {
			text = texts.Healthy
		}
		_, _ = w.Write([]byte(text)) // the client is gone
		return
	}
	body := struct {
		Status  string    `json:"status"`
		UpSince time.Time `json:"upSince"`
		Uptime  string    `json:"uptime"`
	}{Status: "Server not available"}
	if since != nil {
		body.Status, body.UpSince, body.Uptime = "Server available", *since, time.Since(*since).String()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone
}

// Shutdown ends the server.
func (h *health) Shutdown(ctx context.Context) error {
	if h.server == nil {
		return nil
	}
	return h.server.Shutdown(ctx)
}
