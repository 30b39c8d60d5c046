// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package configs

import (
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/resourceprocessor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
)

func resolve(t *testing.T, uris ...string) (*confmap.Conf, error) {
	t.Helper()
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs: uris,
		ProviderFactories: []confmap.ProviderFactory{
			NewFactory(), envprovider.NewFactory(), fileprovider.NewFactory(), yamlprovider.NewFactory(),
		},
	})
	require.NoError(t, err)
	defer func() { assert.NoError(t, resolver.Shutdown(t.Context())) }()
	return resolver.Resolve(t.Context())
}

func TestEnvironmentAndLaterConfigsOverride(t *testing.T) {
	t.Setenv("OTELCOL_SRE_CATALOG", "/my/catalog")
	conf, err := resolve(t, "builtin:standalone", "yaml:processors::slo::flush_interval: 1s")
	require.NoError(t, err)
	assert.Equal(t, "/my/catalog", conf.Get("extensions::service_catalog::directory"))
	assert.Equal(t, "localhost:4317", conf.Get("receivers::otlp::protocols::grpc::endpoint"))
	assert.Equal(t, "1s", conf.Get("processors::slo::flush_interval"))
	assert.Equal(t, "file_storage", conf.Get("processors::slo::storage"), "maps are merged, not replaced")
}

func TestDownstreamIsAddedWhenItIsNamed(t *testing.T) {
	for _, name := range []string{"standalone", "gateway"} {
		conf, err := resolve(t, "builtin:"+name)
		require.NoError(t, err)
		assert.False(t, conf.IsSet("exporters::otlp_grpc/downstream"), name)
	}
	t.Setenv("OTELCOL_SRE_DOWNSTREAM", "backend:4317")
	for _, name := range []string{"standalone", "gateway"} {
		conf, err := resolve(t, "builtin:"+name)
		require.NoError(t, err)
		assert.Equal(t, "backend:4317", conf.Get("exporters::otlp_grpc/downstream::endpoint"), name)
		for _, signal := range []string{"traces", "logs", "metrics/cumulative"} {
			assert.Contains(t, conf.Get("service::pipelines::"+signal+"::exporters"), "otlp_grpc/downstream", name)
		}
	}
	_, err := resolve(t, "builtin:agent")
	require.NoError(t, err)
}

// An agent sends to gateways or to Kafka, not to both.
func TestKafkaStandsBetweenAgentAndGateway(t *testing.T) {
	exporters := func(uris ...string) (names []any) {
		conf, err := resolve(t, uris...)
		require.NoError(t, err)
		for _, pipeline := range conf.Get("service::pipelines").(map[string]any) {
			names = append(names, pipeline.(map[string]any)["exporters"].([]any)...)
		}
		return names
	}
	assert.ElementsMatch(t, []any{"sli", "sli", "sli", "gateways", "gateways", "gateways", "gateways"}, exporters("builtin:agent"))
	t.Setenv("OTELCOL_SRE_KAFKA", "kafka:9092")
	assert.ElementsMatch(t, []any{"sli", "sli", "sli", "kafka", "kafka", "kafka", "kafka/slo"}, exporters("builtin:agent", "builtin:kafka-out"))
}

func TestUnknownNameListsTheKnown(t *testing.T) {
	for _, uri := range []string{"builtin:gatway", "builtin:base", "builtin:standalone.downstream", "builtin:../configs/agent"} {
		_, err := resolve(t, uri)
		assert.ErrorContains(t, err, "there are agent, gateway and standalone, and, to merge over one of them: agent-queue-on-disk, alertmanager, ", uri)
	}
	_, err := provider{}.Retrieve(t.Context(), "file:agent", nil)
	assert.ErrorContains(t, err, "write builtin:NAME")
}

func TestGrafanaIsAddedWhenItIsNamed(t *testing.T) {
	t.Setenv("OTELCOL_SRE_GRAFANA", "https://grafana.example.com")
	t.Setenv("OTELCOL_SRE_GRAFANA_TOKEN", "secret")
	for _, name := range []string{"standalone", "gateway"} {
		conf, err := resolve(t, "builtin:"+name)
		require.NoError(t, err)
		assert.Equal(t, "https://grafana.example.com", conf.Get("exporters::grafana_annotations::endpoint"), name)
		assert.Contains(t, conf.Get("service::extensions"), "bearertokenauth/grafana", name)
		assert.Contains(t, conf.Get("service::extensions"), "file_storage", name)
	}
	conf, err := resolve(t, "builtin:agent")
	require.NoError(t, err)
	assert.False(t, conf.IsSet("exporters::grafana_annotations"), "deployments are told where all instances are seen")
}

