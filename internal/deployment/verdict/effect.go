// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package verdict

import "math"

// An Effect is how many times as often the new version fails as the others: the likeliest number, and between which it is.
type Effect struct{ Times, Low, High float64 }

// The numbers that are thought possible before anything is known, evenly by their logarithm: from a thousandth to a thousand.
const (
	widest   = 6.90625 // about ln 1000
	narrow   = 1.0 / 16
	thoughts = 222 // 2*widest/narrow + 1
)

// Of is the effect that all steps together show. The interval holds the true number at all times with a probability of at least 1 - Alpha, however often one
// looks: it is the confidence sequence of the method of mixtures (Robbins, 1970), the numbers whose likelihood is at least Alpha times the
// mean over all that were thought possible. The share of the traffic is taken as constant. Without failures nothing is known.
func Of(s Step) (Effect, bool) {
	bad, all := s.Bad+s.OtherBad, s.Events+s.OtherEvents
	if s.Events <= 0 || s.OtherEvents <= 0 || bad <= 0 {
		return Effect{}, false
	}
	share := s.Events / all
	likelihood := func(log float64) float64 { // its logarithm
		return s.Bad*log - bad*math.Log1p(share*math.Expm1(log))
	}
	best, top := 0.0, math.Inf(-1) // the logarithm
	var each [thoughts]float64
	for i := range each {
		log := -widest + narrow*float64(i)
		each[i] = likelihood(log)
		if each[i] > top {
			best, top = log, each[i]
		}
	}
	mean := 0.0
	for _, one := range each[:] {
		mean += math.Exp(one-top) / float64(thoughts)
	}
	least := top + math.Log(mean*Alpha)
	e := Effect{Times: math.Exp(best), Low: 0, High: math.Inf(1)}
	if s.Bad > 0 && s.OtherBad > 0 {
		e.Times = (s.Bad / s.Events) / (s.OtherBad / s.OtherEvents)
	}
	for i := range each {
		if log := -widest + narrow*float64(i); each[i] >= least {
			if i > 0 {
				e.Low = math.Exp(log - narrow)
			}
			break
		}
	}
	for i := thoughts - 1; i >= 0; i-- {
		if log := -widest + narrow*float64(i); each[i] >= least {
			if i < thoughts-1 {
				e.High = math.Exp(log + narrow)
			}
			break
		}
	}
	return e, true
}

// Excess is how many more events of the new version were bad than if it had failed as often as the others.
func (s Step) Excess() float64 {
	if s.OtherEvents <= 0 {
		return 0
	}
	return max(0, s.Bad-s.Events*s.OtherBad/s.OtherEvents)
}
