// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The new card check breaks half of the charges, the same ones in each run, and takes no decision from the other faults.
func TestRefuses(t *testing.T) {
	a, b := newFaults(1, payment), newFaults(1, payment)
	refused := 0
	for range 10_000 {
		again := a.refuses()
		assert.Equal(t, again, b.refuses())
		if again {
			refused++
		}
	}
	assert.InDelta(t, 5000, refused, 200)
	assert.InDelta(t, newFaults(1, payment).errors.Float64(), a.errors.Float64(), 0)
}
