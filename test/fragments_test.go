// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"errors"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// backends are the fragments that add a backend to a gateway or a standalone collector, with the variables that each
// cannot do without.
var backends = map[string][]string{
	"aws": {
		"OTELCOL_SRE_AWS_REGION=eu-west-1", "OTELCOL_SRE_AWS_LOG_GROUP=otelcol-sre", "OTELCOL_SRE_AWS_LOG_STREAM=default",
	},
	"clickhouse":              {"OTELCOL_SRE_CLICKHOUSE=http://clickstack:4318"},
	"dash0":                   {"OTELCOL_SRE_DASH0=https://example.com", "OTELCOL_SRE_DASH0_TOKEN=auth_x"},
	"datadog":                 {"OTELCOL_SRE_DATADOG=https://otlp.datadoghq.eu", "OTELCOL_SRE_DATADOG_TOKEN=0123456789"},
	"elastic-otlp":            {"OTELCOL_SRE_ELASTIC_OTLP=https://example.com", "OTELCOL_SRE_ELASTIC_OTLP_TOKEN=dG9rZW4="},
	"elasticsearch":           {"OTELCOL_SRE_ELASTICSEARCH=https://example.com:9200"},
	"google-cloud":            {"OTELCOL_SRE_GOOGLE_CLOUD_PROJECT=shop-123456"},
	"grafana-cloud":           {"OTELCOL_SRE_GRAFANA_CLOUD=https://example.com/otlp", "OTELCOL_SRE_GRAFANA_CLOUD_USER=123456", "OTELCOL_SRE_GRAFANA_CLOUD_TOKEN=glc_x"},
	"honeycomb":               {"OTELCOL_SRE_HONEYCOMB=https://example.com", "OTELCOL_SRE_HONEYCOMB_TOKEN=hcaik_x"},
	"jaeger":                  {"OTELCOL_SRE_JAEGER=jaeger:4317"},
	"loki":                    {"OTELCOL_SRE_LOKI=http://loki:3100"},
	"mimir":                   {"OTELCOL_SRE_MIMIR=http://mimir:9009"},
	"newrelic":                {"OTELCOL_SRE_NEWRELIC=https://example.com", "OTELCOL_SRE_NEWRELIC_TOKEN=x"},
	"openobserve":             {"OTELCOL_SRE_OPENOBSERVE=https://example.com/api/shop", "OTELCOL_SRE_OPENOBSERVE_AUTHORIZATION=Basic eDp5"},
	"opensearch":              {"OTELCOL_SRE_OPENSEARCH=data-prepper:21893"},
	"parseable":               {"OTELCOL_SRE_PARSEABLE=http://parseable:8000", "OTELCOL_SRE_PARSEABLE_AUTHORIZATION=Basic eDp5"},
	"prometheus-otlp":         {"OTELCOL_SRE_PROMETHEUS_OTLP=http://prometheus:9090"},
	"prometheus-remote-write": {"OTELCOL_SRE_REMOTE_WRITE=http://prometheus:9090/api/v1/write"},
	"signoz":                  {"OTELCOL_SRE_SIGNOZ=http://signoz:4318"},
	"splunk":                  {"OTELCOL_SRE_SPLUNK=https://splunk:8088", "OTELCOL_SRE_SPLUNK_TOKEN=00000000-0000-0000-0000-000000000000"},
	"splunk-observability":    {"OTELCOL_SRE_SPLUNK_OBSERVABILITY=https://example.com", "OTELCOL_SRE_SPLUNK_OBSERVABILITY_TOKEN=x"},
	"tempo":                   {"OTELCOL_SRE_TEMPO=tempo:4317"},
	"thanos":                  {"OTELCOL_SRE_THANOS=http://thanos:19291"},
	"victorialogs":            {"OTELCOL_SRE_VICTORIALOGS=http://victorialogs:9428"},
	"victoriametrics":         {"OTELCOL_SRE_VICTORIAMETRICS=http://victoriametrics:8428"},
	"victoriatraces":          {"OTELCOL_SRE_VICTORIATRACES=http://victoriatraces:10428"},
	"zipkin":                  {"OTELCOL_SRE_ZIPKIN=http://zipkin:9411"},
}

var (
	kafka = []string{"OTELCOL_SRE_KAFKA=kafka-1:9092,kafka-2:9092"}
	sasl  = []string{"OTELCOL_SRE_KAFKA_USER=otelcol", "OTELCOL_SRE_KAFKA_PASSWORD=secret"}
)

// validate is what `otelcol-sre validate` says of the role with the fragments merged over it; nil when it has nothing to say.
func validate(t *testing.T, role string, env []string, fragments ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "validate", "--config", "builtin:"+role)
	for _, fragment := range fragments {
		cmd.Args = append(cmd.Args, "--config", "builtin:"+fragment)
	}
	cmd.Env = append([]string{"HOME=" + t.TempDir(), "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret"}, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return &exec.Error{Name: strings.Join(cmd.Args, " "), Err: errors.New(string(out))}
	}
	return nil
}

func TestFragmentsAreValid(t *testing.T) {
	t.Parallel()
	var all []string
	for fragment, env := range backends {
		for _, role := range []string{"gateway", "standalone"} {
			assert.NoError(t, validate(t, role, env, fragment))
		}
		all = append(all, env...)
	}
	both := slices.Concat(kafka, sasl)
	assert.NoError(t, validate(t, "agent", both, "kafka-out"))
	assert.NoError(t, validate(t, "agent", both, "kafka-out", "kafka-sasl"))
	assert.NoError(t, validate(t, "gateway", both, "kafka-in"))
	assert.NoError(t, validate(t, "gateway", both, "kafka-in", "kafka-sasl"))

	assert.NoError(t, validate(t, "gateway", all, "tempo", "loki", "mimir"))
	assert.NoError(t, validate(t, "standalone", append(all, "OTELCOL_SRE_STORE=false"), "prometheus-otlp"))
	assert.NoError(t, validate(t, "gateway", slices.Concat(all, both), append(slices.Sorted(maps.Keys(backends)), "kafka-in", "kafka-sasl")...))
	assert.NoError(t, validate(t, "standalone", all, slices.Sorted(maps.Keys(backends))...))
}

// Without any one of the variables that a fragment cannot do without, the collector does not start, and says which to set.
func TestFragmentsNameWhatIsMissing(t *testing.T) {
	t.Parallel()
	for fragment, env := range backends {
		for i, variable := range env {
			name, _, _ := strings.Cut(variable, "=")
			err := validate(t, "gateway", slices.Delete(slices.Clone(env), i, i+1), fragment)
			require.Error(t, err, "%s without %s", fragment, name)
			assert.Contains(t, err.Error(), "built-in config "+fragment+".yaml: set "+name+"; ", fragment)
		}
	}
	assert.ErrorContains(t, validate(t, "agent", nil, "kafka-out"), "set OTELCOL_SRE_KAFKA; ")
	assert.ErrorContains(t, validate(t, "agent", kafka, "kafka-out", "kafka-sasl"), "set OTELCOL_SRE_KAFKA_USER, OTELCOL_SRE_KAFKA_PASSWORD; ")
}
