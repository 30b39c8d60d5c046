// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
)

var (
	orderTrace = pcommon.TraceID{0x4b, 0xf9, 1}
	mailTrace  = pcommon.TraceID{0x4b, 0xf9, 2}
	otherTrace = pcommon.TraceID{0x4b, 0xf9, 3}
)

// telemetry is the telemetry of the services at a time.
type telemetry struct {
	at     time.Time
	window *recent.Window
}

func resource(of pcommon.Resource, service string) {
	of.Attributes().PutStr("service.name", service)
	of.Attributes().PutStr("service.namespace", "shop")
	of.Attributes().PutStr("service.version", "1.1.0")
	of.Attributes().PutStr("deployment.environment.name", "production")
}

// span takes in a span that begins and ends so many milliseconds after the time.
func (d telemetry) span(service string, trace pcommon.TraceID, id, parent byte, from, to int, fill func(ptrace.Span)) {
	traces := ptrace.NewTraces()
	of := traces.ResourceSpans().AppendEmpty()
	resource(of.Resource(), service)
	span := of.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName("span " + service)
	span.SetTraceID(trace)
	span.SetSpanID(pcommon.SpanID{id})
	if parent != 0 {
		span.SetParentSpanID(pcommon.SpanID{parent})
	}
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(d.at.Add(time.Duration(from) * time.Millisecond)))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(d.at.Add(time.Duration(to) * time.Millisecond)))
	if fill != nil {
		fill(span)
	}
	d.window.AddTraces(traces)
}

func (d telemetry) log(service string, at int, text string, fill func(plog.LogRecord)) {
	logs := plog.NewLogs()
	of := logs.ResourceLogs().AppendEmpty()
	resource(of.Resource(), service)
	record := of.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.Body().SetStr(text)
	record.SetTimestamp(pcommon.NewTimestampFromTime(d.at.Add(time.Duration(at) * time.Millisecond)))
	fill(record)
	d.window.AddLogs(logs)
}

// order is an order that fails in payment. A mail is sent in a trace of its own; somebody else's order goes well.
func order(t *testing.T, now time.Time) *visitor {
	v := openAt(t, &http.Client{Transport: refusing}, parse(t, document("payment", "payments-team", 2, paymentSLOs)), "", func() time.Time { return now })
	d := telemetry{now.Add(-2 * time.Minute), v.recent}
	d.span("bank", orderTrace, 5, 2, 20, 30, nil)
	d.span("payment", orderTrace, 2, 1, 10, 44, func(s ptrace.Span) {
		s.Attributes().PutStr("correlation.id", "A-1001")
		s.Status().SetCode(ptrace.StatusCodeError)
		s.Status().SetMessage("card declined")
		exception := s.Events().AppendEmpty()
		exception.SetName("exception")
		exception.SetTimestamp(s.EndTimestamp())
		exception.Attributes().PutStr("exception.message", "no credit left")
	})
	d.span("checkout", orderTrace, 1, 0, 0, 50, func(s ptrace.Span) {
		s.Attributes().PutStr("correlation.id", "A-1001")
		s.Attributes().PutInt("order.number", 1001)
	})
	d.span("mailer", mailTrace, 3, 0, 1200, 1210, func(s ptrace.Span) { s.Attributes().PutStr("correlation.id", "A-1001") })
	d.span("checkout", otherTrace, 4, 0, 5, 25, func(s ptrace.Span) { s.Attributes().PutStr("correlation.id", "A-1002") })
	d.log("payment", 12, "invoice INV-77 of order A-1001 cannot be paid", func(l plog.LogRecord) {
		l.Attributes().PutStr("correlation.id", "A-1001")
		l.SetTraceID(orderTrace)
		l.SetSpanID(pcommon.SpanID{2})
		l.SetSeverityNumber(plog.SeverityNumberError)
	})
	return v
}

