// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package searches

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func attributes(t *testing.T, from map[string]any) pcommon.Map {
	t.Helper()
	m := pcommon.NewMap()
	require.NoError(t, m.FromRaw(from))
	return m
}

func testSpan(t *testing.T, kind ptrace.SpanKind, status ptrace.StatusCode, took time.Duration, resource, own map[string]any) Span {
	t.Helper()
	s := ptrace.NewSpan()
	s.SetKind(kind)
	s.Status().SetCode(status)
	s.SetEndTimestamp(pcommon.Timestamp(took))
	attributes(t, own).CopyTo(s.Attributes())
	return Span{s, attributes(t, resource)}
}

func spans(t *testing.T) []Span {
	t.Helper()
	checkout, payment := map[string]any{"service.name": "checkout", "deployment.environment.name": "production"}, map[string]any{"service.name": "payment"}
	const server, client, consumer = ptrace.SpanKindServer, ptrace.SpanKindClient, ptrace.SpanKindConsumer
	const unset, failed = ptrace.StatusCodeUnset, ptrace.StatusCodeError
	return []Span{
		testSpan(t, server, failed, time.Millisecond, checkout, map[string]any{"correlation.id": "order-1", "paid": true}),
		testSpan(t, server, unset, 300*time.Millisecond, checkout, map[string]any{"correlation.id": "order-12", "http.response.status_code": 500}),
		testSpan(t, client, failed, 301*time.Millisecond, checkout, map[string]any{"http.response.status_code": "500"}),
		testSpan(t, consumer, unset, 2*time.Minute, payment, map[string]any{"http.response.status_code": 404, "load": 1.5}),
	}
}

func TestTraceQL(t *testing.T) {
	found := map[string][]int{
		`{ resource.service.name = "checkout" }`:                                          {0, 1, 2},
		`{ resource.service.name = "check\x6fut" }`:                                       {0, 1, 2},
		"{ resource.service.name = `checkout` && kind = server }":                         {0, 1},
		`{ resource.service.name =~ "check" }`:                                            {},
		`{ resource.service.name =~ "check.*|payment" }`:                                  {0, 1, 2, 3},
		`{ resource.deployment.environment.name =~ ".*" }`:                                {0, 1, 2},
		`{ span.service.name = "checkout" }`:                                              {},
		`{ span.correlation.id =~ "order-1" }`:                                            {0},
		`{ span.correlation.id =~ "order-1.*" }`:                                          {0, 1},
		`{ status = error }`:                                                              {0, 2},
		`{ status != error }`:                                                             {1, 3},
		`{ status = error && kind != client }`:                                            {0},
		`{ (kind = server || kind = consumer) && span.http.response.status_code >= 404 }`: {1, 3},
		`{ span.http.response.status_code = 500 }`:                                        {1},
		`{ span.http.response.status_code = "500" }`:                                      {2},
		`{ span.http.response.status_code < 500 }`:                                        {3},
		`{ span.load > 1.4 }`:                                                             {3},
		`{ span.load <= 1.4 }`:                                                            {},
		`{ duration > 300ms }`:                                                            {2, 3},
		`{ duration >= 0.3s && kind = server }`:                                           {1},
		`{ duration > 1m }`:                                                               {3},
		`{ status = unset && (kind = server && (duration > 1s || duration < 300001us)) }`: {1},
		`{ status = error } | select(resource.service.name, span.load, status, duration)`: {0, 2},
	}
	refused := map[string]string{ // and what the error says
		`{ status = error`:                                     "the grammar expects something else here",
		`{ kind == server }`:                                   "the grammar expects something else here",
		`{ status = failed }`:                                  "the grammar expects something else here",
		`{ status = server }`:                                  "does not know what FieldExpression",
		`{ kind = "server" }`:                                  "does not know what FieldExpression",
		`{ kind > server }`:                                    "does not know what FieldOp",
		`{ duration > 300 }`:                                   "does not know what Static",
		`{ span.load > 300ms }`:                                "does not know what Static",
		`{ span.correlation.id != "x" }`:                       "does not know what FieldOp",
		`{ span.correlation.id =~ "(" }`:                       "missing closing )",
		`{ span.load > -1 }`:                                   "does not know what FieldExpression",
		`{ span.load + 1 > 2 }`:                                "does not know what",
		`{ span.paid = true }`:                                 "does not know what Static",
		`{ .correlation.id = "x" }`:                            "does not know what AttributeField",
		`{ name = "GET /" }`:                                   "does not know what IntrinsicField",
		`{ !(status = error) }`:                                "does not know what FieldExpression",
		`{ status = error || kind = server && duration > 1s }`: "put parentheses around it",
		`{ status = error && kind = server || duration > 1s }`: "put parentheses around it",
		`{ status = error } && { kind = server }`:              "does not know what SpansetPipelineExpression",
		`{ status = error } >> { kind = server }`:              "does not know what SpansetPipelineExpression",
		`{ status = error } | count() > 2`:                     "does not know what SpansetPipeline",
		`{ status = error } | select(status) | count() > 2`:    "does not know what SpansetPipeline",
		`{ status = error } | rate()`:                          "does not know what",
		`{}`:                                                   "does not know what SpansetFilter",
		`{ true }`:                                             "does not know what FieldExpression",
	}
	check(t, TraceQL, spans(t), found, refused)
}

