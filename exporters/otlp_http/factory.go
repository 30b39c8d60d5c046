// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlphttp

import (
	"fmt"
	"net/url"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/exporter/xexporter"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/otelcol-sre/otelcol-sre/exporters/otlp_http/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/encoded"
)

// NewFactory returns the factory of the otlp_http exporter.
func NewFactory() exporter.Factory {
	return encoded.NewFactory(otlphttpexporter.NewFactory().(xexporter.Factory), metadata.DeprecatedType, wire)
}

func wire(cfg component.Config, signal encoded.Signal, set exporter.Settings) (*encoded.Wiring, error) {
	config := cfg.(*otlphttpexporter.Config)
	if config.Encoding != otlphttpexporter.EncodingProto || !encoded.Possible(config.QueueConfig, config.ClientConfig.Auth) {
		return nil, nil
	}
	own := map[pipeline.Signal]string{
		pipeline.SignalTraces: config.TracesEndpoint, pipeline.SignalMetrics: config.MetricsEndpoint, pipeline.SignalLogs: config.LogsEndpoint,
	}[signal.Name]
	to, err := address(config.ClientConfig.Endpoint, own, signal.Name.String())
	if err != nil {
		return nil, err
	}
	c := encoded.NewHTTP(config.ClientConfig, to, signal, set.TelemetrySettings, set.BuildInfo)
	return &encoded.Wiring{Push: c.Export, Queue: config.QueueConfig, Options: []exporterhelper.Option{
		exporterhelper.WithStart(c.Start), exporterhelper.WithShutdown(c.Shutdown), exporterhelper.WithRetry(config.RetryConfig),
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{}), // the client has its own
		encoded.ServerAttributes(to.Host, to.Path),
	}}, nil
}

// address is where a signal goes: to its own endpoint, or to its path below the endpoint of all.
func address(all, own, signal string) (*url.URL, error) {
	switch {
	case own != "":
		to, err := url.Parse(own)
		if err != nil {
			return nil, fmt.Errorf("%s_endpoint: %w; write a URL, such as https://backend.example.com/v1/%s", signal, err, signal)
		}
		return to, nil
	case all == "":
		return nil, fmt.Errorf("endpoint: is empty; set it, or %s_endpoint, because a pipeline of %s uses this exporter", signal, signal)
	default:
		to, err := url.Parse(strings.TrimSuffix(all, "/") + "/v1/" + signal)
		if err != nil {
			return nil, fmt.Errorf("endpoint: %w; write a URL, such as https://backend.example.com", err)
		}
		return to, nil
	}
}
