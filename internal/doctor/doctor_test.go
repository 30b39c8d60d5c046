// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

var now = time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)

func parse(t testing.TB, documents ...string) *catalog.Catalog {
	t.Helper()
	const head = "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\n"
	text := ""
	for _, d := range documents {
		text += "---\n" + head + d + "\n"
	}
	c, problems := catalog.Parse("catalog.yaml", []byte(text))
	require.NoError(t, problems.Err())
	return c
}

const checkout = `metadata: {name: checkout}
spec:
  owner: team
  environments: [production]
  slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]`

// sends is a healthy sender with a span, which change alters.
func sends(change ...func(*Sender, ptrace.Span)) Sender {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetKind(ptrace.SpanKindServer)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Second)))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
	span.Attributes().PutStr("http.route", "/orders")
	s := Sender{
		Service: "checkout", Environment: "production", Version: "1.2.3", Spans: 1, LastSeen: now, SDK: "opentelemetry go 1.40.0",
		Instances: []Instance{{ID: "a", LastSeen: now}}, Peers: []string{"10.0.0.7"}, Traces: []ptrace.Traces{td},
	}
	for _, f := range change {
		f(&s, span)
	}
	rs.Resource().Attributes().PutStr("service.name", s.Service)
	return s
}

func findings(t testing.TB, f Facts) (lines []string) {
	t.Helper()
	f.Now, f.HasCatalog, f.Watched = now, true, true
	for _, found := range Diagnose(t.Context(), f).Findings {
		assert.NotEmpty(t, found.Fix, found.What)
		lines = append(lines, string(found.Check)+": "+found.What+"; "+found.Fix)
	}
	return lines
}

func withSLI(sli string) string {
	return "metadata: {name: checkout}\nspec: {owner: team, slos: [{name: orders, objective: 99, sli: " + sli + "}]}"
}

