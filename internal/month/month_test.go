// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package month

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
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
	for _, g := range append([]Gap{{From: time.Unix(0, 0), To: s.begin}}, s.gaps...) {
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

func (s steady) Unmeasured(from, to time.Time) []Gap { return s.Gaps(from, to) }

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
		"a day is missing":     {steady{begin: at(-60), gaps: []Gap{{From: at(5), To: at(6)}}}, at(40), 1, 29./30 + 1./30/0.001},
		"of a running month":   {steady{begin: at(-60), gaps: []Gap{{From: at(1), To: at(2)}}}, at(20), 19. / 30, 19./30 + 1./30/0.001},
		"in the last week":     {steady{begin: at(-60), gaps: []Gap{{From: at(15), To: at(16)}}}, at(20), 19. / 30, 19./30 + 1./30/0.001},
		"across its beginning": {steady{begin: at(-60), gaps: []Gap{{From: at(-1), To: at(1)}}}, at(20), 19. / 30, 19./30 + 1./30/0.001},
		"too short":            {steady{begin: at(-60), gaps: []Gap{{From: at(12), To: at(12).Add(4 * time.Minute)}}}, at(20), 2. / 3, math.NaN()},
		"before the month":     {steady{begin: at(-60), gaps: []Gap{{From: at(-20), To: at(-19)}}}, at(20), 2. / 3, math.NaN()},
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

// lossy has lost some of what was measured.
type lossy struct {
	steady
	lost []Gap
}

func (l lossy) Unmeasured(from, to time.Time) []Gap {
	return append(l.Gaps(from, to), Clip(l.lost, from, to)...)
}

// What was not measured is shown with its causes, without the times in which nothing counts; damage lowers the measured share only.
func TestUnmeasured(t *testing.T) {
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	at := func(d, h int) time.Time { return from.Add(time.Duration(24*d+h) * time.Hour) }
	service := &catalog.Service{
		Name: "a", SLOs: []*catalog.SLO{{Name: "availability", Objective: 99.9, Window: catalog.Window{Rolling: 30 * 24 * time.Hour}}},
		Maintenance: []catalog.Maintenance{{Start: at(4, 6), End: at(4, 9)}, {Start: at(7, 0), End: at(8, 0)}},
	}
	sound := steady{begin: at(2, 0), gaps: []Gap{
		{at(4, 0), at(4, 12), ledger.Stopped}, {at(7, 1), at(7, 5), ledger.NoCounters}, {at(9, 0), at(9, 0).Add(time.Minute), ledger.Stopped},
	}}
	e := lossy{sound, []Gap{{at(12, 0), at(13, 0), ledger.Damaged}}}
	m, err := Parse("2026-11", "UTC", at(40, 0), "", "")
	require.NoError(t, err)
	before, after := m.Summarize(service, service.SLOs[0], sound), m.Summarize(service, service.SLOs[0], e)
	assert.Equal(t, []Gap{
		{at(0, 0), at(2, 0), ""}, {at(4, 0), at(4, 6), ledger.Stopped}, {at(4, 9), at(4, 12), ledger.Stopped}, {at(12, 0), at(13, 0), ledger.Damaged},
	}, after.Unmeasured)
	assert.InDelta(t, before.Measured-1./30, after.Measured, 1e-9)
	assert.Equal(t, before.Spent, after.Spent)
	assert.Equal(t, before.AtWorst, after.AtWorst, "how much happened in the damaged time is known")
	for n := range 20 {
		e.gaps = append(e.gaps, Gap{at(14, n), at(14, n).Add(time.Duration(6+n) * time.Minute), ledger.Stopped})
	}
	after = m.Summarize(service, service.SLOs[0], e)
	assert.Len(t, after.Unmeasured, MaxGaps)
	assert.Equal(t, 24-MaxGaps, after.More)
	assert.True(t, slices.IsSortedFunc(after.Unmeasured, func(a, b Gap) int { return a.From.Compare(b.From) }))
	assert.Equal(t, at(14, 19), after.Unmeasured[MaxGaps-1].From, "the longest")
}
