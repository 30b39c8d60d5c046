// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package seen

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// add reserves room and adds, as one sender does.
func (s *Set) one(hash uint64, now time.Time) bool {
	s.reserve(1, now)
	isNew := s.Add(hash)
	if !isNew {
		s.Release(1)
	}
	return isNew
}

func (s *Set) reserve(n int, now time.Time) {
	for !s.Reserve(n, now) {
		s.Advance(n, now)
	}
}

// A set says what a map says, for as long as it has to remember.
func TestSetIsAMap(t *testing.T) {
	const most = 5000
	random := rand.New(rand.NewPCG(1, 2))
	s := New(most, time.Hour, epoch)
	order := []uint64{}
	at := map[uint64]int{}
	for range 100_000 {
		hash := random.Uint64()
		if len(order) > 0 && random.IntN(3) == 0 {
			hash = order[max(0, len(order)-1-random.IntN(3*most))]
		}
		age, known := at[hash]
		age = len(order) - age
		isNew := s.one(hash, epoch)
		switch {
		case !known:
			require.True(t, isNew)
		case age <= most:
			require.False(t, isNew, "%d since then", age)
		case age > 2*most:
			require.True(t, isNew, "%d since then", age)
		}
		if isNew {
			at[hash] = len(order)
			order = append(order, hash)
		}
	}
	require.Less(t, len(s.current)+len(s.previous), 8*most)
}

func TestWindow(t *testing.T) {
	s := New(1000, 10*time.Minute, epoch)
	require.True(t, s.one(1, epoch))
	require.False(t, s.one(1, epoch.Add(10*time.Minute)))
	require.Equal(t, uint64(1), s.Generation)
	require.False(t, s.one(1, epoch.Add(19*time.Minute)))
	require.Equal(t, 19*time.Minute, s.Remembers(epoch.Add(19*time.Minute)))
	require.True(t, s.one(1, epoch.Add(20*time.Minute)))
}

func TestOneRequestIsLargerThanTheSet(t *testing.T) {
	s := New(1000, time.Hour, epoch)
	hashes := make([]uint64, 50_000)
	for i := range hashes {
		hashes[i] = rand.Uint64() | 1
	}
	require.False(t, s.Reserve(len(hashes), epoch))
	s.reserve(len(hashes), epoch)
	_, n := s.AddAll(hashes, nil)
	require.Zero(t, n)
	s.reserve(len(hashes), epoch)
	old, n := s.AddAll(hashes, nil)
	require.Equal(t, len(hashes), n)
	require.Len(t, old, len(hashes))
}

func TestAddAllMarksWhatIsOld(t *testing.T) {
	s := New(1000, time.Hour, epoch)
	require.True(t, s.Reserve(5, epoch))
	old, n := s.AddAll([]uint64{7, 0, 8, 7, 0, 9}, []bool{true, true})
	require.Equal(t, 1, n)
	require.Equal(t, []bool{false, false, false, true, false, false}, old)
}

// Of many that add the same at the same time, one is told that it is new.
func TestConcurrentAdds(t *testing.T) {
	const hashes, senders = 20_000, 8
	s := New(senders*hashes, time.Hour, epoch)
	s.reserve(senders*hashes, epoch)
	var added atomic.Int64
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(sender), 0))
			for _, i := range random.Perm(hashes) {
				if s.Add(uint64(i + 1)) { // neighbors, so that searches meet
					added.Add(1)
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, int64(hashes), added.Load())
}

func TestHash(t *testing.T) {
	h := NewHash([32]byte{1})
	require.Equal(t, h.Sum(1, 2, 3), NewHash([32]byte{1}).Sum(1, 2, 3))
	require.NotEqual(t, h.Sum(1, 2, 3), NewHash([32]byte{2}).Sum(1, 2, 3), "another seed")
	require.NotEqual(t, h.Sum(1, 2, 3), h.Sum(1, 2, 4))
	require.NotEqual(t, h.Sum(1, 2, 3), h.Sum(3, 2, 1))
	require.Equal(t, uint64(0x4e39011bca07660f), NewHash([32]byte{}).Sum(1, 2, 3, 4, 5), "the same in every release: the journal has it")
	require.Equal(t, reference([32]byte{7}, 1<<63, 2, math.MaxUint64, 4, 0), NewHash([32]byte{7}).Sum(1<<63, 2, math.MaxUint64, 4, 0))
}

// reference is the upper half of key0 + Σ key·word modulo 2^128.
func reference(seed [32]byte, words ...uint64) uint64 {
	sum := new(big.Int)
	for i := range len(words) + 1 {
		block := sha256.Sum256(append(seed[:], byte(i)))
		key := new(big.Int).SetUint64(binary.LittleEndian.Uint64(block[:]))
		key.Lsh(key, 64).Or(key, new(big.Int).SetUint64(binary.LittleEndian.Uint64(block[8:])))
		if i > 0 {
			key.Mul(key, new(big.Int).SetUint64(words[i-1]))
		}
		sum.Add(sum, key)
	}
	return sum.Rsh(sum.Mod(sum, new(big.Int).Lsh(big.NewInt(1), 128)), 64).Uint64()
}

// Each bit of a word changes half the bits of the hash, on average over seeds.
func TestHashMixes(t *testing.T) {
	for word := range 5 {
		for bit := range 64 {
			changed := 0
			const seeds = 64
			for seed := range seeds {
				h := NewHash([32]byte{byte(seed), 9})
				words := []uint64{1, 2, 3, 4, 5}
				before := h.Sum(words...)
				words[word] ^= 1 << bit
				changed += bits.OnesCount64(before ^ h.Sum(words...))
			}
			assert.InDelta(t, 32, float64(changed)/seeds, 8, "word %d, bit %d", word, bit)
		}
	}
}

func BenchmarkAddAll(b *testing.B) {
	for _, most := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("events=%d", most), func(b *testing.B) {
			s := New(most, time.Hour, epoch)
			hashes := make([]uint64, 100)
			for b.Loop() {
				for i := range hashes {
					hashes[i] = rand.Uint64()
				}
				s.reserve(len(hashes), epoch)
				if _, n := s.AddAll(hashes, nil); n > 0 {
					b.Fatal("seen")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(hashes)), "ns/event")
		})
	}
}
