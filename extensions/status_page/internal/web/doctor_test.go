// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"golang.org/x/net/html"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/arrivals"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"

	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

// watched is a page that is told what arrives.
func watched(t *testing.T, client *http.Client) (*visitor, *arrivals.Record) {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC) }
	record := arrivals.New(arrivals.Options{MaxBytes: arrivals.MaxBytes, Now: now})
	return openWith(t, client, Options{
		Source: loaded{catalog: parse(t, document("payment", "payments-team", 2, paymentSLOs)), reading: servicecatalog.Reading{Time: now()}},
		Names:  names.New(promname.Strategies[0]), Now: now, Arrivals: record,
	}), record
}

func paymentSpan(kind ptrace.SpanKind, change func(resource pcommon.Map, span ptrace.Span)) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	resource(rs.Resource(), "payment")
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetKind(kind)
	span.SetTraceID(orderTrace)
	change(rs.Resource().Attributes(), span)
	return td
}

func TestDoctor(t *testing.T) {
	v, record := watched(t, &http.Client{Transport: refusing})
	record.SawTraces(t.Context(), paymentSpan(ptrace.SpanKindInternal, func(pcommon.Map, ptrace.Span) {}))
	var got struct {
		Senders  []struct{ Service string }
		SLOs     []struct{ SLO string }
		Findings []struct{ Check, What string }
	}
	problem := v.answer("/doctor", "/doctor", &got)
	require.NotNil(t, problem, "Prometheus does not answer, and the page says so")
	require.Len(t, got.Findings, 1)
	assert.Equal(t, "span-kind", got.Findings[0].Check)
	require.Len(t, got.Senders, 1)
	require.Len(t, got.SLOs, 1)
	assert.Contains(t, v.page("/doctor"), "payment sends spans of kind INTERNAL only")
	assert.Contains(t, v.page("/"), "payment sends spans of kind INTERNAL only", "the box")
}

// Prometheus knows what is counted, which samples do not.
func TestDoctorBelievesCounters(t *testing.T) {
	s := startStore(t, "groups: []")
	for ago := 3 * time.Minute; ago >= 0; ago -= 30 * time.Second {
		b := newBatch(time.Now().Add(-ago))
		b.counter("slo.events", "{event}", (time.Hour - ago).Seconds(), attributes{"service.name": "payment", "service.namespace": "shop", "slo.name": "availability", "slo.outcome": "good"})
		b.gauge("otelcol_exporter_prometheus_store_rule_files", "", 0, attributes{"state": "loaded"})
		b.push(t, s)
	}
	v, record := watched(t, s.client)
	record.SawTraces(t.Context(), paymentSpan(ptrace.SpanKindInternal, func(pcommon.Map, ptrace.Span) {}))
	page := v.page("/doctor")
	assert.NotContains(t, page, "INTERNAL only")
	assert.Contains(t, page, "no rules are loaded", "the collector's own metrics are read, too")
}

func TestWhyNot(t *testing.T) {
	v, _ := watched(t, &http.Client{Transport: refusing})
	v.recent.AddTraces(paymentSpan(ptrace.SpanKindClient, func(pcommon.Map, ptrace.Span) {}))
	var got struct {
		Answers []struct {
			SLOs []struct{ Verdict, Why string }
		}
	}
	require.Nil(t, v.answer("/why-not/"+orderTrace.String(), "/why-not/{trace}", &got))
	require.Len(t, got.Answers, 1)
	assert.Equal(t, "not counted", got.Answers[0].SLOs[0].Verdict)
	assert.Contains(t, v.page("/why-not/"+orderTrace.String()), "its kind is CLIENT, and the SLO counts SERVER and CONSUMER")
	for path, status := range map[string]int{"/why-not/0123": http.StatusBadRequest, "/why-not/" + strings.Repeat("0f", 16): http.StatusNotFound} {
		response := v.do(http.MethodGet, path, "Accept", "application/json")
		assert.Equal(t, status, response.StatusCode, path)
	}
}

// What arrives is text on the pages, whatever it contains.
func TestDoctorShowsHostileNamesAsText(t *testing.T) {
	for _, name := range hostile {
		v, record := watched(t, &http.Client{Transport: refusing})
		td := paymentSpan(ptrace.SpanKindInternal, func(resource pcommon.Map, span ptrace.Span) {
			for _, key := range []string{"service.version", "service.instance.id", "telemetry.sdk.name"} {
				resource.PutStr(key, name)
			}
			span.SetName(name)
		})
		other := paymentSpan(ptrace.SpanKindServer, func(resource pcommon.Map, _ ptrace.Span) { resource.PutStr("service.name", name) })
		record.SawTraces(t.Context(), td)
		record.SawTraces(t.Context(), other)
		v.recent.AddTraces(td)
		v.recent.AddTraces(other)
		for _, path := range []string{"/", "/doctor", "/why-not/" + orderTrace.String()} {
			page := v.page(path)
			tree, err := html.Parse(strings.NewReader(page))
			require.NoError(t, err)
			for node := range tree.Descendants() {
				for _, a := range node.Attr {
					assert.False(t, strings.HasPrefix(a.Key, "on"), "%s: %s", path, a.Key)
				}
			}
			assert.NotContains(t, page, "<script>alert", path)
			assert.NotContains(t, page, "\x1b", path)
			assert.NotContains(t, page, "\u202e", path)
			assert.Less(t, len(page), 64<<10, path)
		}
	}
}
