// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package month

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
