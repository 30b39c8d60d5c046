// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestErrorBudgetIsExact(t *testing.T) {
	for objective, want := range map[float64]float64{99.9: 0.001, 99.95: 0.0005, 99.99: 0.0001, 99: 0.01, 50: 0.5, 99.999: 0.00001} {
		s := &SLO{Objective: objective}
		assert.Equal(t, want, s.ErrorBudget(), objective)
	}
	assert.Equal(t, 0.999, (&SLO{Objective: 99.9}).ObjectiveRatio())
}

func TestBurnFactors(t *testing.T) {
	factors := func(objective float64, w Window) (factors []float64, clamped []bool) {
		for _, p := range (&SLO{Objective: objective, Window: w}).BurnPairs() {
			factors, clamped = append(factors, p.Factor), append(clamped, p.Clamped)
		}
		return factors, clamped
	}
	const day = 24 * time.Hour
	for _, c := range []struct {
		objective float64
		window    Window
		factors   []float64
		clamped   []bool
	}{
		{99.9, Window{Rolling: 30 * day}, []float64{14.4, 6, 3, 1}, []bool{false, false, false, false}},
		{99.9, Window{Rolling: 28 * day}, []float64{13.44, 5.6, 2.8, 1}, []bool{false, false, false, true}},
		{99.9, Window{Calendar: &Calendar{Unit: Month, Location: time.UTC}}, []float64{14.4, 6, 3, 1}, []bool{false, false, false, false}},
		{99.9, Window{Calendar: &Calendar{Unit: Week, Location: time.UTC}}, []float64{3.36, 1.4, 1, 1}, []bool{false, false, true, true}},
		{90, Window{Rolling: 30 * day}, []float64{9.9, 6, 3, 1}, []bool{true, false, false, false}},
		{50, Window{Rolling: 30 * day}, []float64{1.98, 1.98, 1.98, 1}, []bool{true, true, true, false}},
	} {
		got, clamped := factors(c.objective, c.window)
		assert.InDeltaSlice(t, c.factors, got, 1e-9, "%v %s", c.objective, c.window)
		assert.Equal(t, c.clamped, clamped, "%v %s", c.objective, c.window)
	}
}

// TestEveryAlertCanFire: a total outage is above every pair's factor, and a service that
// just meets its objective is above none.
func TestEveryAlertCanFire(t *testing.T) {
	for _, objective := range []float64{0.5, 10, 50, 90, 99, 99.9, 99.999} {
		for _, window := range []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 366 * 24 * time.Hour} {
			s := &SLO{Objective: objective, Window: Window{Rolling: window}}
			for _, p := range s.BurnPairs() {
				assert.Less(t, p.Factor*s.ErrorBudget(), 1.0, "%v %s %s", objective, s.Window, p.Name)
				if objective >= 1 { // below, even a total outage hardly burns
					assert.GreaterOrEqual(t, p.Factor, 1.0, "%v %s %s", objective, s.Window, p.Name)
				}
			}
		}
	}
}
