// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

const begin, end = "<!-- begin: comparison -->\n", "<!-- end: comparison -->\n"

// Where the usual recipe is off, the generated rules are within 1 % of the truth; docs/alerts.md has the
// table. UPDATE=1 writes it.
func TestComparison(t *testing.T) {
	var rows []scenario.Row
	for _, s := range scenario.Comparisons(life(t, counted, rolling)) {
		row, err := scenario.Compare(t.Context(), s, generated(s))
		require.NoError(t, err)
		assert.InDelta(t, row.Truth, row.Ours, 0.01*row.Truth, s.Name)
		rows = append(rows, row)
	}
	var table bytes.Buffer
	require.NoError(t, scenario.WriteTable(&table, rows))
	const page = "../docs/alerts.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	want := before + begin + table.String() + end + after
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o600))
		return
	}
	assert.Equal(t, want, string(text), "docs/alerts.md: run UPDATE=1 go test -run TestComparison ./alerts")
}
