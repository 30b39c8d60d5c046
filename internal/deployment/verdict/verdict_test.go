// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// The rules look every 30 s at the last 5 minutes, for an hour from then on. So ten looks share an event.
const (
	looks   = 120
	overlap = 10
)

// A rollout is a new version beside others, or in the place of what ran an hour before.
type rollout struct {
	perSecond float64 // events of all
	share     float64 // of them that the new version has
	bad       float64 // share of the others' events
	worse     float64 // how many times as often the new version fails
	drifts    bool    // an incident of its own makes both fail ten times as often for a while
}

// poisson draws a number of events.
func poisson(r *rand.Rand, mean float64) float64 {
	if mean > 50 {
		return max(math.Round(mean+math.Sqrt(mean)*r.NormFloat64()), 0)
	}
	n, p := 0.0, r.Float64()
	for limit := math.Exp(-mean); p > limit; p *= r.Float64() {
		n++
	}
	return n
}

// found are after how many minutes the tests find that the version is worse; -1 for never.
func (o rollout) found(r *rand.Rand) (evidence, zScore float64) {
	evidence, zScore = -1, -1
	var buckets [looks + overlap]Step
	from := r.IntN(looks)
	for n := range buckets {
		rate := o.bad
		if o.drifts && n >= from && n < from+40 {
			rate = min(10*rate, 0.5)
		}
		mean := 30 * o.perSecond
		s := &buckets[n]
		good, goodOfOthers := poisson(r, mean*o.share*(1-rate*o.worse)), poisson(r, mean*(1-o.share)*(1-rate))
		s.Bad, s.OtherBad = poisson(r, mean*o.share*rate*o.worse), poisson(r, mean*(1-o.share)*rate)
		s.Events, s.OtherEvents = good+s.Bad, goodOfOthers+s.OtherBad
	}
	var sums [len(Ratios)]float64
	var all Step
	for n := range looks {
		var s Step
		for _, b := range buckets[n+1 : n+1+overlap] {
			s.Events, s.Bad, s.OtherEvents, s.OtherBad = s.Events+b.Events, s.Bad+b.Bad, s.OtherEvents+b.OtherEvents, s.OtherBad+b.OtherBad
		}
		for i, ratio := range Ratios {
			sums[i] += s.Log(ratio) / overlap
		}
		all.Events, all.Bad = all.Events+s.Events/overlap, all.Bad+s.Bad/overlap
		all.OtherEvents, all.OtherBad = all.OtherEvents+s.OtherEvents/overlap, all.OtherBad+s.OtherBad/overlap
		at := float64(n+overlap) / 2
		enough := all.Bad >= 4.5
		if evidence < 0 && enough && Evidence(sums) > 1/Alpha {
			evidence = at
		}
		pooled := (all.Bad + all.OtherBad) / (all.Events + all.OtherEvents)
		z := (all.Bad/all.Events - all.OtherBad/all.OtherEvents) / math.Sqrt(pooled*(1-pooled)*(1/all.Events+1/all.OtherEvents))
		if zScore < 0 && enough && z > 3 {
			zScore = at
		}
	}
	return evidence, zScore
}

var traffic = []struct {
	name string
	rollout
}{
	{"10 a minute, half, 5 % bad", rollout{1. / 6, 0.5, 0.05, 1, false}},
	{"1 a second, half, 1 % bad", rollout{1, 0.5, 0.01, 1, false}},
	{"20 a second, tenth, 0.1 % bad", rollout{20, 0.1, 0.001, 1, false}},
	{"20 a second, half, 1 % bad, incident", rollout{20, 0.5, 0.01, 1, true}},
	{"500 a second, hundredth, 0.1 % bad", rollout{500, 0.01, 0.001, 1, false}},
	{"500 a second, half, 1 % bad, incident", rollout{500, 0.5, 0.01, 1, true}},
}

// Deployments that are not worse, at low and at high traffic, beside what the repeated z-test did.
func TestNullDeployments(t *testing.T) {
	const deployments = 10_000
	var table strings.Builder
	table.WriteString("| traffic, share of the new version | e-process | z > 3 at each look |\n| --- | --- | --- |\n")
	for n, one := range traffic {
		r := rand.New(rand.NewPCG(uint64(n), 9))
		alarms, before := 0, 0
		for range deployments {
			evidence, z := one.found(r)
			if evidence >= 0 {
				alarms++
			}
			if z >= 0 {
				before++
			}
		}
		assert.LessOrEqual(t, alarms, int(Alpha*deployments), one.name)
		fmt.Fprintf(&table, "| %s | %.2f %% | %.2f %% |\n", one.name, float64(alarms)*100/deployments, float64(before)*100/deployments)
	}
	golden.Equal(t, "testdata/null.md", []byte(table.String()))
}

// How long it takes to find what is worse.
func TestDetection(t *testing.T) {
	var table strings.Builder
	table.WriteString("| traffic, share of the new version | fails × | e-process: found, median | z > 3: found, median |\n| --- | --- | --- | --- |\n")
	for n, one := range traffic {
		if one.drifts {
			continue
		}
		for _, worse := range []float64{1.5, 2, 4, 8} {
			r := rand.New(rand.NewPCG(uint64(n), uint64(worse*10)))
			o := one.rollout
			o.worse = worse
			var times, before []float64
			for range 1000 {
				evidence, z := o.found(r)
				if evidence >= 0 {
					times = append(times, evidence)
				}
				if z >= 0 {
					before = append(before, z)
				}
			}
			fmt.Fprintf(&table, "| %s | %g | %s | %s |\n", one.name, worse, told(times), told(before))
			if worse == 8 {
				require.Greater(t, len(times), 990, one.name)
			}
		}
	}
	golden.Equal(t, "testdata/detection.md", []byte(table.String()))
}

func told(times []float64) string {
	if len(times) == 0 {
		return "0 %"
	}
	slices.Sort(times)
	return fmt.Sprintf("%.0f %%, %.1f min", float64(len(times))/10, times[len(times)/2])
}

// The mean of a step's e-value is 1 at most, whatever the traffic.
func TestEValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, s := range []Step{{Events: 5, OtherEvents: 3}, {Events: 50, OtherEvents: 5}, {Events: 3, OtherEvents: 300}} {
		for _, ratio := range Ratios {
			sum := 0.0
			const draws = 200_000
			for range draws {
				one := s
				for n := range int(s.Events + s.OtherEvents) {
					switch {
					case r.Float64() > 0.1:
					case n < int(s.Events):
						one.Bad++
					default:
						one.OtherBad++
					}
				}
				sum += math.Exp(one.Log(ratio))
			}
			assert.Less(t, sum/draws, 1.02, "%+v × %v", s, ratio)
		}
	}
	assert.Zero(t, Step{OtherEvents: 7, OtherBad: 7}.Log(2), "without events of its own, nothing is known")
	assert.InDelta(t, 1, Evidence([len(Ratios)]float64{}), 0)
}
