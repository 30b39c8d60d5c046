// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"math"
	"strconv"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// An SLO that just meets its objective has bad luck in some hours. Of a pair of windows, at most this many alerts a year are to be chance.
const chanceAlertsPerYear = 0.1

const year = 365 * 24 * time.Hour

// A bound says how many events must have failed in a window for that to be no chance, given how many there were: with n events, each of
// which fails with the probability that the objective allows, b or more fail in at most alpha of the windows. For the binomial distribution
// the least such b is between 2 and 14 where a pair's threshold does not ask for more. The bound is
//
//	b + ½ ≥ m + z·√m + 3.25, with the expected number m = n · (1 − objective), z = Φ⁻¹(1 − alpha),
//
// which is never below the exact one, and at most two failures above it (TestBoundIsExact). Half an event is for samples at the edges of the window.
type bound struct{ budget, z float64 }

// lacking is what the normal distribution lacks where few failures are expected, and half an event.
const lacking = 3.25

// enoughExpected is the number of expected failures above which no more are asked for: what is left is a matter of the threshold.
const enoughExpected = 5

// chance is the bound for a window.
func chance(budget float64, window time.Duration) bound {
	alpha := chanceAlertsPerYear * float64(window) / float64(year)
	z := distuv.UnitNormal.Quantile(1 - alpha)
	return bound{budget, math.Round(z*1000) / 1000}
}

// exceeded reports whether so many bad events of all are no chance.
func (b bound) exceeded(bad, total float64) bool {
	root := math.Sqrt(4*bad+b.constant()) - b.z // NaN if there are almost none
	return min(b.budget*total, enoughExpected) < max(root, 0)*max(root, 0)/4
}

// constant is that under the root: the bound is solved for m, so that each number is asked for once.
func (b bound) constant() float64 { return math.Round((b.z*b.z-4*(lacking-0.5))*1000) / 1000 }

// promQL is exceeded as a condition, with the numbers of bad events and of all as vectors, matched on labels.
func (b bound) promQL(bad, total, on string) string {
	constant := " + " + decimal(b.constant())
	if b.constant() < 0 {
		constant = " - " + decimal(-b.constant())
	}
	return "clamp_max(" + decimal(b.budget) + " * " + total + ", " + strconv.Itoa(enoughExpected) + ")\n" +
		"< " + on + " clamp_min(sqrt(4 * " + bad + constant + ") - " + decimal(b.z) + ", 0) ^ 2 / 4"
}
