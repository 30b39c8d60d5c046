// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

func TestClustersHaveTheirOwnSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil)
		for range 30 {
			for cluster, version := range map[string]string{"eu": "1.0", "us": "1.1"} {
				td := spanOf(version, "pod-"+cluster, time.Now())
				td.ResourceSpans().At(0).Resource().Attributes().PutStr("k8s.cluster.name", cluster)
				require.NoError(t, b.traces.ConsumeTraces(t.Context(), td))
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		all := b.gauges.AllMetrics()
		var series []string
		for _, m := range all[len(all)-1].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			if m.Name() != "deployment.info" {
				continue
			}
			for _, dp := range m.Gauge().DataPoints().All() {
				cluster, _ := dp.Attributes().Get("k8s.cluster.name")
				version, _ := dp.Attributes().Get("service.version")
				series = append(series, cluster.Str()+" "+version.Str())
			}
		}
		slices.Sort(series)
		require.Equal(t, []string{"eu 1.0", "us 1.1"}, series)
		require.Empty(t, b.events.names())
		b.shutdown(t)
	})
}

// A source is a catalog extension with one service.
type source struct {
	component.StartFunc
	component.ShutdownFunc
	servicecatalog.Source
	in *catalog.Catalog
}

func (s source) Catalog() *catalog.Catalog { return s.in }

func (s source) Subscribe(f func(*catalog.Catalog)) func() {
	f(s.in)
	return func() {}
}

func TestTheCatalogNamesFleets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := create(t, nil)
		b.host[defaultCatalog] = source{in: &catalog.Catalog{Services: []*catalog.Service{{Name: "checkout", Versions: catalog.VersionsMany}}}}
		for _, i := range b.instances() {
			require.NoError(t, i.Start(t.Context(), b.host))
		}
		b.run(t, 11*time.Minute, "1.0", "a", "b", "c")
		b.run(t, 20*time.Minute, "1.1", "d", "e", "f")
		require.Equal(t, []string{"deployment.started checkout in production 1.1", "deployment.started checkout in production 1.1",
			"deployment.started checkout in production 1.1", "deployment.started checkout in production 1.1"}, b.events.names())
		require.Empty(t, b.points("deployment.instances"))
		b.shutdown(t)
	})
}
