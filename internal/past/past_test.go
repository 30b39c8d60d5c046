// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package past

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

var ended = time.Date(2026, 11, 26, 10, 42, 59, 999, time.UTC)

func TestIntervals(t *testing.T) {
	minute := Minute(pcommon.NewTimestampFromTime(ended))
	for length, want := range map[int64]string{
		aMinute: "2026-11-26T10:42:00Z/PT1M", anHour: "2026-11-26T10:00:00Z/PT1H", Day: "2026-11-26T00:00:00Z/P1D",
	} {
		i := Of(minute, length)
		assert.Equal(t, want, i.String())
		from, to := i.Bounds()
		assert.True(t, from <= ended.UnixNano() && ended.UnixNano() < to)
		again, ok := Parse(want)
		assert.True(t, ok)
		assert.Equal(t, i, again)
	}
	for _, wrong := range []string{
		"", "/", "2026-11-26T10:42:00Z", "2026-11-26T10:42:00Z/PT1H", "2026-11-26T10:42:30Z/PT1M", "1926-11-26T10:42:00Z/PT1M", "2026-11-26T10:42:00Z/PT2M",
		"9999-11-26T10:42:00Z/PT1M", "2026-11-26T10:42:00+01:00/PT1M",
	} {
		_, ok := Parse(wrong)
		assert.False(t, ok, wrong)
	}
	now := pcommon.NewTimestampFromTime(ended)
	assert.True(t, Reaches(minute-369*Day, now))
	assert.False(t, Reaches(minute-371*Day, now))
}

func FuzzParse(f *testing.F) {
	f.Add("2026-11-26T10:42:00Z/PT1M")
	f.Add("2026-11-26T00:00:00Z/P1D")
	f.Fuzz(func(t *testing.T, text string) {
		if i, ok := Parse(text); ok {
			require.Equal(t, text, i.String(), "there is one way to write it")
			from, to := i.Bounds()
			require.True(t, from >= 0 && to > from)
		}
	})
}
