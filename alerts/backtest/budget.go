// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/month"
)

// budget is the remaining share of an error budget at a time, and the measured share of its period, as the rules define them: the
// events of the whole period are those so far ÷ the measured share of its time in which events count. The rules leave calendar periods and resets to the
// collector, whose budget was that of the catalog of then; this is that of another catalog, projected as the collector does.
func budget(service *catalog.Service, slo *catalog.SLO, m *minutes, at time.Time) (remaining, coverage float64) {
	start, end := at.Add(-slo.Window.Rolling), at
	if slo.Window.Calendar != nil {
		start, end = slo.Window.Bounds(at)
	}
	from := start
	for _, reset := range slo.Resets {
		if !reset.At.After(at) && reset.At.After(from) {
			from = reset.At
		}
	}
	length := float64(max(end.Sub(start)-month.Excluded(service, slo, start, end), interval))
	bad, total := m.events(from.Add(lag), at)
	coverage = min(float64(m.measured(start, at))/length, 1)
	if total <= 0 {
		return 1, coverage
	}
	p := month.Period{Start: start, End: end, From: from, At: at, Gaps: m.gaps(), Excluded: func(from, to time.Time) time.Duration { return month.Excluded(service, slo, from, to) }}
	return 1 - bad/total/slo.ErrorBudget()*p.Share(Events{minutes: m}), coverage
}

// interval is that of the rules.
const interval = time.Minute
