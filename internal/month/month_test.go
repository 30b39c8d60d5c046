// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package month

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// The month of a time zone begins and ends there, whatever the clocks do.
func TestParse(t *testing.T) {
	now := time.Date(2026, time.November, 10, 8, 0, 30, 0, time.UTC)
	m, err := Parse("2026-10", "Europe/Madrid", now, "--month", "--time-zone")
	require.NoError(t, err)
	assert.Equal(t, "2026-09-30T22:00:00Z", m.From.UTC().Format(time.RFC3339))
	assert.Equal(t, "2026-10-31T23:00:00Z", m.To.UTC().Format(time.RFC3339))
	assert.False(t, m.Running)
	m, err = Parse("2026-11", "UTC", now, "--month", "--time-zone")
	require.NoError(t, err)
	assert.Equal(t, "2026-11-10T08:00:00Z", m.To.UTC().Format(time.RFC3339))
	assert.True(t, m.Running)
	for name, zone := range map[string]string{"2026-10": "Local", "2026-13": "UTC", "2026-12": "UTC", "": "UTC"} {
		_, err := Parse(name, zone, now, "month", "zone")
		assert.Error(t, err, name)
	}
}

// steady are ten events a minute, one of a thousand bad, but for gaps.
type steady struct {
	begin time.Time
	gaps  []Gap
}

func (s steady) Between(from, to time.Time) (bad, total float64) {
	total = 10 * s.Measured(from, to).Minutes()
	return total / 1000, total
}

func (s steady) Measured(from, to time.Time) time.Duration {
	if from.Before(s.begin) {
		from = s.begin
	}
	length := to.Sub(from)
	for _, g := range s.Gaps(from, to) {
		length -= g.To.Sub(g.From)
	}
	return max(length, 0)
}

func (s steady) Gaps(from, to time.Time) (all []Gap) {
	for _, g := range append([]Gap{{time.Unix(0, 0), s.begin}}, s.gaps...) {
		if g.From.Before(from) {
			g.From = from
		}
		if g.To.After(to) {
			g.To = to
		}
		if g.From.Before(g.To) {
			all = append(all, g)
		}
	}
	return all
}

// In a month of steady traffic, what is spent of the whole month grows with the time that was measured; and at worst, each minute of a gap has spent as
// much as a minute without an answer.
func TestSpentAndAtWorst(t *testing.T) {
	service := &catalog.Service{Name: "a", SLOs: []*catalog.SLO{{Name: "availability", Objective: 99.9, Window: catalog.Window{Rolling: 30 * 24 * time.Hour}}}}
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	at := func(d int) time.Time { return from.AddDate(0, 0, d) }
	for name, c := range map[string]struct {
		events     steady
		now        time.Time
		all, worst float64
	}{
		"over":                 {steady{begin: at(-60)}, at(40), 1, math.NaN()},
		"a third":              {steady{begin: at(-60)}, at(10), 1. / 3, math.NaN()},
		"new":                  {steady{begin: at(7)}, at(10), 0.1, math.NaN()},
		"a day is missing":     {steady{begin: at(-60), gaps: []Gap{{at(5), at(6)}}}, at(40), 1, 29./30 + 1./30/0.001},
		"of a running month":   {steady{begin: at(-60), gaps: []Gap{{at(1), at(2)}}}, at(20), 19. / 30, 19./30 + 1./30/0.001},
		"in the last week":     {steady{begin: at(-60), gaps: []Gap{{at(15), at(16)}}}, at(20), 19. / 30, 19./30 + 1./30/0.001},
		"across its beginning": {steady{begin: at(-60), gaps: []Gap{{at(-1), at(1)}}}, at(20), 19. / 30, 19./30 + 1./30/0.001},
		"too short":            {steady{begin: at(-60), gaps: []Gap{{at(12), at(12).Add(4 * time.Minute)}}}, at(20), 2. / 3, math.NaN()},
		"before the month":     {steady{begin: at(-60), gaps: []Gap{{at(-20), at(-19)}}}, at(20), 2. / 3, math.NaN()},
	} {
		m, err := Parse("2026-11", "UTC", c.now, "", "")
		require.NoError(t, err)
		s := m.Summarize(service, service.SLOs[0], c.events)
		assert.InEpsilon(t, c.all, s.Spent, 1e-3, name)
		if math.IsNaN(c.worst) {
			assert.True(t, math.IsNaN(s.AtWorst), name)
		} else {
			assert.InEpsilon(t, c.worst, s.AtWorst, 1e-3, name)
		}
	}
}
