// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import "github.com/cespare/xxhash/v2"

// A ring says which gateway gets the items with a key. Every gateway has a weight for every key, and the heaviest one gets the items (rendezvous hashing).
// So agents agree as soon as they have the same list, in any order; when a gateway comes, it takes its share evenly from the others, and when it
// goes, its share goes evenly to the others. Nothing else moves.
type ring struct {
	gateways []*gateway // in order of their endpoints
	seeds    []uint64   // of the same order
}

func newRing(gateways []*gateway) *ring {
	r := &ring{gateways: gateways}
	for _, g := range gateways {
		r.seeds = append(r.seeds, seed(g.endpoint))
	}
	return r
}

// owner returns the number of the gateway that gets the items with this key. There must be a gateway.
func (r *ring) owner(key uint64) int { return owner(r.seeds, key) }

func seed(endpoint string) uint64 { return xxhash.Sum64String(endpoint) }

func owner(seeds []uint64, key uint64) (heaviest int) {
	var most uint64
	for i, seed := range seeds {
		if w := weight(seed, key); w > most || i == 0 {
			heaviest, most = i, w
		}
	}
	return heaviest
}

// weight mixes the two (the last steps of MurmurHash3), so that each bit of either changes half of the bits.
func weight(seed, key uint64) uint64 {
	x := seed ^ key
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return x
}
