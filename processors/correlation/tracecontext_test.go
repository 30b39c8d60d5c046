// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	w3cTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	w3cSpan  = "00f067aa0ba902b7"
	// cloudFront is the field x-edge-request-id of CloudFront's standard log.
	cloudFront = `^(?:[^\t]*\t){14}([^\t]+)`

	w3c = "00-" + w3cTrace + "-" + w3cSpan + "-01"
)

// Lines and headers as the software named writes them, and the IDs that are in them.
var realLines = map[string]struct {
	attributes              map[string]any
	body                    any
	trace, span, id, change string
	flags                   int
}{
	// Headers.
	"W3C header":                 {attributes: map[string]any{"http.request.header.traceparent": []any{w3c}}, trace: w3cTrace, span: w3cSpan, flags: 1},
	"W3C attribute":              {attributes: map[string]any{"traceparent": w3c}, trace: w3cTrace, span: w3cSpan, flags: 1},
	"W3C not sampled":            {attributes: map[string]any{"traceparent": "00-" + w3cTrace + "-" + w3cSpan + "-00"}, trace: w3cTrace, span: w3cSpan},
	"W3C of a later version":     {attributes: map[string]any{"traceparent": "cc-" + w3cTrace + "-" + w3cSpan + "-01-what-comes"}, trace: w3cTrace, span: w3cSpan, flags: 1},
	"W3C version ff":             {attributes: map[string]any{"traceparent": "ff-" + w3cTrace + "-" + w3cSpan + "-01"}},
	"W3C version 00 too long":    {attributes: map[string]any{"traceparent": w3c + "-x"}},
	"W3C of zeros":               {attributes: map[string]any{"traceparent": "00-00000000000000000000000000000000-" + w3cSpan + "-01"}},
	"B3 single":                  {attributes: map[string]any{"http.request.header.b3": []any{"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90"}}, trace: "80f198ee56343ba864fe8b2a57d3eff7", span: "e457b5a2e4d86bd1", flags: 1},
	"B3 single, 64 bits":         {attributes: map[string]any{"b3": "64fe8b2a57d3eff7-e457b5a2e4d86bd1"}, trace: "000000000000000064fe8b2a57d3eff7", span: "e457b5a2e4d86bd1"},
	"B3 single, debug":           {attributes: map[string]any{"b3": "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d"}, trace: "80f198ee56343ba864fe8b2a57d3eff7", span: "e457b5a2e4d86bd1", flags: 1},
	"B3 single, a decision only": {attributes: map[string]any{"b3": "0"}},
	"B3 multi": {attributes: map[string]any{"http.request.header.x-b3-traceid": "80f198ee56343ba864fe8b2a57d3eff7", "http.request.header.x-b3-spanid": "e457b5a2e4d86bd1",
		"http.request.header.x-b3-sampled": "1"}, trace: "80f198ee56343ba864fe8b2a57d3eff7", span: "e457b5a2e4d86bd1", flags: 1},
	"B3 multi, 64 bits":     {attributes: map[string]any{"X-B3-TraceId": "64fe8b2a57d3eff7"}, trace: "000000000000000064fe8b2a57d3eff7"},
	"X-Ray header":          {attributes: map[string]any{"http.request.header.x-amzn-trace-id": []any{"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"}}, trace: "5759e988bd862e3fe1be46a994272793", span: "53995c3f42cd8ad8", flags: 1},
	"X-Ray header from ALB": {attributes: map[string]any{"X-Amzn-Trace-Id": "Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678"}, trace: "67891233abcdef012345678912345678"},
	"Datadog attributes":    {attributes: map[string]any{"dd.trace_id": "1234567890123456789", "dd.span_id": "987654321"}, trace: "0000000000000000112210f47de98115", span: "000000003ade68b1"},
	"Datadog as a number":   {attributes: map[string]any{"dd.trace_id": 42}, trace: "0000000000000000000000000000002a"},
	"Datadog, 128 bits":     {attributes: map[string]any{"dd.trace_id": w3cTrace}, trace: w3cTrace},
	"Datadog too large":     {attributes: map[string]any{"dd.trace_id": "18446744073709551616"}},
	"fields":                {attributes: map[string]any{"trace_id": w3cTrace, "span_id": w3cSpan, "trace_flags": "01"}, trace: w3cTrace, span: w3cSpan, flags: 1},
	"W3C before Datadog":    {attributes: map[string]any{"dd.trace_id": "42", "dd.span_id": "7", "trace_id": w3cTrace}, trace: w3cTrace},
	"hexadecimal it is not": {attributes: map[string]any{"trace_id": "4bf92f3577b34da6a3ce929d0e0e473g"}},

	// Structured lines.
	"zap":              {body: `{"level":"info","ts":1700000000.123,"caller":"app/main.go:12","msg":"paid","trace_id":"` + w3cTrace + `","span_id":"` + w3cSpan + `"}`, trace: w3cTrace, span: w3cSpan},
	"zap, camel case":  {body: `{"level":"info","msg":"paid","traceId":"` + w3cTrace + `","spanId":"` + w3cSpan + `","requestId":"r-17a29b3c"}`, trace: w3cTrace, span: w3cSpan, id: "r-17a29b3c"},
	"zerolog":          {body: `{"level":"debug","trace_id":"` + w3cTrace + `","request_id":"c0umremcie6smuu506pg","time":"2026-01-02T15:04:05Z","message":"ok"}`, trace: w3cTrace, id: "c0umremcie6smuu506pg"},
	"slog":             {body: `{"time":"2026-01-02T15:04:05Z","level":"INFO","msg":"ok","trace_id":"` + w3cTrace + `","correlation_id":"c-17a29b3c"}`, trace: w3cTrace, id: "c-17a29b3c"},
	"pino":             {body: `{"level":30,"time":1700000000000,"pid":12,"hostname":"x","trace_id":"` + w3cTrace + `","span_id":"` + w3cSpan + `","trace_flags":"01","msg":"ok"}`, trace: w3cTrace, span: w3cSpan, flags: 1},
	"pino-http":        {body: `{"level":30,"req":{"id":"r-17a29b3c","method":"GET"},"reqId":"r-17a29b3c","msg":"incoming request"}`, change: "reqId", id: "r-17a29b3c"},
	"winston":          {body: `{"level":"info","message":"ok","span_id":"` + w3cSpan + `","trace_flags":"01","trace_id":"` + w3cTrace + `"}`, trace: w3cTrace, span: w3cSpan, flags: 1},
	"bunyan":           {body: `{"name":"app","hostname":"x","pid":1,"level":30,"req_id":"r-17a29b3c","msg":"","v":0}`, change: "req_id", id: "r-17a29b3c"},
	"Log4j2 JSON":      {body: `{"instant":{"epochSecond":1700000000},"thread":"main","level":"INFO","message":"ok","contextMap":{"trace_id":"` + w3cTrace + `","span_id":"` + w3cSpan + `","trace_flags":"01"}}`, trace: w3cTrace, span: w3cSpan, flags: 1},
	"Log4j2 ECS":       {body: `{"@timestamp":"2026-01-02T15:04:05Z","log.level":"INFO","message":"ok","trace.id":"` + w3cTrace + `","transaction.id":"` + w3cSpan + `"}`, trace: w3cTrace},
	"ECS, nested":      {body: `{"message":"ok","trace":{"id":"` + w3cTrace + `"},"span":{"id":"` + w3cSpan + `"}}`, trace: w3cTrace, span: w3cSpan},
	"Logback JSON":     {body: `{"timestamp":"1700000000","level":"INFO","mdc":{"traceId":"` + w3cTrace + `","spanId":"` + w3cSpan + `","X-Correlation-ID":"c-17a29b3c"},"message":"ok"}`, trace: w3cTrace, span: w3cSpan, id: "c-17a29b3c"},
	"Logstash encoder": {body: `{"@timestamp":"2026-01-02T15:04:05Z","message":"ok","traceId":"64fe8b2a57d3eff7","spanId":"e457b5a2e4d86bd1"}`, trace: "000000000000000064fe8b2a57d3eff7", span: "e457b5a2e4d86bd1"},
	".NET JSON console": {body: `{"EventId":1,"LogLevel":"Information","Message":"ok","State":{"RequestId":"0HMVB:00000002","TraceId":"` + w3cTrace + `"}}`,
		trace: w3cTrace, id: "0HMVB:00000002"},
	"Serilog CLEF":             {body: `{"@t":"2026-01-02T15:04:05Z","@m":"ok","@tr":"` + w3cTrace + `","@sp":"` + w3cSpan + `","CorrelationId":"c-17a29b3c"}`, trace: w3cTrace, span: w3cSpan, id: "c-17a29b3c"},
	"Serilog properties":       {body: `{"Level":"Information","Properties":{"RequestId":"0HMVB:1","TraceId":"` + w3cTrace + `"}}`, trace: w3cTrace, id: "0HMVB:1"},
	"Python json logger":       {body: `{"asctime":"2026-01-02","message":"ok","otelTraceID":"` + w3cTrace + `","otelSpanID":"` + w3cSpan + `","otelTraceSampled":true}`, trace: w3cTrace, span: w3cSpan, flags: 1},
	"structlog":                {body: `{"event":"paid","request_id":"` + requestID + `","level":"info"}`, id: requestID},
	"Google Cloud":             {body: `{"severity":"INFO","message":"ok","logging.googleapis.com/trace":"projects/shop/traces/` + w3cTrace + `","logging.googleapis.com/spanId":"` + w3cSpan + `"}`, trace: w3cTrace, span: w3cSpan},
	"AWS Lambda Powertools":    {body: `{"level":"INFO","message":"ok","xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793","function_request_id":"x"}`, trace: "5759e988bd862e3fe1be46a994272793"},
	"AWS Lambda JSON":          {body: `{"timestamp":"2026-01-02T15:04:05Z","level":"INFO","requestId":"` + requestID + `","message":"ok"}`, id: requestID},
	"Datadog JSON":             {body: `{"message":"ok","dd.trace_id":"42","dd.span_id":"7","dd.service":"shop"}`, trace: "0000000000000000000000000000002a", span: "0000000000000007"},
	"Datadog pino":             {body: `{"level":30,"dd":{"trace_id":"42","span_id":"7","service":"shop"},"msg":"ok"}`, trace: "0000000000000000000000000000002a", span: "0000000000000007"},
	"Envoy JSON":               {body: `{"method":"GET","path":"/","response_code":200,"x_request_id":"` + requestID + `","traceparent":"` + w3c + `"}`, trace: w3cTrace, span: w3cSpan, flags: 1, id: requestID},
	"nginx JSON":               {body: `{"time":"2026","status":"200","request_id":"a0cbd9b1d1e54d2fb2d1f1f2f8d3b7c1","http_x_correlation_id":"-"}`, id: "a0cbd9b1d1e54d2fb2d1f1f2f8d3b7c1"},
	"Traefik JSON":             {body: `{"DownstreamStatus":200,"RequestMethod":"GET","request_X-Request-Id":"r-17a29b3c","TraceId":"` + w3cTrace + `","SpanId":"` + w3cSpan + `"}`, trace: w3cTrace, span: w3cSpan, id: "r-17a29b3c"},
	"Caddy":                    {body: `{"level":"info","logger":"http.log.access","msg":"handled request","traceID":"` + w3cTrace + `","spanID":"` + w3cSpan + `"}`, trace: w3cTrace, span: w3cSpan},
	"a map":                    {body: map[string]any{"trace_id": w3cTrace, "ctx": "x", "request_id": "r-17a29b3c"}, trace: w3cTrace, id: "r-17a29b3c"},
	"a map, Datadog, nested":   {body: map[string]any{"dd": map[string]any{"trace_id": 42}}, trace: "0000000000000000000000000000002a"},
	"a trace ID within a text": {body: `{"msg":"trace_id=` + w3cTrace + `"}`, trace: w3cTrace},

	// Lines of text.
	"Spring Boot 2":     {body: `2026-01-02 15:04:05.000  INFO [shop,64fe8b2a57d3eff7,e457b5a2e4d86bd1,true] 1 --- [main] c.e.Shop : ok`, trace: "000000000000000064fe8b2a57d3eff7", span: "e457b5a2e4d86bd1"},
	"Spring Boot 3":     {body: `2026-01-02T15:04:05.000Z  INFO [shop,` + w3cTrace + `,` + w3cSpan + `] 1 --- [main] c.e.Shop : ok`, trace: w3cTrace, span: w3cSpan},
	"Spring Boot 3.2":   {body: `2026-01-02T15:04:05.000Z  INFO 1 --- [shop] [main] [` + w3cTrace + `-` + w3cSpan + `] c.e.Shop : ok`, trace: w3cTrace, span: w3cSpan},
	"Spring Boot, none": {body: `2026-01-02T15:04:05.000Z  INFO [shop,,] 1 --- [main] c.e.Shop : ok`},
	"Java agent, MDC":   {body: `15:04:05 INFO trace_id=` + w3cTrace + ` span_id=` + w3cSpan + ` trace_flags=01 ok`, trace: w3cTrace, span: w3cSpan, flags: 1},
	"Log4j2 pattern":    {body: `15:04:05 [main] INFO  c.e.Shop - ok {traceId=` + w3cTrace + `, spanId=` + w3cSpan + `, requestId=r-17a29b3c}`, trace: w3cTrace, span: w3cSpan, id: "r-17a29b3c"},
	"Datadog text":      {body: `2026 INFO [dd.service=shop dd.env=prod dd.trace_id=42 dd.span_id=7] ok`, trace: "0000000000000000000000000000002a", span: "0000000000000007"},
	"Python text":       {body: `2026 INFO [app] [main.py:1] [trace_id=` + w3cTrace + ` span_id=` + w3cSpan + ` resource.service.name=shop trace_sampled=True] - ok`, trace: w3cTrace, span: w3cSpan, flags: 1},
	"Python, no span":   {body: `2026 INFO [app] [main.py:1] [trace_id=0 span_id=0 resource.service.name=shop trace_sampled=False] - ok`},
	"logrus":            {body: `time="2026-01-02T15:04:05Z" level=info msg="paid" trace_id=` + w3cTrace + ` request_id="r-17a29b3c"`, trace: w3cTrace, id: "r-17a29b3c"},
	".NET console":      {body: `info: Shop[0] => SpanId:` + w3cSpan + `, TraceId:` + w3cTrace + `, ParentId:0000000000000000 => RequestPath:/ RequestId:0HMVB:00000002`, trace: w3cTrace, span: w3cSpan, id: "0HMVB:00000002"},
	"nginx":             {body: `10.0.0.1 - - [02/Jan/2026:15:04:05 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8" request_id=a0cbd9b1d1e54d2fb2d1f1f2f8d3b7c1`, id: "a0cbd9b1d1e54d2fb2d1f1f2f8d3b7c1"},
	"nginx, no ID":      {body: `10.0.0.1 - - [02/Jan/2026:15:04:05 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8" request_id=-`},
	"nginx traceparent": {body: `10.0.0.1 "GET / HTTP/1.1" 200 "` + w3c + `"`, trace: w3cTrace, span: w3cSpan, flags: 1},
	"ALB": {body: `https 2026-01-02T15:04:05.000Z app/lb/50dc 10.0.0.1:2817 10.0.0.2:80 0.08 0.04 0.03 200 200 0 57 "GET https://x:443/ HTTP/1.1" "curl/8" ECDHE TLSv1.2 arn:aws:x "Root=1-58337281-1d84f3d73c47ec4e58577259" "x"`,
		trace: "583372811d84f3d73c47ec4e58577259"},
	"Envoy": {body: `[2026-01-02T15:04:05.000Z] "GET / HTTP/1.1" 200 - 0 12 5 4 "-" "curl/8" "` + requestID + `" "shop" "10.0.0.2:80"`, change: textQuotedUUID, id: requestID},
	"CloudFront": {body: "2026-01-02\t15:04:05\tLAX1\t2390282\t10.0.0.1\tGET\td1.cloudfront.net\t/\t200\t-\tcurl\t-\t-\tHit\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\tx",
		change: "regex", id: "SOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ=="},
	"Rails":            {body: `[` + requestID + `] Completed 200 OK in 5ms`, id: requestID},
	"Heroku router":    {body: `at=info method=GET path="/" host=x request_id=` + requestID + ` fwd="10.0.0.1" dyno=web.1`, id: requestID},
	"Laravel":          {body: `[2026-01-02 15:04:05] production.INFO: ok {"request_id":"r-17a29b3c"}`, id: "r-17a29b3c"},
	"AWS Lambda text":  {body: `START RequestId: ` + requestID + ` Version: $LATEST`, id: requestID},
	"AWS Lambda X-Ray": {body: `REPORT RequestId: ` + requestID + ` Duration: 1 ms XRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793 SegmentId: 53995c3f42cd8ad8`, trace: "5759e988bd862e3fe1be46a994272793", id: requestID},
	"PostgreSQL":       {body: `LOG:  statement: SELECT 1 /* traceparent='` + w3c + `' */`, trace: w3cTrace, span: w3cSpan, flags: 1},
	"nothing":          {body: `server started on :8080`},
}