func TestSearch(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	v := order(t, now)
	var got struct {
		Traces   []string `json:"trace_ids"`
		IDs      []string `json:"correlation_ids"`
		Start    time.Time
		Duration float64 `json:"duration_seconds"`
		Spans    int
		Logs     int
		Failed   int
		Requests int
		Services []struct{ Name, Page string }
		Items    []struct {
			Signal, Service, Name, Body string
			Depth                       int
			After                       float64 `json:"after_seconds"`
		}
		Window struct{ Spans, Logs, Bytes int }
	}
	for what, id := range map[string]string{
		"correlation ID": "A-1001", "trace ID": orderTrace.String(), "upper case": strings.ToUpper(mailTrace.String()),
		"span ID": "0200000000000000", "number": "1001", "word of a log": "INV-77", "blanks around": "  A-1001\t",
	} {
		require.Nil(t, v.answer("/search?id="+url.QueryEscape(id), "/search", &got), what)
		assert.Equal(t, []string{"A-1001"}, got.IDs, what)
		assert.Equal(t, 4, got.Spans, what)
		assert.Equal(t, 1, got.Logs, what)
		assert.Equal(t, 1, got.Requests, what)
	}
	assert.Equal(t, []string{orderTrace.String(), mailTrace.String()}, got.Traces)
	assert.Equal(t, now.Add(-2*time.Minute), got.Start)
	assert.InDelta(t, 1.21, got.Duration, 1e-9)
	assert.Equal(t, 3, got.Failed)
	var order []string
	for _, i := range got.Items {
		order = append(order, strings.Repeat(".", i.Depth)+i.Service+" "+i.Signal)
	}
	assert.Equal(t, []string{"checkout span", ".payment span", "..payment log", "..bank span", "..payment event", "mailer span"}, order)
	assert.Equal(t, "/services/payment", got.Services[1].Page)
	assert.Empty(t, got.Services[0].Page, "the catalog does not know it")
	assert.Equal(t, 5, got.Window.Spans)

	page := v.page("/search?id=A-1001")
	for _, text := range []string{
		"<title>A-1001 · ", `href="/services/payment?environment=production"`, `href="/search?id=` + mailTrace.String() + `"`, `value="A-1001"`,
		"card declined", "no credit left", "ERROR", "invoice INV-77 of order A-1001", ">34 ms<", ">1.21 s<", "✖", "4 spans, 1 log record", "1.1.0, production",
		`<rect class="c1" x="8.3" y="4" width="28.1" height="12"/>`, "Searched: 5 spans, 1 log record that",
	} {
		assert.Contains(t, page, text)
	}
	assert.NotContains(t, page, otherTrace.String())
}

func TestSearchFindsNothing(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	v := order(t, now)
	for _, id := range []string{"A-100", "INV-7", "a-1001", "checkou", "04", strings.Repeat("0", 32)} {
		page := v.page("/search?id=" + id)
		assert.Contains(t, page, "Nothing has", id)
		assert.Contains(t, page, "srectl find", id)
		assert.Contains(t, page, "Searched: 5 spans", id)
	}
	page := v.page("/search")
	assert.Contains(t, page, "Enter any ID of the request")
	assert.Contains(t, page, "Searched: 5 spans")

	empty := silent(t)
	assert.Contains(t, empty.page("/search?id=A-1001"), "Add the exporter status_page to the pipelines")
	off := &visitor{t: t, handler: New(Options{Source: loaded{catalog: &catalog.Catalog{}}, Runbooks: library(""), Recent: recent.New(recent.Options{Now: time.Now}), Now: time.Now})}
	assert.Contains(t, off.page("/search?id=A-1001"), "Set extensions::status_page::search::max_bytes above 0")
}

func TestSearchRefusesWhatIsNoID(t *testing.T) {
	v := silent(t)
	for _, id := range []string{strings.Repeat("a", 1025), "%00", "%ff", "a%0ab", "%E2%80%AE"} {
		resp := v.do(http.MethodGet, "/search?id="+id, "Accept", "application/json")
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode, id)
	}
	assert.Contains(t, v.page("/search?id="+strings.Repeat("a", 1024)), "Nothing can be found")
}

