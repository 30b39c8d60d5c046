// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package month

import (
	"context"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

// A history is a month of the minute history, as it counts.
type history struct {
	first int64 // the Unix minute that it begins with
	// bad and total are the sums of all events before each minute.
	bad, total []float64
	// known are the times that were measured, and measured those of them in which events count.
	known, measured []ledger.Span
	// unmeasured are the other times, and those whose minutes are lost.
	unmeasured []Gap
}

// Read reads the month of an SLO at a place.
func (m Month) Read(ctx context.Context, k ledger.Keeper, of ledger.SLO, at ledger.Place, schedule catalog.Schedule) (Events, error) {
	since := m.Since()
	h := &history{first: since.Unix() / 60, known: at.Measured, unmeasured: Gaps(at.Unmeasured)}
	n := int(m.To.Unix()/60-h.first) + 1
	h.bad, h.total = make([]float64, n+1), make([]float64, n+1)
	for day := since.UTC().Truncate(ledger.Day); day.Before(m.To); day = day.Add(ledger.Day) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, one := range k.Minutes(of, at, day, true) {
			if i := one.Start - h.first; i >= 0 && i < int64(n) {
				h.bad[i+1], h.total[i+1] = one.Bad, one.Good+one.Bad
			}
		}
	}
	for i := 1; i <= n; i++ {
		h.bad[i] += h.bad[i-1]
		h.total[i] += h.total[i-1]
	}
	// Time in which events do not count was not measured, as in the rules.
	spans := schedule.Spans(since, m.To)
	for _, s := range at.Measured {
		for _, x := range spans {
			if x.As != catalog.Excluded {
				continue
			}
			if x.Start.After(s.From) {
				h.measured = append(h.measured, ledger.Span{From: s.From, To: earlier(x.Start, s.To)})
			}
			if x.End.After(s.From) {
				s.From = x.End
			}
		}
		h.measured = append(h.measured, s)
	}
	return h, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Between is Events'. Events of a minute are at its end.
func (h *history) Between(from, to time.Time) (bad, total float64) {
	a, b := h.index(from), h.index(to)
	return h.bad[b] - h.bad[a], h.total[b] - h.total[a]
}

func (h *history) index(t time.Time) int {
	return int(min(max(t.Unix()/60-h.first, 0), int64(len(h.bad)-1)))
}

// Measured is Events'.
func (h *history) Measured(from, to time.Time) (sum time.Duration) {
	for _, s := range h.measured {
		sum += ledger.Overlap(s, ledger.Span{From: from, To: to})
	}
	return sum
}

// Gaps is Events'.
func (h *history) Gaps(from, to time.Time) (gaps []Gap) {
	for _, s := range h.known {
		if s.From.After(from) && from.Before(to) {
			gaps = append(gaps, Gap{From: from, To: earlier(s.From, to)})
		}
		if s.To.After(from) {
			from = s.To
		}
	}
	if from.Before(to) {
		gaps = append(gaps, Gap{From: from, To: to})
	}
	return gaps
}

// Unmeasured is Events'.
func (h *history) Unmeasured(from, to time.Time) []Gap { return Clip(h.unmeasured, from, to) }
