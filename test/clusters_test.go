// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Two clusters run one version of a service, and one of them fails; a third service's telemetry names no cluster. One collector counts both clusters in series of their own, which a kill -9
// does not change, and the SLO is one: its values are those of a service that had the same events without a cluster.
func TestClustersHaveSeriesOfTheirOwn(t *testing.T) {
	t.Parallel()
	catalog := writeCatalog(t, map[string]string{"here": service("here", slos[0]), "nowhere": service("nowhere", slos[0])})
	c := newCollector(t, "standalone", catalog, "OTELCOL_SRE_FLUSH_INTERVAL=1s")
	send := func(service, cluster string, good, bad int) {
		attributes := []attribute.KeyValue{attribute.String("service.name", service), attribute.String("service.version", "1.0")}
		if cluster != "" {
			attributes = append(attributes, attribute.String("k8s.cluster.name", cluster))
		}
		provider := newTracerProvider(t, c, "grpc", attributes...)
		for n := range good + bad {
			_, span := provider.Tracer("test").Start(t.Context(), "request", trace.WithSpanKind(trace.SpanKindServer))
			if n < bad {
				span.SetStatus(codes.Error, "")
			}
			span.End()
		}
		require.NoError(t, provider.Shutdown(t.Context()))
	}
	all := func() {
		send("here", "eu", 300, 0)
		send("here", "us", 60, 40)
		send("nowhere", "", 360, 40)
	}
	counted := func(times float64) {
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			families := c.scrape()
			of := func(service, cluster, outcome string) float64 {
				n, _ := sum(families, "slo_events_total", "service_name", service, "k8s_cluster_name", cluster, "slo_outcome", outcome)
				return n
			}
			assert.Equal(t, []float64{300 * times, 0, 60 * times, 40 * times, 360 * times, 40 * times}, []float64{
				of("here", "eu", "good"), of("here", "eu", "bad"), of("here", "us", "good"), of("here", "us", "bad"), of("nowhere", "", "good"), of("nowhere", "", "bad"),
			})
			for _, name := range []string{"slo_error_ratio", "slo_error_budget_remaining_ratio"} {
				here, known := sum(families, name, "service_name", "here")
				assert.True(t, known, name)
				nowhere, _ := sum(families, name, "service_name", "nowhere")
				assert.InDelta(t, nowhere, here, 1e-3, name)
			}
			ratio, _ := sum(families, "slo_error_ratio", "service_name", "here", "slo_window", "1h")
			assert.InDelta(t, 0.1, ratio, 1e-9)
			for _, f := range []string{"slo_error_ratio", "slo_state", "slo_error_budget_remaining_ratio"} {
				for _, m := range families[f].GetMetric() {
					assert.Empty(t, label(m, "k8s_cluster_name"), f)
				}
			}
		}, patience, 200*time.Millisecond)
	}
	all()
	counted(1)
	c.kill()
	c.start()
	all()
	counted(2)

	var page struct {
		Data struct {
			Clusters []struct {
				SLO, Cluster   string
				Events, Failed float64
			}
		}
	}
	require.EventuallyWithT(t, func(ct *assert.CollectT) {
		readPage(t, c, "/services/here?range=1h", &page)
		if assert.Len(ct, page.Data.Clusters, 2) {
			assert.Equal(ct, []string{"us", "eu"}, []string{page.Data.Clusters[0].Cluster, page.Data.Clusters[1].Cluster}, "the one that fails comes first")
			assert.Positive(ct, page.Data.Clusters[0].Failed)
			assert.Zero(ct, page.Data.Clusters[1].Failed)
		}
	}, patience, time.Second)
	readPage(t, c, "/services/nowhere?range=1h", &page)
	assert.Empty(t, page.Data.Clusters)
}
