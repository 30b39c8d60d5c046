// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// A backend is a fragment and what stands for its other end. Each knows one token; the variables hand out another.
type backend struct {
	fragment string
	signals  string // of "traces", "logs" and "metrics"
	// events is what the counter of events is called there.
	events string
	env    func(at, token string) []string
	allows func(r *http.Request, body []byte) bool
	read   func(a *arrivals, r *http.Request, body []byte) error // nil: OTLP over gRPC
}

const rightToken = "right-token"

func header(name, value string) func(*http.Request, []byte) bool {
	return func(r *http.Request, _ []byte) bool { return r.Header.Get(name) == value }
}

// headers allows who sends all of them: name, value, name, value.
func headers(all ...string) func(*http.Request, []byte) bool {
	return func(r *http.Request, _ []byte) bool {
		for pair := range slices.Chunk(all, 2) {
			if r.Header.Get(pair[0]) != pair[1] {
				return false
			}
		}
		return true
	}
}

// variables of a backend: the endpoint, and the token in the variable of that suffix behind the prefix.
func variables(name, suffix, prefix string, more ...string) func(at, token string) []string {
	return func(at, token string) []string {
		return append([]string{"OTELCOL_SRE_" + name + "=" + at, "OTELCOL_SRE_" + name + suffix + "=" + prefix + token}, more...)
	}
}

const (
	everything    = "traces logs metrics"
	bearer        = "Bearer "
	authorization = "_AUTHORIZATION"
)

