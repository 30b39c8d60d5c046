// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Silence is how long a silence of an alert may last, and which alerts stay active meanwhile, as its runbook says. Of an alert that is none
// of ours nothing is said.
func Silence(alert string) (longest time.Duration, stays string) {
	if !alerts.Known(alert) {
		return plainGuide.silence, ""
	}
	a := alerts.Alert{Name: alert}
	for _, p := range catalog.DefaultBurnPairs {
		if alert == "ErrorBudgetBurn"+p.Name {
			a.Pair = &p
		}
	}
	g := guideOf(a)
	return g.silence, strings.TrimSpace(string(g.stays))
}
