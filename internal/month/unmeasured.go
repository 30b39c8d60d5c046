// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package month

import (
	"cmp"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

// MaxGaps are how many times of an SLO that were not measured are shown: the longest.
const MaxGaps = 8

// missing are the times of the month, in order, of which it is not known what happened, or not any more: without those in which events do not count, and those
// that are too short. There are all of them.
func (m Month) missing(service *catalog.Service, slo *catalog.SLO, e Events) (all []Gap) {
	spans := service.Schedule(slo).Spans(m.From, m.To)
	for _, g := range e.Unmeasured(m.From, m.To) {
		g.From, g.To = later(g.From, m.From), earlier(g.To, m.To)
		for _, s := range spans {
			if s.As != catalog.Excluded || !s.End.After(g.From) || !s.Start.Before(g.To) {
				continue
			}
			if s.Start.Sub(g.From) >= shortGap {
				all = append(all, Gap{g.From, s.Start, g.Cause})
			}
			g.From = s.End
		}
		if g.To.Sub(g.From) >= shortGap {
			all = append(all, g)
		}
	}
	return all
}

// longest are the longest of the gaps, in order, and how many there are besides.
func longest(gaps []Gap) (shown []Gap, more int) {
	shown = slices.Clone(gaps)
	slices.SortStableFunc(shown, func(a, b Gap) int { return cmp.Compare(b.To.Sub(b.From), a.To.Sub(a.From)) })
	if more = len(shown) - MaxGaps; more > 0 {
		shown = shown[:MaxGaps]
	}
	slices.SortFunc(shown, func(a, b Gap) int { return a.From.Compare(b.From) })
	return shown, max(more, 0)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// damagedIn is how much of the gaps was measured, and cannot be read any more.
func damagedIn(e Events, gaps []Gap) (sum time.Duration) {
	for _, g := range gaps {
		if g.Cause == ledger.Damaged {
			sum += e.Measured(g.From, g.To)
		}
	}
	return sum
}

// Clip are the gaps within (from, to].
func Clip(gaps []Gap, from, to time.Time) (all []Gap) {
	for _, g := range gaps {
		if g.From, g.To = later(g.From, from), earlier(g.To, to); g.From.Before(g.To) {
			all = append(all, g)
		}
	}
	return all
}

// Gaps are those of a place, as they are here.
func Gaps(at []ledger.Gap) (all []Gap) {
	for _, g := range at {
		all = append(all, Gap{g.From, g.To, g.Cause.Sound()})
	}
	return all
}
