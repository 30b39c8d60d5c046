// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"iter"
	"math/bits"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// Some are some of the rows of a sample: a bit for each.
type some []uint64

func newSome(n int) some { return make(some, (n+63)/64) }

func (s some) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s some) rows() iter.Seq[int] {
	return func(yield func(int) bool) {
		for w, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(w*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

func (s some) and(other some) some {
	both := make(some, len(s))
	for i := range s {
		both[i] = s[i] & other[i]
	}
	return both
}

// not are those of all that are not in s.
func (s some) not(all some) some {
	rest := make(some, len(s))
	for i := range s {
		rest[i] = all[i] &^ s[i]
	}
	return rest
}

func (s some) or(other some) some {
	both := make(some, len(s))
	for i := range s {
		both[i] = s[i] | other[i]
	}
	return both
}

// A sample is rows of bad events, or of good ones.
type sample struct {
	rows []attribution.Sampled
	all  some
}

func newSample(rows iter.Seq[attribution.Sampled]) sample {
	var s sample
	for r := range rows {
		s.rows = append(s.rows, r)
	}
	s.all = newSome(len(s.rows))
	for i := range s.rows {
		s.all.add(i)
	}
	return s
}

func (s *sample) weight(of some) (sum float64) {
	for i := range of.rows() {
		sum += s.rows[i].Weight
	}
	return sum
}

// size is of how many rows of the same weight the sums would be as uncertain (Kish, Survey sampling, 1965).
func (s *sample) size(of some) float64 {
	var sum, squares float64
	for i := range of.rows() {
		w := s.rows[i].Weight
		sum, squares = sum+w, squares+w*w
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / squares
}

// count is how many rows of these have it.
func (s *sample) count(have, of some) sampled {
	n := s.size(of)
	if n == 0 {
		return sampled{}
	}
	return sampled{n * s.weight(have.and(of)) / s.weight(of), n}
}

// A set is the rows of both samples that have something. Of good rows that are not known it is not known whether they do.
type set struct{ bad, good, known some }

func (s set) and(other set) set {
	return set{s.bad.and(other.bad), s.good.and(other.good), s.known.and(other.known)}
}

func (s set) or(other set) set {
	return set{s.bad.or(other.bad), s.good.or(other.good), s.known.and(other.known)}
}