// Each cause of a silent failure has a line that names it.
func TestDiagnose(t *testing.T) {
	for name, c := range map[string]struct {
		catalog string
		senders []Sender
		counted map[SLOKey]float64
		want    []string
	}{
		"all is well":     {checkout, []Sender{sends()}, nil, nil},
		"nothing arrives": {checkout, nil, nil, []string{"nothing-arrives: nothing has arrived since the collector started; send OTLP to port 4318"}},
		"all are silent": {checkout, []Sender{sends(func(s *Sender, _ ptrace.Span) { s.LastSeen = now.Add(-time.Hour) })}, nil,
			[]string{"nothing-arrives: nothing has arrived for 1h; send OTLP"}},
		"a slip in the name": {checkout, []Sender{sends(func(s *Sender, _ ptrace.Span) { s.Service = "chekout" })}, nil,
			[]string{"service-name: chekout sends telemetry, and the catalog has checkout, from which nothing arrives; if they are one service, set OTEL_SERVICE_NAME=checkout"}},
		"another name": {checkout, []Sender{sends(), sends(func(s *Sender, _ ptrace.Span) { s.Service = "web" })}, nil,
			[]string{"service-name: no file of the catalog names web: it sends telemetry, and has no SLO; add a file"}},
		"a service that is silent": {checkout, []Sender{sends(func(s *Sender, _ ptrace.Span) { s.Service = "web" })}, nil,
			[]string{"service-name: no file of the catalog names web", "service-silent: nothing arrives from checkout, which the catalog has; start it with OTEL_SERVICE_NAME=checkout"}},
		"no name": {checkout, []Sender{sends(), sends(func(s *Sender, _ ptrace.Span) { s.Service = "" })}, nil,
			[]string{"service-name-missing: telemetry arrives without service.name (opentelemetry go 1.40.0, from 10.0.0.7); set OTEL_SERVICE_NAME"}},
		"the SDK's own name": {checkout, []Sender{sends(), sends(func(s *Sender, _ ptrace.Span) { s.Service = "unknown_service:java" })}, nil,
			[]string{"service-name-missing: a service arrives as unknown_service:java"}},
		"another namespace": {strings.Replace(checkout, "checkout}", "checkout, namespace: shop}", 1), []Sender{sends(func(s *Sender, _ ptrace.Span) { s.Namespace = "store" })}, nil,
			[]string{"service-namespace: checkout sends service.namespace store, and the catalog has it in namespace shop; set service.namespace"}},
		"another environment": {checkout, []Sender{sends(func(s *Sender, _ ptrace.Span) { s.Environment = "prod" })}, nil,
			[]string{"environment: checkout sends deployment.environment.name prod, and the catalog lists production only, so nothing of it counts; set OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=production"}},
		"no environment": {checkout, []Sender{sends(func(s *Sender, _ ptrace.Span) { s.Environment = "" })}, nil,
			[]string{"environment: checkout sends deployment.environment.name (none), and the catalog lists production only"}},
		"staging as well": {checkout, []Sender{sends(), sends(func(s *Sender, _ ptrace.Span) { s.Environment = "staging" })}, nil, nil},
		"no version": {checkout, []Sender{sends(func(s *Sender, _ ptrace.Span) { s.Version = "" })}, nil,
			[]string{"version: checkout sends no service.version, so its deployments are not found; add service.version=1.2.3 to OTEL_RESOURCE_ATTRIBUTES"}},
		"a clock ahead": {checkout, []Sender{sends(func(s *Sender, _ ptrace.Span) { s.Instances[0].Offset = 3600 })}, nil,
			[]string{"clock: the clock of checkout (instance a) is 1h ahead of the collector's, so its events do not count now; synchronize"}},
		"a clock behind": {checkout, []Sender{sends(func(s *Sender, _ ptrace.Span) { s.Instances[0].Offset = -3600 })}, nil,
			[]string{"clock: what checkout (instance a) sends ended 1h ago, so it counts as late, not now; synchronize"}},
		"INTERNAL only": {checkout, []Sender{sends(func(_ *Sender, span ptrace.Span) { span.SetKind(ptrace.SpanKindInternal) })}, nil,
			[]string{"span-kind: checkout sends spans of kind INTERNAL only, and SLO availability counts SERVER and CONSUMER; give the span of each request the kind SERVER"}},
		"counted all the same": {checkout, []Sender{sends(func(_ *Sender, span ptrace.Span) { span.SetKind(ptrace.SpanKindInternal) })},
			map[SLOKey]float64{{"", "checkout", "availability"}: 7}, nil},
		"no spans": {checkout, []Sender{sends(func(s *Sender, _ ptrace.Span) { s.Spans, s.DataPoints, s.Traces = 0, 9, nil })}, nil,
			[]string{"signal: checkout sends no spans, and SLO availability counts them; turn on traces in its SDK"}},
		"a value that never occurs": {withSLI(`{availability: {match: 'attributes["http.route"] == "/order"'}}`), []Sender{sends()}, nil,
			[]string{`match: match of SLO orders held for none of 1 spans of checkout that were looked at: attributes["http.route"] == "/order"; correct match in its file: http.route has values such as /orders`}},
		"an attribute that never occurs": {withSLI(`{availability: {match: 'attributes["http.rout"] == "/orders"'}}`), []Sender{sends()}, nil,
			[]string{`match: match of SLO orders held for none of 1 spans of checkout that were looked at: attributes["http.rout"] == "/orders"; correct match in its file: nothing has the attribute http.rout; did you mean http.route?`}},
		"a condition that fails": {withSLI(`{spans: {good: 'Len(attributes["n"]) > 0'}}`), []Sender{sends(func(_ *Sender, span ptrace.Span) { span.Attributes().PutInt("n", 1) })}, nil,
			[]string{"condition: a condition of SLO orders fails for what checkout sends: "}},
		"no log records": {withSLI(`{logs: {good: 'severity_number < 17'}}`), []Sender{sends()}, nil,
			[]string{"signal: checkout sends no log records, and SLO orders counts them; turn on logs"}},
		"a slip in a metric": {withSLI(`{metrics: {good: {name: orders.payed}, total: {name: orders}}}`), []Sender{sends(func(s *Sender, _ ptrace.Span) {
			s.DataPoints, s.Metrics = 2, []Metric{{Name: "orders", Type: "sum", Monotonic: true, Temporality: "delta"}, {Name: "orders.paid", Type: "sum", Monotonic: true, Temporality: "delta"}}
		})}, nil, []string{"metric: SLO orders counts the metric orders.payed, which checkout does not send; did you mean orders.paid?"}},
		"a gauge": {withSLI(`{metrics: {good: {name: orders, match: 'attributes["paid"] == true'}, total: {name: orders}}}`), []Sender{sends(func(s *Sender, _ ptrace.Span) {
			s.DataPoints, s.Metrics = 2, []Metric{{Name: "orders", Type: "gauge"}}
		})}, nil, []string{"metric: SLO orders counts the metric orders, which is a gauge; name a monotonic sum"}},
		"no temporality": {withSLI(`{metrics: {good: {name: orders, match: 'attributes["paid"] == true'}, total: {name: orders}}}`), []Sender{sends(func(s *Sender, _ ptrace.Span) {
			s.DataPoints, s.Metrics = 2, []Metric{{Name: "orders", Type: "sum", Monotonic: true, Temporality: "unspecified"}}
		})}, nil, []string{"metric: SLO orders counts the metric orders, which is a sum without a temporality"}},
		"no catalog": {"", []Sender{sends()}, nil, []string{"catalog-empty: the catalog has no service, so nothing is counted; put a file"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := Facts{Senders: c.senders, Catalog: &catalog.Catalog{}, Counted: c.counted}
			if c.catalog != "" {
				f.Catalog = parse(t, c.catalog)
			}
			got := findings(t, f)
			require.Len(t, got, len(c.want), strings.Join(got, "\n"))
			for i, want := range c.want {
				assert.True(t, strings.HasPrefix(got[i], want), got[i])
			}
		})
	}
}

