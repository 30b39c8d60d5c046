// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"math"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// rise is the logarithm of the likelihood ratio from which bad events have risen.
const rise = 8

// maxMinutes bounds the time in which a rise is looked for.
const maxMinutes = 240

// since is the minute in which the line's bad events began to rise: that of the time in which they are the most out of the ordinary (the scan statistic of
// Kulldorff, 1997, on a line). It is zero if that is from the beginning on, or if there is no such time.
func since(l *line, in Input) time.Time {
	if len(in.Minutes) == 0 {
		return time.Time{}
	}
	first := in.From.Truncate(time.Minute)
	n := int(in.To.Sub(first)/time.Minute) + 1
	if n > maxMinutes {
		first = in.Minutes[0].Start.Truncate(time.Minute)
		n = min(int(in.To.Sub(first)/time.Minute)+1, maxMinutes)
	}
	counts, weight := make([]float64, n), 0.
	for _, m := range in.Minutes {
		if at := int(m.Start.Sub(first) / time.Minute); at >= 0 && at < n && !m.Start.Before(first) {
			var one float64
			one, weight = booked(m.Table, l), max(weight, heaviest(m.Table))
			counts[at] += one
		}
	}
	// An event that is for many counts as one.
	for i := range counts {
		counts[i] /= max(weight, 1)
	}
	from := unusual(counts)
	if from <= 0 {
		return time.Time{}
	}
	return first.Add(time.Duration(from) * time.Minute)
}

// heaviest is the largest weight of a row while all are kept.
func heaviest(t *attribution.Table) (most float64) {
	var sum float64
	for r := range t.BadRows() {
		most, sum = max(most, r.Weight), sum+1
	}
	if sum > 0 && sum < float64(attribution.Counting.BadRows)/2 {
		return most
	}
	return 1
}

// unusual is where the stretch begins in which counts are the most above those outside of it; -1 if none is.
func unusual(counts []float64) int {
	var all float64
	for _, c := range counts {
		all += c
	}
	best, from, n := rise+0., -1, float64(len(counts))
	for i := range counts {
		var in float64
		for j := i; j < len(counts); j++ {
			in += counts[j]
			share := float64(j-i+1) / n
			if share == 1 || in*(1-share) <= 2*(all-in)*share { // at least twice as often
				continue
			}
			ratio := in * math.Log(in/(all*share))
			if rest := all - in; rest > 0 {
				ratio += rest * math.Log(rest/(all*(1-share)))
			}
			if ratio > best {
				best, from = ratio, i
			}
		}
	}
	return from
}

// booked are the bad events of a table that have the line's attributes.
func booked(t *attribution.Table, l *line) float64 {
	ids, dimensions := make([]attribution.ID, len(l.attributes)), make([]int, len(l.attributes))
	for i := range dimensions {
		dimensions[i] = -1
	}
	for d, s := range t.Dimensions() {
		for i, a := range l.attributes {
			if a.Name != s.Name {
				continue
			}
			for _, c := range s.Lines {
				if c.Value == a.Value {
					if len(l.attributes) == 1 {
						return c.Bad
					}
					dimensions[i], ids[i] = d, c.ID
				}
			}
		}
	}
	if len(l.attributes) == 1 {
		return 0
	}
	var sum float64
rows:
	for r := range t.BadRows() {
		for i, d := range dimensions {
			if d < 0 || r.IDs[d] != ids[i] {
				continue rows
			}
		}
		sum += r.Weight
	}
	return sum
}
