// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scorecard_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-sre/otelcol-sre/test/scorecard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const page = "../../docs/alerts.md"

// docs/alerts.md has the scorecard of the rules as they are. UPDATE=1 writes it.
func TestScorecard(t *testing.T) {
	recipes, faults := scorecard.Recipes(), scorecard.Faults()
	rows := make([]scorecard.Row, len(faults))
	t.Run("faults", func(t *testing.T) {
		for i, f := range faults {
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				rows[i] = measure(t, f, recipes)
			})
		}
	})
	measured := slices.DeleteFunc(slices.Clone(rows), func(r scorecard.Row) bool { return r.Fault == nil })
	if len(measured) < len(rows) { // -run selected some of them
		t.Log("\n" + scorecard.ByFault(recipes, measured))
		return
	}
	for _, part := range []struct{ name, text string }{
		{"scorecard", scorecard.Summary(recipes, rows)},
		{"scorecard by alert", scorecard.ByAlert(rows)},
		{"scorecard by fault", scorecard.ByFault(recipes, rows)},
	} {
		t.Log("\n" + part.text)
		documented(t, part.name, part.text)
	}
}

func measure(t *testing.T, f *scorecard.Fault, recipes []scorecard.Recipe) scorecard.Row {
	t.Helper()
	f.Others = f.Collector.Gauges(t, f.Scenario)
	row := scorecard.Row{Fault: f}
	for _, r := range recipes {
		score, err := scorecard.Measure(t.Context(), f, r)
		require.NoError(t, err)
		row.Scores = append(row.Scores, score)
	}
	return row
}

// documented compares a part of the page between its comments, or writes it.
func documented(t *testing.T, name, want string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), "<!-- begin: "+name+" -->\n")
	require.True(t, ok, name)
	got, after, ok := strings.Cut(rest, "<!-- end: "+name+" -->\n")
	require.True(t, ok, name)
	if os.Getenv("UPDATE") != "" {
		whole := before + "<!-- begin: " + name + " -->\n" + want + "<!-- end: " + name + " -->\n" + after
		require.NoError(t, os.WriteFile(page, []byte(whole), 0o600))
		return
	}
	assert.Equal(t, want, got, "%s: make scorecard writes it", page)
}
