// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// The window finds what a list of all spans finds, also when the numbers of chunks overflow.
func TestWindowFindsWhatItHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	w := newWindow()
	w.first = math.MaxUint32 - 20
	type held struct {
		*chunk
		span uint32
	}
	var all []held
	for range 2000 {
		switch random.IntN(4) {
		case 0, 1:
			c := &chunk{}
			for range 1 + random.IntN(5) {
				c.spans = append(c.spans, heldSpan{trace: traceID(random.Uint64N(20))})
			}
			w.add(c)
			for i := range c.spans {
				all = append(all, held{c, uint32(i)})
			}
		case 2:
			if c := w.oldest(); c != nil {
				w.leave()
				kept := all[:0]
				for _, h := range all {
					if h.chunk != c {
						kept = append(kept, h)
					}
				}
				all = kept
			}
		case 3:
			id := traceID(random.Uint64N(20))
			want := map[held]bool{}
			kept := all[:0]
			for _, h := range all {
				if h.spans[h.span].trace == id {
					want[h] = true
				} else {
					kept = append(kept, h)
				}
			}
			all = kept
			got := w.of(id, nil)
			w.take(id, got)
			for _, f := range got {
				require.True(t, want[held{f.chunk, f.span}])
				delete(want, held{f.chunk, f.span})
			}
			require.Empty(t, want)
		}
	}
	for w.oldest() != nil {
		w.leave()
	}
	require.Zero(t, w.bytes)
	require.Empty(t, w.newest)
	require.Less(t, w.first, uint32(1<<31), "it has overflown")
}

func TestDecisionsAreForgotten(t *testing.T) {
	d := newDecisions(2, math.MaxInt64)
	var none pcommon.TraceID
	require.True(t, d.put(traceID(1), decision{outcome: share, threshold: 5}))
	require.False(t, d.put(traceID(1), decision{outcome: dropped}))
	require.True(t, d.put(traceID(1), decision{outcome: bad}))
	require.Equal(t, decision{outcome: bad}, d.get(traceID(1)))
	require.Equal(t, decision{}, d.get(none))
	for n := range uint64(4) {
		d.put(traceID(10+n), decision{outcome: dropped})
		d.rotate(d.since)
		require.LessOrEqual(t, len(d.young)+len(d.old), 4)
	}
	require.Equal(t, decision{}, d.get(traceID(1)), "nothing asked for it")
}
