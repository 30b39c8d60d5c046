// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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

// gotRequests is the data of /requests.
type gotRequests struct {
	Requests []struct {
		TraceID               string `json:"trace_id"`
		Service, Name, Page   string
		TraceURL              string `json:"trace_url"`
		Failed                bool
		Spans, Logs, Errors   int
		Duration              float64 `json:"duration_seconds"`
		Services              int
		Version, Kind, Status string
	}
	Matching int
	Looked   struct{ Spans, Logs int } `json:"looked_at"`
}

// listed are the requests of a list, by service and trace.
func (v *visitor) listed(query string) []string {
	v.t.Helper()
	var got gotRequests
	require.Nil(v.t, v.answer("/requests"+query, "/requests", &got))
	var all []string
	for i := range got.Requests {
		all = append(all, got.Requests[i].Service+" "+got.Requests[i].TraceID[5:6])
	}
	assert.Len(v.t, all, got.Matching)
	return all
}

func TestRequests(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	v := order(t, now)
	telemetry{now.Add(-2 * time.Minute), v.recent}.span("payment", otherTrace, 7, 4, 6, 20, func(s ptrace.Span) {
		s.SetKind(ptrace.SpanKindServer)
		s.SetName("POST /charges")
		s.Status().SetCode(ptrace.StatusCodeError)
		s.Attributes().PutStr("customer.tier", "gold")
		s.Attributes().PutInt("http.response.status_code", 503)
	})
	for query, want := range map[string][]string{
		"":                            {"mailer 2", "checkout 3", "checkout 1"},
		"?sort=slowest":               {"checkout 1", "checkout 3", "mailer 2"},
		"?status=failed":              {"payment 3"},
		"?status=503":                 {"payment 3"},
		"?status=ok&service=checkout": {"checkout 3", "checkout 1"},
		"?service=payment&namespace=shop&environment=production": {"payment 3"},
		"?route=POST+/charges&min=14ms":                          {"payment 3"},
		"?attribute=customer.tier%3Dgold":                        {"payment 3"},
		"?text=NO+CREDIT":                                        {"checkout 1"}, // in an exception of payment
		"?text=invoice":                                          {"checkout 1"}, // in a log record
		"?version=2":                                             nil,
		"?max=10ms":                                              {"mailer 2"},
	} {
		assert.Equal(t, want, v.listed(query), query)
	}
	var got gotRequests
	require.Nil(t, v.answer("/requests?text=invoice", "/requests", &got))
	one := got.Requests[0]
	assert.Equal(t, [4]int{3, 1, 2, 3}, [4]int{one.Spans, one.Logs, one.Errors, one.Services})
	assert.InDelta(t, 0.05, one.Duration, 1e-9)
	assert.Equal(t, "/search?id="+orderTrace.String(), one.Page)
	assert.Empty(t, one.TraceURL)
	assert.Equal(t, 6, got.Looked.Spans)
	assert.Equal(t, 1, got.Looked.Logs)

	page := v.page("/requests?size=2")
	for _, text := range []string{
		`aria-current="page">Requests</a>`, "<b>mailer</b>", "2 of 3 requests", "Shown are the newest 2 of 3 that fit.", "Looked at: 6 spans, 1 log record", `href="/requests?sort=slowest"`, `href="/requests?status=failed"`,
		`<option value="payment"></option>`, `name="id" value="` + mailTrace.String() + `"`,
	} {
		assert.Contains(t, page, text)
	}
	assert.NotContains(t, page, orderTrace.String())
	page = v.page("/requests?service=payment&attribute=a%3Db")
	assert.Contains(t, page, "No request fits the filter.")
	assert.Contains(t, page, `value="a=b"`)
	assert.Contains(t, page, `<details class="fold" open>`)
	assert.Contains(t, v.page("/services/payment"), `href="/requests?environment=production&amp;namespace=shop&amp;service=payment&amp;status=failed"`)

	for _, query := range []string{"status=bad", "min=x", "attribute=x", "sort=x", "size=0", "size=201", "text=" + strings.Repeat("a", 201)} {
		assert.Equal(t, http.StatusBadRequest, v.do(http.MethodGet, "/requests?"+query).StatusCode, query)
	}
	assert.Contains(t, silent(t).page("/requests"), "Add the exporter status_page to the pipelines")
	off := &visitor{t: t, handler: New(Options{Source: loaded{catalog: &catalog.Catalog{}}, Runbooks: library(""), Recent: recent.New(recent.Options{Now: time.Now}), Now: time.Now})}
	assert.Contains(t, off.page("/requests"), "Set extensions::status_page::search::max_bytes above 0")
}

