// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package telemetry is the collector's own telemetry: upstream's, with the same keys, and its metrics can be read by the own_metrics
// extension besides. Upstream's Prometheus reader has a server of its own, which has no authentication and no limit of connections.
package telemetry

import (
	"context"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configtelemetry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/service/telemetry"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
	otelconf "go.opentelemetry.io/contrib/otelconf/v0.3.0"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.uber.org/zap"
)

// gathered has the metrics of the collector that this process runs. The builder makes the telemetry and the extension apart, so they
// have nothing else in common.
var gathered atomic.Pointer[prometheus.Registry]

// Gatherer returns the collector's own metrics, named and labeled as upstream's reader does by default; nil before there are any, and at
// the level none.
func Gatherer() prometheus.Gatherer {
	if g := gathered.Load(); g != nil {
		return g
	}
	return nil
}

// Config is upstream's, and allows a collector without readers of its own.
type Config struct {
	upstream *otelconftelemetry.Config
}

// Unmarshal reads upstream's keys.
func (c *Config) Unmarshal(conf *confmap.Conf) error { return conf.Unmarshal(c.upstream) }

// Marshal writes upstream's keys.
func (c Config) Marshal(conf *confmap.Conf) error { return conf.Marshal(c.upstream) }

// Validate is upstream's, without its demand for a reader.
func (c *Config) Validate() error {
	checked := *c.upstream
	if len(checked.Metrics.Readers) == 0 {
		checked.Metrics.Readers = []otelconf.MetricReader{{}}
	}
	return checked.Validate()
}

// NewFactory returns the factory of the telemetry.
func NewFactory() telemetry.Factory {
	upstream := otelconftelemetry.NewFactory()
	of := func(c component.Config) component.Config { return c.(*Config).upstream }
	return telemetry.NewFactory(
		func() component.Config { return &Config{upstream.CreateDefaultConfig().(*otelconftelemetry.Config)} },
		telemetry.WithCreateResource(func(ctx context.Context, set telemetry.Settings, c component.Config) (pcommon.Resource, error) {
			return upstream.CreateResource(ctx, set, of(c))
		}),
		telemetry.WithCreateLogger(func(ctx context.Context, set telemetry.LoggerSettings, c component.Config) (*zap.Logger, component.ShutdownFunc, error) {
			return upstream.CreateLogger(ctx, set, of(c))
		}),
		telemetry.WithCreateTracerProvider(func(ctx context.Context, set telemetry.TracerSettings, c component.Config) (telemetry.TracerProvider, error) {
			return upstream.CreateTracerProvider(ctx, set, of(c))
		}),
		telemetry.WithCreateMeterProvider(func(ctx context.Context, set telemetry.MeterSettings, c component.Config) (telemetry.MeterProvider, error) {
			cfg := c.(*Config).upstream
			if cfg.Metrics.Level == configtelemetry.LevelNone {
				gathered.Store(nil)
				return upstream.CreateMeterProvider(ctx, set, cfg)
			}
			return newMeterProvider(ctx, set, cfg)
		}),
	)
}

// newMeterProvider is upstream's, with one reader more.
func newMeterProvider(ctx context.Context, set telemetry.MeterSettings, cfg *otelconftelemetry.Config) (telemetry.MeterProvider, error) {
	meters := cfg.Metrics.MeterProvider
	if meters.Views == nil && set.DefaultViews != nil {
		meters.Views = set.DefaultViews(cfg.Metrics.Level)
	}
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithTranslationStrategy(otlptranslator.NoTranslation))
	if err != nil {
		return nil, err
	}
	sdk, err := otelconf.NewSDK(otelconf.WithContext(ctx), otelconf.WithMeterProviderOptions(metric.WithReader(reader)),
		otelconf.WithOpenTelemetryConfiguration(otelconf.OpenTelemetryConfiguration{Resource: resource(set.Resource, cfg.Resource.SchemaUrl), MeterProvider: &meters}))
	if err != nil {
		return nil, err
	}
	gathered.Store(registry)
	return sdk.MeterProvider().(telemetry.MeterProvider), nil
}

// resource is the collector's, as config of the SDK.
func resource(of *pcommon.Resource, schema *string) *otelconf.Resource {
	r := &otelconf.Resource{SchemaUrl: schema}
	if of == nil {
		return r
	}
	for name, value := range of.Attributes().All() {
		r.Attributes = append(r.Attributes, otelconf.AttributeNameValue{Name: name, Value: value.AsRaw()})
	}
	return r
}
