// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment/verdict"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// A release is simulated: an hour in steps of 15 seconds, with a look at each.
type release struct {
	perSecond float64 // events of all
	share     float64 // of them that the new version has
	allowed   float64 // share that the objective lets fail
	usual     float64 // how many times as many as allowed usually fail
	incident  bool    // for ten minutes everything fails ten times as often
	slos      int     // of which the new version is worse in the first
}

const (
	stepSeconds = 15
	steps       = 240
)

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

// run is the verdict, and after how many steps.
func (o release) run(r *rand.Rand, worse float64) (Verdict, int) {
	tallies, slos := make([]*tally, o.slos), make([]SLO, o.slos)
	for i := range tallies {
		tallies[i], slos[i].minimum = &tally{allowed: o.allowed}, 5
	}
	from := r.IntN(steps)
	for n := range steps {
		for i, t := range tallies {
			rate, times := o.allowed*o.usual, 1.0
			if o.incident && n >= from && n < from+40 {
				rate *= 10
			}
			if i == 0 {
				times = worse
			}
			mean := stepSeconds * o.perSecond
			s := verdict.Step{Bad: poisson(r, mean*o.share*min(1, rate*times)), OtherBad: poisson(r, mean*(1-o.share)*rate)}
			s.Events = s.Bad + poisson(r, mean*o.share*max(0, 1-rate*times))
			s.OtherEvents = s.OtherBad + poisson(r, mean*(1-o.share)*(1-rate))
			t.add(s, Beside, false)
			slos[i].Verdict = Inconclusive
			if t.passes() {
				slos[i].Verdict = Pass
			}
		}
		if v, _, _ := decide(tallies, slos); v != Inconclusive {
			return v, n + 1
		}
	}
	return Inconclusive, steps
}

var releases = []struct {
	name string
	release
}{
	{"10 a minute, half, 99 %", release{1. / 6, 0.5, 0.01, 0.2, false, 1}},
	{"1 a second, tenth, 99 %", release{1, 0.1, 0.01, 0.2, false, 1}},
	{"1 a second, half, 99 %, 3 SLOs", release{1, 0.5, 0.01, 0.2, false, 3}},
	{"20 a second, tenth, 99.9 %", release{20, 0.1, 0.001, 0.2, false, 1}},
	{"20 a second, half, 99.9 %, incident", release{20, 0.5, 0.001, 0.2, true, 1}},
	{"500 a second, hundredth, 99.9 %, 3 SLOs", release{500, 0.01, 0.001, 0.2, false, 3}},
}

// Of 2,000 simulated releases each, good ones are failed, and harmful ones passed, in at most the stated share.
func TestErrorRates(t *testing.T) {
	const deployments = 2000
	var table strings.Builder
	table.WriteString("| traffic, share of the new version, objective | fails × | burns | fail | pass | inconclusive after 1 h | median time to fail, pass |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for n, one := range releases {
		for _, worse := range []float64{1, 5, 10, 50, 200} {
			r := rand.New(rand.NewPCG(uint64(n), uint64(worse)))
			times := map[Verdict][]int{}
			for range deployments {
				v, after := one.run(r, worse)
				times[v] = append(times[v], after)
			}
			share := func(v Verdict) float64 { return float64(len(times[v])) / deployments }
			if worse == 1 {
				assert.LessOrEqual(t, share(Fail), verdict.Alpha, one.name)
			}
			if worse*one.usual >= Harm {
				assert.LessOrEqual(t, share(Pass), Miss, "%s × %g", one.name, worse)
			}
			fmt.Fprintf(&table, "| %s | %g | %g × | %.2f %% | %.2f %% | %.2f %% | %s, %s |\n", one.name, worse, worse*one.usual, 100*share(Fail), 100*share(Pass), 100*share(Inconclusive), median(times[Fail]), median(times[Pass]))
		}
	}
	const docs, rates = "../../docs/gates.md", "testdata/rates.md"
	before, err := os.ReadFile(rates)
	require.NoError(t, err)
	golden.Equal(t, rates, []byte(table.String()))
	page, err := os.ReadFile(docs)
	require.NoError(t, err)
	if golden.Update() {
		page = bytes.Replace(page, before, []byte(table.String()), 1)
		require.NoError(t, os.WriteFile(docs, page, 0o644))
	}
	assert.True(t, bytes.Contains(page, []byte(table.String())), "docs/gates.md has another table than testdata/rates.md: copy it")
}

func median(steps []int) string {
	if len(steps) == 0 {
		return "–"
	}
	slices.Sort(steps)
	return fmt.Sprintf("%.1f min", float64(steps[len(steps)/2])*stepSeconds/60)
}

