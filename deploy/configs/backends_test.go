// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package configs

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

// smaller are exporters to backends that take less in a request.
var smaller = []string{"otlp_http/xray", "otlp_http/cloudwatch-logs", "otlp_http/cloudwatch-metrics", "otlp_http/newrelic"}

// The fragments of backends that speak OTLP differ in where they send and how they prove who they are, and in nothing else: what waits
// for a backend waits on disk for as long as it takes, traces are sampled, deployments come with logs, and what is derived with metrics.
func TestBackendsOfOTLPAreSentToAlike(t *testing.T) {
	checked := 0
	for _, fragment := range Fragments() {
		text, err := files.ReadFile(fragment + ".yaml")
		require.NoError(t, err)
		retrieved, err := confmap.NewRetrievedFromYAML(text)
		require.NoError(t, err)
		conf, err := retrieved.AsConf()
		require.NoError(t, err)
		exporters, _ := conf.Get("exporters").(map[string]any)
		maps.DeleteFunc(exporters, func(id string, _ any) bool { return !strings.HasPrefix(id, "otlp_") })
		for id, exporter := range exporters {
			smallest, largest := 1_000_000, 3_000_000
			if slices.Contains(smaller, id) {
				smallest, largest = 500_000, 1_000_000
			}
			want := map[string]any{
				"storage": "queue_storage", "sizer": "bytes", "queue_size": "${env:OTELCOL_SRE_QUEUE:-1000000000}",
				"batch": map[string]any{"flush_timeout": "1s", "sizer": "bytes", "min_size": smallest, "max_size": largest},
			}
			queue := maps.Clone(exporter.(map[string]any)["sending_queue"].(map[string]any))
			delete(queue, "num_consumers") // one, where samples have to be in order
			assert.Equal(t, want, queue, "%s: %s", fragment, id)
			assert.Equal(t, map[string]any{"max_elapsed_time": "0s"}, exporter.(map[string]any)["retry_on_failure"], "%s: %s", fragment, id)
			checked++
		}
		if len(exporters) == 0 {
			continue
		}
		sent := func(pipeline string) any { return conf.Get("service::pipelines::" + pipeline + "::exporters") }
		if sent("traces") != nil && fragment != "otlp" { // which is for all of them
			assert.Equal(t, []any{"forward/sampled"}, sent("traces"), fragment)
			assert.NotNil(t, sent("traces/sampled"), fragment)
		}
		assert.Equal(t, sent("logs"), sent("logs/deployments"), fragment)
		metrics := sent("metrics/cumulative")
		if metrics == nil {
			metrics = sent("metrics") // it wants delta sums, as they were sent
		}
		assert.Equal(t, metrics, sent("metrics/derived"), fragment)
	}
	assert.Greater(t, checked, 25)
}
