// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// The bound in PromQL is that of the binomial distribution, or a little above, wherever the threshold of the pair asks for fewer failures.
func TestBoundIsExact(t *testing.T) {
	compared := 0
	for _, pair := range catalog.DefaultBurnPairs {
		alpha := chanceAlertsPerYear * float64(pair.Long) / float64(year)
		for _, budget := range []float64{1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1} {
			b := chance(budget, pair.Long)
			for total := 1.0; total*budget <= enoughExpected; total = math.Ceil(total * 1.05) {
				exact := 1.0
				for (distuv.Binomial{N: total, P: budget}).Survival(exact-1) > alpha { // P(X >= exact)
					exact++
				}
				bad := 1.0
				for !b.exceeded(bad, total) {
					bad++
				}
				if threshold := 14.4 * budget * total; pair.Name == "Critical" && threshold >= bad || pair.Name == "High" && 6*budget*total >= bad {
					continue
				}
				if exact > total {
					continue // it cannot be
				}
				compared++
				require.GreaterOrEqual(t, bad, exact, "%s, budget %v, %v events", pair.Name, budget, total)
				require.LessOrEqual(t, bad, exact+2, "%s, budget %v, %v events", pair.Name, budget, total)
			}
		}
	}
	assert.Greater(t, compared, 2000)
}

// The bound leaves out no failures that matter: a single one never alerts, and more than a few always do.
func TestBoundOfManyEvents(t *testing.T) {
	for _, pair := range catalog.DefaultBurnPairs {
		b := chance(0.001, pair.Long)
		assert.False(t, b.exceeded(1, 1), "a single failure")
		assert.False(t, b.exceeded(0, 1e9))
		assert.False(t, b.exceeded(0, 0))
		assert.True(t, b.exceeded(18, 1e9), "%s: the threshold says more", pair.Name)
	}
}
