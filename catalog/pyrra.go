// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// pyrraGroups are the API group and version of Pyrra's objects, today's first. Pyrra was called Athene once.
var pyrraGroups = []string{"pyrra.dev/v1alpha1", "athene.metalmatze.de/v1alpha1"}

const (
	pyrraKind = "ServiceLevelObjective"
	// pyrraPrefix marks the labels and annotations of an object that come to its rules and alerts.
	pyrraPrefix = "pyrra.dev/"
	// pyrraAlert is the alertname that Pyrra uses if the object has none.
	pyrraAlert = "ErrorBudgetBurn"
)

// The keys of Pyrra's object.
type (
	pyrraObject struct {
		APIVersion string        `json:"apiVersion"`
		Kind       string        `json:"kind"`
		Metadata   pyrraMetadata `json:"metadata"`
		Spec       pyrraSpec     `json:"spec"`
	}
	pyrraMetadata struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace,omitempty"`
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	pyrraSpec struct {
		Description             string         `json:"description,omitempty"`
		Target                  pyrraTarget    `json:"target"`
		Window                  string         `json:"window"`
		Indicator               pyrraIndicator `json:"indicator"`
		Alerting                pyrraAlerting  `json:"alerting"`
		PartialResponseStrategy string         `json:"partial_response_strategy,omitempty"`
		PerformanceOverAccuracy any            `json:"performanceOverAccuracy,omitempty"`
		Performance             any            `json:"performance,omitempty"`
	}
	pyrraIndicator struct {
		Ratio         *pyrraRatio   `json:"ratio,omitempty"`
		Latency       *pyrraLatency `json:"latency,omitempty"`
		LatencyNative *pyrraNative  `json:"latencyNative,omitempty"`
		BoolGauge     *pyrraGauge   `json:"bool_gauge,omitempty"`
	}
	pyrraRatio struct {
		Errors   pyrraMetric `json:"errors"`
		Total    pyrraMetric `json:"total"`
		Grouping []string    `json:"grouping,omitempty"`
	}
	pyrraLatency struct {
		Success  pyrraMetric `json:"success"`
		Total    pyrraMetric `json:"total"`
		Grouping []string    `json:"grouping,omitempty"`
	}
	pyrraNative struct {
		Total    pyrraMetric `json:"total"`
		Latency  string      `json:"latency"`
		Grouping []string    `json:"grouping,omitempty"`
	}
	pyrraGauge struct {
		Metric   string   `json:"metric"`
		Grouping []string `json:"grouping,omitempty"`
	}
	pyrraMetric struct {
		Metric string `json:"metric"`
	}
	pyrraAlerting struct {
		Disabled   *bool  `json:"disabled,omitempty"`
		Burnrates  *bool  `json:"burnrates,omitempty"`
		Absent     *bool  `json:"absent,omitempty"`
		Name       string `json:"name,omitempty"`
		AbsentName string `json:"absentName,omitempty"`
	}
	// A pyrraTarget is a number in quotes; people forget the quotes.
	pyrraTarget string
)

func (t *pyrraTarget) UnmarshalJSON(text []byte) error {
	if _, err := strconv.ParseFloat(string(text), 64); err == nil {
		*t = pyrraTarget(text)
		return nil
	}
	return json.Unmarshal(text, (*string)(t))
}

// pyrraSpellings are keys that people write as in the Go types.
var pyrraSpellings = map[string]string{"boolGauge": "bool_gauge", "latency_native": "latencyNative"}

// readPyrra reads an object of Pyrra: an SLO, which may be one of several of a service.
func (l *loader) readPyrra(doc place, kind string) {
	if kind != pyrraKind {
		l.problem(doc.key("kind"), quote(kind)+" is not a kind of Pyrra", "write "+pyrraKind)
		return
	}
	specAt, before := doc.key("spec"), l.errors
	specAt.spellings = pyrraSpellings
	d := &definition{Service: &Service{Tier: defaultTier, Position: doc.position()}, at: doc, joins: true}
	l.services = append(l.services, d)
	defer func() { d.broken = l.errors > before }()
	if specAt.node == doc.node {
		l.problem(specAt, "is missing", "add spec: with target, window and indicator")
		return
	}
	o := pyrraObject{Metadata: l.pyrraMetadata(doc.key("metadata"))}
	if l.decodeForeign(specAt, &o.Spec) {
		l.pyrraSLO(d, doc, specAt, o)
	}
}