// What is no longer kept is linked to the backend that keeps it.
func TestTracesElsewhere(t *testing.T) {
	now := time.Now()
	v := openWith(t, &http.Client{Transport: refusing}, Options{Source: loaded{catalog: &catalog.Catalog{}}, Now: func() time.Time { return now }, TraceURL: "https://jaeger.example.com/trace/{trace_id}?a=b"})
	telemetry{now, v.recent}.span("checkout", orderTrace, 1, 0, 0, 5, nil)
	at := "https://jaeger.example.com/trace/" + orderTrace.String() + "?a=b"
	for _, page := range []string{"/requests", "/search?id=" + orderTrace.String()} {
		assert.Contains(t, v.page(page), `href="`+at+`"`)
	}
	var got gotRequests
	require.Nil(t, v.answer("/requests", "/requests", &got))
	assert.Equal(t, at, got.Requests[0].TraceURL)
	assert.Contains(t, v.page("/search?id=0BF90000-0000-0000-0000-0000000000AA"), `href="https://jaeger.example.com/trace/0bf900000000000000000000000000aa?a=b">Open it`)
	var found struct {
		URLs []string `json:"trace_urls"`
	}
	require.Nil(t, v.answer("/search?id="+orderTrace.String(), "/search", &found))
	assert.Equal(t, []string{at}, found.URLs)
	assert.NotContains(t, v.page("/search?id=A-1"), "jaeger.example.com", "it is no ID of a trace")
}

func TestCompare(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	v := order(t, now)
	at := "/requests/compare?id=" + otherTrace.String() + "&id=" + orderTrace.String()
	var got struct {
		Requests []struct {
			ID                  string
			Duration            float64 `json:"duration_seconds"`
			Spans, Logs, Failed int
		}
		Operations []struct {
			Service, Name string
			Requests      []struct {
				Spans, Failed int
				Seconds       float64
			}
			Longer float64 `json:"longer_seconds"`
		}
		Attributes []struct {
			Name   string
			Values [2]string
		}
	}
	require.Nil(t, v.answer(at, "/requests/compare", &got))
	assert.Equal(t, otherTrace.String(), got.Requests[0].ID)
	assert.InDelta(t, 0.02, got.Requests[0].Duration, 1e-9)
	assert.Equal(t, 4, got.Requests[1].Spans, "with those of its other trace")
	assert.Equal(t, 1, got.Requests[1].Logs)
	var operations []string
	for _, o := range got.Operations {
		operations = append(operations, fmt.Sprintf("%s %d %d %.0f ms", o.Service, o.Requests[0].Spans, o.Requests[1].Spans, o.Longer*1000))
	}
	assert.Equal(t, []string{"payment 0 1 34 ms", "checkout 1 1 30 ms", "bank 0 1 10 ms", "mailer 0 1 10 ms"}, operations)
	assert.Equal(t, 1, got.Operations[0].Requests[1].Failed)
	assert.True(t, slices.ContainsFunc(got.Attributes, func(a struct {
		Name   string
		Values [2]string
	},
	) bool {
		return a.Name == "order.number" && a.Values == [2]string{"", "1001"}
	}))

	page := v.page(at)
	for _, text := range []string{"Two requests", "only in the second", "&#43;34 ms", "Timeline of the first", "Timeline of the second", "no credit left", "order.number"} {
		assert.Contains(t, page, text)
	}
	back := "/requests/compare?id=" + orderTrace.String() + "&id=" + otherTrace.String()
	assert.Contains(t, v.page(back), "−34 ms")
	for query, status := range map[string]int{
		"": http.StatusBadRequest, "?id=a": http.StatusBadRequest, "?id=a&id=b&id=c": http.StatusBadRequest, "?id=%00&id=a": http.StatusBadRequest, "?id=" + orderTrace.String() + "&id=gone": http.StatusNotFound,
	} {
		assert.Equal(t, status, v.do(http.MethodGet, "/requests/compare"+query).StatusCode, query)
	}
	assert.Contains(t, silent(t).page("/requests/compare?id=a&id=b"), "Add the exporter status_page")
}

