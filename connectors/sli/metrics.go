package sli

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

type metricRule struct {
	slo     *slo
	tracker *tracker
}

func metricRuleOf(o *slo, _ *catalog.Metrics) (metricRule, error) { return metricRule{slo: o}, nil }

type tracker struct{}

func (o *slo) track(*catalog.Metrics, time.Time)       {}
func (r *registry) settleAll(time.Time)                {}
func (s *service) tend(time.Time, *core) (streams int) { return 0 }
func (t *tracker) encode(w *writer)                    { w.uint(0) }
func decodeTracker(r *reader) *tracker                 { r.uint(); return nil }

// ConsumeMetrics counts.
func (c *core) ConsumeMetrics(context.Context, pmetric.Metrics) error { return nil }
