// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// An examined collector has something wrong with its senders, catalog or backends.
type examined struct {
	*collector
	requests []*http.Request
	bodies   [][]byte
	// grpcTo is where a span is sent over gRPC; "" is nowhere.
	grpcTo string
}

// A diagnosis is a finding of srectl doctor.
type diagnosis struct{ Check, Service, SLO, What, Fix string }

func (p *examined) send(t *testing.T, address, path, mediaType string, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Content-Type", mediaType)
	p.requests, p.bodies = append(p.requests, request), append(p.bodies, body)
}

const protobufType = "application/x-protobuf"

func (p *examined) sendSpan(t *testing.T, change func(resource pcommon.Map, span ptrace.Span)) {
	t.Helper()
	body, err := ptraceotlp.NewExportRequestFromTraces(doctorSpan(change)).MarshalProto()
	require.NoError(t, err)
	p.send(t, p.otlpHTTP, "/v1/traces", protobufType, body)
}

// doctorSpan is a span of now that every SLO of requests counts, but for what change does to it.
func doctorSpan(change func(resource pcommon.Map, span ptrace.Span)) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	resource := rs.Resource().Attributes()
	for key, value := range map[string]string{"service.name": "healthy", "service.version": "1.2.3", "deployment.environment.name": "production", "service.instance.id": "one"} {
		resource.PutStr(key, value)
	}
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName("POST /orders")
	span.SetTraceID(pcommon.TraceID{1, 15: 2})
	span.SetSpanID(pcommon.SpanID{3})
	span.SetKind(ptrace.SpanKindServer)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(-time.Millisecond)))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	span.Attributes().PutStr("http.route", "/orders")
	change(resource, span)
	return td
}

