// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unchanged lives two hours with a flag that gives each user always the same, and says what was seen of it. Users ask up to three times in a row.
func unchanged(r *rand.Rand, share float64, users, most, every int) []string {
	w := newWorld(Default())
	given := make([]string, users)
	for i := range given {
		given[i] = "off"
		if r.Float64() < share {
			given[i] = "on"
		}
	}
	for n := range 24 * 60 {
		if n%every == 0 {
			for range 1 + r.IntN(most) {
				user := r.IntN(users)
				for range 1 + r.IntN(3) {
					w.give(payment, "flag", given[user])
				}
			}
		}
		w.look(5 * time.Second)
	}
	return w.said
}

// shares are those of flags: for nobody, for a few, for any part of the users.
func shareOf(r *rand.Rand, n int) float64 {
	switch n % 3 {
	case 0:
		return 0
	case 1:
		return r.Float64() * r.Float64() * 0.1
	default:
		return r.Float64()
	}
}

// At little traffic, one user who asks three times is most of what is known. docs/decisions/0042-changes-besides-deployments.md has the figures for more seeds.
func TestNoFlipAtLittleTraffic(t *testing.T) {
	flipped := 0
	for n := range 500 {
		r := rand.New(rand.NewPCG(uint64(n), 7))
		share := shareOf(r, n)
		if said := unchanged(r, share, 20+r.IntN(2000), 1+r.IntN(3), 1+r.IntN(12)); len(said) > 0 {
			flipped++
			t.Log(n, share, said)
		}
	}
	assert.Zero(t, flipped, "of 500 flags in two hours")
}

func TestNoFlipAtMuchTraffic(t *testing.T) {
	flags := 100
	if testing.Short() {
		flags = 10
	}
	for n := range flags {
		r := rand.New(rand.NewPCG(uint64(n), 8))
		require.Empty(t, unchanged(r, shareOf(r, n), 20+r.IntN(20_000), 30+r.IntN(170), 1), n)
	}
}