// check asks all queries at once, as tests of pages do.
func check[R any](t *testing.T, ask func(ctx context.Context, records []R, queries []string) (map[string]Answer, error), records []R, found map[string][]int, refused map[string]string) {
	t.Helper()
	var queries []string
	for q := range found {
		queries = append(queries, q)
	}
	for q := range refused {
		queries = append(queries, q)
	}
	answers, err := ask(t.Context(), records, queries)
	require.NoError(t, err)
	for q, want := range found {
		assert.NoError(t, answers[q].Err)
		assert.Equal(t, want, answers[q].Found, q)
	}
	for q, why := range refused {
		assert.ErrorContains(t, answers[q].Err, why, q)
		assert.Nil(t, answers[q].Found, q)
	}
}

func testRecord(t *testing.T, resource, own map[string]any, severity plog.SeverityNumber, line string) Record {
	t.Helper()
	r := plog.NewLogRecord()
	r.SetSeverityNumber(severity)
	r.Body().SetStr(line)
	r.SetTraceID(pcommon.TraceID{0xab})
	attributes(t, own).CopyTo(r.Attributes())
	kept, err := Kept(attributes(t, resource), r)
	require.NoError(t, err)
	return kept
}

func TestLogQL(t *testing.T) {
	checkout := map[string]any{"service.name": "checkout", "deployment.environment.name": "production", "service.version": "1.0"}
	records := []Record{
		testRecord(t, checkout, map[string]any{"correlation.id": "order-1"}, plog.SeverityNumberError, "card refused"),
		testRecord(t, checkout, map[string]any{"correlation.id": "order-12", "retries": "many"}, plog.SeverityNumberInfo, "an Error, said in words"),
		testRecord(t, map[string]any{"service.name": "payment"}, map[string]any{"service.name": "another"}, plog.SeverityNumberUnspecified, "terror"),
	}
	found := map[string][]int{
		`{service_name="checkout"}`:                                                                    {0, 1},
		`{service_name=~"check.*"}`:                                                                    {0, 1},
		`{service_name=~"check"}`:                                                                      {},
		`{service_name!="checkout", service_name!=""}`:                                                 {2},
		`{service_name!~"check.*", service_name=~".+"}`:                                                {2},
		`{service_name="checkout", deployment_environment_name="production"}`:                          {0, 1},
		`{service_version="1.0"}`:                                                                      {}, // no label of the stream
		`{service_name="checkout"} | service_version="1.0"`:                                            {0, 1},
		`{service_name=~".+"} | service_name="another"`:                                                {},
		`{service_name=~".+"} | severity_number >= 17`:                                                 {0},
		`{service_name=~".+"} | severity_number < 17`:                                                  {1},
		"{service_name=~`.+`} |~ \"(?i)\\\\berror\\\\b\"":                                              {1},
		`{service_name=~".+"} |= "error"`:                                                              {2},
		`{service_name=~".+"} |= "card" |= "refused"`:                                                  {0},
		`{service_name=~".+"} | correlation_id=~"order-1"`:                                             {0},
		`{service_name=~".+"} | correlation_id="" or correlation_id=~"order-1"`:                        {0, 2},
		`{service_name=~".+"} | trace_id=~"ab.*" and correlation_id!~"order.*"`:                        {2},
		`{service_name=~".+"} | (severity_number >= 17 or retries="many") and service_name="checkout"`: {0, 1},
		`{service_name=~".+"} | correlation_id=~"order.*" | severity_number > 9`:                       {0},
		`sum by (service_name) (count_over_time({service_name=~".+"} |= "or" [5m]))`:                   {1, 2},
	}
	refused := map[string]string{
		`{service_name="checkout"`:                                              "the grammar expects something else here",
		`{service_name="checkout"} | severity_number >== 17`:                    "the grammar expects something else here",
		`{} | correlation_id="x"`:                                               "the grammar expects something else here",
		`{service_name=~".*"}`:                                                  "Loki wants a matcher",
		`{service_name!="checkout"}`:                                            "Loki wants a matcher",
		`{service_name=~"("}`:                                                   "missing closing )",
		`{service_name="a"} |~ "("`:                                             "missing closing )",
		`{service_name="a\q"}`:                                                  "no string",
		`{service_name="checkout"} | retries > 1`:                               "which is no number",
		`{service_name="checkout"} | json`:                                      "does not know what PipelineStage",
		`{service_name="checkout"} | line_format "x"`:                           "does not know what PipelineStage",
		`{service_name="checkout"} != "x"`:                                      "does not know what Filter",
		`{service_name="checkout"} |= "x" or "y"`:                               "does not know what LineFilter",
		`{service_name="checkout"} | severity_number != 17`:                     "does not know what NumberFilter",
		`{service_name="checkout"} | severity_number > -1`:                      "does not know what NumberFilter",
		`{service_name="checkout"} | took > 10s`:                                "does not know what LabelFilter",
		`{service_name="checkout"} | a="1", b="2"`:                              "does not know what LabelFilter",
		`{service_name="checkout"} | a="1" or b="2" and c="3"`:                  "put parentheses around it",
		`count_over_time({service_name="checkout"}[5m])`:                        "does not know what MetricExpr",
		`sum(count_over_time({service_name="checkout"}[5m]))`:                   "does not know what VectorAggregationExpr",
		`max by (a) (count_over_time({service_name="checkout"}[5m]))`:           "does not know what VectorOp",
		`sum without (a) (count_over_time({service_name="checkout"}[5m]))`:      "does not know what Grouping",
		`sum by (a, b) (count_over_time({service_name="checkout"}[5m]))`:        "does not know what Grouping",
		`sum by (a) (rate({service_name="checkout"}[5m]))`:                      "does not know what RangeAggregationExpr",
		`sum by (a) (count_over_time({service_name="checkout"}[5m] offset 1h))`: "does not know what LogRangeExpr",
	}
	check(t, LogQL, records, found, refused)

	answers, err := LogQL(t.Context(), records, []string{`sum by (service_name) (count_over_time({service_name=~".+"}[5m]))`})
	require.NoError(t, err)
	for _, a := range answers {
		assert.Equal(t, "service_name", a.By)
	}
}

func TestQueriesAreText(t *testing.T) {
	_, err := LogQL(t.Context(), nil, []string{"{a=\"\xff\"}"})
	assert.ErrorContains(t, err, "is not UTF-8")
}

// Places in queries are right behind characters that are longer in UTF-8 than in UTF-16, and where escapes were.
func TestPlaces(t *testing.T) {
	for _, name := range []string{"ü", "€", "🛒", `"`, `\`, "a\nb", "\u202e", "\x00", "` } || { true }", strings.Repeat("ü", 50)} {
		s := testSpan(t, ptrace.SpanKindServer, ptrace.StatusCodeError, 0, map[string]any{"service.name": name}, nil)
		asked := "{ resource.service.name = " + strconv.Quote(name) + " && status = error }"
		answers, err := TraceQL(t.Context(), []Span{s, spans(t)[0]}, []string{asked})
		require.NoError(t, err)
		assert.Equal(t, Answer{Found: []int{0}}, answers[asked])
	}
}