// pyrraMetadata is the part of the metadata that counts: Kubernetes adds more.
func (l *loader) pyrraMetadata(at place) pyrraMetadata {
	m := pyrraMetadata{Name: at.text("name"), Namespace: at.text("namespace")}
	if m.Name == "" {
		l.problem(at.key("name"), "is missing", "add the name of the SLO")
	}
	for key, into := range map[string]*map[string]string{"labels": &m.Labels, "annotations": &m.Annotations} {
		if values, ok := at.lookup(key); ok && values.node.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(values.node.Content); i += 2 {
				set(into, values.node.Content[i].Value, values.node.Content[i+1].Value)
			}
		}
	}
	return m
}

func (l *loader) pyrraSLO(d *definition, doc, specAt place, o pyrraObject) {
	metadataAt := doc.key("metadata")
	slo := &SLO{Name: cmp.Or(o.Metadata.Annotations[annotationPrefix+"name"], o.Metadata.Name), Description: o.Spec.Description, Position: doc.position()}
	d.name = metadataAt.key("name")
	d.Name = cmp.Or(o.Metadata.Annotations[annotationPrefix+"service"], o.Metadata.Labels[pyrraPrefix+"service"], o.Metadata.Name)
	d.Namespace = o.Metadata.Annotations[annotationPrefix+"namespace"]
	l.pass(d.name, d.Name, append([]check{bounded(maxName)}, nameChecks...)...)
	if d.Namespace != "" {
		l.pass(metadataAt, d.Namespace, append([]check{bounded(maxName)}, nameChecks...)...)
	}
	l.pass(d.name, slo.Name, bounded(maxName), sloNameCheck)
	if slo.Description != "" {
		l.pass(specAt.key("description"), slo.Description, bounded(maxText), printable(true))
	}
	l.pyrraTarget(slo, specAt, o)
	l.pyrraNotes(specAt, o.Spec)
	slo.Alerts = o.Spec.Alerting.settings()
	l.pass(specAt.key("alerting", "name"), slo.Alerts.Name, bounded(maxName), matches(alertNameRegexp, "is not a name of an alert", "use letters, digits and _"))
	set(&slo.Labels, "slo", o.Metadata.Name)
	for _, key := range sortedKeys(o.Metadata.Labels) {
		name, propagated := strings.CutPrefix(key, pyrraPrefix)
		value := o.Metadata.Labels[key]
		if !propagated || value == "" || !l.passLabel(metadataAt.key("labels", key), name, value) {
			continue
		}
		if name == ownerLabel {
			d.Owner = value
		}
		set(&slo.Labels, name, value)
	}
	for _, key := range sortedKeys(o.Metadata.Annotations) {
		if name, propagated := strings.CutPrefix(key, pyrraPrefix); propagated {
			for name, value := range l.passTexts(metadataAt, "annotations", map[string]string{name: o.Metadata.Annotations[key]}) {
				set(&slo.Alerts.Annotations, name, value)
			}
		}
	}
	if !l.pyrraIndicator(slo, specAt.key("indicator"), o.Spec.Indicator) {
		return
	}
	l.readAnnotated(metadataAt, slo)
	l.readEnvironmentLabel(metadataAt, slo.SLI.Prometheus)
	d.group(&l.reader, specAt.key("indicator"), slo)
	slo.warnUnreachable(&l.reader, specAt.key("target"))
	d.SLOs = append(d.SLOs, slo)
}

