// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Pyrra writes each SLO of the service as an object of Pyrra. The Problems name the SLOs that Pyrra cannot express, and
// why; the text has the others. It is nil if there are none.
func (s *Service) Pyrra() ([]byte, Problems) {
	w := writer{service: s}
	if lost := s.lostIn("owner", "slos", "alerts", "description"); len(lost) > 0 {
		w.warning("Pyrra has no field for "+strings.Join(lost, ", "), "keep them in a catalog document")
	}
	var objects []any
	for _, slo := range s.SLOs {
		object, why, fix := s.pyrraObject(slo)
		if why != "" {
			w.slo(slo, why, fix)
			continue
		}
		objects = append(objects, object)
	}
	if len(objects) == 0 {
		return nil, w.problems
	}
	return w.documents(objects...), w.problems
}

func (s *Service) pyrraObject(slo *SLO) (object *pyrraObject, why, fix string) {
	p := slo.SLI.Prometheus
	switch {
	case p == nil:
		return nil, "the collector counts its events, but Pyrra supports only metrics of Prometheus", "write it as sli: {prometheus: …} to convert it"
	case slo.Window.Calendar != nil:
		return nil, "Pyrra has no calendar windows", "write a rolling window"
	case slo.Budgeting.Method != Occurrences:
		return nil, "Pyrra has no budget of time slices", "delete budgeting"
	}
	indicator, err := pyrraIndicatorOf(p, slo.GroupBy)
	if err != nil {
		return nil, err.Error(), "write the queries as sum(rate(…[{{.window}}])) of one metric each"
	}
	o := &pyrraObject{APIVersion: pyrraGroups[0], Kind: pyrraKind}
	o.Metadata.Name = cmp.Or(slo.Labels["slo"], objectName(s.Slug()+"-"+slo.Name))
	o.Metadata.Labels, o.Metadata.Annotations = map[string]string{}, map[string]string{}
	own := joined(joined(s.Labels, slo.Labels), nil)
	if s.Owner != "" {
		set(&own, ownerLabel, s.Owner)
	}
	for key, value := range own {
		if key != "slo" {
			o.Metadata.Labels[pyrraPrefix+key] = value
		}
	}
	a := s.Alerting(slo)
	rest, alerting := *slo, pyrraAlertingOf(a)
	rest.Labels, rest.GroupBy, rest.Alerts = nil, nil, Alerting{}
	native := alerting.settings()
	native.Annotations = a.Annotations
	if reflect.DeepEqual(native, a) {
		for key, value := range a.Annotations {
			o.Metadata.Annotations[pyrraPrefix+key] = value
		}
	} else {
		rest.Alerts = a
	}
	maps.Copy(o.Metadata.Annotations, writeAnnotated(&rest))
	for key, value := range map[string]string{"service": s.Name, "namespace": s.Namespace, "name": slo.Name} {
		if value != "" && value != o.Metadata.Name {
			o.Metadata.Annotations[annotationPrefix+key] = value
		}
	}
	o.Spec = pyrraSpec{
		Description: slo.Description, Target: pyrraTarget(formatNumber(slo.Objective)), Window: FormatDuration(slo.Window.Rolling), Indicator: indicator,
		Alerting: alerting,
	}
	return o, "", ""
}

func pyrraAlertingOf(a Alerting) pyrraAlerting {
	no := false
	p := pyrraAlerting{Name: a.Name}
	if p.Name == pyrraAlert {
		p.Name = ""
	}
	page, ticket := slices.Contains(a.Disable, PageSeverity), slices.Contains(a.Disable, TicketSeverity)
	switch {
	case page && ticket:
		p.Burnrates, p.Absent = &no, &no
	case page:
		p.Burnrates = &no
	case slices.Contains(a.Disable, "SLIMissing"):
		p.Absent = &no
	}
	return p
}

var errNotPyrra = errors.New("Pyrra supports only the rates of single metrics")

// pyrraIndicatorOf finds the indicator whose queries these are.
func pyrraIndicatorOf(p *Prometheus, grouping []string) (pyrraIndicator, error) {
	total, okTotal := summed("rate", p.Total)
	switch {
	case p.Errors != "":
		failed, ok := summed("rate", p.Errors)
		if ok && okTotal {
			return pyrraIndicator{Ratio: &pyrraRatio{Errors: pyrraMetric{failed.String()}, Total: pyrraMetric{total.String()}, Grouping: grouping}}, nil
		}
	case p.Good != "":
		if good, ok := summed("rate", p.Good); ok && okTotal && slices.ContainsFunc(good.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == labels.BucketLabel }) {
			return pyrraIndicator{Latency: &pyrraLatency{Success: pyrraMetric{good.String()}, Total: pyrraMetric{total.String()}, Grouping: grouping}}, nil
		}
		if count, ok := summed("count_over_time", p.Total); ok {
			if sum, ok := summed("sum_over_time", p.Good); ok && sum.String() == count.String() {
				return pyrraIndicator{BoolGauge: &pyrraGauge{Metric: count.String(), Grouping: grouping}}, nil
			}
		}
		if native, ok := nativeIndicator(p, grouping); ok {
			return pyrraIndicator{LatencyNative: native}, nil
		}
	}
	return pyrraIndicator{}, errNotPyrra
}

// summed is the selector of sum(function(selector[window])).
func summed(function, query string) (*parser.VectorSelector, bool) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(RenderQuery(query, minPairWindow))
	if err != nil {
		return nil, false
	}
	return summedExpr(function, expr)
}

func summedExpr(function string, expr parser.Expr) (*parser.VectorSelector, bool) {
	sum, ok := expr.(*parser.AggregateExpr)
	if !ok || sum.Op != parser.SUM || sum.Without {
		return nil, false
	}
	call, ok := sum.Expr.(*parser.Call)
	if !ok || call.Func.Name != function {
		return nil, false
	}
	series, ok := call.Args[0].(*parser.MatrixSelector)
	if !ok {
		return nil, false
	}
	selector, ok := series.VectorSelector.(*parser.VectorSelector)
	return selector, ok && selector.OriginalOffset == 0 && selector.Timestamp == nil && selector.StartOrEnd == 0
}

// nativeIndicator reads the queries of a native histogram.
func nativeIndicator(p *Prometheus, grouping []string) (*pyrraNative, bool) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(RenderQuery(p.Good, minPairWindow))
	product, ok := expr.(*parser.BinaryExpr)
	if err != nil || !ok || product.Op != parser.MUL {
		return nil, false
	}
	share, ok := product.LHS.(*parser.Call)
	if !ok || share.Func.Name != "histogram_fraction" {
		return nil, false
	}
	bound, ok := share.Args[1].(*parser.NumberLiteral)
	selector, okSelector := summedExpr("rate", share.Args[2])
	if !ok || !okSelector {
		return nil, false
	}
	bounds := time.Duration(bound.Val * float64(time.Second))
	return &pyrraNative{Total: pyrraMetric{selector.String()}, Latency: FormatDuration(bounds), Grouping: grouping}, bounds > 0
}
