// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package upgrade

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/featuregate"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// upgraded resolves the configuration as a collector does, and returns the result and the warnings.
func upgraded(t *testing.T, yaml string) (config map[string]any, deprecated []string) {
	t.Helper()
	core, logs := observer.New(zap.WarnLevel)
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs:               []string{"yaml:" + yaml},
		ProviderFactories:  []confmap.ProviderFactory{yamlprovider.NewFactory()},
		ConverterFactories: []confmap.ConverterFactory{NewFactory()},
		ConverterSettings:  confmap.ConverterSettings{Logger: zap.New(core)},
	})
	require.NoError(t, err)
	conf, err := resolver.Resolve(t.Context())
	require.NoError(t, err)
	require.NoError(t, resolver.Shutdown(t.Context()))
	for _, entry := range logs.All() {
		fields := entry.ContextMap()
		deprecated = append(deprecated, fmt.Sprint(fields["found"], " -> ", fields["instead"]))
	}
	return conf.ToStringMap(), deprecated
}

func parsed(t *testing.T, yaml string) map[string]any {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	return conf.ToStringMap()
}

func TestTracker(t *testing.T) {
	for name, test := range map[string]struct {
		before, after string
		deprecated    []string
	}{
		"neither component": {
			before: "{connectors: {count: {}}, service: {extensions: [health_check]}}",
			after:  "{connectors: {count: {}}, service: {extensions: [health_check]}}",
		},
		"current keys": {
			before: "{connectors: {deployevent: null}, processors: {deploymarker: null}, extensions: {deployment_tracker: null}, service: {extensions: [deployment_tracker]}}",
			after:  "{connectors: {deployevent: null}, processors: {deploymarker: null}, extensions: {deployment_tracker: null}, service: {extensions: [deployment_tracker]}}",
		},
		"two trackers, current keys": {
			before: "{connectors: {deployevent/a: {tracker: deployment_tracker/a}, deployevent/b: {tracker: deployment_tracker/b}}, " +
				"processors: {deploymarker: {tracker: deployment_tracker/b}}, " +
				"extensions: {deployment_tracker/a: null, deployment_tracker/b: null}, service: {extensions: [deployment_tracker/a, deployment_tracker/b]}}",
			after: "{connectors: {deployevent/a: {tracker: deployment_tracker/a}, deployevent/b: {tracker: deployment_tracker/b}}, " +
				"processors: {deploymarker: {tracker: deployment_tracker/b}}, " +
				"extensions: {deployment_tracker/a: null, deployment_tracker/b: null}, service: {extensions: [deployment_tracker/a, deployment_tracker/b]}}",
		},
		"without keys": {
			before: "{connectors: {deployevent: null}, processors: {deploymarker: null}, service: {pipelines: {}}}",
			after: "{connectors: {deployevent: null}, processors: {deploymarker: null}, extensions: {deployment_tracker: {}}, " +
				"service: {extensions: [deployment_tracker], pipelines: {}}}",
			deprecated: []string{"deployevent or deploymarker without the extension deployment_tracker -> deployment_tracker in extensions and service::extensions"},
		},
		"all keys": {
			before: "{connectors: {deployevent: {flush_interval: 1s, storage: file_storage, confirm: 1s, settle: 2s, canary_after: 3s, recent: 4s, instance_timeout: 5s, " +
				"max_services: 6, max_instances: 7}}, extensions: {file_storage: null}, service: {extensions: [file_storage]}}",
			after: "{connectors: {deployevent: {flush_interval: 1s}}, extensions: {file_storage: null, deployment_tracker: {storage: file_storage, confirm: 1s, settle: 2s, " +
				"canary_after: 3s, recent: 4s, instance_timeout: 5s, max_services: 6, max_instances: 7}}, service: {extensions: [file_storage, deployment_tracker]}}",
			deprecated: []string{
				"connectors::deployevent::storage -> extensions::deployment_tracker::storage",
				"connectors::deployevent::confirm -> extensions::deployment_tracker::confirm",
				"connectors::deployevent::settle -> extensions::deployment_tracker::settle",
				"connectors::deployevent::canary_after -> extensions::deployment_tracker::canary_after",
				"connectors::deployevent::recent -> extensions::deployment_tracker::recent",
				"connectors::deployevent::instance_timeout -> extensions::deployment_tracker::instance_timeout",
				"connectors::deployevent::max_services -> extensions::deployment_tracker::max_services",
				"connectors::deployevent::max_instances -> extensions::deployment_tracker::max_instances",
				"deployevent or deploymarker without the extension deployment_tracker -> deployment_tracker in extensions and service::extensions",
			},
		},
		"over what the extension has": {
			before: "{connectors: {deployevent: {storage: null, settle: 9s}}, extensions: {deployment_tracker: {storage: file_storage, confirm: 1s}}, service: {extensions: [deployment_tracker]}}",
			after:  "{connectors: {deployevent: {}}, extensions: {deployment_tracker: {storage: null, confirm: 1s, settle: 9s}}, service: {extensions: [deployment_tracker]}}",
			deprecated: []string{
				"connectors::deployevent::storage -> extensions::deployment_tracker::storage",
				"connectors::deployevent::settle -> extensions::deployment_tracker::settle",
			},
		},
		"a connector with a name": {
			before: "{connectors: {deployevent/a: {confirm: 1s}}, processors: {deploymarker: {deployevent: deployevent/a, metrics: true}}, " +
				"extensions: {deployment_tracker: null}, service: {extensions: [deployment_tracker]}}",
			after: "{connectors: {deployevent/a: {}}, processors: {deploymarker: {tracker: deployment_tracker, metrics: true}}, " +
				"extensions: {deployment_tracker: {confirm: 1s}}, service: {extensions: [deployment_tracker]}}",
			deprecated: []string{
				"connectors::deployevent/a::confirm -> extensions::deployment_tracker::confirm",
				"processors::deploymarker::deployevent -> processors::deploymarker::tracker: deployment_tracker",
			},
		},
		"two connectors": {
			before: "{connectors: {deployevent: null, deployevent/b: {settle: 2s}}, processors: {deploymarker: null, deploymarker/b: {deployevent: deployevent/b}}, " +
				"extensions: {deployment_tracker: null}, service: {extensions: [deployment_tracker]}}",
			after: "{connectors: {deployevent: null, deployevent/b: {tracker: deployment_tracker/b}}, " +
				"processors: {deploymarker: null, deploymarker/b: {tracker: deployment_tracker/b}}, " +
				"extensions: {deployment_tracker: null, deployment_tracker/b: {settle: 2s}}, service: {extensions: [deployment_tracker, deployment_tracker/b]}}",
			deprecated: []string{
				"connectors::deployevent/b beside another deployevent, without tracker -> connectors::deployevent/b::tracker: deployment_tracker/b",
				"connectors::deployevent/b::settle -> extensions::deployment_tracker/b::settle",
				"processors::deploymarker/b::deployevent -> processors::deploymarker/b::tracker: deployment_tracker/b",
				"deployevent or deploymarker without the extension deployment_tracker/b -> deployment_tracker/b in extensions and service::extensions",
			},
		},
	} {
		for _, appendLists := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, lists are added to: %v", name, appendLists), func(t *testing.T) {
				const gate = "confmap.enableMergeAppendOption"
				require.NoError(t, featuregate.GlobalRegistry().Set(gate, appendLists))
				defer func() { require.NoError(t, featuregate.GlobalRegistry().Set(gate, false)) }()
				got, deprecated := upgraded(t, test.before)
				require.Equal(t, parsed(t, test.after), got)
				require.Equal(t, test.deprecated, deprecated)
			})
		}
	}
}

