// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import "strings"

// Runbook is the name of the alert's runbook among those of its service.
func (a Alert) Runbook() string {
	if a.SLO == nil {
		return a.Name
	}
	return RunbookOf(a.Name, a.SLO.Name)
}

// RunbookOf is the name of an alert's runbook: alerts about the error budget of an SLO share the page of the SLO, others have their own.
func RunbookOf(alert, slo string) string {
	if slo != "" && (alert == Exhausted || strings.HasPrefix(alert, burnPrefix)) {
		return SLORunbook(slo)
	}
	return alert
}

// SLORunbook is the name of the runbook of an SLO.
func SLORunbook(slo string) string { return "slo-" + slo }
