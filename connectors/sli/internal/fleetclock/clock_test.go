// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package fleetclock

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A fleet is senders by id. Each returns the age of its newest event, as a clock that is right sees it, after a time.
type fleet map[uint64]func(after time.Duration) time.Duration

func live(time.Duration) time.Duration { return 2 * time.Second }

func wrong(by time.Duration) func(time.Duration) time.Duration {
	return func(time.Duration) time.Duration { return 2*time.Second - by }
}

// backlog is delivered at a multiple of the speed at which it came about.
func backlog(age time.Duration, speed float64) func(time.Duration) time.Duration {
	return func(after time.Duration) time.Duration {
		return max(0, age-time.Duration(float64(after)*(speed-1)))
	}
}

func (f fleet) with(id uint64, age func(time.Duration) time.Duration, n int) fleet {
	for i := range n {
		f[id+uint64(i)] = age
	}
	return f
}

// Each sends every five seconds for as long as is given. ahead is how far the own clock is from the right one.
func (f fleet) offset(ahead, length time.Duration) time.Duration {
	var c Clock
	random := rand.New(rand.NewPCG(1, uint64(len(f))))
	for after := time.Duration(0); after < length; after += 5 * time.Second {
		right := epoch.Add(after)
		for id, age := range f {
			jitter := time.Duration(random.Int64N(int64(4 * time.Second)))
			c.Observe(id, right.Add(-age(after)-jitter), right.Add(ahead+time.Duration(id)))
		}
	}
	return c.Offset()
}

func TestOffset(t *testing.T) {
	const minutes = 5 * time.Minute
	for name, test := range map[string]struct {
		fleet fleet
		ahead time.Duration
		for_  time.Duration
		want  time.Duration
	}{
		"the clock is right":                             {fleet{}.with(1, live, 10), 0, minutes, 0},
		"a day ahead":                                    {fleet{}.with(1, live, 10), 25 * time.Hour, minutes, -25 * time.Hour},
		"an hour behind":                                 {fleet{}.with(1, live, 10), -time.Hour, minutes, time.Hour},
		"not proven yet":                                 {fleet{}.with(1, live, 10), time.Hour, Proof, 0},
		"two senders are too few":                        {fleet{}.with(1, live, 2), time.Hour, minutes, 0},
		"three are enough":                               {fleet{}.with(1, live, 3), time.Hour, minutes, -time.Hour},
		"one sender with a wrong clock":                  {fleet{}.with(1, live, 3).with(9, wrong(time.Hour), 1), 0, minutes, 0},
		"one sender alone with a wrong clock":            {fleet{}.with(9, wrong(time.Hour), 1), 0, minutes, 0},
		"some with a wrong clock":                        {fleet{}.with(1, live, 6).with(9, wrong(-time.Hour), 5), 0, minutes, 0},
		"one with a wrong clock while the own is wrong":  {fleet{}.with(1, live, 3).with(9, wrong(3*time.Hour), 1), time.Hour, minutes, -time.Hour},
		"most have wrong clocks, each another":           {fleet{}.with(1, wrong(time.Hour), 1).with(2, wrong(2*time.Hour), 1).with(3, wrong(4*time.Hour), 1), 0, minutes, 0},
		"a backlog of many senders, fast":                {fleet{}.with(1, backlog(72*time.Hour, 100), 10), 0, minutes, 0},
		"a backlog of many senders at one and a half":    {fleet{}.with(1, backlog(72*time.Hour, 1.5), 10), 0, minutes, 0},
		"a backlog beside live senders":                  {fleet{}.with(1, backlog(72*time.Hour, 20), 4).with(20, live, 5), 0, minutes, 0},
		"more senders than have a vote, a day ahead":     {fleet{}.with(1, live, maxSenders+100), 25 * time.Hour, 2 * time.Minute, -25 * time.Hour},
		"event times that are no times, of many senders": {fleet{}.with(1, wrong(-200*365*24*time.Hour), 10), 0, Proof, 0},
	} {
		t.Run(name, func(t *testing.T) {
			assert.InDelta(t, test.want.Seconds(), test.fleet.offset(test.ahead, test.for_).Seconds(), 10)
		})
	}
}

// When the own clock is set right, the correction ends with the next votes.
func TestTheOwnClockIsSetRight(t *testing.T) {
	var c Clock
	for second := range 180 {
		own := epoch.Add(time.Duration(second) * time.Second)
		if second < 120 {
			own = own.Add(time.Hour)
		}
		for id := range uint64(5) {
			c.Observe(id, epoch.Add(time.Duration(second)*time.Second), own)
		}
		if second == 119 {
			assert.Equal(t, -time.Hour, c.Offset())
		}
	}
	assert.Zero(t, c.Offset())
}

func TestSilentSendersHaveNoVote(t *testing.T) {
	var c Clock
	for second := range 90 {
		for id := range uint64(5) {
			c.Observe(id, epoch.Add(time.Duration(second)*time.Second), epoch.Add(time.Hour+time.Duration(second)*time.Second))
		}
	}
	assert.Equal(t, -time.Hour, c.Offset())
	c.Observe(99, epoch, epoch.Add(2*time.Hour))
	assert.Zero(t, c.Offset())
	assert.Len(t, c.senders, 1)
}
