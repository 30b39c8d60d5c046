// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWindowBounds(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	require.NoError(t, err)
	for _, c := range []struct {
		window          Window
		now, start, end string
		name            string
	}{
		{Window{Rolling: 36 * time.Hour}, "2026-03-02T12:00:00Z", "2026-03-01T00:00:00Z", "2026-03-02T12:00:00Z", "1d12h"},
		{Window{Calendar: &Calendar{Unit: Month, Location: time.UTC}}, "2024-02-29T23:59:59Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z", "month"},
		// An hour is missing in March: clocks go forward on the 29th.
		{Window{Calendar: &Calendar{Unit: Month, Location: madrid}}, "2026-03-29T12:00:00Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", "month"},
		// Midnight in Madrid is still the day before in UTC.
		{Window{Calendar: &Calendar{Unit: Month, Location: madrid}}, "2026-06-30T22:00:00Z", "2026-06-30T22:00:00Z", "2026-07-31T22:00:00Z", "month"},
		{Window{Calendar: &Calendar{Unit: Quarter, Location: time.UTC}}, "2026-12-31T00:00:00Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z", "quarter"},
		{Window{Calendar: &Calendar{Unit: Week, Location: time.UTC}}, "2026-01-04T23:00:00Z", "2025-12-29T00:00:00Z", "2026-01-05T00:00:00Z", "week"},
		{Window{Calendar: &Calendar{Unit: Week, Location: time.UTC, Start: time.Date(2026, 1, 4, 0, 0, 0, 0, time.UTC)}}, "2026-01-05T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z", "week"},
		{Window{Calendar: &Calendar{Unit: Month, Location: time.UTC, Start: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)}}, "2026-03-01T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z", "month"},
		{Window{Calendar: &Calendar{Unit: Year, Location: madrid, Start: time.Date(2020, 4, 1, 0, 0, 0, 0, time.UTC)}}, "2026-03-01T00:00:00Z", "2025-03-31T22:00:00Z", "2026-03-31T22:00:00Z", "year"},
		{Window{Calendar: &Calendar{Unit: Day, Location: madrid}}, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "day"},
		{Window{Calendar: &Calendar{Unit: Week, Location: time.UTC}}, "2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z", "week"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		require.NoError(t, err)
		start, end := c.window.Bounds(now)
		assert.Equal(t, c.start, start.UTC().Format(time.RFC3339), "%s at %s", c.window, c.now)
		assert.Equal(t, c.end, end.UTC().Format(time.RFC3339), "%s at %s", c.window, c.now)
		assert.Equal(t, c.name, c.window.String())
		assert.LessOrEqual(t, c.window.Length(now), c.window.MaxLength())
	}
}

// TestCalendarWindowsTile: periods follow each other without gap or overlap, and none is
// longer than MaxLength, in zones with and without summer time.
func TestCalendarWindowsTile(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Madrid", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"} {
		location, err := time.LoadLocation(zone)
		require.NoError(t, err)
		for _, c := range []Calendar{
			{Unit: Week}, {Unit: Month}, {Unit: Quarter}, {Unit: Day}, {Unit: Year},
			{Unit: Day, Start: time.Date(2026, 1, 1, 2, 30, 0, 0, time.UTC)}, {Unit: Week, Start: time.Date(2026, 1, 4, 0, 0, 0, 0, time.UTC)},
			{Unit: Month, Start: time.Date(2026, 1, 31, 18, 0, 0, 0, time.UTC)}, {Unit: Quarter, Start: time.Date(2030, 2, 15, 0, 0, 0, 0, time.UTC)},
			{Unit: Year, Start: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)},
		} {
			c.Location = location
			w := Window{Calendar: &c}
			at := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
			for range 120 {
				start, end := w.Bounds(at)
				require.False(t, at.Before(start), "%s %s", zone, at)
				require.True(t, at.Before(end), "%s %s", zone, at)
				require.LessOrEqual(t, w.Length(at), w.MaxLength())
				next, _ := w.Bounds(end)
				require.True(t, next.Equal(end), "%s: %s is followed by %s", zone, end, next)
				at = end
			}
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * 24 * time.Hour: "30d", 90 * time.Minute: "1h30m", 36 * time.Hour: "1d12h",
		5 * time.Minute: "5m", 1500 * time.Millisecond: "1s500ms",
	} {
		assert.Equal(t, want, FormatDuration(d))
	}
}
