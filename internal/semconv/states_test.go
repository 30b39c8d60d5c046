// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package semconv

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWorstFirst(t *testing.T) {
	unknown := math.NaN()
	want := []Health{
		{StateBurningFast, 20, 0.9}, {StateBurningFast, 15, 0.1}, {StateExhausted, 0, -1}, {StateBurningSlow, 8, 1}, {StateNoData, unknown, unknown},
		{"of a later version", 1, 1}, {StateNew, 0, 1}, {StateOK, 0.5, 0.1}, {StateOK, 0.5, 0.2}, {StateOK, 0, 1}, {StateOK, unknown, 0.5}, {StateIdle, 0, 1},
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, Health.Compare)
	for i := range want {
		assert.Equal(t, want[i].State, got[i].State, i)
		assert.InDelta(t, want[i].BurnRate+want[i].Remaining, got[i].BurnRate+got[i].Remaining, 0, i)
	}
	assert.True(t, StateBurningFast.Urgent())
	assert.False(t, StateIdle.Urgent())
	assert.True(t, StateNoData.Worse(StateUnknown))
}
