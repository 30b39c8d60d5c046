// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// book has the same minutes at each place.
type book []Minute

func (b book) Places(SLO) ([]Place, bool) { return nil, true }

func (b book) Minutes(_ SLO, _ Place, day time.Time, _ bool) (all []Minute) {
	for _, m := range b {
		if time.Unix(60*m.Start, 0).UTC().Truncate(Day).Equal(day) {
			all = append(all, m)
		}
	}
	return all
}

// What is written is read, to the last fraction of an event; and a stream that is cut off anywhere is not taken for a whole one.
func TestStream(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var minutes book
	for at := begin.Unix() / 60; at < begin.Add(40*time.Hour).Unix()/60; at++ {
		if random.IntN(3) > 0 {
			minutes = append(minutes, Minute{at, float64(random.Int64N(1<<40)) / 256, float64(random.IntN(1000)) / 256})
		}
	}
	places := []Place{
		{Environment: "production", Group: map[string]string{"region": "\x00<é>"}, Measured: []Span{{begin, begin.Add(time.Hour)}}, Unmeasured: []Gap{{Span{begin.Add(time.Hour), begin.Add(Day)}, Stopped}}}, {},
	}
	var b bytes.Buffer
	require.NoError(t, Write(t.Context(), &b, minutes, SLO{Name: "x"}, places, begin, begin.Add(2*Day)))
	require.NoError(t, End(&b))
	read := func(text string) (begun []Place, found []Minute, err error) {
		err = Read(strings.NewReader(text), func(slo string, at Place) error {
			require.Equal(t, "x", slo)
			begun = append(begun, at)
			return nil
		}, func(day []Minute) error {
			found = append(found, day...)
			return nil
		})
		return begun, found, err
	}
	begun, found, err := read(b.String())
	require.NoError(t, err)
	assert.Equal(t, places, begun)
	assert.Equal(t, append(append([]Minute{}, minutes...), minutes...), found)
	for range 50 {
		_, _, err := read(b.String()[:random.IntN(b.Len()-len("\n"))])
		require.Error(t, err)
	}

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Write(gone, &bytes.Buffer{}, minutes, SLO{Name: "x"}, places, begin, begin.Add(Day)), context.Canceled)
	require.ErrorIs(t, Write(t.Context(), full{}, minutes, SLO{Name: "x"}, places, begin, begin.Add(Day)), errFull)
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func FuzzRead(f *testing.F) {
	f.Add(`{"slo":"x","measured":[["2026-11-01T00:00:00Z","2026-11-02T00:00:00Z"]]}` + "\n" + `{"day":"2026-11-01T00:00:00Z","minutes":[[0,1,0],[7,1.5,0]]}` + "\n" + `{"end":true}`)
	f.Fuzz(func(t *testing.T, text string) {
		last := int64(-1 << 62)
		_ = Read(strings.NewReader(text), func(string, Place) error {
			last = -1 << 62
			return nil
		}, func(day []Minute) error {
			require.LessOrEqual(t, len(day), MinutesPerDay)
			for _, m := range day {
				require.Greater(t, m.Start, last)
				require.True(t, m.Good >= 0 && m.Bad >= 0)
				last = m.Start
			}
			return nil
		})
	})
}