func (l *loader) pyrraTarget(slo *SLO, specAt place, o pyrraObject) {
	target, err := strconv.ParseFloat(string(o.Spec.Target), 64)
	if err != nil {
		l.problem(specAt.key("target"), quote(string(o.Spec.Target))+" is not a percentage", `write it as "99.9"`)
	}
	slo.Objective = target
	slo.AllowLowObjective = o.Metadata.Annotations[annotationPrefix+"allowLowObjective"] == "true"
	if err == nil && l.pass(specAt.key("target"), "", checkObjective(target)) && !slo.AllowLowObjective {
		l.pass(specAt.key("target"), "", likelyObjective(target))
	}
	window, err := model.ParseDuration(o.Spec.Window)
	if err != nil {
		l.problem(specAt.key("window"), quote(o.Spec.Window)+" is not a duration", "write it as 4w or 30d")
		return
	}
	slo.Window = Window{Rolling: time.Duration(window)}
	l.pass(specAt.key("window"), "", func(string) (string, string) { return checkWindow(slo.Window.Rolling) })
}

// pyrraNotes report keys that have no effect here.
func (l *loader) pyrraNotes(at place, spec pyrraSpec) {
	for key, value := range map[string]any{"performanceOverAccuracy": spec.PerformanceOverAccuracy, "performance": spec.Performance} {
		if value != nil {
			l.warning(at.key(key), "has no effect: the rules never read raw samples of long windows", "delete it")
		}
	}
	if spec.PartialResponseStrategy != "" {
		l.warning(at.key("partial_response_strategy"), "is not written to the rules", "set it where Thanos Ruler loads them")
	}
	if spec.Alerting.AbsentName != "" {
		l.warning(at.key("alerting", "absentName"), "is not used: the alert is called SLIMissing", "route by the label slo_alert, or by SLIMissing")
	}
}

// settings are the alerts as Pyrra writes them.
func (pyrra pyrraAlerting) settings() Alerting {
	a := Alerting{Name: cmp.Or(pyrra.Name, pyrraAlert), Severity: Severities{Page: "critical", Ticket: "warning"}}
	is := func(value *bool, otherwise bool) bool {
		if value == nil {
			return otherwise
		}
		return *value
	}
	switch {
	case is(pyrra.Disabled, false):
		a.Disable = []string{PageSeverity, TicketSeverity}
	case !is(pyrra.Burnrates, true) && !is(pyrra.Absent, true):
		a.Disable = []string{PageSeverity, TicketSeverity}
	case !is(pyrra.Burnrates, true):
		a.Disable = pyrraBurnAlerts
	case !is(pyrra.Absent, true):
		a.Disable = []string{"SLIMissing"}
	}
	return a
}

// pyrraBurnAlerts are the alerts that Pyrra's burnrates: false leaves out.
var pyrraBurnAlerts = []string{PageSeverity, "ErrorBudgetBurnMedium", "ErrorBudgetBurnLow", "ErrorBudgetExhausted"}