func TestRealLines(t *testing.T) {
	require.GreaterOrEqual(t, len(realLines), 60)
	for name, line := range realLines {
		t.Run(name, func(t *testing.T) {
			c := coreOf(t, func(c *Config) {
				c.Generate = generateNone
				switch line.change {
				case "":
				case textQuotedUUID:
					c.Sources = append(c.Sources, Source{Text: textQuotedUUID})
				case "regex":
					c.Sources = []Source{{Regex: cloudFront}}
				default:
					c.Sources = []Source{{Body: line.change}}
				}
			})
			record := c.logged(t, logOf{attributes: line.attributes, body: line.body}).At(0)
			assert.Equal(t, line.trace, record.TraceID().String())
			assert.Equal(t, line.span, record.SpanID().String())
			assert.Equal(t, line.flags, int(record.Flags()))
			assert.Equal(t, line.id, idOf(record.Attributes()))
		})
	}
}

func TestTraceContextIsNotOverwritten(t *testing.T) {
	record := coreOf(t).logged(t, logOf{trace: trace1, body: "trace_id=" + w3cTrace}).At(0)
	require.Equal(t, trace1, record.TraceID())
	record = coreOf(t, func(c *Config) { c.TraceContext = false }).logged(t, logOf{body: "trace_id=" + w3cTrace}).At(0)
	require.True(t, record.TraceID().IsEmpty())
}

