// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serieslimit

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/series_limit/internal/metadata"
)

// other is what services are counted under that the catalog does not name: clients choose their names.
const other = "_other"

type limit struct {
	config    *Config
	telemetry *metadata.TelemetryBuilder
	// services are the names of the catalog's.
	services    atomic.Pointer[map[string]bool]
	unsubscribe func()
	series      *series
	now         func() time.Time
}

func newLimit(set processor.Settings, config *Config) (*limit, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	l := &limit{config: config, telemetry: telemetry, unsubscribe: func() {}, series: newSeries(config.MaxSeries, config.MaxSeriesOfOthers), now: time.Now}
	l.services.Store(&map[string]bool{})
	return l, nil
}

func (l *limit) start(_ context.Context, host component.Host) error {
	source, err := servicecatalog.Find(host, l.config.Catalog)
	if err != nil {
		return err
	}
	l.unsubscribe = source.Subscribe(func(c *catalog.Catalog) {
		services := make(map[string]bool, len(c.Services))
		for _, s := range c.Services {
			services[s.Name] = true
		}
		l.services.Store(&services)
		l.series.keep(services)
	})
	return nil
}

func (l *limit) shutdown(context.Context) error {
	l.unsubscribe()
	l.telemetry.Shutdown()
	return nil
}

// metrics drops the points of series that are beyond the limit of their service, and of metrics whose name in Prometheus is taken.
func (l *limit) metrics(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	dropped := false
	for _, rm := range md.ResourceMetrics().All() {
		service := l.service(rm.Resource())
		beyond, colliding := l.series.drop(rm, service, l.now())
		if beyond > 0 {
			l.telemetry.ProcessorSeriesLimitBeyond.Add(ctx, beyond, metric.WithAttributes(attribute.String(semconv.ServiceName, service)))
		}
		if colliding > 0 {
			l.telemetry.ProcessorSeriesLimitColliding.Add(ctx, colliding, metric.WithAttributes(attribute.String(semconv.ServiceName, service)))
		}
		dropped = dropped || beyond+colliding > 0
	}
	if dropped && md.DataPointCount() == 0 {
		return md, processorhelper.ErrSkipProcessingData
	}
	return md, nil
}

// service is the name that the resource counts under.
func (l *limit) service(resource pcommon.Resource) string {
	if v, ok := resource.Attributes().Get(semconv.ServiceName); ok && (*l.services.Load())[v.AsString()] {
		return v.AsString()
	}
	return other
}
