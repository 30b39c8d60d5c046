// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// requests shows rate, errors and duration by version, with exemplars if the axis is a duration: from the span_metrics connector if
// there is one, else from the events of an SLO.
func (s service) requests() {
	failed := s.names.series(metricCalls, s.spans(equal(attrStatusCode, "STATUS_CODE_ERROR"))...).rate().sum(semconv.ServiceVersion)
	spans := s.names.series(metricCalls, s.spans()...).rate().sum(semconv.ServiceVersion)
	ratio := failed.or(number(0).times(spans)).over(spans.some())
	counted := ""
	if slo := s.mostEvents(); slo != nil {
		ratio = ratio.orAllOf(objective{s, slo}.badShare())
		counted = " Without the span_metrics connector these are the events of the SLO " + markdown(slo.Name) + "."
	}
	durations := s.names.suffixed(metricDuration, "_bucket", s.spans()...).rate()
	byBound := durations.sum(attrBound, semconv.ServiceVersion)

	panels := []panel{
		newGraph(about{"rate", "Requests", "Requests and messages per second that the service handles, by version. Good looks like the same hour yesterday." + counted, 8},
			look{unit: "reqps", min: new(0.0), none: "No requests", overrides: ofVersions}, graph("A", s.calls(), byVersion)),
		newLimited(about{"errors", "Errors", "The share of requests that fail, by version. Good is below the dashed lines: above the first line the budget does not last the period, above the second line an alert pages. " +
			"If one version is above the others, its deployment is the likely cause." + counted, 8},
			look{unit: "percentunit", min: new(0.0), none: "No requests", overrides: ofVersions, steps: append(from("transparent"), s.errorSteps()[1:]...)}, graph("A", ratio, byVersion)),
		newLimited(about{"duration", "Duration", "The 95th and 50th percentile of request durations. Good is flat, below the dashed line of the objective, and the same for all versions.", 8},
			look{unit: "ms", min: new(0.0), none: noSpanMetrics, steps: s.promisedSteps()},
			withExemplars("p95", byBound.quantile(0.95).some(), "95 % "+byVersion), withExemplars("p50", byBound.quantile(0.5).some(), "50 % "+byVersion)),
	}
	heat := newHeatmap(about{"latency heatmap", "Durations", "Requests by duration. Good is one band that does not move. A second band above it " +
		"means that some users, some instances or one dependency is slow. A dot is a trace." + s.promisedLatency(), 0},
		look{unit: "ms", none: noSpanMetrics}, "reqps", buckets("A", durations.sum(attrBound)))
	s.board.row("requests", "Requests by version", false, strip{7, panels}, strip{8, spread(append([]panel{heat}, s.latencies()...))})
}

// calls are the requests per second, by version.
func (s service) calls() vector {
	calls := s.names.series(metricCalls, s.spans()...).rate().sum(semconv.ServiceVersion)
	if slo := s.mostEvents(); slo != nil {
		return calls.orAllOf(objective{s, slo}.events())
	}
	return calls
}

// spans matches the service's server and consumer spans, in the chosen environment and versions.
func (s service) spans(more ...matcher) []matcher {
	matchers := []matcher{
		equal(semconv.ServiceName, s.Name), chosen(semconv.Environment, variableEnvironment), chosen(semconv.ServiceVersion, variableVersion),
		anyOf(attrSpanKind, "SPAN_KIND_SERVER", "SPAN_KIND_CONSUMER"),
	}
	if s.Namespace != "" {
		matchers = append(matchers, equalOrNone(semconv.ServiceNamespace, s.Namespace))
	}
	return append(matchers, more...)
}

const noSpanMetrics = "No requests, or no span_metrics connector with the dimensions deployment.environment.name and service.version"

// promisedSteps are the latency objectives in milliseconds.
func (s service) promisedSteps() []dashboard.Threshold {
	var promised []float64
	for _, slo := range s.SLOs {
		if slo.SLI.Latency != nil {
			promised = append(promised, slo.SLI.Latency.Threshold.Seconds()*1000)
		}
	}
	slices.Sort(promised)
	steps := from("transparent")
	for _, at := range slices.Compact(promised) {
		steps = append(steps, step(at, warning))
	}
	return steps
}

// promisedLatency describes the latency objectives below the heatmap.
func (s service) promisedLatency() string {
	var promises []string
	for _, slo := range s.SLOs {
		if slo.SLI.Latency != nil {
			promises = append(promises, fmt.Sprintf("%s %% within %s", decimal(slo.Objective), slo.SLI.Latency.Threshold))
		}
	}
	if len(promises) == 0 {
		return ""
	}
	return " Objectives: " + strings.Join(promises, ", ") + "."
}

// mostEvents is the SLO whose events are the service's requests, as far as the collector counts any.
func (s service) mostEvents() *catalog.SLO {
	var first *catalog.SLO
	for _, slo := range s.SLOs {
		if slo.SLI.Availability != nil {
			return slo
		}
		if first == nil && slo.SLI.Prometheus == nil {
			first = slo
		}
	}
	return first
}

// latencies are the latency SLOs, by version, beside each other.
func (s service) latencies() []panel {
	var panels []panel
	for _, slo := range s.SLOs {
		if slo.SLI.Latency == nil || len(panels) == 3 {
			continue
		}
		o := objective{s, slo}
		threshold := slo.SLI.Latency.Threshold.String()
		panels = append(panels, newLimited(about{"latency " + slo.Name, plain(slo.Name) + ": faster than " + threshold,
			"The share of requests within " + threshold + ", by version. Good is above the dashed line, the objective. " + markdown(slo.Description), 0},
			look{unit: "percentunit", max: new(1.0), none: none, overrides: ofVersions, steps: from("transparent", step(o.ObjectiveRatio(), good))},
			graph("A", oneMinus(o.badShare()), byVersion)))
	}
	return spread(panels)
}

// events are the events per second, by version.
func (o objective) events(more ...matcher) vector {
	more = append(more, chosen(semconv.ServiceVersion, variableVersion))
	return o.names.series(metricEvents, o.of(more...)...).rate().sum(semconv.ServiceVersion)
}

func (o objective) badShare() vector {
	return o.events(equal(semconv.SLOOutcome, "bad")).over(o.events().some())
}