var intakes = []backend{
	{"clickhouse", everything, "slo.events", variables("CLICKHOUSE", authorization, ""), header("Authorization", rightToken), otlpAt("")},
	{"dash0", everything, "slo.events", variables("DASH0", "_TOKEN", "", "OTELCOL_SRE_DASH0_DATASET=shop"), headers("Authorization", bearer+rightToken, "Dash0-Dataset", "shop"), otlpAt("")},
	{"datadog", everything, "slo.events", variables("DATADOG", "_TOKEN", ""), header("Dd-Api-Key", rightToken), otlpAt("")},
	{"elastic-otlp", everything, "slo.events", variables("ELASTIC_OTLP", "_TOKEN", ""), header("Authorization", "ApiKey "+rightToken), otlpAt("")},
	{"elasticsearch", everything, "slo.events", variables("ELASTICSEARCH", "_TOKEN", ""), header("Authorization", "APIKey "+rightToken), readBulk},
	{"google-cloud", everything, "slo.events", googleCloud, headers("Authorization", bearer+rightToken, "X-Goog-User-Project", "shop-123456"), ofGoogleProject(otlpAt(""))},
	{"grafana-cloud", everything, "slo.events", variables("GRAFANA_CLOUD", "_TOKEN", "", "OTELCOL_SRE_GRAFANA_CLOUD_USER=123456"), func(r *http.Request, _ []byte) bool {
		user, password, _ := r.BasicAuth()
		return user == "123456" && password == rightToken
	}, otlpAt("")},
	{"honeycomb", everything, "slo.events", variables("HONEYCOMB", "_TOKEN", "", "OTELCOL_SRE_HONEYCOMB_DATASET=shop-metrics"), func(r *http.Request, _ []byte) bool {
		dataset := map[string]string{"/v1/metrics": "shop-metrics"}[r.URL.Path]
		return r.Header.Get("X-Honeycomb-Team") == rightToken && r.Header.Get("X-Honeycomb-Dataset") == dataset
	}, otlpAt("")},
	{"newrelic", everything, "slo.events", variables("NEWRELIC", "_TOKEN", ""), header("Api-Key", rightToken), atMost(1_000_000, otlpAt(""))},
	{"openobserve", everything, "slo.events", func(at, token string) []string {
		return []string{"OTELCOL_SRE_OPENOBSERVE=" + at + "/api/shop", "OTELCOL_SRE_OPENOBSERVE_AUTHORIZATION=Basic " + token, "OTELCOL_SRE_OPENOBSERVE_STREAM=orders"}
	}, headers("Authorization", "Basic "+rightToken, "Stream-Name", "orders"), otlpAt("/api/shop")},
	{"parseable", everything, "slo.events", variables("PARSEABLE", authorization, "Basic ", "OTELCOL_SRE_PARSEABLE_DATASET=shop"), func(r *http.Request, _ []byte) bool {
		signal := strings.TrimPrefix(r.URL.Path, "/v1/")
		return r.Header.Get("Authorization") == "Basic "+rightToken && r.Header.Get("X-P-Stream") == "shop-"+signal && r.Header.Get("X-P-Log-Source") == "otel-"+signal
	}, onlyJSON(otlpAt(""))},
	{"signoz", everything, "slo.events", variables("SIGNOZ", "_TOKEN", ""), header("Signoz-Ingestion-Key", rightToken), otlpAt("")},
	{"aws", everything, "slo.events", func(_, token string) []string {
		return []string{"OTELCOL_SRE_AWS_REGION=eu-west-1", "OTELCOL_SRE_AWS_LOG_GROUP=shop", "OTELCOL_SRE_AWS_LOG_STREAM=otelcol-sre", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=" + token}
	}, signedForAWS, readOTLP},
	{"splunk", "logs metrics", "slo.events", variables("SPLUNK", "_TOKEN", ""), header("Authorization", "Splunk "+rightToken), readHEC},
	{"splunk-observability", "traces metrics", "slo.events", variables("SPLUNK_OBSERVABILITY", "_TOKEN", ""), header("X-Sf-Token", rightToken), readOTLP},
	{"loki", "logs", "", variables("LOKI", authorization, bearer, "OTELCOL_SRE_LOKI_TENANT=shop"), headers("Authorization", bearer+rightToken, "X-Scope-Orgid", "shop"), otlpAt("/otlp")},
	{"mimir", "metrics", "slo.events", variables("MIMIR", authorization, bearer, "OTELCOL_SRE_MIMIR_TENANT=shop"), headers("Authorization", bearer+rightToken, "X-Scope-Orgid", "shop"), otlpAt("/otlp")},
	{"prometheus-otlp", "metrics", "slo.events", variables("PROMETHEUS_OTLP", authorization, bearer), header("Authorization", bearer+rightToken), otlpAt("/api/v1/otlp")},
	{"victoriametrics", "metrics", "slo_events_total", variables("VICTORIAMETRICS", authorization, bearer), header("Authorization", bearer+rightToken), readRemoteWrite},
	{"victorialogs", "logs", "", variables("VICTORIALOGS", authorization, bearer, "OTELCOL_SRE_VICTORIALOGS_ACCOUNT=12", "OTELCOL_SRE_VICTORIALOGS_PROJECT=34"),
		headers("Authorization", bearer+rightToken, "AccountID", "12", "ProjectID", "34", "VL-Stream-Fields", "service.name,service.namespace,deployment.environment.name"), otlpAt("/insert/opentelemetry")},
	{"victoriatraces", "traces", "", variables("VICTORIATRACES", authorization, bearer, "OTELCOL_SRE_VICTORIATRACES_ACCOUNT=12", "OTELCOL_SRE_VICTORIATRACES_PROJECT=34"),
		headers("Authorization", bearer+rightToken, "AccountID", "12", "ProjectID", "34"), otlpAt("/insert/opentelemetry")},
	{"prometheus-remote-write", "metrics", "slo_events_total", variables("REMOTE_WRITE", authorization, bearer), header("Authorization", bearer+rightToken), readRemoteWrite},
	{"thanos", "metrics", "slo_events_total", variables("THANOS", authorization, bearer, "OTELCOL_SRE_THANOS_TENANT=shop"), headers("Authorization", bearer+rightToken, "Thanos-Tenant", "shop"), readRemoteWrite},
	{"jaeger", "traces", "", variables("JAEGER", authorization, bearer, "OTELCOL_SRE_JAEGER_INSECURE=true"), header("Authorization", bearer+rightToken), nil},
	{"tempo", "traces", "", variables("TEMPO", authorization, bearer, "OTELCOL_SRE_TEMPO_INSECURE=true", "OTELCOL_SRE_TEMPO_TENANT=shop"), headers("Authorization", bearer+rightToken, "X-Scope-Orgid", "shop"), nil},
	{"opensearch", everything, "slo.events", variables("OPENSEARCH", authorization, bearer, "OTELCOL_SRE_OPENSEARCH_INSECURE=true"), header("Authorization", bearer+rightToken), nil},
	// Zipkin's exporter takes a refusal for an outage.
	{"zipkin", "traces", "", variables("ZIPKIN", authorization, bearer), header("Authorization", bearer+rightToken), readZipkin},
}

// googleCloud has its token in a file, which is read again when it changes.
func googleCloud(at, token string) []string {
	return []string{"OTELCOL_SRE_GOOGLE_CLOUD=" + at, "OTELCOL_SRE_GOOGLE_CLOUD_PROJECT=shop-123456", "OTELCOL_SRE_GOOGLE_CLOUD_TOKEN_FILE=" + token}
}

// amazon is where AWS' endpoints are here: their addresses follow from the region otherwise.
const amazon = `{exporters: {otlp_http/xray: {traces_endpoint: "%[1]s/xray/v1/traces"}, otlp_http/cloudwatch-logs: {logs_endpoint: "%[1]s/logs/v1/logs"},
	otlp_http/cloudwatch-metrics: {metrics_endpoint: "%[1]s/monitoring/v1/metrics"}}}`

// witness writes, behind all exporters of its pipelines, what they have been handed.
const witness = `{exporters: {file/witness: {path: %q, flush_interval: 100ms}}, processors: {trace_sampler: {wait: 1s}}, connectors: {red: {flush_interval: 1s}},
	service: {pipelines: {traces/sampled: {exporters: [file/witness]}, logs: {exporters: [file/witness]}, logs/deployments: {exporters: [file/witness]}}}}`

// sendToAll prepares a standalone collector that sends to an intake of each of the backends, with the token.
func sendToAll(t *testing.T, all []backend, token string) (c *collector, at map[string]*intake, handed string) {
	t.Helper()
	catalog := writeCatalog(t, map[string]string{"checkout": service("checkout", "{name: availability, objective: 99, sli: {availability: {}}}")})
	c = prepareCollector(t, "standalone", catalog)
	at, handed = map[string]*intake{}, filepath.Join(t.TempDir(), "handed.jsonl")
	c.args = append(c.args, "--config", "yaml:"+quickly)
	for _, b := range all {
		i := &intake{arrivals: newArrivals(), allows: b.allows, read: b.read}
		at[b.fragment] = i
		var address string
		if b.read == nil {
			address = i.serveGRPC(t)
		} else {
			address = i.serve(t)
		}
		given := token
		if b.fragment == "google-cloud" {
			given = filepath.Join(t.TempDir(), "token")
			require.NoError(t, os.WriteFile(given, []byte(token), 0o600))
		}
		c.env = append(c.env, b.env(address, given)...)
		c.args = append(c.args, "--config", "builtin:"+b.fragment)
		switch b.fragment {
		case "aws":
			c.args = append(c.args, "--config", "yaml:"+fmt.Sprintf(amazon, address))
		case "prometheus-remote-write":
			c.env = append(c.env, "OTELCOL_SRE_REMOTE_WRITE="+address+"/api/v1/write")
		}
	}
	c.args = append(c.args, "--config", "yaml:"+fmt.Sprintf(witness, handed))
	return c, at, handed
}

// fail is a request to checkout that fails, and a log line about it; it returns the trace's ID.
func fail(t *testing.T, c *collector, provider *sdktrace.TracerProvider, id string) string {
	t.Helper()
	now := time.Now()
	_, span := provider.Tracer("test").Start(t.Context(), "POST /orders", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
	span.SetAttributes(attribute.StringSlice("http.request.header.x-request-id", []string{id}))
	span.SetStatus(codes.Error, "card refused")
	span.End()
	require.NoError(t, provider.ForceFlush(t.Context()))
	body := fmt.Sprintf(`{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"checkout"}}]},"scopeLogs":[{"logRecords":[
		{"timeUnixNano":"%d","severityText":"ERROR","severityNumber":17,"body":{"stringValue":"card refused"},"attributes":[{"key":"request_id","value":{"stringValue":%q}}]}]}]}]}`, now.UnixNano(), id)
	response, err := http.Post("http://"+c.otlpHTTP+"/v1/logs", "application/json", bytes.NewBufferString(body))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	return span.SpanContext().TraceID().String()
}

// Every backend is away while a request fails and a version is deployed, and the collector is killed before one is back. All that was
// handed to the exporters comes to each of them in the end, in its own format and with its credentials: the span and the log line with
// their correlation ID, the deployment, the counter of bad events.
func TestBackendsGetWhatTheyWereAwayFor(t *testing.T) {
	t.Parallel()
	c, at, handed := sendToAll(t, intakes, rightToken)
	for _, i := range at {
		i.goAway(true)
	}
	c.start()
	version := func(v string) *sdktrace.TracerProvider {
		return newTracerProvider(t, c, "grpc", attribute.String("service.name", "checkout"), attribute.String("service.version", v))
	}
	first := version("1.0.0")
	require.Eventually(t, func() bool {
		serve(t, first, time.Millisecond, codes.Unset)
		require.NoError(t, first.ForceFlush(t.Context()))
		_, found := sum(c.scrape(), "deployment_info", "service_version", "1.0.0")
		return found
	}, patience, 200*time.Millisecond)
	require.NoError(t, first.Shutdown(t.Context()))
	second := version("2.0.0")
	trace := fail(t, c, second, "order-1")
	require.Eventually(t, func() bool {
		serve(t, second, time.Millisecond, codes.Unset)
		require.NoError(t, second.ForceFlush(t.Context()))
		text, err := os.ReadFile(handed)
		return err == nil && strings.Contains(string(text), trace) && strings.Contains(string(text), `"card refused"`) &&
			strings.Contains(string(text), `"eventName":"deployment.`)
	}, patience, 200*time.Millisecond, "what is handed to the exporters")
	c.kill()
	for _, i := range at {
		i.goAway(false)
	}
	c.start()
	fail(t, c, second, "order-2")

	for _, b := range intakes {
		i := at[b.fragment]
		got := func(what string, is func() bool) {
			assert.Eventually(t, is, patience, 100*time.Millisecond, "%s did not get %s", b.fragment, what)
		}
		if strings.Contains(b.signals, "traces") {
			got("the span", func() bool { return i.trace(trace) == "order-1" })
		}
		if strings.Contains(b.signals, "logs") {
			got("the log line", func() bool { return i.log("order-1") })
			got("the deployment", i.deployed)
		}
		if strings.Contains(b.signals, "metrics") {
			got("the counter", func() bool { return i.value(b.events) >= 1 })
			for _, metric := range []string{"slo.error_budget.remaining", "deployment.info", "traces.span.metrics.calls"} {
				got(metric, func() bool { return i.value(metric) != 0 || i.value(prometheusNames[metric]) != 0 })
			}
		}
		assert.Zero(t, i.refusals(), b.fragment)
	}
	for _, name := range []string{
		"slo_objective_ratio", "slo_error_ratio", "slo_burn_rate_ratio", "slo_state", "service_telemetry_last_seen_seconds",
		"deployment_start_time_seconds", "deployment_instances", "traces_span_metrics_duration_milliseconds_bucket",
	} {
		assert.Eventually(t, func() bool { return at["prometheus-remote-write"].value(name) > 0 }, patience, 100*time.Millisecond, name)
	}
	assert.Eventually(t, func() bool { return at["victoriametrics"].value("otelcol_process_uptime") > 0 }, patience, 100*time.Millisecond,
		"without the collector's own metrics CollectorDown fires")
	for _, fragment := range []string{"prometheus-remote-write", "thanos", "victoriametrics"} {
		assert.Zero(t, at[fragment].value(scoped), "%s: each version of an SDK begins new series", fragment)
	}
	assert.Empty(t, at["datadog"].cumulatives(), "it wants deltas")
	assert.Empty(t, at["newrelic"].cumulatives(), "it prefers deltas")
	assert.Empty(t, at["elastic-otlp"].cumulatives()["histogram"], "it does not store them")
	assert.Contains(t, at["prometheus-otlp"].cumulatives()["sum"], "slo.events")
	require.NoError(t, second.Shutdown(t.Context()))
}

var prometheusNames = map[string]string{
	"slo.error_budget.remaining": "slo_error_budget_remaining_ratio",
	"deployment.info":            "deployment_info",
	"traces.span.metrics.calls":  "traces_span_metrics_calls_total",
}

// What a backend refuses for a wrong token is given up at once, and counted by exporter and signal. The others get theirs.
func TestWrongCredentialsAreCounted(t *testing.T) {
	t.Parallel()
	strict := slices.DeleteFunc(slices.Clone(intakes), func(b backend) bool { return b.fragment == "zipkin" })
	c, at, _ := sendToAll(t, strict, "wrong-token")
	c.start()
	provider := newTracerProvider(t, c, "grpc", attribute.String("service.name", "checkout"))
	trace := fail(t, c, provider, "order-1")
	require.NoError(t, provider.Shutdown(t.Context()))

	exporters := map[string]map[string][]string{ // by what is counted, by fragment
		"spans": {}, "log_records": {}, "metric_points": {},
	}
	for _, b := range strict {
		for signal, items := range map[string]string{"traces": "spans", "logs": "log_records", "metrics": "metric_points"} {
			if strings.Contains(b.signals, signal) {
				exporters[items][b.fragment] = exportersOf(b.fragment, signal)
			}
		}
	}
	for items, byFragment := range exporters {
		for fragment, ids := range byFragment {
			for _, id := range ids {
				assert.Eventually(t, func() bool {
					failed, _ := sum(c.own(), "otelcol_exporter_send_failed_"+items, "exporter", id)
					return failed > 0
				}, patience, 200*time.Millisecond, "%s of %s", items, id)
			}
			assert.Positive(t, at[fragment].refusals(), fragment)
			assert.Empty(t, at[fragment].trace(trace), fragment)
		}
	}
	for _, signal := range []string{"traces", "logs"} { // metrics go on
		assert.Eventually(t, func() bool {
			waiting, known := sum(c.own(), "otelcol_exporter_queue_size", "data_type", signal)
			return known && waiting == 0
		}, patience, 200*time.Millisecond, "%s are tried again", signal)
	}
	c.stop()
}

// exportersOf are the exporters of a fragment for a signal.
func exportersOf(fragment, signal string) []string {
	switch fragment {
	case "aws":
		return map[string][]string{"traces": {"otlp_http/xray"}, "logs": {"otlp_http/cloudwatch-logs"}, "metrics": {"otlp_http/cloudwatch-metrics"}}[signal]
	case "honeycomb":
		return map[string][]string{"traces": {"otlp_http/honeycomb"}, "logs": {"otlp_http/honeycomb"}, "metrics": {"otlp_http/honeycomb-metrics"}}[signal]
	case "parseable":
		return []string{"otlp_http/parseable-" + signal}
	case "splunk":
		return map[string][]string{"logs": {"splunk_hec"}, "metrics": {"splunk_hec/metrics"}}[signal]
	case "elasticsearch":
		return []string{"elasticsearch"}
	case "elastic-otlp":
		return []string{"otlp_http/elastic"}
	case "splunk-observability":
		return []string{"otlp_http/splunk"}
	case "prometheus-otlp":
		return []string{"otlp_http/prometheus"}
	case "prometheus-remote-write":
		return []string{"prometheusremotewrite"}
	case "thanos", "victoriametrics":
		return []string{"prometheusremotewrite/" + fragment}
	case "jaeger", "tempo", "opensearch":
		return []string{"otlp_grpc/" + fragment}
	}
	return []string{"otlp_http/" + fragment}
}
