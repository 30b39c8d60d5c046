// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serieslimit

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/series_limit/internal/metadata"
)

const items = 100

// BenchmarkMetrics is the time for one data point in a request of 100, of ten metrics.
func BenchmarkMetrics(b *testing.B) {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(semconv.ServiceName, "checkout")
	metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
	for n := range 10 {
		m := metrics.AppendEmpty()
		m.SetName(fmt.Sprintf("http.server.metric.%d", n))
		points := m.SetEmptyGauge().DataPoints()
		for range items / 10 {
			points.AppendEmpty().Attributes().PutStr("http.route", "/orders")
		}
	}
	l, err := newLimit(processortest.NewNopSettings(metadata.Type), defaults())
	require.NoError(b, err)
	b.ReportAllocs()
	for i := 0; i < b.N; i += items {
		if _, err := l.metrics(b.Context(), md); err != nil {
			b.Fatal(err)
		}
	}
}