// pyrraIndicator sets the queries, the groups, and the labels that all of the series have.
func (l *loader) pyrraIndicator(slo *SLO, at place, i pyrraIndicator) bool {
	kinds := 0
	for _, set := range []bool{i.Ratio != nil, i.Latency != nil, i.LatencyNative != nil, i.BoolGauge != nil} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		l.problem(at, fmt.Sprintf("has %d indicators", kinds), "write one of ratio, latency, latencyNative and bool_gauge")
		return false
	}
	before := l.errors
	p := &Prometheus{}
	var total *parser.VectorSelector
	var grouping []string
	switch {
	case i.Ratio != nil:
		at, grouping = at.key("ratio"), i.Ratio.Grouping
		errors := l.pyrraSelector(at.key("errors", "metric"), i.Ratio.Errors.Metric)
		total = l.pyrraSelector(at.key("total", "metric"), i.Ratio.Total.Metric)
		p.Errors, p.Total = rateOfSelector(errors, grouping), rateOfSelector(total, grouping)
	case i.Latency != nil:
		at, grouping = at.key("latency"), i.Latency.Grouping
		success := l.pyrraSelector(at.key("success", "metric"), i.Latency.Success.Metric)
		if success != nil && !slices.ContainsFunc(success.LabelMatchers, selectsBucket) {
			l.problem(at.key("success", "metric"), "does not select a bucket", `add the bound in seconds, as in {le="0.1"}`)
		}
		total = l.pyrraSelector(at.key("total", "metric"), i.Latency.Total.Metric)
		if total != nil && strings.HasSuffix(total.Name, "_bucket") && !slices.ContainsFunc(total.LabelMatchers, selectsBucket) {
			l.problem(at.key("total", "metric"), "counts each request once for every bucket", `read the metric that ends in _count, or add {le="+Inf"}`)
		}
		p.Good, p.Total = rateOfSelector(success, grouping), rateOfSelector(total, grouping)
	case i.LatencyNative != nil:
		at, grouping = at.key("latencyNative"), i.LatencyNative.Grouping
		total = l.pyrraSelector(at.key("total", "metric"), i.LatencyNative.Total.Metric)
		latency, err := model.ParseDuration(i.LatencyNative.Latency)
		if err != nil {
			l.problem(at.key("latency"), quote(i.LatencyNative.Latency)+" is not a duration", "write it as 250ms or 1s")
		} else if latency <= 0 {
			l.problem(at.key("latency"), "is not above 0, so no request is fast enough", "write it as 250ms or 1s")
		}
		observed := rateOfSelector(total, grouping)
		p.Good = fmt.Sprintf("histogram_fraction(0, %s, %s) * histogram_count(%s)", formatNumber(time.Duration(latency).Seconds()), observed, observed)
		p.Total = "histogram_count(" + observed + ")"
	default:
		at, grouping = at.key("bool_gauge"), i.BoolGauge.Grouping
		total = l.pyrraSelector(at.key("metric"), i.BoolGauge.Metric)
		if total != nil {
			p.Good = sumBy(grouping, "sum_over_time("+total.String()+windowRange+")")
			p.Total = sumBy(grouping, "count_over_time("+total.String()+windowRange+")")
		}
	}
	for n, label := range grouping {
		l.pass(at.key("grouping").item(n), label, matches(prometheusLabel, "is not a label name of Prometheus", "use letters, digits and _"), checkGroupLabel)
	}
	if l.errors > before {
		return false
	}
	for _, query := range p.Queries() {
		if !l.pass(at, query, bounded(maxText), checkQuery) {
			return false
		}
	}
	for _, m := range total.LabelMatchers {
		reserved := m.Name == model.MetricNameLabel || m.Name == labels.BucketLabel || slices.Contains(reservedLabels, m.Name) || slices.Contains(identityLabels, m.Name)
		if m.Type == labels.MatchEqual && m.Value != "" && !reserved && !slices.Contains(grouping, m.Name) {
			set(&slo.Labels, m.Name, m.Value)
		}
	}
	for _, label := range grouping {
		if !slices.Contains(slo.GroupBy, label) {
			slo.GroupBy = append(slo.GroupBy, label)
		}
	}
	slo.SLI.Prometheus = p
	return true
}

// selectsBucket reports a matcher of one bucket, or of several spellings of its bound. All buckets but one are no share of the requests.
func selectsBucket(m *labels.Matcher) bool {
	return m.Name == labels.BucketLabel && m.Value != "" && (m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp)
}

// pyrraSelector is a metric of an indicator.
func (l *loader) pyrraSelector(at place, metric string) *parser.VectorSelector {
	if metric == "" {
		l.problem(at, "is missing", "add the selector of a metric")
		return nil
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(metric)
	if err != nil {
		l.problem(at, "is not PromQL: "+explain(err), "write a selector, such as requests_total{code=~\"5..\"}")
		return nil
	}
	selector, ok := expr.(*parser.VectorSelector)
	if !ok || selector.OriginalOffset != 0 || selector.Timestamp != nil || selector.StartOrEnd != 0 {
		l.problem(at, "is not the selector of a metric", "write it without functions: requests_total{code=~\"5..\"}")
		return nil
	}
	return selector
}

func rateOfSelector(selector *parser.VectorSelector, grouping []string) string {
	if selector == nil {
		return ""
	}
	return sumBy(grouping, "rate("+selector.String()+windowRange+")")
}

// sumBy is a sum that keeps labels.
func sumBy(labels []string, expr string) string {
	if len(labels) == 0 {
		return "sum(" + expr + ")"
	}
	return "sum by (" + strings.Join(labels, ", ") + ") (" + expr + ")"
}
