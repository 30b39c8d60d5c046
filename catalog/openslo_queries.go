// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	openslov1 "github.com/OpenSLO/go-sdk/pkg/openslo/v1"
)

// sampleStep is the sampling interval of values without a range, for sums over a window.
const sampleStep = "1m"

const windowRange = "[{{.window}}]"

// openSLOQueries are the queries of an indicator, for one objective.
func (l *loader) openSLOQueries(sli openslov1.SLISpec, at place, objective openslov1.SLOObjective, objectiveAt place) (*Prometheus, bool) {
	if sli.ThresholdMetric != nil {
		return l.thresholdQueries(*sli.ThresholdMetric, at.key("thresholdMetric"), objective, objectiveAt)
	}
	ratio, at := sli.RatioMetric, at.key("ratioMetric")
	if ratio.Raw != nil {
		query, ok := l.openSLOQuery(*ratio.Raw, at.key("raw"))
		if !ok {
			return nil, false
		}
		if !windowVariable.MatchString(query) {
			query = "avg_over_time((" + query + ")[{{.window}}:" + sampleStep + "])"
		}
		if ratio.RawType == openslov1.SLIRawMetricTypeSuccess {
			query = "1 - (" + query + ")"
		}
		return &Prometheus{ErrorRatio: query}, l.pass(at.key("raw"), query, bounded(maxText), checkQuery)
	}
	total, ok := l.countQuery(*ratio.Total, at.key("total"), ratio.Counter)
	if !ok {
		return nil, false
	}
	if ratio.Bad != nil {
		bad, ok := l.countQuery(*ratio.Bad, at.key("bad"), ratio.Counter)
		return &Prometheus{Errors: bad, Total: total}, ok
	}
	good, ok := l.countQuery(*ratio.Good, at.key("good"), ratio.Counter)
	return &Prometheus{Good: good, Total: total}, ok
}

// countQuery turns a query, with or without a window, into a number of events over the window:
// counters become rates; rates and gauges are summed.
func (l *loader) countQuery(metric openslov1.SLIMetricSpec, at place, counter bool) (string, bool) {
	query, ok := l.openSLOQuery(metric, at)
	if !ok {
		return "", false
	}
	if !windowVariable.MatchString(query) {
		if message, fix := checkPromQL(query); message != "" {
			l.problem(at, message, fix)
			return "", false
		}
		if counter && !hasRange(query) {
			if query, ok = rateOf(query); !ok {
				l.problem(at, "does not only add counters", "write their rates, with the range as [{{.window}}]")
				return "", false
			}
		} else {
			query = sumAsGrouped(query, "sum_over_time(("+query+")[{{.window}}:"+sampleStep+"])")
		}
	}
	return query, l.pass(at, query, bounded(maxText), checkQuery)
}

// sumAsGrouped is a sum that keeps the labels by which a query groups.
func sumAsGrouped(query, expr string) string {
	labels, ok := labelsOf(query)
	if !ok {
		return sumBy(nil, expr)
	}
	for i, l := range labels {
		if !prometheusLabel.MatchString(l) {
			labels[i] = strconv.Quote(l)
		}
	}
	return sumBy(without(labels, "le"), expr)
}

// hasRange reports whether a query computes rates or sums itself, so that its values are not counters.
func hasRange(query string) (ranges bool) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return false
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch node.(type) {
		case *parser.MatrixSelector, *parser.SubqueryExpr:
			ranges = true
		}
		return nil
	})
	return ranges
}

// rateOf takes the rate of every counter in the query over the window:
// sum(a) + b becomes sum(rate(a[{{.window}}])) + rate(b[{{.window}}]).
func rateOf(query string) (string, bool) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return "", false
	}
	var selectors []*parser.VectorSelector
	plain := true
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			selectors = append(selectors, n)
			if n.OriginalOffset != 0 || n.OriginalOffsetExpr != nil || n.Timestamp != nil || n.StartOrEnd != 0 {
				plain = false
			}
		case *parser.Call:
			plain = false
		}
		return nil
	})
	if !plain || len(selectors) == 0 {
		return "", false
	}
	sort.Slice(selectors, func(i, j int) bool { return selectors[i].PosRange.Start > selectors[j].PosRange.Start })
	for _, s := range selectors { // from the end, so that positions before stay true
		start, end := int(s.PosRange.Start), int(s.PosRange.End)
		selector := strings.TrimSpace(query[start:end])
		query = query[:start] + "rate(" + selector + windowRange + ")" + query[end:]
	}
	return query, true
}

// opposite are the comparisons that find bad values.
var opposite = map[openslov1.Operator]string{
	openslov1.OperatorLT: ">=", openslov1.OperatorLTE: ">", openslov1.OperatorGT: "<=", openslov1.OperatorGTE: "<",
}

// thresholdQueries count the minutes of the window, and those with a value on the wrong
// side of the objective's threshold.
func (l *loader) thresholdQueries(metric openslov1.SLIMetricSpec, at place, objective openslov1.SLOObjective, objectiveAt place) (*Prometheus, bool) {
	query, ok := l.openSLOQuery(metric, at)
	if !ok {
		return nil, false
	}
	bad, known := opposite[objective.Operator]
	if !known || objective.Value == nil {
		l.problem(objectiveAt, "has no op and value to compare the threshold metric with", "add op: lte and value: 0.3, for example")
		return nil, false
	}
	if windowVariable.MatchString(query) {
		l.problem(at, "a threshold metric is evaluated every minute of the window, so its query cannot use {{.window}}", "write a fixed range, such as [5m]")
		return nil, false
	}
	if message, fix := checkPromQL(query); message != "" {
		l.problem(at, message, fix)
		return nil, false
	}
	p := &Prometheus{
		Errors: sumAsGrouped(query, fmt.Sprintf("sum_over_time(((%s) %s bool %s)[{{.window}}:%s])", query, bad, formatNumber(*objective.Value), sampleStep)),
		Total:  sumAsGrouped(query, fmt.Sprintf("count_over_time((%s)[{{.window}}:%s])", query, sampleStep)),
	}
	return p, l.pass(at, p.Errors, bounded(maxText), checkQuery) && l.pass(at, p.Total, bounded(maxText), checkQuery)
}

// speakPromQL are the types of data sources that are asked in PromQL.
var speakPromQL = []string{"prometheus", "thanos", "mimir", "cortex", "victoriametrics"}

// openSLOQuery is the PromQL of a metric source.
func (l *loader) openSLOQuery(metric openslov1.SLIMetricSpec, at place) (string, bool) {
	source, at := metric.MetricSource, at.key("metricSource")
	kind := source.Type
	if kind == "" && source.MetricSourceRef != "" {
		dataSource, ok := l.openSLO.dataSources[source.MetricSourceRef]
		if !ok {
			l.problem(at.key("metricSourceRef"), "there is no DataSource "+quote(source.MetricSourceRef), "add it to the folder, or write type: Prometheus instead")
			return "", false
		}
		kind = dataSource.object.Spec.Type
	}
	if !slices.Contains(speakPromQL, strings.ToLower(kind)) {
		l.problem(at, "a metric source of type "+quote(kind)+" cannot be read", "write type: Prometheus and the query in PromQL")
		return "", false
	}
	key := "query"
	if _, promql := source.Spec["promql"]; promql {
		key = "promql"
	}
	query, ok := source.Spec[key].(string)
	if !ok {
		l.problem(at.key("spec", key), "is not a text", "write the PromQL query here")
		return "", false
	}
	query = strings.TrimSpace(query)
	return query, l.pass(at.key("spec", key), query, bounded(maxText), printable(true))
}