// Values from the environment keep their type: a token that looks like a number stays text.
func TestTheRestIsNotTouched(t *testing.T) {
	t.Setenv("TOKEN", "0123")
	core, _ := observer.New(zap.WarnLevel)
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs:               []string{"yaml:{extensions: {auth: {token: '${env:TOKEN}'}}, connectors: {deployevent: {confirm: 1s}}}"},
		ProviderFactories:  []confmap.ProviderFactory{yamlprovider.NewFactory(), envprovider.NewFactory()},
		ConverterFactories: []confmap.ConverterFactory{NewFactory()},
		ConverterSettings:  confmap.ConverterSettings{Logger: zap.New(core)},
	})
	require.NoError(t, err)
	conf, err := resolver.Resolve(t.Context())
	require.NoError(t, err)
	var read struct {
		Extensions struct {
			Auth struct {
				Token string `mapstructure:"token"`
			} `mapstructure:"auth"`
			Tracker map[string]string `mapstructure:"deployment_tracker"`
		} `mapstructure:"extensions"`
	}
	require.NoError(t, conf.Unmarshal(&read, confmap.WithIgnoreUnused()))
	require.Equal(t, "0123", read.Extensions.Auth.Token)
	require.Equal(t, map[string]string{"confirm": "1s"}, read.Extensions.Tracker)
}
