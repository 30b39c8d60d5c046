// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

// unmeasured is why most of the time of an SLO's period was not measured that was not; "" if that is not known, or little.
func (s *site) unmeasured(of *catalog.Service, row *fleet.Row) string {
	if words.Measured(float64(row.Coverage)) == "" {
		return ""
	}
	_, places := s.keeper(ledger.SLO{Namespace: of.Namespace, Service: of.Name, Name: row.SLO})
	now := s.Now()
	for _, slo := range of.SLOs {
		for _, at := range places {
			if slo.Name == row.SLO && at.Environment == row.Environment {
				return mostly(at.Unmeasured, ledger.Span{From: now.Add(-slo.Window.Length(now)), To: now})
			}
		}
	}
	return ""
}

// mostly is the cause of most of what was not measured in a time.
func mostly(gaps []ledger.Gap, in ledger.Span) string {
	lost := map[ledger.Cause]time.Duration{}
	most := ledger.Cause("")
	for _, g := range gaps {
		lost[g.Cause] += ledger.Overlap(g.Span, in)
		if lost[g.Cause] > lost[most] {
			most = g.Cause
		}
	}
	if most == "" {
		return ""
	}
	return most.Text()
}
