// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// absent are the metrics that are named somewhere and that no collector of the run has, and why. One that a component documents is
// looked up there.
var absent = map[string]struct {
	why        string
	documented bool
}{
	"otelcol_connector_deployevent_failures":        {"begins when the storage fails", true},
	"otelcol_connector_sli_flush_failures":          {"begins when the storage fails", true},
	"otelcol_connector_sli_events_adjusted":         {"begins with good events that are more than all", true},
	"otelcol_exporter_grafana_annotations_records":  {"is there beside a Grafana", true},
	"otelcol_exporter_grafana_annotations_requests": {"is there beside a Grafana", true},
	"otelcol_exporter_prometheus_store_set_aside":   {"begins with a damaged store", true},
	"otelcol_extension_mtls_handshakes":             {"is there where clients show certificates", true},
	"otelcol_extension_mtls_reloads":                {"begins with another certificate", true},
	"otelcol_extension_bearertokenauth_reloads":     {"begins with other tokens", true},
	"otelcol_receiver_otlp_refused":                 {"begins with a request that is refused", true},
	"otelcol_receiver_otlp_misdirected":             {"begins with a client that uses the port of the other protocol", true},
	"deployment_budget_spent_seconds":               {"begins with a deployment that failed beside another, for minutes", false},
	"deployment_gate_time_seconds":                  {"begins with a verdict that srectl verify reports", false},
	"otelcol_exporter_queue_fill":                   {"is what prometheus-adapter is told to call the share of two others", false},
}

// A mention is a name of a metric. One that ends in an underscore stands for all that begin so.
type mention struct{ name, where string }

// ofCollectors tells names that only a collector can write: its own, and what it says of SLOs and deployments.
var ofCollectors = regexp.MustCompile(`\b(?:otelcol_[a-z0-9_]+|(?:http|rpc)_server_[a-z0-9_]+|slo_[a-z_]+_(?:total|ratio|seconds)|slo_state|deployment_(?:info|instances|[a-z_]+_seconds)|service_telemetry_[a-z_]+)\b_?`)

// notMetrics are labels and other words that look like names.
var notMetrics = []string{"deployment_environment_name", "deployment_id", "deployment_status"}

// mentions are the names in queries, which Prometheus' own parser finds, and those in texts.
func mentions(t *testing.T) (all []mention) {
	t.Helper()
	files, err := filepath.Glob("../alerts/examples/*.rules.yaml")
	require.NoError(t, err)
	rules, err := observed.FromRules(append(files, "../deploy/helm/otelcol-sre/files/otelcol-sre.rules.yaml"))
	require.NoError(t, err)
	panels, _, err := observed.FromDashboards("../dashboards/examples")
	require.NoError(t, err)
	pages, err := observed.FromRunbooks("../runbooks/examples", rules)
	require.NoError(t, err)
	for _, q := range slices.Concat(rules, panels, pages) {
		for _, name := range q.Names() {
			if ofCollectors.FindString(name) == name {
				all = append(all, mention{name, q.Where})
			}
		}
	}
	asked := len(all)
	out, err := exec.CommandContext(t.Context(), "git", "-C", "..", "ls-files", "*.md", "deploy", "extensions/status_page/internal/web/testdata/queries.txt", "examples",
		":!examples/alerts", ":!examples/dashboards", ":!examples/runbooks", // links to folders
	).Output()
	require.NoError(t, err)
	for file := range strings.FieldsSeq(string(out)) {
		if filepath.Base(file) == "documentation.md" { // what components document is the proof
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", file))
		require.NoError(t, err)
		for _, name := range ofCollectors.FindAllString(string(text), -1) {
			if !slices.Contains(notMetrics, name) {
				all = append(all, mention{name, file})
			}
		}
	}
	require.Greater(t, asked, 500, "names in queries")
	require.Greater(t, len(all)-asked, 100, "names in texts")
	slices.SortFunc(all, func(a, b mention) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.where, b.where)) })
	return slices.CompactFunc(all, func(a, b mention) bool { return a.name == b.name })
}