// What services send, and what is typed into the filter, is text in the list and in the comparison.
func TestHostileListsStayText(t *testing.T) {
	for _, name := range hostile {
		v := silent(t)
		d := telemetry{time.Now(), v.recent}
		for n := range byte(2) {
			d.span(name, pcommon.TraceID{n + 1}, n+1, 0, 0, 5, func(s ptrace.Span) {
				s.SetName(name)
				s.Status().SetMessage(name)
				s.Attributes().PutStr("http.route", name)
				s.Attributes().PutStr("http.response.status_code", name)
				s.Attributes().PutStr(name+strconv.Itoa(int(n)), name)
			})
			d.log(name, 3, name, func(l plog.LogRecord) { l.SetTraceID(pcommon.TraceID{n + 1}) })
		}
		short := url.QueryEscape(string([]rune(strings.ToValidUTF8(name, ""))[:min(150, len([]rune(name)))]))
		for at, path := range map[string]string{
			"/requests": "/requests", "/requests?service=" + short: "/requests", "/requests?text=" + short: "/requests", "/requests?attribute=a%3D" + short: "/requests", "/requests?status=" + short: "/requests",
			"/requests/compare?id=" + pcommon.TraceID{1}.String() + "&id=" + pcommon.TraceID{2}.String(): "/requests/compare",
		} {
			for _, accept := range []string{"text/html", "application/json"} {
				resp := v.do(http.MethodGet, at, "Accept", accept)
				text, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				body := string(text)
				if accept == "text/html" {
					harmless(t, at, body)
				} else if resp.StatusCode == http.StatusOK {
					v.conforms(body, path, "200")
				}
				assert.NotContains(t, body, "<script>alert", at)
				assert.NotContains(t, body, "\u202e", at)
				assert.Less(t, len(body), 200<<10, at)
			}
		}
		assert.Contains(t, v.page("/requests"), "2 requests")
	}
}

// fullWindow has 62 MiB of spans of eight services, a second of them in each millisecond after a time.
func fullWindow(now time.Time) *recent.Window {
	window := recent.New(recent.Options{MaxBytes: 64 << 20, MaxAge: time.Hour, Now: func() time.Time { return now }})
	for n := 0; window.Usage().Bytes < 62<<20; n++ {
		traces := ptrace.NewTraces()
		for service := range 8 {
			of := traces.ResourceSpans().AppendEmpty()
			resource(of.Resource(), fmt.Sprint("service-", service))
			for i := range 125 {
				span := of.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
				span.SetTraceID(pcommon.TraceID{1, byte(n >> 8), byte(n), byte(i)})
				span.SetSpanID(pcommon.SpanID{1, byte(service), byte(i), byte(n)})
				span.SetKind(ptrace.SpanKindServer)
				span.SetName("POST /orders")
				span.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(n) * time.Millisecond)))
				span.SetEndTimestamp(span.StartTimestamp() + pcommon.Timestamp(i)*1e6)
				for a := range 12 {
					span.Attributes().PutStr(fmt.Sprintf("http.attribute.%d", a), "some value of usual length")
				}
			}
		}
		window.AddTraces(traces)
	}
	return window
}

// BenchmarkRequests is the page, with a full window of 64 MiB. It reports the time that 19 of 20 looks take at most.
func BenchmarkRequests(b *testing.B) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	window := fullWindow(now)
	v := &visitor{t: b, handler: New(Options{Source: loaded{catalog: &catalog.Catalog{}}, Runbooks: library(""), Recent: window, Now: func() time.Time { return now }})}
	b.Logf("%d spans", window.Usage().Spans)
	for name, query := range map[string]string{"newest": "", "slowest failed": "?sort=slowest&status=failed", "filtered": "?service=service-3&attribute=http.attribute.11%3Dx&min=5ms", "text": "?text=usual+length"} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				v.page("/requests" + query)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Milliseconds()), "p95-ms")
		})
	}
}
