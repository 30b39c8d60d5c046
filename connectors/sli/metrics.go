// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatautil"

	"github.com/otelcol-sre/otelcol-sre/internal/cumulative"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A metricRule is a metrics SLI with the SLO that it counts for.
type metricRule struct {
	judge.MetricRule
	slo     *slo
	tracker *tracker
}

// An observation is a data point that a selection picked.
type observation struct {
	rule      *metricRule
	selection *judge.Selection
	stream    streamID
	point     cumulative.Point
	// refused, if not empty, is the reason why the point cannot be counted.
	refused string
	unit    string
	// group has the values of the group, as a key.
	group string
	// attributes are those of the data point.
	attributes pcommon.Map
}

// ConsumeMetrics counts the increase of the metrics that an SLI names. It never fails: it drops
// and counts data points that are neither good nor bad.
func (c *core) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	services, now := c.services.Load(), c.now()
	for _, rm := range md.ResourceMetrics().All() {
		id := judge.Identify(rm.Resource())
		service := services.Find(id)
		if service == nil {
			if service = c.hear(id); service == nil {
				continue
			}
			if service.service == nil {
				if len(service.rules.Metrics) == 0 || !foreign(rm) {
					continue
				}
				if service = c.startCounting(service, now); service == nil {
					continue
				}
			}
		}
		if !foreign(rm) {
			continue
		}
		into, overLimit := c.arrive(service.service, id, now)
		if into == nil || len(service.metrics) == 0 {
			continue
		}
		c.countPoints(ctx, service, into, rm, now, overLimit)
	}
	return nil
}

// foreign reports whether there is anything but what this connector itself writes.
func foreign(rm pmetric.ResourceMetrics) bool {
	for _, scope := range rm.ScopeMetrics().All() {
		for _, m := range scope.Metrics().All() {
			switch m.Name() {
			case semconv.SLOEvents.Name, semconv.SLOEventsLate.Name, semconv.SLOEventsPast.Name, semconv.SLOLedgerTable.Name, semconv.LastSeen.Name:
			default:
				return true
			}
		}
	}
	return false
}

func (c *core) countPoints(ctx context.Context, service *counted, into *version, rm pmetric.ResourceMetrics, now time.Time, overLimit string) {
	remarks := newRemarks()
	observations := observe(ctx, service.metrics, rm)
	if len(observations) > 0 {
		if overLimit != "" {
			remarks.adjusted[remark{reason: overLimit}] += int64(len(observations))
		}
		add := addition{
			registry: c.registry, service: service.service, version: into, resource: pdatautil.MapHash(rm.Resource().Attributes()), attributes: rm.Resource().Attributes(),
			now: now, maxStreams: c.config.MaxStreams, remarks: remarks,
		}
		for _, o := range add.all(observations) {
			c.complain(service.service, o)
		}
	}
	c.tell(ctx, remarks)
}

// observe picks the data points that the rules count.
func observe(ctx context.Context, rules []metricRule, rm pmetric.ResourceMetrics) []observation {
	var found []observation
	for _, scope := range rm.ScopeMetrics().All() {
		for _, metric := range scope.Metrics().All() {
			if metric.Name() == semconv.SLOEvents.Name {
				continue
			}
			for i := range rules {
				for j := range rules[i].Selections {
					s := &rules[i].Selections[j]
					if s.Metric != metric.Name() {
						continue
					}
					p := picker{ctx: ctx, resource: rm, scope: scope, metric: metric, rule: &rules[i], selection: s}
					found = p.pick(found)
				}
			}
		}
	}
	return found
}

// A picker picks the data points of one metric for one selection.
type picker struct {
	ctx       context.Context
	resource  pmetric.ResourceMetrics
	scope     pmetric.ScopeMetrics
	metric    pmetric.Metric
	rule      *metricRule
	selection *judge.Selection
}

func (p *picker) pick(found []observation) []observation {
	switch p.metric.Type() {
	case pmetric.MetricTypeSum:
		sum := p.metric.Sum()
		for _, dp := range sum.DataPoints().All() {
			point, ok := cumulative.Number(dp, sum.AggregationTemporality())
			refused := refusal(!ok || !sum.IsMonotonic(), reasonNotACounter)
			if p.selection.Threshold != nil {
				refused = reasonThreshold
			}
			found = p.take(found, dp, point, refused)
		}
	case pmetric.MetricTypeHistogram:
		h := p.metric.Histogram()
		for _, dp := range h.DataPoints().All() {
			value, refused := p.counted(dp.Count(), func(bound float64, interpolate bool) (float64, bool) {
				return atMost(dp, bound, interpolate)
			})
			found = p.takeHistogram(found, dp, h.AggregationTemporality(), value, refused)
		}
	case pmetric.MetricTypeExponentialHistogram:
		h := p.metric.ExponentialHistogram()
		for _, dp := range h.DataPoints().All() {
			value, refused := p.counted(dp.Count(), func(bound float64, interpolate bool) (float64, bool) {
				return exponentialAtMost(dp, bound, interpolate)
			})
			found = p.takeHistogram(found, dp, h.AggregationTemporality(), value, refused)
		}
	default:
		found = append(found, observation{rule: p.rule, selection: p.selection, refused: reasonNotACounter})
	}
	return found
}

