// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package verdict is the test of whether a new version fails more often than what it replaces. It may look as often as it likes:
// at most Alpha of all deployments that are not worse are ever called worse.
//
// It is an e-process. In each step, the new version has n1 events of which k1 are bad, the others n2 and k2. If the versions are alike, the k1 + k2
// bad events are spread over all n1 + n2 at random, whatever made them fail. The step's e-value is how much likelier the
// outcome is if the odds of a bad event to be the new version's are Ratio times as high:
//
//	Ratio^k1 / (1 + q (Ratio - 1))^(k1 + k2)    with q = n1 / (n1 + n2)
//
// Its mean is at most 1 if the versions are alike: 1 for bad events that are independent, and less for a sample without replacement (Hoeffding,
// 1963, theorem 4). So the product over steps exceeds 1/Alpha with a probability of at most Alpha at any time (Ville's inequality), and so does
// the mean over several ratios, and over several SLOs however they depend on each other. See Turner, Ly and Grünwald, "Generic E-variables for exact
// sequential k-sample tests that allow for optional stopping", 2024; and Grünwald, de Heide and Koolen, "Safe testing", 2024.
package verdict

import "math"

// Alpha is the share of deployments that are not worse and may be called worse.
const Alpha = 0.01

// Ratios are the alternatives. The evidence is the mean of theirs.
var Ratios = [...]float64{2, 8}

// A Step is what the new version and the others did at the same time.
type Step struct{ Events, Bad, OtherEvents, OtherBad float64 }

// Log is the logarithm of the step's e-value for a ratio.
func (s Step) Log(ratio float64) float64 {
	if s.Events <= 0 || s.Events+s.OtherEvents <= 0 {
		return 0
	}
	share := s.Events / (s.Events + s.OtherEvents)
	return s.Bad*math.Log(ratio) - (s.Bad+s.OtherBad)*math.Log1p(share*(ratio-1))
}

// Evidence is the e-value of all steps, from the sums of their logarithms for the Ratios. Above 1/Alpha the version is worse.
func Evidence(sums [len(Ratios)]float64) float64 {
	total := 0.0
	for _, sum := range sums {
		total += math.Exp(sum)
	}
	return total / float64(len(Ratios))
}
