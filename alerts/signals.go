// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

var (
	metricDuration = otlptranslator.Metric{Name: "http.server.request.duration", Unit: "s", Type: otlptranslator.MetricTypeHistogram}
	metricMemory   = otlptranslator.Metric{Name: "k8s.pod.memory_limit_utilization", Unit: "1", Type: otlptranslator.MetricTypeGauge}
	metricCPU      = otlptranslator.Metric{Name: "k8s.pod.cpu_limit_utilization", Unit: "1", Type: otlptranslator.MetricTypeGauge}
)

// workloadAttributes are the resource attributes that name a workload of a kind.
var workloadAttributes = map[string]string{
	"Deployment": "k8s.deployment.name", "StatefulSet": "k8s.statefulset.name", "DaemonSet": "k8s.daemonset.name", "Rollout": "k8s.deployment.name",
}

// goldenSignals adds tickets about latency and saturation, which no SLO covers. They
// read metrics that the service and the kubelet may not have. Without these metrics they never fire.
func (g *generator) goldenSignals() {
	rules := []rulefmt.Rule{g.latencyShift()}
	if w := g.service.Deployment.Kubernetes; w != nil {
		rules = append(rules, g.saturated("MemorySaturated", "memory", metricMemory), g.saturated("CPUSaturated", "CPU", metricCPU))
	}
	for _, rule := range rules { // these metrics do not say their environment
		delete(rule.Labels, "environment")
		if listed := g.service.Environments; len(listed) == 1 {
			rule.Labels["environment"] = literal(listed[0])
		}
	}
	g.group(clean(g.service.Slug())+"-signals", interval, "", rules...)
}

// latencyShift compares the 95th percentile with that of the same hour a week ago.
func (g *generator) latencyShift() rulefmt.Rule {
	job := g.service.Name
	if g.service.Namespace != "" {
		job = g.service.Namespace + "/" + job
	}
	buckets := g.names.Metric(metricDuration)
	series := func(suffix string) string { return selector(buckets+suffix, equal("job", job)) }
	quantile := func(offset string) string {
		return "histogram_quantile(0.95, sum by (le) (rate(" + series("_bucket") + "[30m]" + offset + ")))"
	}
	name := literal(oneLine(g.service.Name))
	return g.alert(Alert{
		Name: "LatencyShift", Severity: Ticket, For: 30 * time.Minute,
		Expr: quantile("") + " > 1.5 * " + quantile(" offset 1w") + "\nand on () sum(increase(" + series("_count") + "[30m])) >= 300",
		Annotations: map[string]string{
			"summary":     name + " is slower than a week ago",
			"description": "5 % of the HTTP requests of the last 30 minutes took longer than {{ $value | humanizeDuration }}, which is more than 1.5 times the value of this time a week ago.",
		},
		Why: "The 95th percentile of the last 30 minutes is more than 1.5 times that of the same time a week ago, with at least 300 requests, for 30 minutes.",
	})
}

func (g *generator) saturated(alert, resource string, metric otlptranslator.Metric) rulefmt.Rule {
	w := g.service.Deployment.Kubernetes
	pods := g.names.selector(metric, equal("k8s.namespace.name", w.Namespace), equal(workloadAttributes[w.Kind], w.Name))
	return g.alert(Alert{
		Name: alert, Severity: Ticket, For: 15 * time.Minute,
		Expr: "max(" + pods + ") > " + decimal(semconv.Saturated),
		Annotations: map[string]string{
			"summary":     literal(oneLine(g.service.Name)) + " is close to its " + resource + " limit",
			"description": "A pod uses {{ $value | humanizePercentage }} of its " + resource + " limit.",
		},
		Why: "A pod of the workload has used more than 90 % of its " + resource + " limit for 15 minutes.",
	})
}