func refusal(refused bool, reason string) string {
	if refused {
		return reason
	}
	return ""
}

// counted is how many of a histogram's observations count.
func (p *picker) counted(all uint64, atMost func(bound float64, interpolate bool) (float64, bool)) (_ float64, refused string) {
	t := p.selection.Threshold
	if t == nil {
		return float64(all), ""
	}
	bound, ok := boundOf(t, unitOf(p.metric.Name(), p.metric.Unit()))
	if !ok {
		return 0, reasonUnit
	}
	n, ok := atMost(bound, t.Interpolate)
	return n, refusal(!ok, reasonThreshold)
}

// dataPoint is what the three kinds have in common.
type dataPoint interface {
	Attributes() pcommon.Map
	StartTimestamp() pcommon.Timestamp
	Timestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
}

func (p *picker) takeHistogram(found []observation, dp dataPoint, t pmetric.AggregationTemporality, value float64, refused string) []observation {
	if t == pmetric.AggregationTemporalityUnspecified {
		refused = reasonNotACounter
	}
	return p.take(found, dp, cumulative.Point{
		Start: dp.StartTimestamp(), Time: dp.Timestamp(), Value: value,
		Delta: t == pmetric.AggregationTemporalityDelta,
	}, refused)
}

// take adds the observation of a data point that has a value and matches.
func (p *picker) take(found []observation, dp dataPoint, point cumulative.Point, refused string) []observation {
	if dp.Flags().NoRecordedValue() {
		return found
	}
	switch p.selection.Matches(p.ctx, p.resource, p.scope, p.metric, dp) {
	case judge.Bad:
		return found
	case judge.ConditionError:
		refused = reasonConditionError
	}
	var group string
	if by := p.rule.Groups; by != nil {
		group = string(by.AppendKey(nil, dp.Attributes(), p.resource.Resource().Attributes()))
	}
	return append(found, observation{
		rule: p.rule, selection: p.selection, point: point, refused: refused, unit: p.metric.Unit(), group: group, attributes: dp.Attributes(),
		stream: pdatautil.Hash(
			pdatautil.WithMap(p.resource.Resource().Attributes()),
			pdatautil.WithString(p.scope.Scope().Name()), pdatautil.WithString(p.scope.Scope().Version()),
			pdatautil.WithString(p.metric.Name()), pdatautil.WithMap(dp.Attributes())),
	})
}

// tell reports the remarks, and names the SLOs whose sides contradict each other.
func (c *core) tell(ctx context.Context, r *remarks) {
	for _, x := range r.exceeded {
		c.logger.Warn("An SLO has more "+x.part+" events than total events: the surplus is not counted", zap.String("reason", reasonPartExceedsTotal),
			zap.String("fix", "let both metrics count the same events: compare their match, retries and units"),
			zap.String("service", fmt.Sprintf("%.100q", x.service)), zap.String("slo", fmt.Sprintf("%.100q", x.slo)),
			zap.Float64(x.part, x.events), zap.Float64("total", x.total))
	}
	c.telemetry.report(ctx, r)
}

// complain logs once per metric and reason why its points are not counted and how to fix it.
func (c *core) complain(s *service, o observation) {
	fix := map[string]string{
		reasonConditionError: "write a match that can be evaluated for every data point, such as attributes[\"x\"] != nil and ...",
		reasonNotACounter:    "name a monotonic sum or a histogram with a temporality",
		reasonThreshold:      "use a threshold that is a bound of the histogram's buckets, set betweenBuckets: interpolate, or change the buckets",
		reasonUnit:           "write the threshold as a plain number in the metric's own unit, or give the metric a unit of time (s, ms, us, ns, min, h)",
		reasonStreams:        "raise max_streams of the sli connector",
	}[o.refused]
	c.logger.Warn("A metric that an SLO names is not counted", zap.String("reason", o.refused), zap.String("fix", fix),
		zap.String("service", fmt.Sprintf("%.100q", s.name)), zap.String("slo", fmt.Sprintf("%.100q", o.rule.slo.name)),
		zap.String("metric", fmt.Sprintf("%.100q", o.selection.Metric)), zap.String("unit", fmt.Sprintf("%.20q", o.unit)))
}