// Whatever is parsed is written as the same text again, up to what the format leaves out.
func FuzzTraceContext(f *testing.F) {
	for _, line := range realLines {
		if text, ok := line.body.(string); ok {
			f.Add(text)
		}
		for _, v := range line.attributes {
			if text, ok := v.(string); ok {
				f.Add(text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, ok := parseTraceparent(text); ok {
			if c.trace.IsEmpty() || c.span.IsEmpty() || !strings.EqualFold(text[3:52], c.trace.String()+"-"+c.span.String()) {
				t.Fatalf("%q: %v", text, c)
			}
		}
		if c, ok := parseB3(text); ok && (c.trace.IsEmpty() || c.span.IsEmpty()) {
			t.Fatalf("%q: %v", text, c)
		}
		if c, ok := parseXRay(text); ok {
			id := c.trace.String()
			if c.trace.IsEmpty() || !strings.Contains(strings.ToLower(text), "1-"+id[:8]+"-"+id[8:]) {
				t.Fatalf("%q: %v", text, c)
			}
		}
		if id, ok := parseDatadogTraceID(text); ok && id == (pcommon.TraceID{}) {
			t.Fatalf("%q", text)
		}
		var parts traceParts
		parts.unnamed(text)
		for f := range fieldDatadogSpanID + 1 {
			parts.offer(f, text)
		}
	})
}
