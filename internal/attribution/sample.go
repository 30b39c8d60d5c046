// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"iter"
	"math"
	"time"
)

// A sample keeps rows. Each represents its weight.
type sample struct {
	width, most int
	traced      bool
	// threshold is the weight from which each row is kept; 0 while all are.
	threshold float64
	// passed is how many rows of weight 1 are not kept before one is, if it was drawn for the present threshold.
	passed   int64
	drawnFor float64
	ids      []ID // by row, then by dimension
	weights  []float64
	traces   [][16]byte
	times    []int64
}

func (s *sample) len() int { return len(s.weights) }

// offer offers a row.
func (s *sample) offer(t *Table, row []ID, weight float64, trace [16]byte, nanos int64) {
	if represents, ok := s.takes(t, weight); ok {
		s.keep(row, represents, trace, nanos)
	}
}

// takes decides whether a row is kept, which then represents so much weight, and makes room for it.
func (s *sample) takes(t *Table, weight float64) (represents float64, ok bool) {
	if !(weight > 0) || s.most == 0 {
		return 0, false
	}
	if weight, ok = s.picks(t, weight); !ok {
		return 0, false
	}
	for s.len() >= s.most {
		s.thin(t)
		if weight, ok = s.picks(t, weight); !ok {
			return 0, false
		}
	}
	return weight, true
}

// picks decides by the present threshold.
func (s *sample) picks(t *Table, weight float64) (represents float64, ok bool) {
	if weight < s.threshold {
		return s.threshold, t.chance()*s.threshold < weight
	}
	return weight, true
}

// takesOne is takes for a row of weight 1, of which mostly one in so many as the threshold is kept: the number of those that are not, until one is, is drawn once
// instead of a chance for each of them.
func (s *sample) takesOne(t *Table) (represents float64, ok bool) {
	switch {
	case s.threshold <= 1 || s.most == 0:
		return s.takes(t, 1)
	case s.drawnFor != s.threshold:
		s.draw(t)
	}
	if s.passed > 0 {
		s.passed--
		return 0, false
	}
	s.draw(t)
	weight := s.threshold
	for s.len() >= s.most {
		s.thin(t)
		if weight, ok = s.picks(t, weight); !ok {
			return 0, false
		}
	}
	return weight, true
}

// draw draws how many rows of weight 1 pass before one is kept.
func (s *sample) draw(t *Table) {
	s.drawnFor = s.threshold
	s.passed = int64(min(math.Log1p(-t.chance())/math.Log1p(-1/s.threshold), 1<<40))
}

// keep adds a row that is taken.
func (s *sample) keep(row []ID, weight float64, trace [16]byte, nanos int64) {
	if s.ids == nil {
		s.ids, s.weights = make([]ID, 0, s.most*s.width), make([]float64, 0, s.most)
		if s.traced {
			s.traces, s.times = make([][16]byte, 0, s.most), make([]int64, 0, s.most)
		}
	}
	s.ids = append(s.ids, row[:s.width]...)
	s.weights = append(s.weights, weight)
	if s.traced {
		s.traces, s.times = append(s.traces, trace), append(s.times, nanos)
	}
}

// thin doubles the threshold, at least to twice the least weight, and so drops about half of the rows that are below it.
func (s *sample) thin(t *Table) {
	least := s.weights[0]
	for _, w := range s.weights {
		least = min(least, w)
	}
	s.threshold = 2 * max(s.threshold, least)
	kept := 0
	for i, w := range s.weights {
		if w < s.threshold {
			if t.chance()*s.threshold >= w {
				continue
			}
			w = s.threshold
		}
		copy(s.ids[kept*s.width:(kept+1)*s.width], s.ids[i*s.width:])
		s.weights[kept] = w
		if s.traced {
			s.traces[kept], s.times[kept] = s.traces[i], s.times[i]
		}
		kept++
	}
	s.ids, s.weights = s.ids[:kept*s.width], s.weights[:kept]
	if s.traced {
		s.traces, s.times = s.traces[:kept], s.times[:kept]
	}
}

// fill gives all rows an ID in a dimension.
func (s *sample) fill(dimension int, id ID) {
	for i := range s.len() {
		s.ids[i*s.width+dimension] = id
	}
}

// merge adds the rows of another sample, whose dimensions are at these indexes here. In others they have the ID absent.
func (s *sample) merge(t *Table, from *sample, in []int, absent ID) {
	row := make([]ID, s.width)
	for i := range from.len() {
		for j := range row {
			row[j] = Without
			if j < len(t.dimensions) {
				row[j] = absent
			}
		}
		for j, at := range in {
			if at >= 0 {
				row[at] = from.ids[i*from.width+j]
			}
		}
		if from.traced && s.traced {
			s.offer(t, row, from.weights[i], from.traces[i], from.times[i])
		} else {
			s.offer(t, row, from.weights[i], [16]byte{}, 0)
		}
	}
}

func (s *sample) all(dimensions int) iter.Seq[Sampled] {
	return func(yield func(Sampled) bool) {
		for i := range s.len() {
			row := Sampled{IDs: s.ids[i*s.width : i*s.width+dimensions], Weight: s.weights[i]}
			if s.traced {
				row.Trace, row.Time = s.traces[i], time.Unix(0, s.times[i])
			}
			if !yield(row) {
				return
			}
		}
	}
}

// chance is a random number from 0 up to 1 (SplitMix64).
func (t *Table) chance() float64 {
	t.random += 0x9E3779B97F4A7C15
	z := t.random
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return float64((z^z>>31)>>11) / (1 << 53)
}

func (s *sample) drop() { s.ids, s.weights, s.traces, s.times = nil, nil, nil, nil }

// GoodEvery is of how many good events one is enough for the sample, if it then represents all of them.
func (t *Table) GoodEvery() int64 { return max(1, int64(min(t.good.threshold, 1<<40))) }
