// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/catalog/condition"
)

// The tally says in Go what examples/catalog says in YAML: the same SLOs, the same thresholds.
func TestTheTallyIsOfTheExampleCatalog(t *testing.T) {
	loaded, problems := catalog.Load("../../examples/catalog")
	require.Empty(t, problems)
	require.Len(t, loaded.Services, len(serviceNames))

	for _, service := range loaded.Services {
		judged := spanSLOs[service.Name]
		var overSpans []string
		for _, slo := range service.SLOs {
			sli := slo.SLI
			switch {
			case sli.Logs != nil:
				assert.Contains(t, [][]string{{checkout, sloOrdersSettled}, {mailer, sloReceiptsSent}}, []string{service.Name, slo.Name})
			case sli.Metrics != nil:
				assert.Contains(t, [][]string{{checkout, sloOrdersAccepted}, {inventory, sloQueueFreshness}}, []string{service.Name, slo.Name})
			case sli.Prometheus == nil:
				overSpans = append(overSpans, slo.Name)
				require.Contains(t, judged, slo.Name, service.Name)
			}
			if sli.Latency == nil {
				continue
			}
			for _, c := range []struct {
				takes        time.Duration
				status       codes.Code
				counts, good bool
			}{
				{sli.Latency.Threshold, codes.Unset, true, true},
				{sli.Latency.Threshold + 1, codes.Unset, true, false},
				{sli.Latency.Threshold, codes.Error, !sli.Latency.ExcludeErrors, !sli.Latency.ErrorsAreBad},
			} {
				for kind, served := range map[trace.SpanKind]bool{
					trace.SpanKindServer: true, trace.SpanKindConsumer: true, trace.SpanKindClient: false,
				} {
					counts, good := judged[slo.Name](ended(kind, c.takes, c.status))
					assert.Equal(t, c.counts && served, counts, "%s %s %v %+v", service.Name, slo.Name, kind, c)
					if counts {
						assert.Equal(t, c.good, good, "%s %s %v %+v", service.Name, slo.Name, kind, c)
					}
				}
			}
		}
		assert.Len(t, judged, len(overSpans), "%s: %v", service.Name, overSpans)
	}
}

// What arrives as log records is, by the catalog's conditions, what the tally says.
func TestTheTallyOfLogsIsOfTheExampleCatalog(t *testing.T) {
	backend := newCollector(t)
	settings := quick()
	for _, name := range []string{checkout, mailer} {
		settings[name] = Settings{Version: "1.0.0", Environment: "test", ErrorRate: 0.5, Instances: 1}
	}
	shop := startShop(t, Config{Exporter: ExporterConfig{Endpoint: backend.grpc}, Settings: settings})
	for range 40 {
		buy(t, shop, "request-1")
	}
	shutdown(t, shop)
	made := map[[2]string]SLOCount{}
	for _, c := range shop.Tally().SLOs {
		made[[2]string{c.Service, c.SLO}] = c
	}

	loaded, problems := catalog.Load("../../examples/catalog")
	require.Empty(t, problems)
	seen := 0
	for _, service := range loaded.Services {
		for _, slo := range service.SLOs {
			if slo.SLI.Logs == nil {
				continue
			}
			seen++
			match, err := condition.Log(slo.SLI.Logs.Match)
			require.NoError(t, err)
			good, err := condition.Log(slo.SLI.Logs.Good)
			require.NoError(t, err)
			count := SLOCount{Identity: Identity{service.Name, "test", "1.0.0"}, SLO: slo.Name}
			for _, r := range backend.records {
				if str(r.resource, "service.name") != service.Name {
					continue
				}
				record := ottllog.NewTransformContextPtr(plog.NewResourceLogs(), plog.NewScopeLogs(), r.LogRecord)
				matches, err := match.Eval(t.Context(), record)
				require.NoError(t, err)
				isGood, err := good.Eval(t.Context(), record)
				require.NoError(t, err)
				record.Close()
				switch {
				case matches && isGood:
					count.Good++
				case matches:
					count.Bad++
				}
			}
			assert.Equal(t, made[[2]string{service.Name, slo.Name}], count)
			assert.Positive(t, count.Good)
			assert.Positive(t, count.Bad)
		}
	}
	assert.Equal(t, 2, seen)
}

func TestPaidOrders(t *testing.T) {
	judge := spanSLOs[checkout]["paid-orders"]
	for _, c := range []struct {
		attributes   []attribute.KeyValue
		counts, good bool
	}{
		{nil, false, false},
		{[]attribute.KeyValue{orderPaid.Bool(true)}, false, true},
		{[]attribute.KeyValue{orderTotal.Float64(1), orderPaid.Bool(true)}, true, true},
		{[]attribute.KeyValue{orderTotal.Float64(1), orderPaid.Bool(false)}, true, false},
		{[]attribute.KeyValue{orderTotal.Float64(1)}, true, false},
	} {
		counts, good := judge(ended(trace.SpanKindServer, 0, codes.Unset, c.attributes...))
		assert.Equal(t, c.counts, counts, "%v", c.attributes)
		assert.Equal(t, c.good, good, "%v", c.attributes)
	}
}

func ended(kind trace.SpanKind, takes time.Duration, status codes.Code, attributes ...attribute.KeyValue) sdktrace.ReadOnlySpan {
	start := time.Unix(1_700_000_000, 0)
	return tracetest.SpanStub{
		SpanKind: kind, StartTime: start, EndTime: start.Add(takes),
		Status: sdktrace.Status{Code: status}, Attributes: attributes,
	}.Snapshot()
}
