// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package waiting

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
)

func converted(t *testing.T, yaml string) map[string]any {
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	require.NoError(t, NewFactory().Create(confmap.ConverterSettings{}).Convert(t.Context(), conf))
	return conf.ToStringMap()
}

const both = `
processors: {correlation: {wait: 10s, generate: uuidv7, max_length: 64}, deploymarker: }
connectors: {sli: , deployevent: }
service:
  pipelines:
    traces: {receivers: [otlp], processors: [admission, correlation, deploymarker], exporters: [sli, file, deployevent, status_page]}
    logs/mine: {receivers: [otlp], processors: [correlation], exporters: [sli, file]}
    metrics: {receivers: [otlp], processors: [correlation], exporters: [sli, file]}
`

func TestWhatCountsDoesNotWait(t *testing.T) {
	config := converted(t, both)
	require.Equal(t, map[string]any{
		"traces/arriving":    map[string]any{"receivers": []any{"otlp"}, "processors": []any{"admission", "correlation", "deploymarker"}, "exporters": []any{"sli", "deployevent", "forward/arriving-traces"}},
		"traces":             map[string]any{"receivers": []any{"forward/arriving-traces"}, "processors": []any{"correlation/waiting"}, "exporters": []any{"file", "status_page"}},
		"logs/mine-arriving": map[string]any{"receivers": []any{"otlp"}, "processors": []any{"correlation"}, "exporters": []any{"sli", "forward/arriving-logs-mine"}},
		"logs/mine":          map[string]any{"receivers": []any{"forward/arriving-logs-mine"}, "processors": []any{"correlation/waiting"}, "exporters": []any{"file"}},
		"metrics":            map[string]any{"receivers": []any{"otlp"}, "processors": []any{"correlation"}, "exporters": []any{"sli", "file"}},
	}, section(section(config, "service"), "pipelines"))
	processors := section(config, "processors")
	require.Equal(t, map[string]any{"wait": "0s", "generate": "none", "max_length": 64}, processors["correlation"])
	require.Equal(t, map[string]any{"wait": "10s", "generate": "uuidv7", "max_length": 64, "after": "correlation"}, processors["correlation/waiting"])
	require.Contains(t, section(config, "connectors"), "forward/arriving-traces")
	require.Contains(t, section(config, "connectors"), "sli")
}

// Values from the environment stay what they are: text that looks like a number is text for a key that wants text.
func TestOtherValuesStayAsTheyAre(t *testing.T) {
	t.Setenv("WAITING_TEST_USER", "0042")
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs:               []string{"yaml:" + both + "\nexporters: {file: {user: \"${env:WAITING_TEST_USER}\"}}"},
		ProviderFactories:  []confmap.ProviderFactory{yamlprovider.NewFactory(), envprovider.NewFactory()},
		ConverterFactories: []confmap.ConverterFactory{NewFactory()},
	})
	require.NoError(t, err)
	conf, err := resolver.Resolve(t.Context())
	require.NoError(t, err)
	exporter, err := conf.Sub("exporters::file")
	require.NoError(t, err)
	var file struct {
		User string `mapstructure:"user"`
	}
	require.NoError(t, exporter.Unmarshal(&file))
	require.Equal(t, "0042", file.User)
	require.True(t, conf.IsSet("service::pipelines::traces/arriving"))
}

// A pipeline that only counts does not wait, and one that only exports waits.
func TestPipelinesOfOneKind(t *testing.T) {
	config := converted(t, `{processors: {correlation: {wait: 1s}}, service: {pipelines: {
		traces: {receivers: [otlp], processors: [correlation], exporters: [sli]}, logs: {receivers: [otlp], processors: [correlation], exporters: [file]}}}}`)
	require.Equal(t, map[string]any{
		"traces": map[string]any{"receivers": []any{"otlp"}, "processors": []any{"correlation"}, "exporters": []any{"sli"}},
		"logs":   map[string]any{"receivers": []any{"otlp"}, "processors": []any{"correlation/waiting"}, "exporters": []any{"file"}},
	}, section(section(config, "service"), "pipelines"))
	require.Equal(t, map[string]any{"correlation": map[string]any{"wait": "0s", "generate": "none"}, "correlation/waiting": map[string]any{"wait": "1s", "after": "correlation"}}, section(config, "processors"))
}

// A slip in a key of a pipeline is still there for the Collector to name.
func TestUnknownKeysStay(t *testing.T) {
	config := converted(t, `{processors: {correlation: {wait: 1s}}, service: {pipelines: {
		traces: {receivers: [otlp], processors: [correlation], procesors: [slo], exporters: [sli, file]},
		logs: {receivers: [otlp], processors: [correlation], procesors: [slo], exporters: [file]}}}}`)
	for _, name := range []string{"traces", "logs"} {
		require.Contains(t, section(section(section(config, "service"), "pipelines"), name), "procesors", name)
	}
}

func TestWhatStaysAsItIs(t *testing.T) {
	for name, yaml := range map[string]string{
		"no wait":         `{processors: {correlation: {wait: 0s}}, service: {pipelines: {traces: {receivers: [otlp], processors: [correlation], exporters: [sli, file]}}}}`,
		"no key":          `{processors: {correlation: null}, service: {pipelines: {traces: {receivers: [otlp], processors: [correlation], exporters: [sli, file]}}}}`,
		"an invalid wait": `{processors: {correlation: {wait: long}}, service: {pipelines: {traces: {receivers: [otlp], processors: [correlation], exporters: [sli, file]}}}}`,
		"nothing counts":  `{processors: {correlation: {wait: 1s}}, service: {pipelines: {traces: {receivers: [otlp], processors: [correlation], exporters: [file]}}}}`,
		"not correlation": `{processors: {batch: {wait: 1s}}, service: {pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [sli, file]}}}}`,
		"no service":      `{processors: {correlation: {wait: 1s}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
			require.NoError(t, err)
			want, err := retrieved.AsConf()
			require.NoError(t, err)
			require.Equal(t, want.ToStringMap(), converted(t, yaml))
		})
	}
}
