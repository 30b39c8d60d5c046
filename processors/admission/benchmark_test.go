// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const items = 100

// BenchmarkTraces is the time for one span of 16 attributes in a request of 100.
func BenchmarkTraces(b *testing.B) {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr(semconv.ServiceName, "checkout")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for range items {
		span := spans.AppendEmpty()
		span.SetName("POST /orders")
		for n := range 16 {
			span.Attributes().PutStr(fmt.Sprintf("http.request.attribute.%d", n), "a value of usual length")
		}
	}
	a := bare(b)
	b.ReportAllocs()
	for i := 0; i < b.N; i += items {
		if _, err := a.traces(b.Context(), td); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLogs is the time for one record in a request of 100, from another machine.
func BenchmarkLogs(b *testing.B) {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr(semconv.ServiceName, "checkout")
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for n := range items {
		record := records.AppendEmpty()
		record.Body().SetStr(fmt.Sprintf("paid order %d after 12 ms", n))
		record.Attributes().PutStr("code.function.name", "pay")
	}
	a := bare(b)
	a.config.DeploymentReports = Drop
	b.ReportAllocs()
	for i := 0; i < b.N; i += items {
		if _, err := a.logs(b.Context(), ld); err != nil {
			b.Fatal(err)
		}
	}
}

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
	a := bare(b)
	b.ReportAllocs()
	for i := 0; i < b.N; i += items {
		if _, err := a.metrics(b.Context(), md); err != nil {
			b.Fatal(err)
		}
	}
}

func bare(b *testing.B) *admission {
	a, err := newAdmission(settings(), defaults())
	require.NoError(b, err)
	return a
}
