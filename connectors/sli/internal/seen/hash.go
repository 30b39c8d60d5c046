// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package seen

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// maxWords is the most words that an identity has.
const maxWords = 12

// A Hash is a family member of multilinear hashing: the upper half of key0 + Σ key·word modulo 2^128. It is strongly universal:
// two different identities of the same number of words, whatever they are, have the same value with probability 2^-64 over the
// keys, which are secret. So nobody who does not know the seed can make identities that collide.
type Hash struct{ hi, lo [maxWords + 1]uint64 }

// NewHash derives the keys from a secret seed. The same seed gives the same hash in every release.
func NewHash(seed [32]byte) *Hash {
	h := &Hash{}
	for i := range h.hi {
		block := sha256.Sum256(append(seed[:], byte(i)))
		h.hi[i], h.lo[i] = binary.LittleEndian.Uint64(block[:]), binary.LittleEndian.Uint64(block[8:])
	}
	return h
}

// Sum hashes at most maxWords words. It is never 0.
func (h *Hash) Sum(words ...uint64) uint64 {
	hi, lo := h.hi[0], h.lo[0]
	for i, word := range words {
		upper, lower := bits.Mul64(h.lo[i+1], word)
		upper += h.hi[i+1] * word
		var carry uint64
		lo, carry = bits.Add64(lo, lower, 0)
		hi, _ = bits.Add64(hi, upper, carry)
	}
	return max(hi, 1)
}
