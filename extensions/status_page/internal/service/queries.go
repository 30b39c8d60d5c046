// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
)

// of selects the service's series of a metric, in the environment.
func (l *loader) of(metric names.Metric, more ...string) string {
	s, n := l.service, l.names
	return metric.With(n.OfService(s.Name, s.Namespace, append(more, n.Environment.Equal(s.Environment))...)...)
}

// recorded selects recorded series, which may have no environment.
func (l *loader) recorded(metric names.Metric, more ...string) string {
	s, n := l.service, names.Recorded()
	return metric.With(n.OfService(s.Name, s.Namespace, append(more, n.Environment.OrNone(s.Environment))...)...)
}

// spans selects metrics of the span_metrics connector; spans may have no namespace.
func (l *loader) spans(metric names.Metric, more ...string) string {
	s, n := l.service, l.names
	more = append(more, n.Environment.Equal(s.Environment), n.SpanKind.Matches("SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"))
	if s.Namespace != "" {
		more = append(more, n.Namespace.OrNone(s.Namespace))
	}
	return metric.With(n.OfService(s.Name, "", more...)...)
}

// spanFailed matches spans that failed.
func (l *loader) spanFailed() string { return l.names.StatusCode.Equal("STATUS_CODE_ERROR") }

// rate is over at least a minute, and over every sample of a step.
func (l *loader) rate(by string, metric names.Metric, more ...string) string {
	return l.perSecond(by, l.spans(metric, more...))
}

func (l *loader) perSecond(by, series string) string {
	return names.By("sum", by, "rate("+series+"["+catalog.FormatDuration(max(2*time.Minute, l.service.Period.Step*2))+"])")
}

// The questions about a period.
func (l *loader) left() string {
	return names.By("min", l.names.SLO.String(), l.of(l.names.Remaining))
}

func (l *loader) burns() string {
	n := l.names
	return names.By("max", names.List(n.SLO, n.Window), l.of(n.BurnRate, n.Window.Matches(strings.Join(l.windows(), "|"))))
}

// eventRate is about the events of SLOs that are counted, by outcome.
func (l *loader) eventRate() string {
	return l.perSecond(names.List(l.names.SLO, l.names.Outcome), l.of(l.names.Events))
}

func (l *loader) recordedLeft() string {
	return names.By("min", names.Recorded().SLO.String(), l.recorded(names.RecordedRemaining))
}

// recordedBurns are error ratios; the window is in the name of each series.
func (l *loader) recordedBurns() string {
	anyWindow := model.MetricNameLabel + `=~"` + string(names.RecordedRatio) + "(" + strings.Join(l.windows(), "|") + `)"`
	return names.By("max", model.MetricNameLabel+", "+names.Recorded().SLO.String(), l.recorded("", anyWindow))
}

func (l *loader) requestRate() string { return l.rate(l.names.Version.String(), l.names.Calls) }

func (l *loader) failedShare() string {
	failed := l.rate(l.names.Version.String(), l.names.Calls, l.spanFailed())
	return "(" + failed + " or 0 * " + l.requestRate() + ") / (" + l.requestRate() + " > 0)"
}

func (l *loader) slowest() string {
	rate := l.rate(model.BucketLabel+", "+l.names.Version.String(), l.names.Durations+"_bucket")
	return "histogram_quantile(0.95, " + rate + ") > 0"
}

// queries are all questions about a period. What rules record is asked for if the catalog has an SLI of that kind.
func (l *loader) queries() []string {
	all := []string{l.left(), l.burns(), l.eventRate(), l.requestRate(), l.failedShare(), l.slowest()}
	if slices.ContainsFunc(l.service.SLOs, func(s *catalog.SLO) bool { return s.SLI.Prometheus != nil }) {
		all = append(all, l.recordedLeft(), l.recordedBurns())
	}
	return all
}

// windows are those of the alerts.
func (l *loader) windows() []string {
	windows := slices.Clone(catalog.BurnWindows)
	for _, slo := range l.service.SLOs {
		for _, p := range slo.BurnPairs() {
			windows = append(windows, p.Short, p.Long)
		}
	}
	slices.Sort(windows)
	var all []string
	for _, w := range slices.Compact(windows) {
		all = append(all, catalog.FormatDuration(w))
	}
	return all
}
