// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"testing"
	"testing/quick"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 720 * time.Hour, "4w": 672 * time.Hour, "1y": 8760 * time.Hour, "1h30m": 90 * time.Minute,
		"1.5h": 90 * time.Minute, "300ms": 300 * time.Millisecond, "250us": 250 * time.Microsecond,
		"250µs": 250 * time.Microsecond, "1ns": 1, "0s": 0, "0.1s": 100 * time.Millisecond,
	} {
		got, err := ParseDuration(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "30", "d", "-1h", "1 h", "1hour", "1..5h", "1e3s", "300y", "99999999999999999999s", "1h1"} {
		_, err := ParseDuration(text)
		assert.Error(t, err, text)
	}
}

func TestExactDurationReadsBack(t *testing.T) {
	require.NoError(t, quick.Check(func(ns int64) bool {
		want := time.Duration(max(ns, -(ns + 1)))
		got, err := ParseDuration(exactDuration(want))
		return err == nil && got == want
	}, nil))
}