// Defaults give SLOs to services without an entry. A slip in a name is a slip all the same.
func TestServicesByDefault(t *testing.T) {
	proposals, problems := catalog.Parse("defaults.yaml", []byte(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Defaults
metadata: {name: proposals}
spec: {proposed: true, slos: [{name: availability, objective: 99, sli: {availability: {}}}]}`))
	require.NoError(t, problems.Err())
	heard := func(c *catalog.Catalog, senders ...Sender) []string {
		c = c.Otherwise(proposals.Defaults)
		var byDefault []*catalog.Service
		for _, s := range senders {
			if service := c.ByDefault(s.Namespace, s.Service); service != nil {
				byDefault = append(byDefault, service)
			}
		}
		return findings(t, Facts{Senders: senders, Catalog: c.With(byDefault)})
	}
	named := func(namespace, name string) Sender {
		return sends(func(s *Sender, _ ptrace.Span) { s.Namespace, s.Service = namespace, name })
	}
	require.Empty(t, heard(parse(t, checkout), sends(), named("", "web")))
	found := heard(parse(t, checkout), named("", "chekout"))
	require.Len(t, found, 1)
	assert.Contains(t, found[0], "service-name: chekout sends telemetry, and the catalog has checkout")
	found = heard(parse(t, strings.Replace(checkout, "checkout}", "checkout, namespace: shop}", 1)), named("store", "checkout"))
	require.Len(t, found, 1)
	assert.Contains(t, found[0], "service-namespace: checkout sends service.namespace store")
	found = heard(&catalog.Catalog{}, named("", "web"))
	require.Len(t, found, 1)
	assert.Contains(t, found[0], "catalog-empty: the catalog has no service, so SLOs are proposals without alerts")
}

func TestProblemsOfTheCatalog(t *testing.T) {
	_, problems := catalog.Parse("checkout.yaml", []byte("apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {nam: checkout}\n"))
	require.Error(t, problems.Err())
	got := findings(t, Facts{Senders: []Sender{sends()}, Catalog: &catalog.Catalog{}, Problems: problems})
	assert.Regexp(t, "^catalog: checkout.yaml:3:.*nam", got[0])
	assert.Regexp(t, "^catalog-empty: ", got[len(got)-1])
}

func TestLogsAreJudged(t *testing.T) {
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().SetSeverityNumber(plog.SeverityNumberInfo)
	s := sends(func(s *Sender, _ ptrace.Span) { s.LogRecords, s.Logs = 1, []plog.Logs{ld} })
	report := Diagnose(t.Context(), Facts{Now: now, HasCatalog: true, Senders: []Sender{s}, Catalog: parse(t, withSLI(`{logs: {good: 'severity_number < 17'}}`))})
	assert.Empty(t, report.Findings)
	assert.Equal(t, []SLO{{Service: "checkout", SLO: "orders", LookedAt: 1, Good: 1}}, report.SLOs)
	report = Diagnose(t.Context(), Facts{Now: now, HasCatalog: true, Senders: []Sender{s}, Catalog: parse(t, withSLI(`{logs: {match: 'body == "x"', good: 'severity_number < 17'}}`))})
	require.Len(t, report.Findings, 1)
	assert.Equal(t, CheckMatch, report.Findings[0].Check)
}

// Whatever telemetry contains, a finding is a short line that can be printed.
func TestHostileNames(t *testing.T) {
	hostile := "a\x1b]0;title\x07\n\u202e<script>" + strings.Repeat("x", 5000)
	s := sends(func(s *Sender, span ptrace.Span) {
		s.Service, s.SDK, s.Peers = hostile, hostile, []string{hostile}
		span.SetName(hostile)
	})
	of := sends(func(s *Sender, span ptrace.Span) {
		s.Environment, s.Version, s.Instances = "production", "", []Instance{{ID: hostile, LastSeen: now, Offset: 7200}}
		span.SetKind(ptrace.SpanKindInternal)
		span.Attributes().PutStr("http.route", hostile)
	})
	other := sends(func(s *Sender, _ ptrace.Span) { s.Service = "unknown_service:" + hostile })
	for _, line := range findings(t, Facts{Senders: []Sender{s, of, other}, Catalog: parse(t, checkout)}) {
		assert.Less(t, len(line), 1000)
		assert.False(t, strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", line)
	}
}

func samplesOf(values ...any) (all []Sample) {
	for i := 0; i < len(values); i += 3 {
		labels := map[string]string{}
		for pair := range strings.FieldsSeq(values[i+1].(string)) {
			name, value, _ := strings.Cut(pair, "=")
			labels[name] = value
		}
		all = append(all, Sample{"otelcol_" + values[i].(string), labels, values[i+2].(float64)})
	}
	return all
}

func TestOwn(t *testing.T) {
	for name, c := range map[string]struct {
		before, now []Sample
		want        []string
	}{
		"nothing":   {nil, nil, nil},
		"no growth": {samplesOf("receiver_otlp_refused", "reason=too_large", 7.0), samplesOf("receiver_otlp_refused", "reason=too_large", 7.0), nil},
		"too large": {samplesOf("receiver_otlp_refused", "reason=too_large", 7.0), samplesOf("receiver_otlp_refused_total", "reason=too_large", 9.0),
			[]string{"refused: requests were refused (2 in 10s): their body is too large; send smaller batches"}},
		"after a restart": {samplesOf("receiver_otlp_refused", "reason=busy", 7.0), samplesOf("receiver_otlp_refused", "reason=busy", 3.0),
			[]string{"refused: requests were refused (3 in 10s): the collector is busy"}},
		"HTTP on the port for gRPC": {nil, samplesOf("receiver_otlp_misdirected", "protocol=grpc outcome=refused", 1.0),
			[]string{"protocol: connections that speak OTLP over HTTP came to the port for gRPC (1 in 10s): they were refused; send OTLP over HTTP to port 4318"}},
		"gRPC on the port for HTTP": {nil, samplesOf("receiver_otlp_misdirected", "protocol=http outcome=served", 1.0),
			[]string{"protocol: connections that speak OTLP over gRPC came to the port for HTTP (1 in 10s): they were served all the same"}},
		"memory": {nil, samplesOf("processor_memory_limiter_refused_spans", "", 100.0), []string{"refused: memory_limiter refused telemetry (100 items in 10s)"}},
		"an exporter": {samplesOf("exporter_send_failed_spans", "exporter=otlp_http/tempo", 1.0), samplesOf("exporter_send_failed_spans", "exporter=otlp_http/tempo", 5.0),
			[]string{"exporter: the exporter otlp_http/tempo could not send telemetry (4 items in 10s)"}},
		"a queue that waits": {samplesOf("exporter_queue_size", "exporter=a data_type=traces", 2.0, "exporter_queue_size", "exporter=b", 2.0, "exporter_sent_spans", "exporter=b", 1.0),
			samplesOf("exporter_queue_size", "exporter=a data_type=traces", 3.0, "exporter_queue_size", "exporter=b", 2.0, "exporter_sent_spans", "exporter=b", 9.0),
			[]string{"exporter: the exporter a has sent nothing in 10s, and 3 requests or items wait in its queue"}},
		"no rules":      {nil, samplesOf("exporter_prometheus_store_rule_files", "state=loaded", 0.0, "exporter_prometheus_store_rule_files", "state=bad", 0.0), []string{"rules: no rules are loaded"}},
		"broken rules":  {nil, samplesOf("exporter_prometheus_store_rule_files", "state=loaded", 3.0, "exporter_prometheus_store_rule_files", "state=bad", 1.0), []string{"rules: 1 rule files have errors"}},
		"dropped":       {nil, samplesOf("connector_sli_events_dropped", "reason=condition_error", 3.0), []string{"dropped: events of SLOs could be counted neither as good nor as bad (3 in 10s): condition_error"}},
		"duplicates":    {nil, samplesOf("connector_sli_events_deduplicated", "", 3.0), []string{"duplicates: events arrived again and were not counted again (3 in 10s)"}},
		"its own clock": {nil, samplesOf("connector_sli_clock_offset", "", -3600.0), []string{"clock: the collector's clock differs by 1h from that on which most senders agree"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Own(c.before, c.now, 10*time.Second)
			require.Len(t, got, len(c.want), got)
			for i, want := range c.want {
				assert.True(t, strings.HasPrefix(string(got[i].Check)+": "+got[i].What+"; "+got[i].Fix, want), got[i])
				assert.True(t, got[i].Collector)
			}
		})
	}
	got := Own(nil, []Sample{{"http_server_request_duration_seconds_count", map[string]string{"http_response_status_code": "401"}, 4}}, time.Minute)
	require.Len(t, got, 1)
	assert.Contains(t, got[0].What, "their credentials are wrong or missing")
}

func TestWhatWasAcceptedDidArrive(t *testing.T) {
	nothing := func() []Finding { return []Finding{{Check: CheckNothing}} }
	assert.Equal(t, nothing(), Reconcile(nothing(), samplesOf("receiver_accepted_spans", "receiver=otlp", 0.0, "receiver_accepted_metric_points", "receiver=prometheus/self", 900.0)))
	got := Reconcile(nothing(), samplesOf("receiver_accepted_spans", "receiver=otlp", 7.0))
	assert.Equal(t, CheckNotWatched, got[0].Check)
	assert.Contains(t, got[0].What, "7 items")
}

func TestExplainer(t *testing.T) {
	x := NewExplainer(parse(t, checkout, "metadata: {name: payment, namespace: shop}\nspec:\n  owner: team\n  slos:\n"+
		"  - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}\n"+
		"  - {name: paid, objective: 99, sli: {spans: {match: 'attributes[\"order\"] != nil', good: 'attributes[\"paid\"] == true'}}}\n"+
		"  - {name: queue, objective: 99, sli: {metrics: {good: {name: a}, total: {name: b}}}}\n"))
	answer := func(service, namespace, environment string, change func(ptrace.Span)) Answer {
		td := sends(func(_ *Sender, span ptrace.Span) { change(span) }).Traces[0]
		resource := td.ResourceSpans().At(0).Resource().Attributes()
		resource.PutStr("service.name", service)
		resource.PutStr("service.namespace", namespace)
		resource.PutStr("deployment.environment.name", environment)
		answers := x.Traces(t.Context(), td, nil, 10)
		require.Len(t, answers, 1)
		return answers[0]
	}
	none := func(ptrace.Span) {}
	a := answer("checkout", "", "production", func(s ptrace.Span) { s.Status().SetCode(ptrace.StatusCodeError) })
	assert.Equal(t, []Verdict{{"availability", VerdictBad, "it failed: status ERROR"}}, a.SLOs)
	assert.True(t, a.Counted())
	a = answer("checkout", "", "production", func(s ptrace.Span) { s.SetKind(ptrace.SpanKindInternal) })
	assert.Equal(t, []Verdict{{"availability", VerdictNotCounted, "its kind is INTERNAL, and the SLO counts SERVER and CONSUMER"}}, a.SLOs)
	assert.False(t, a.Counted())
	a = answer("checkout", "", "prod", none)
	assert.Equal(t, "its deployment.environment.name is prod, and the catalog lists production only", a.What)
	a = answer("chekout", "", "production", none)
	assert.Equal(t, "the catalog has no service chekout; it has checkout", a.What)
	a = answer("payment", "store", "", none)
	assert.Equal(t, "its service.namespace is store, and the catalog has payment in namespace shop", a.What)
	a = answer("payment", "shop", "", none)
	assert.Equal(t, []Verdict{
		{"latency", VerdictBad, "it took 1s, more than the threshold of 300ms"},
		{"paid", VerdictNotCounted, `match does not hold: attributes["order"] != nil`},
		{"queue", VerdictNotCounted, "it counts metrics"},
	}, a.SLOs)
}
