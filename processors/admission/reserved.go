// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment/report"
	"github.com/otelcol-sre/otelcol-sre/internal/reserved"
)

// dropReservedMetrics removes the metrics that only collectors may send, and returns how many there were by family.
func dropReservedMetrics(md pmetric.Metrics) (dropped map[string]int64) {
	md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		before := len(dropped)
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
				family := reserved.Family(m)
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

// dropReports removes the log records that report a deployment or another change, and returns how many there were.
func dropReports(ld plog.Logs) (dropped map[string]int64) {
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		removed := false
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			sl.LogRecords().RemoveIf(func(record plog.LogRecord) bool {
				_, isReport, _ := report.Read(rl.Resource().Attributes(), record)
				if !isReport {
					_, isReport, _ = report.Changes(rl.Resource().Attributes(), record, nothing)
				}
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

// nothing is the short name of every content: here it is enough that there is a report.
func nothing([]byte) string { return "" }

// reports is what dropped log records are counted under.
const reports = "deployment report"

func count(dropped map[string]int64, name string) map[string]int64 {
	if dropped == nil {
		dropped = make(map[string]int64)
	}
	dropped[name]++
	return dropped
}
