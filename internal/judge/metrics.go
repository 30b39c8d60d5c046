// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottldatapoint"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/catalog/condition"
)

// Side is what a selection of a metrics SLI counts.
type Side uint8

// The sides of a metrics SLI; it has two of them.
const (
	SideGood Side = iota
	SideBad
	SideTotal
)

func (s Side) String() string { return [...]string{"good", "bad", "total"}[s] }

// A MetricRule is a metrics SLI.
type MetricRule struct {
	// SLO is the index in the service's list.
	SLO        int
	Groups     Grouping
	Selections []Selection
	// OneMetric: all selections are of one metric, so each data point of it belongs to all sides.
	OneMetric bool
}

// A Selection picks data points of a metric for one side.
type Selection struct {
	Side      Side
	Metric    string
	Threshold *catalog.Threshold
	match     *ottl.Condition[*ottldatapoint.TransformContext]
}

func metricRuleOf(slo int, m *catalog.Metrics) (MetricRule, error) {
	rule := MetricRule{SLO: slo}
	sides := [...]*catalog.MetricSelection{SideGood: m.Good, SideBad: m.Bad, SideTotal: m.Total}
	for side := range Side(len(sides)) {
		from := sides[side]
		if from == nil {
			continue
		}
		s := Selection{Side: side, Metric: from.Name, Threshold: from.Threshold}
		if err := compileTo(&s.match, condition.DataPoint, "metrics match", from.Match); err != nil {
			return rule, err
		}
		rule.Selections = append(rule.Selections, s)
		rule.OneMetric = s.Metric == rule.Selections[0].Metric
	}
	return rule, nil
}

// Matches is Good for a data point of the metric that the selection picks, and Bad for one that it does not.
func (s *Selection) Matches(ctx context.Context, resource pmetric.ResourceMetrics, scope pmetric.ScopeMetrics, metric pmetric.Metric, dataPoint any) Judgment {
	if s.match == nil {
		return Good
	}
	context := ottldatapoint.NewTransformContextPtr(resource, scope, metric, dataPoint)
	defer context.Close()
	return verdict(s.match.Eval(ctx, context))
}
