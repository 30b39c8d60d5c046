// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// metrics gives exemplars their trace's ID. None is generated: an exemplar has its trace ID, and
// OpenMetrics allows it 128 characters in all.
func (c *core) metrics(_ context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	b := c.begin()
	defer c.end(b, metrics)
	resources := md.ResourceMetrics()
	for i := range resources.Len() {
		resource := b.search.resource(resources.At(i).Resource().Attributes(), metrics)
		scopes := resources.At(i).ScopeMetrics()
		for j := range scopes.Len() {
			for k := range scopes.At(j).Metrics().Len() {
				eachExemplars(scopes.At(j).Metrics().At(k), func(all pmetric.ExemplarSlice) {
					for l := range all.Len() {
						b.search.begin()
						b.search.of, b.search.client = metrics, false
						b.search.attributes(all.At(l).FilteredAttributes())
						b.search.take(resource)
						c.note(b, &b.search.finding, all.At(l).TraceID(), false, spot{})
					}
				})
			}
		}
	}
	next := 0
	for i := range resources.Len() {
		scopes := resources.At(i).ScopeMetrics()
		for j := range scopes.Len() {
			for k := range scopes.At(j).Metrics().Len() {
				eachExemplars(scopes.At(j).Metrics().At(k), func(all pmetric.ExemplarSlice) {
					for l := range all.Len() {
						c.settle(b, &b.items[next], all.At(l).TraceID(), all.At(l).FilteredAttributes(), generateNone, metrics)
						next++
					}
				})
			}
		}
	}
	return md, nil
}

// eachExemplars visits the exemplars of every data point. Summaries have none.
func eachExemplars(m pmetric.Metric, visit func(pmetric.ExemplarSlice)) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		eachPoint(m.Gauge().DataPoints(), visit)
	case pmetric.MetricTypeSum:
		eachPoint(m.Sum().DataPoints(), visit)
	case pmetric.MetricTypeHistogram:
		eachPoint(m.Histogram().DataPoints(), visit)
	case pmetric.MetricTypeExponentialHistogram:
		eachPoint(m.ExponentialHistogram().DataPoints(), visit)
	}
}

type points[P point] interface {
	Len() int
	At(int) P
}

type point interface {
	Exemplars() pmetric.ExemplarSlice
}

func eachPoint[P point](all points[P], visit func(pmetric.ExemplarSlice)) {
	for i := range all.Len() {
		visit(all.At(i).Exemplars())
	}
}