// sendAll sends everything once. Answers do not matter: some requests are to be refused.
func (p *examined) sendAll(ctx context.Context, t *testing.T) {
	t.Helper()
	for i, request := range p.requests {
		again := request.Clone(ctx)
		again.Body, again.ContentLength = readCloser{bytes.NewReader(p.bodies[i])}, int64(len(p.bodies[i]))
		response, err := http.DefaultClient.Do(again)
		if err == nil {
			_ = response.Body.Close()
		}
	}
	if p.grpcTo != "" {
		connection, err := grpc.NewClient(p.grpcTo, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if assert.NoError(t, err) {
			_, _ = ptraceotlp.NewGRPCClient(connection).Export(ctx, ptraceotlp.NewExportRequestFromTraces(doctorSpan(func(pcommon.Map, ptrace.Span) {})))
			_ = connection.Close()
		}
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// environment has where the ports are.
func (p *examined) environment() []string {
	var own []string
	for _, variable := range p.env {
		if strings.HasPrefix(variable, "OTELCOL_SRE_") {
			own = append(own, variable)
		}
	}
	return append(os.Environ(), own...)
}

// doctor runs srectl doctor while the senders send.
func (p *examined) doctor(t *testing.T) (code int, findings []diagnosis) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for ctx.Err() == nil {
			p.sendAll(ctx, t)
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	cmd := exec.CommandContext(t.Context(), "../bin/srectl", "doctor", "--url", "http://"+p.page, "--for", "2s", "-o", "json")
	cmd.Env = p.environment()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	cancel()
	<-sent
	if exited := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exited) {
		require.NoError(t, err)
	}
	var result struct{ Findings []diagnosis }
	require.NoError(t, json.Unmarshal(out, &result), "%s%s", out, stderr.String())
	return cmd.ProcessState.ExitCode(), result.Findings
}

// A wanted is a diagnosis by its check and a part of its line.
type wanted struct{ check, part string }

// finds waits until the doctor names all causes.
func (p *examined) finds(t *testing.T, all map[string]wanted) {
	t.Helper()
	var found []diagnosis
	missing := func() (names []string) {
	causes:
		for name, want := range all {
			for _, f := range found {
				if f.Check == want.check && strings.Contains(f.What+"; "+f.Fix, want.part) {
					continue causes
				}
			}
			names = append(names, name)
		}
		return names
	}
	if !assert.Eventually(t, func() bool {
		var code int
		code, found = p.doctor(t)
		assert.Equal(t, 1, code)
		return len(missing()) == 0
	}, patience, 100*time.Millisecond) {
		for _, f := range found {
			t.Logf("%s: %s; %s", f.Check, f.What, f.Fix)
		}
		require.Empty(t, missing(), "causes that the doctor does not name")
	}
}

const (
	counted  = "{name: availability, objective: 99, sli: {availability: {}}}"
	noOrders = `{name: orders, objective: 99, sli: {availability: {match: 'attributes["http.route"] == "/order"'}}}`
	noMetric = `{name: orders, objective: 99, sli: {metrics: {good: {name: orders.payed}, total: {name: orders}}}}`
	noGauge  = `{name: depth, objective: 99, sli: {metrics: {good: {name: depth, match: 'attributes["ok"] == true'}, total: {name: depth}}}}`
)

// The first service of a newcomer fails in silence; the doctor names the cause. What is wrong is planted in real senders, files and backends.
func TestDoctorNamesTheCause(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(refusing.Close)
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(away.Close)
	folder := writeCatalog(t, map[string]string{
		"checkout": service("checkout", counted), "inside": service("inside", counted), "orders": service("orders", noOrders), "queue": service("queue", noMetric, noGauge),
		"clock": service("clock", counted), "abroad": strings.Replace(service("abroad", counted), "  slos:", "  environments: [production]\n  slos:", 1), "healthy": service("healthy", counted),
		"broken": strings.Replace(service("broken", counted), "objective: 99", "objectiv: 99", 1),
	})
	p := &examined{collector: prepareCollector(t, "standalone", folder)}
	p.args = append(p.args, "--set", "receivers.otlp.protocols.http.max_request_body_size=100000", "--config", `yaml:
exporters:
  prometheus_store: {catalog: null}
  otlp_http/refusing: {endpoint: "`+refusing.URL+`"}
  otlp_http/away: {endpoint: "`+away.URL+`"}
service:
  pipelines:
    traces: {exporters: [otlp_http/refusing, otlp_http/away]}`)
	p.start()

	name := func(service string) func(pcommon.Map, ptrace.Span) {
		return func(resource pcommon.Map, _ ptrace.Span) { resource.PutStr("service.name", service) }
	}
	p.sendSpan(t, func(pcommon.Map, ptrace.Span) {})
	p.sendSpan(t, name("chekout"))
	p.sendSpan(t, name("orders"))
	p.sendSpan(t, func(resource pcommon.Map, _ ptrace.Span) { resource.Remove("service.name") })
	p.sendSpan(t, func(resource pcommon.Map, span ptrace.Span) {
		name("inside")(resource, span)
		span.SetKind(ptrace.SpanKindInternal)
	})
	p.sendSpan(t, func(resource pcommon.Map, span ptrace.Span) {
		name("abroad")(resource, span)
		resource.PutStr("deployment.environment.name", "prod")
	})
	p.sendSpan(t, func(resource pcommon.Map, span ptrace.Span) {
		name("clock")(resource, span)
		resource.Remove("service.version")
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(time.Hour)))
	})
	p.send(t, p.otlpHTTP, "/v1/metrics", protobufType, queueMetrics(t))
	p.send(t, p.otlpHTTP, "/v1/traces", protobufType, make([]byte, 100_001))
	p.send(t, p.otlpGRPC, "/v1/traces", "application/json", []byte("{}"))
	p.grpcTo = p.otlpHTTP

	p.finds(t, map[string]wanted{
		"wrong service name":           {"service-name", "chekout sends telemetry, and the catalog has checkout, from which nothing arrives"},
		"INTERNAL spans":               {"span-kind", "inside sends spans of kind INTERNAL only, and SLO availability counts SERVER and CONSUMER"},
		"wrong environment":            {"environment", "abroad sends deployment.environment.name prod, and the catalog lists production only"},
		"no service.name":              {"service-name-missing", "telemetry arrives without service.name"},
		"HTTP on the port for gRPC":    {"protocol", "connections that speak OTLP over HTTP came to the port for gRPC"},
		"gRPC on the port for HTTP":    {"protocol", "connections that speak OTLP over gRPC came to the port for HTTP"},
		"clock an hour ahead":          {"clock", "the clock of clock (instance one) is "},
		"match that never holds":       {"match", `http.route has values such as /orders`},
		"metric with another name":     {"metric", "SLO orders counts the metric orders.payed, which queue does not send; did you mean orders.paid?"},
		"metric that is a gauge":       {"metric", "SLO depth counts the metric depth, which is a gauge"},
		"catalog file with an error":   {"catalog", "broken.yaml"},
		"no rules":                     {"rules", "no rules are loaded"},
		"oversized requests":           {"refused", "their body is too large"},
		"backend that refuses":         {"exporter", "the exporter otlp_http/refusing could not send telemetry"},
		"backend that is down":         {"exporter", "the exporter otlp_http/away "},
		"no version":                   {"version", "clock sends no service.version"},
		"requests that are sent twice": {"duplicates", "events arrived again and were not counted again"},
	})
	// The page shows the same, in the box of its first page, too.
	_, _, text := talk(t, http.MethodGet, "http://"+p.page+"/doctor", "", "Accept", "text/html")
	assert.Contains(t, text, "inside sends spans of kind INTERNAL only")
	require.Eventually(t, func() bool {
		_, _, text = talk(t, http.MethodGet, "http://"+p.page+"/", "", "Accept", "text/html")
		return strings.Contains(text, "broken.yaml") && strings.Contains(text, `href="/doctor"`)
	}, patience, 500*time.Millisecond)

	// One span, by its trace ID and by a file.
	cmd := exec.CommandContext(t.Context(), "../bin/srectl", "why-not", "--url", "http://"+p.page, "01000000000000000000000000000002")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, `(?m)^availability +good +it did not fail`, string(out))
	assert.Contains(t, string(out), "only Defaults give it SLOs: the catalog has no service chekout; it has checkout")
	body, err := ptraceotlp.NewExportRequestFromTraces(doctorSpan(name("orders"))).MarshalJSON()
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(folder, "broken.yaml")))
	cmd = exec.CommandContext(t.Context(), "../bin/srectl", "why-not", "--catalog", folder, "-")
	cmd.Stdin = bytes.NewReader(body)
	out, err = cmd.CombinedOutput()
	require.Error(t, err)
	assert.Equal(t, 1, cmd.ProcessState.ExitCode(), "%s", out)
	assert.Regexp(t, `orders +not counted +match does not hold: attributes\["http.route"\] == "/order"`, string(out))
}

