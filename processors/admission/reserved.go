// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"strings"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment/report"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// families are the beginnings of the names of metrics that only collectors may send, as they are in Prometheus. The names of
// recording rules and of alerts are among them: a metric of the same name would be read in their place.
var families = [...]string{"slo_", "sloth_", "service_telemetry_", "deployment_", "ALERTS"}

// names are what Prometheus calls metrics, suffixes included.
var names = promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)

// reserved is the family that the metric is of; empty if it is of none.
func reserved(m pmetric.Metric) string {
	if !suspicious(m.Name()) {
		return ""
	}
	name := names.Metric(otlptranslator.Metric{Name: m.Name(), Unit: m.Unit(), Type: typeOf(m)})
	for _, translated := range [...]string{name, m.Name()} {
		translated = underscored(translated)
		for _, family := range families {
			if strings.HasPrefix(translated, family) {
				return family
			}
		}
	}
	return ""
}

// suspicious reports whether the name begins as one of a family does. A translation adds nothing in front.
func suspicious(name string) bool {
	name = strings.TrimLeftFunc(name, func(r rune) bool { return !letter(r) })
	for _, family := range families {
		if first, _, _ := strings.Cut(family, "_"); strings.HasPrefix(name, first) {
			return true
		}
	}
	return false
}

// underscored is the name with one underscore for everything that is neither a letter nor a digit.
func underscored(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	gap := false
	for _, r := range name {
		if letter(r) || r >= '0' && r <= '9' {
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			b.WriteRune(r)
			gap = false
		} else {
			gap = true
		}
	}
	return b.String()
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

func typeOf(m pmetric.Metric) otlptranslator.MetricType {
	switch m.Type() {
	case pmetric.MetricTypeSum:
		if m.Sum().IsMonotonic() {
			return otlptranslator.MetricTypeMonotonicCounter
		}
		return otlptranslator.MetricTypeNonMonotonicCounter
	case pmetric.MetricTypeGauge:
		return otlptranslator.MetricTypeGauge
	case pmetric.MetricTypeHistogram:
		return otlptranslator.MetricTypeHistogram
	case pmetric.MetricTypeExponentialHistogram:
		return otlptranslator.MetricTypeExponentialHistogram
	case pmetric.MetricTypeSummary:
		return otlptranslator.MetricTypeSummary
	default:
		return otlptranslator.MetricTypeUnknown
	}
}

// dropReservedMetrics removes the metrics that only collectors may send, and returns how many there were by family.
func dropReservedMetrics(md pmetric.Metrics) (dropped map[string]int64) {
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		before := len(dropped)
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
				family := reserved(m)
				if family != "" {
					dropped = count(dropped, family)
				}
				return family != ""
			})
			return before != len(dropped) && sm.Metrics().Len() == 0
		})
		return before != len(dropped) && rm.ScopeMetrics().Len() == 0
	})
	return dropped
}

// dropReports removes the log records that report a deployment, and returns how many there were.
func dropReports(ld plog.Logs) (dropped map[string]int64) {
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		removed := false
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			sl.LogRecords().RemoveIf(func(record plog.LogRecord) bool {
				_, isReport, _ := report.Read(rl.Resource().Attributes(), record)
				if isReport {
					removed, dropped = true, count(dropped, reports)
				}
				return isReport
			})
			return removed && sl.LogRecords().Len() == 0
		})
		return removed && rl.ScopeLogs().Len() == 0
	})
	return dropped
}

// reports is what dropped log records are counted under.
const reports = "deployment report"

func count(dropped map[string]int64, name string) map[string]int64 {
	if dropped == nil {
		dropped = make(map[string]int64)
	}
	dropped[name]++
	return dropped
}
