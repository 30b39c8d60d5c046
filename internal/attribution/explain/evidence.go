// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"math"
	"time"
)

// Alpha is the share of false causes: of all that is named, in expectation, and, where nothing is a cause, how often anything is named, however often a time
// that begins at the same moment is asked about.
const Alpha = 0.05

// interval is the time between one look and the next that can differ: tables arrive as often.
const interval = 5 * time.Second

// look is the logarithm of 1 ÷ the level of one look. A time that is so long has been looked at so many times, and the levels of all of them, Alpha ÷ (n (n + 1)), add
// up to Alpha.
func look(length time.Duration) float64 {
	n := math.Max(1, math.Ceil(float64(length)/float64(interval)))
	return math.Log(n*(n+1)) - math.Log(Alpha)
}

// A sampled count is how many of so many events have something. They need not be whole: an event that was sampled counts as one, also if it is for many.
type sampled struct{ have, of float64 }

func (s sampled) share() float64 {
	if s.of == 0 {
		return 0
	}
	return s.have / s.of
}

// least is the odds ratio from which something is a cause, however certain it is.
const least = 1.5

// A point is a guess at the share among bad events and among good ones.
type point struct{ bad, good float64 }

// guesses are those that evidence is a mean over. They must not depend on what is found.
var guesses = func() (all []point) {
	shares := []float64{
		0.0002, 0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995,
	}
	for i, low := range shares {
		for _, high := range shares[i+1:] {
			if odds(high)/odds(low) >= least {
				all = append(all, point{high, low})
			}
		}
	}
	return all
}()

func odds(share float64) float64 { return share / (1 - share) }

// A scale makes evidence of samples of the same size.
type scale struct {
	bad, good float64
	factors   [][4]float64
	terms     []float64
}

func newScale(bad, good float64) *scale {
	s := &scale{bad: bad, good: good, factors: make([][4]float64, len(guesses)), terms: make([]float64, len(guesses))}
	for i, g := range guesses {
		both := (bad*g.bad + good*g.good) / (bad + good)
		s.factors[i] = [4]float64{math.Log(g.bad / both), math.Log((1 - g.bad) / (1 - both)), math.Log(g.good / both), math.Log((1 - g.good) / (1 - both))}
	}
	return s
}

// of is the logarithm of the e-value against "bad events have it no more often than good ones": one whose expectation is at most 1 if that is so, whatever the share is,
// for samples of any size. It is that for two samples of Turner, Ly, Grünwald (Generic E-variables for exact sequential k-sample tests that allow for optional stopping, 2024),
// mixed over guesses. It is convex in the count of bad events, so a count of all of them, scaled down to the size of their sample, is no less safe than the sample itself.
func (s *scale) of(bad, good float64) float64 {
	if s.bad == 0 || s.good == 0 || bad*s.good <= good*s.bad {
		return math.Inf(-1)
	}
	most := math.Inf(-1)
	for i, f := range s.factors {
		s.terms[i] = bad*f[0] + (s.bad-bad)*f[1] + good*f[2] + (s.good-good)*f[3]
		most = math.Max(most, s.terms[i])
	}
	if most < 0 {
		return math.Inf(-1) // it is no evidence
	}
	var sum float64
	for _, t := range s.terms {
		sum += math.Exp(t - most)
	}
	return most + math.Log(sum/float64(len(s.terms)))
}

// evidence is that of two samples of other sizes. What cannot come to sure is not computed.
func evidence(bad, good sampled) float64 {
	if bad.have*good.of <= good.have*bad.of || likelihood(bad, good) < sure {
		return math.Inf(-1)
	}
	return newScale(bad.of, good.of).of(bad.have, good.have)
}

// likelihood is the logarithm of how much more likely the samples are with shares of their own than with one for both. No guess is better.
func likelihood(bad, good sampled) float64 {
	return terms(bad.have, bad.of) + terms(good.have, good.of) - terms(bad.have+good.have, bad.of+good.of)
}

func terms(have, of float64) (sum float64) {
	for _, n := range [2]float64{have, of - have} {
		if n > 0 {
			sum += n * math.Log(n/of)
		}
	}
	return sum
}
