// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package verdict

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEffect(t *testing.T) {
	e, ok := Of(Step{Events: 10_000, Bad: 400, OtherEvents: 10_000, OtherBad: 100})
	require.True(t, ok)
	assert.InDelta(t, 4, e.Times, 1e-9)
	assert.InDelta(t, 2.5, e.Low, 0.2)
	assert.InDelta(t, 6.6, e.High, 0.4)
	assert.InDelta(t, 300, Step{Events: 10_000, Bad: 400, OtherEvents: 10_000, OtherBad: 100}.Excess(), 1e-9)

	e, ok = Of(Step{Events: 100, Bad: 30, OtherEvents: 100_000})
	require.True(t, ok)
	assert.Greater(t, e.Low, 10.0)
	assert.True(t, math.IsInf(e.High, 1), "the others never fail")

	_, ok = Of(Step{Events: 100, OtherEvents: 100})
	assert.False(t, ok, "nothing failed")
	_, ok = Of(Step{Events: 100, Bad: 1})
	assert.False(t, ok, "nothing to compare with")
	assert.Zero(t, Step{Events: 100, Bad: 1, OtherEvents: 100, OtherBad: 2}.Excess())
}

// Of 2,000 rollouts each, the true number is ever outside of the interval in at most 1 %, at 120 looks.
func TestIntervalHoldsTheTruthAtAllTimes(t *testing.T) {
	for _, one := range []struct{ share, bad, times float64 }{{0.5, 0.01, 1}, {0.1, 0.02, 1}, {0.5, 0.01, 3}, {0.1, 0.02, 8}, {0.5, 0.05, 0.5}} {
		missed := 0
		for seed := range uint64(2000) {
			r := rand.New(rand.NewPCG(seed, uint64(one.times*100)))
			var all Step
			for range looks {
				const events = 200.0
				all.Events += events * one.share
				all.OtherEvents += events * (1 - one.share)
				all.Bad += poisson(r, events*one.share*one.bad*one.times)
				all.OtherBad += poisson(r, events*(1-one.share)*one.bad)
				if e, ok := Of(all); ok && (e.Low > one.times || e.High < one.times) {
					missed++
					break
				}
			}
		}
		assert.LessOrEqual(t, float64(missed)/2000, Alpha, "%+v", one)
		t.Logf("%+v: %d of 2000", one, missed)
	}
}