// The same, where no other version runs or ran: the objective is what the version is compared with.
func TestErrorRatesWithoutABaseline(t *testing.T) {
	for _, one := range []struct{ burns, most float64 }{{0.5, verdict.Alpha}, {1, verdict.Alpha}, {2, Miss}, {4, Miss}} {
		r := rand.New(rand.NewPCG(9, uint64(10*one.burns)))
		wrong := 0
		for range 2000 {
			tl, slo := &tally{allowed: 0.01}, []SLO{{minimum: 5}}
			for range steps {
				bad := poisson(r, 20*0.01*one.burns)
				tl.add(verdict.Step{Events: bad + poisson(r, 20*(1-0.01*one.burns)), Bad: bad}, "", false)
				if slo[0].Verdict = Inconclusive; tl.passes() {
					slo[0].Verdict = Pass
				}
				if v, _, _ := decide([]*tally{tl}, slo); v != Inconclusive {
					if v == Fail && one.burns <= 1 || v == Pass && one.burns >= Harm {
						wrong++
					}
					break
				}
			}
		}
		assert.LessOrEqual(t, float64(wrong)/2000, one.most, "burns %g", one.burns)
	}
}

// E-values have a mean of at most 1 where what they speak against is true.
func TestMeansOfEvidence(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const allowed, draws = 0.05, 100_000
	draw := func(n int, rate float64) (bad float64) {
		for range n {
			if r.Float64() < rate {
				bad++
			}
		}
		return bad
	}
	for _, rate := range []float64{Harm * allowed, 3 * allowed, 0.5} {
		harmless, missing := 0.0, 0.0
		for range draws {
			var harmful, keeps tally
			harmful.allowed, keeps.allowed = allowed, allowed
			harmful.add(verdict.Step{Events: 20, Bad: draw(20, rate), OtherEvents: 30, OtherBad: draw(30, rate/Harm)}, Beside, false)
			keeps.add(verdict.Step{Events: 20, Bad: draw(20, allowed)}, "", false)
			harmless += harmful.oddsHarmless()
			missing += keeps.oddsWorse()
		}
		assert.LessOrEqual(t, harmless/draws, 1.02, "%g", rate)
		assert.LessOrEqual(t, missing/draws, 1.02)
	}
}

// A version that is good for an hour and then fails ten times as often is found in minutes, and one that stays good is not.
func TestAVersionThatBecomesBad(t *testing.T) {
	const (
		deployments = 500
		changes     = steps + 10
		soon        = 15 // steps
	)
	found, wrong := 0, 0
	for seed := range uint64(deployments) {
		r := rand.New(rand.NewPCG(seed, 5))
		tl := &tally{allowed: 0.01}
		for n := range changes + soon {
			rate := 0.002
			if n >= changes {
				rate = 0.02
			}
			s := verdict.Step{Bad: poisson(r, 100*rate), OtherBad: poisson(r, 400*0.002)}
			s.Events, s.OtherEvents = s.Bad+poisson(r, 100*(1-rate)), s.OtherBad+poisson(r, 400*0.998)
			tl.add(s, Beside, false)
			if v, _, _ := decide([]*tally{tl}, []SLO{{minimum: 5}}); v == Fail {
				if n < changes {
					wrong++
				} else {
					found++
				}
				break
			}
		}
	}
	assert.LessOrEqual(t, float64(wrong)/deployments, verdict.Alpha)
	assert.GreaterOrEqual(t, float64(found)/deployments, 0.9, "%d of %d within four minutes", found, deployments)
}

func TestIntervalHoldsTheTruthAtAllTimes(t *testing.T) {
	for _, rate := range []float64{0.001, 0.02, 0.3} {
		missed := 0
		for seed := range uint64(2000) {
			r := rand.New(rand.NewPCG(seed, 3))
			events, bad := 0.0, 0.0
			for range 60 {
				events += 50
				for range 50 {
					if r.Float64() < rate {
						bad++
					}
				}
				if low, high := interval(events, bad); rate < low || rate > high {
					missed++
					break
				}
			}
		}
		assert.LessOrEqual(t, float64(missed)/2000, verdict.Alpha, "%g", rate)
	}
	low, high := interval(100, 0)
	assert.Zero(t, low)
	assert.InDelta(t, 0.072, high, 0.01)
	low, high = interval(100, 100)
	assert.InDelta(t, 0.928, low, 0.01)
	assert.InDelta(t, 1, high, 0)
}

func TestNumbers(t *testing.T) {
	text, err := json.Marshal([]Number{0.5, unknown, Number(math.Inf(1))})
	require.NoError(t, err)
	assert.JSONEq(t, "[0.5, null, null]", string(text))
	var back []Number
	require.NoError(t, json.Unmarshal(text, &back))
	assert.True(t, back[0].Known() && !back[1].Known())
	require.Error(t, json.Unmarshal([]byte(`["x"]`), &back))
}
