// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// labeled is a line of the corpus: written for it, in the form that a product writes, with the ID of the request that it
// carries; "" for a line that carries none, though some look as if they did.
type labeled struct{ Format, Line, ID string }

func corpus(t testing.TB) (lines []labeled) {
	f, err := os.Open("testdata/corpus.jsonl")
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	for s := bufio.NewScanner(f); s.Scan(); {
		var one labeled
		require.NoError(t, json.Unmarshal(s.Bytes(), &one))
		lines = append(lines, one)
	}
	return lines
}

// A wrong ID joins strangers, so precision comes first; recall is over the formats that carry an ID.
func TestCorpus(t *testing.T) {
	lines := corpus(t)
	carry, right, wrong := 0, 0, 0
	for _, line := range lines {
		if line.ID != "" {
			carry++
		}
		c := coreOf(t, func(c *Config) { c.Generate = generateNone })
		got := idOf(c.logged(t, logOf{body: line.Line}).At(0).Attributes())
		if got == line.ID && got != "" {
			right++
		} else if got != "" {
			wrong++
		}
		if got != line.ID {
			t.Logf("%s: %q, want %q: %s", line.Format, got, line.ID, line.Line)
		}
	}
	require.GreaterOrEqual(t, len(lines), 400)
	require.GreaterOrEqual(t, len(lines)-carry, len(lines)/2)
	precision, recall := float64(right)/float64(right+wrong), float64(right)/float64(carry)
	t.Logf("%d lines, %d with an ID: precision %.2f %%, recall %.2f %%", len(lines), carry, 100*precision, 100*recall)
	require.GreaterOrEqual(t, precision, 0.995)
	require.GreaterOrEqual(t, recall, 0.95)
}