// queueMetrics have another name than the catalog, and a gauge.
func queueMetrics(t *testing.T) []byte {
	t.Helper()
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "queue")
	rm.Resource().Attributes().PutStr("service.version", "1.2.3")
	all := rm.ScopeMetrics().AppendEmpty().Metrics()
	for _, name := range []string{"orders", "orders.paid"} {
		m := all.AppendEmpty()
		m.SetName(name)
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		point := sum.DataPoints().AppendEmpty()
		point.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		point.SetIntValue(1)
	}
	gauge := all.AppendEmpty()
	gauge.SetName("depth")
	point := gauge.SetEmptyGauge().DataPoints().AppendEmpty()
	point.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	point.SetIntValue(1)
	body, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	require.NoError(t, err)
	return body
}

// Where nothing counts at all, the doctor says what is missing: the catalog, a token, or any telemetry.
func TestDoctorOfAnEmptyCollector(t *testing.T) {
	t.Parallel()
	tokens := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(tokens, []byte("right\n"), 0o600))
	p := &examined{collector: prepareCollector(t, "standalone", t.TempDir(), "OTELCOL_SRE_BEARER_FILE="+tokens, "OTELCOL_SRE_RUNBOOKS="+filepath.Join(t.TempDir(), "absent"))}
	p.args = append(p.args, "--config", "builtin:bearer")
	p.start()
	p.sendSpan(t, func(pcommon.Map, ptrace.Span) {})
	p.requests[0].Header.Set("Authorization", "Bearer wrong")
	p.finds(t, map[string]wanted{
		"an empty catalog": {"catalog-empty", "the catalog has no service, so SLOs are proposals without alerts"},
		"nothing arrives":  {"nothing-arrives", "nothing has arrived since the collector started"},
		"the wrong token":  {"refused", "their credentials are wrong or missing"},
		"no runbooks":      {"runbooks", "there is neither a folder of runbooks nor a catalog with services"},
	})

	p.stop()
	cmd := exec.CommandContext(t.Context(), "../bin/srectl", "doctor", "--url", "http://"+p.page, "--for", "1s")
	cmd.Env = p.environment()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.Error(t, err)
	assert.Equal(t, 2, cmd.ProcessState.ExitCode(), "it could not ask")
	assert.Contains(t, stderr.String(), "does not answer")
	assert.Contains(t, string(out), "nothing listens there", "and says which ports answer all the same")
}

// A collector whose services are as the catalog says is well.
func TestDoctorFindsNothingWrong(t *testing.T) {
	t.Parallel()
	rules, runbooks := t.TempDir(), t.TempDir()
	folder := writeCatalog(t, map[string]string{"healthy": service("healthy", counted)})
	out, err := exec.CommandContext(t.Context(), "../bin/srectl", "generate", "all", "--catalog", folder, "--out", rules).CombinedOutput()
	require.NoError(t, err, "%s", out)
	p := &examined{collector: newCollector(t, "standalone", folder, "OTELCOL_SRE_RULES="+rules+"/alerts", "OTELCOL_SRE_RUNBOOKS="+runbooks)}
	var number byte
	send := func() {
		number++
		p.requests, p.bodies = nil, nil
		p.sendSpan(t, func(_ pcommon.Map, span ptrace.Span) { span.SetSpanID(pcommon.SpanID{number}) })
		p.sendAll(t.Context(), t)
		p.requests = nil
	}
	require.Eventually(t, func() bool {
		send()
		code, findings := p.doctor(t)
		if code != 0 {
			t.Log(findings)
		}
		return code == 0
	}, patience, 100*time.Millisecond)
}