// The parts of configs that others merge over a built-in one add to it and replace nothing.
func TestMarkersAddTheirPipelines(t *testing.T) {
	before, err := resolve(t, "builtin:gateway")
	require.NoError(t, err)
	for _, part := range []string{"kubernetes", "flux"} {
		conf, err := resolve(t, "builtin:gateway", "file:../markers/"+part+".yaml")
		require.NoError(t, err)
		pipelines := conf.Get("service::pipelines").(map[string]any)
		for name, pipeline := range before.Get("service::pipelines").(map[string]any) {
			assert.Equal(t, pipeline, pipelines[name], "%s: %s", part, name)
		}
		assert.Len(t, pipelines, len(before.Get("service::pipelines").(map[string]any))+1, part)
	}
}

// What SDKs called the environment before is found by its name of today, in all that services send. One that they name stays.
func TestEnvironmentHasTheNameOfToday(t *testing.T) {
	for _, name := range []string{"standalone", "agent"} {
		for _, downstream := range []string{"", "backend:4317"} {
			t.Setenv("OTELCOL_SRE_DOWNSTREAM", downstream)
			conf, err := resolve(t, "builtin:"+name)
			require.NoError(t, err)
			for _, signal := range []string{"traces", "logs", "metrics"} {
				assert.Contains(t, conf.Get("service::pipelines::"+signal+"::processors"), "resource/environment", "%s %s", name, signal)
			}
			sub, err := conf.Sub("processors::resource/environment")
			require.NoError(t, err)
			factory := resourceprocessor.NewFactory()
			cfg := factory.CreateDefaultConfig()
			require.NoError(t, sub.Unmarshal(cfg))
			for _, test := range []struct{ sent, want map[string]any }{
				{map[string]any{"deployment.environment": "production"}, map[string]any{"deployment.environment": "production", "deployment.environment.name": "production"}},
				{map[string]any{"deployment.environment": "old", "deployment.environment.name": "new"}, map[string]any{"deployment.environment": "old", "deployment.environment.name": "new"}},
				{map[string]any{"service.name": "checkout"}, map[string]any{"service.name": "checkout"}},
			} {
				sink := new(consumertest.TracesSink)
				processor, err := factory.CreateTraces(t.Context(), processortest.NewNopSettings(factory.Type()), cfg, sink)
				require.NoError(t, err)
				traces := ptrace.NewTraces()
				require.NoError(t, traces.ResourceSpans().AppendEmpty().Resource().Attributes().FromRaw(test.sent))
				require.NoError(t, processor.ConsumeTraces(t.Context(), traces))
				assert.Equal(t, test.want, sink.AllTraces()[0].ResourceSpans().At(0).Resource().Attributes().AsRaw())
			}
		}
	}
}

// Without the store a standalone collector is as it is otherwise, and its status page asks another Prometheus.
func TestTheStoreCanBeLeftOut(t *testing.T) {
	with, err := resolve(t, "builtin:standalone")
	require.NoError(t, err)
	require.Contains(t, with.Get("service::pipelines::metrics/cumulative::exporters"), "prometheus_store")
	t.Setenv("OTELCOL_SRE_STORE", "false")
	t.Setenv("OTELCOL_SRE_PROMETHEUS_API", "prometheus:9090")
	without, err := resolve(t, "builtin:standalone")
	require.NoError(t, err)
	assert.NotContains(t, without.Get("exporters"), "prometheus_store")
	assert.Equal(t, "http://prometheus:9090", without.Get("extensions::status_page::prometheus"))
	for name, pipeline := range without.Get("service::pipelines").(map[string]any) {
		assert.NotContains(t, pipeline.(map[string]any)["exporters"], "prometheus_store", name)
		if name != "metrics/cumulative" && name != "metrics/derived" {
			assert.Equal(t, pipeline, with.Get("service::pipelines").(map[string]any)[name], name)
		}
	}
}