// The page says so when several requests have the ID.
func TestSearchFindsSeveralRequests(t *testing.T) {
	v := silent(t)
	d := telemetry{time.Now(), v.recent}
	for n := range byte(3) {
		d.span("checkout", pcommon.TraceID{n + 1}, n+1, 0, 0, 5, func(s ptrace.Span) { s.Attributes().PutStr("user.id", "u-17") })
	}
	d.log("checkout", 1, "seen by u-17, request_id=test", func(l plog.LogRecord) { l.SetTraceID(pcommon.TraceID{1}) })
	page := v.page("/search?id=u-17")
	assert.Contains(t, page, "<small>3 requests with</small>")
	assert.Contains(t, page, "It does not identify one of them")
	assert.Contains(t, page, `<a class="id" href="/search?id=02000000000000000000000000000000">`)
	assert.NotContains(t, page, `id="timeline`, "a value that they have in common lists them")
	page = v.page("/search?id=01000000000000000000000000000000")
	assert.Contains(t, page, "<small>Request with</small>")
	assert.Contains(t, page, "<code>logfmt:request_id</code> = <code>test</code>, evidence: text; not used: it says that there is none")
}

// The work on a batch is shown with each of its requests, and each by itself.
func TestSearchShowsRequestsApart(t *testing.T) {
	v := silent(t)
	d := telemetry{time.Now(), v.recent}
	for n := range byte(2) {
		d.span("shop", pcommon.TraceID{n + 1}, n+1, 0, 0, 5, func(s ptrace.Span) { s.Attributes().PutStr("correlation.id", fmt.Sprint("C-", n+1)) })
	}
	d.span("mailer", pcommon.TraceID{3}, 3, 0, 0, 5, func(s ptrace.Span) {
		require.NoError(t, s.Attributes().PutEmptySlice("correlation.ids").FromRaw([]any{"C-1", "C-2"}))
	})
	page := v.page("/search?id=03000000000000000000000000000000")
	assert.Contains(t, page, `<h2 id="timeline-0">Timeline of <code>C-1</code></h2>`)
	assert.Contains(t, page, `<h2 id="timeline-1">Timeline of <code>C-2</code></h2>`)
	assert.Contains(t, v.page("/search?id=C-1"), "span mailer")
}

// IDs, names and texts from outside stay text on the page of a request.
func TestHostileRequestsStayText(t *testing.T) {
	for _, name := range hostile {
		v := silent(t)
		d := telemetry{time.Now(), v.recent}
		d.span(name, orderTrace, 1, 0, 0, 5, func(s ptrace.Span) {
			s.SetName(name)
			s.Attributes().PutStr(name, name)
			s.Attributes().PutStr("correlation.id", name)
			s.Status().SetMessage(name)
			event := s.Events().AppendEmpty()
			event.SetName(name)
			event.Attributes().PutStr("exception.message", name)
		})
		d.log(name, 3, name, func(l plog.LogRecord) {
			l.SetTraceID(orderTrace)
			l.SetEventName(name)
			l.SetSeverityText(name)
			l.Attributes().PutStr(name, name)
		})
		for _, id := range []string{orderTrace.String(), name} {
			at := "/search?id=" + url.QueryEscape(id)
			for _, accept := range []string{"text/html", "application/json"} {
				resp := v.do(http.MethodGet, at, "Accept", accept)
				text, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				body := string(text)
				if accept == "text/html" {
					harmless(t, at, body)
				} else if resp.StatusCode == http.StatusOK {
					v.conforms(body, "/search", "200")
				}
				assert.NotContains(t, body, "<script>alert", at)
				assert.NotContains(t, body, "\u202e", at)
				assert.Less(t, len(body), 200<<10, at)
			}
		}
		assert.Contains(t, v.page("/search?id="+orderTrace.String()), "<td role=\"cell\" class=\"line\"><svg", "it was found")
	}
}
