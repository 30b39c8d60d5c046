// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
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

var update = flag.Bool("update", false, "write formats.md")

// formats.md has one line of each format, and no other.
func TestFormats(t *testing.T) {
	var with, without strings.Builder
	seen := map[string]bool{}
	carry, all := 0, 0
	for _, line := range corpus(t) {
		if seen[line.Format] {
			continue
		}
		seen[line.Format] = true
		all++
		b := &without
		if line.ID != "" {
			carry++
			b = &with
			fmt.Fprintf(b, "# %s: %s\n", line.Format, line.ID)
		} else {
			fmt.Fprintf(b, "# %s\n", line.Format)
		}
		b.WriteString(line.Line + "\n")
	}
	require.GreaterOrEqual(t, all, 150)
	require.Greater(t, all-carry, carry, "lines that give nothing are the larger half")
	want := "# Formats of log lines\n\nOne line of each format of [the corpus](testdata/corpus.jsonl), written for it. The default sources of the " +
		"[processor](README.md) find these IDs, and no others. `go test -run TestFormats -update .` writes this page.\n\n" +
		fmt.Sprintf("## %d formats with an ID\n\n```text\n%s```\n\n## %d kinds of lines without one\n\n```text\n%s```\n", carry, with.String(), all-carry, without.String())
	if *update {
		require.NoError(t, os.WriteFile("formats.md", []byte(want), 0o600))
	}
	got, err := os.ReadFile("formats.md")
	require.NoError(t, err)
	assert.Equal(t, want, string(got))
}