// sampleNames are the names of all samples of a page of metrics.
func sampleNames(t *testing.T, url string) (names []string) {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if name := regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*`).FindString(lines.Text()); name != "" {
			names = append(names, name)
		}
	}
	require.NoError(t, lines.Err())
	return names
}

// Every name of a collector's metric in rules, dashboards, runbooks, docs and what is deployed is that of a metric that a running
// collector has, or it is known why there is none. A metric that upstream renames shows here.
func TestEveryMetricThatIsNamedIsThere(t *testing.T) {
	t.Parallel()
	named := mentions(t)
	ended := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ended }))
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	t.Cleanup(func() { close(ended); slow.Close(); refusing.Close() })

	// An agent and its gateway, of which one backend refuses, and another takes too long for its queue.
	gateway := prepareCollector(t, "gateway", "../examples/catalog")
	gateway.args = append(gateway.args, "--config", fmt.Sprintf(`yaml:
exporters:
  otlp_http/refusing: {endpoint: %q, retry_on_failure: {enabled: false}}
  otlp_http/slow: {endpoint: %q, timeout: 2m, sending_queue: {queue_size: 1, num_consumers: 1, sizer: requests}}
service:
  pipelines:
    traces/backends: {receivers: [otlp], exporters: [otlp_http/refusing, otlp_http/slow]}
    metrics/backends: {receivers: [otlp], exporters: [otlp_http/refusing, otlp_http/slow]}
    logs/backends: {receivers: [otlp], exporters: [otlp_http/refusing, otlp_http/slow]}`, refusing.URL, slow.URL))
	gateway.start()
	agent := newCollector(t, "agent", "../examples/catalog", "OTELCOL_SRE_GATEWAY="+gateway.otlpGRPC, "OTELCOL_SRE_GATEWAY_INSECURE=true")
	// All in one, with an SLI that names a metric that counts nothing.
	services := writeCatalog(t, map[string]string{"shop": service("shop", "{name: queue, objective: 99, sli: {metrics: {good: {name: queue.depth}, total: {name: queue.depth}}}}"), "again": service("again", slos[0], fmt.Sprintf("{name: paused, objective: 99, sli: {availability: {}}, maintenance: [{start: %s, end: %s}]}",
		time.Now().Add(-2*time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))})
	standalone := prepareCollector(t, "standalone", services)
	standalone.args = append(standalone.args, "--config", `yaml:{extensions: {service_catalog: {directory: ["`+services+`", ../examples/catalog]}}}`, "--config", "yaml:"+quickly, "--config",
		"yaml:{service: {pipelines: {traces: {exporters: [forward/sampled]}, traces/sampled: {receivers: [forward/sampled], processors: [trace_sampler], exporters: [nop]}}}}")
	standalone.start()
	// One without memory, and one whose senders need a token.
	limited := prepareCollector(t, "gateway", "../examples/catalog")
	limited.args = append(limited.args, "--config", "yaml:{processors: {memory_limiter: {limit_mib: 2, spike_limit_mib: 1}}}")
	limited.start()
	tokens := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(tokens, []byte("right\n"), 0o600))
	guarded := prepareCollector(t, "gateway", t.TempDir(), "OTELCOL_SRE_BEARER_FILE="+tokens)
	guarded.args = append(guarded.args, "--config", "builtin:bearer")
	guarded.start()

	var q queue
	t.Cleanup(q.report(t, standalone))
	for _, endpoint := range []string{agent.otlpGRPC, standalone.otlpGRPC, limited.otlpGRPC, guarded.otlpGRPC} {
		shop := exec.CommandContext(t.Context(), "../bin/shop", "--endpoint", endpoint, "--rate", "10", "--duration", "5s", "--control", "", "--ports", "0", "--error-rate", "checkout=0.5")
		if out, err := shop.CombinedOutput(); endpoint == standalone.otlpGRPC { // elsewhere it is refused
			require.NoError(t, err, "%s", out)
		}
	}
	// Late events, sent twice.
	late, _, _ := spanRequest(t, "again", time.Now().Add(-time.Hour), 10)
	for range 2 {
		require.True(t, standalone.post(http.DefaultClient, late))
	}
	response, err := http.Post("http://"+guarded.otlpHTTP+"/v1/traces", "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	for _, status := range []string{"started", "completed"} {
		out, err := exec.CommandContext(t.Context(), "../bin/srectl", "mark", "--endpoint", "http://"+standalone.otlpHTTP, "--service", "checkout", "--namespace", "shop", "--environment", "production",
			"--version", "9.9.9", "--status", status, "--commit-time", time.Now().Add(-time.Hour).Format(time.RFC3339)).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}

	there := map[string]bool{}
	missing := func() (all []mention) {
		for _, c := range []*collector{agent, gateway, standalone, limited, guarded} {
			for _, name := range sampleNames(t, "http://"+c.telemetry+"/metrics") {
				there[name] = true
			}
		}
		for _, name := range sampleNames(t, "http://"+standalone.prometheus+"/metrics") {
			there[name] = true
		}
		stored, _, err := standalone.prometheusAPI().LabelValues(t.Context(), model.MetricNameLabel, nil, time.Now().Add(-time.Hour), time.Now())
		require.NoError(t, err)
		for _, name := range stored {
			there[string(name)] = true
		}
		for _, m := range named {
			found := there[m.name]
			if strings.HasSuffix(m.name, "_") {
				found = slices.ContainsFunc(slices.Collect(maps.Keys(there)), func(name string) bool { return strings.HasPrefix(name, m.name) })
			}
			if _, known := absent[m.name]; !found && !known {
				all = append(all, m)
			}
		}
		return all
	}
	assert.Eventually(t, func() bool { return len(missing()) == 0 }, patience, time.Second)
	for _, m := range missing() {
		t.Errorf("%s: %s: no collector has such a metric; was it renamed?", m.where, m.name)
	}

	documented := telemetryDocumentation(t)
	for name, reason := range absent {
		assert.True(t, slices.ContainsFunc(named, func(m mention) bool { return m.name == name }), "%s: nobody names it", name)
		assert.False(t, there[name], "%s is there, although it %s", name, reason.why)
		if reason.documented {
			assert.Contains(t, documented, "\n### "+name+"\n", "no component documents it")
		}
	}
}

// telemetryDocumentation is what our components document of their metrics.
func telemetryDocumentation(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../*/*/documentation.md")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}
