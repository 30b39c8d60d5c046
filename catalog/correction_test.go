// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The example of a schedule is one without problems, and says what its comments say.
func TestExampleOfASchedule(t *testing.T) {
	c, problems := Load("../examples/schedules")
	require.Empty(t, problems)
	require.Len(t, c.Services, 1)
	schedule := c.Services[0].Schedule(c.Services[0].SLOs[0])
	for moment, as := range map[string]Counting{
		"2025-12-01T07:30:00Z": Excluded, "2026-01-14T07:30:00Z": Counted, "2026-01-17T10:00:00Z": Excluded, // half past eight in Madrid, before and after; a Saturday
		"2026-02-03T17:30:00Z": Excluded, "2026-02-02T11:15:00Z": Excluded, "2026-03-03T10:39:59Z": Excluded, "2026-04-06T10:10:00Z": Counted, "2026-05-11T08:19:00Z": Set,
		"2026-05-11T08:20:00Z": Counted,
	} {
		at, err := time.Parse(time.RFC3339, moment)
		require.NoError(t, err)
		assert.Equal(t, as, schedule.At(at), moment)
	}
	from := time.Date(2026, 5, 11, 7, 0, 0, 0, time.UTC)
	spans := schedule.Spans(from, from.Add(2*time.Hour))
	require.Len(t, spans, 1)
	assert.Equal(t, 48210.0, spans[0].Numbers.Good)
	assert.Equal(t, 37.0, spans[0].Numbers.Bad)

	again, err := c.Services[0].YAML()
	require.NoError(t, err)
	read, problems := Parse("again.yaml", again)
	require.Empty(t, problems)
	assert.Equal(t, schedule, read.Services[0].Schedule(read.Services[0].SLOs[0]))
}

// Two corrections with numbers stay two, though they meet.
func TestNumbersDoNotMerge(t *testing.T) {
	at := time.Date(2026, 5, 11, 7, 0, 0, 0, time.UTC)
	s := Schedule{Corrections: []Correction{
		{Start: at, End: at.Add(time.Hour), As: Set, Good: 1}, {Start: at.Add(time.Hour), End: at.Add(2 * time.Hour), As: Set, Good: 2},
		{Start: at.Add(90 * time.Minute), End: at.Add(100 * time.Minute), As: Excluded},
	}}
	spans := s.Spans(at, at.Add(3*time.Hour))
	require.Len(t, spans, 4)
	assert.Equal(t, []float64{1, 2, 2}, []float64{spans[0].Numbers.Good, spans[1].Numbers.Good, spans[3].Numbers.Good})
	assert.Nil(t, spans[2].Numbers)
}

// Numbers that would count twice, or nowhere, are refused with a fix.
func TestNumbersOfOne(t *testing.T) {
	const numbers = "corrections: [{start: 2026-05-11T07:00:00Z, end: 2026-05-11T08:00:00Z, as: set, good: 10, bad: 1, by: ana, reason: a log}]"
	document := func(spec string) string {
		return "apiVersion: " + APIVersion + "\nkind: Service\nmetadata: {name: a}\nspec:\n" + spec
	}
	slo := func(more string) string {
		return "  slos: [{name: availability, objective: 99, sli: {availability: {}}, " + more + "}]\n"
	}
	one := "  environments: [production]\n"
	for text, want := range map[string]string{
		document(one + slo(numbers)):                        "",
		document(one + "  " + numbers + "\n" + slo("")):     "same numbers",
		document(slo(numbers)):                              "each environment the same numbers",
		document("  environments: [a, b]\n" + slo(numbers)): "each environment the same numbers",
		document(one + slo("groupBy: [region], "+numbers)):  "each group the same numbers",
		document(one + strings.ReplaceAll(slo(numbers), "availability: {}", "prometheus: {errors: 'sum(rate(a[{{.window}}]))', total: 'sum(rate(b[{{.window}}]))'}")): "the collector does not count this SLI",
		document(one + slo(strings.ReplaceAll(numbers, "as: set", "as: excluded"))):                                                                                   "has no effect with as: excluded",
		document(one + slo(strings.ReplaceAll(numbers, "good: 10", "good: -1"))):                                                                                      "is not a number of events",
		document(one + slo(strings.ReplaceAll(numbers, "bad: 1", "bad: .inf"))):                                                                                       "is not a number of events",
		"apiVersion: " + APIVersion + "\nkind: Defaults\nmetadata: {name: a}\nspec:\n" + slo(numbers):                                                                 "each service the same numbers",
	} {
		_, problems := Parse("a.yaml", []byte(text))
		if want == "" {
			assert.Empty(t, problems, text)
			continue
		}
		require.Error(t, problems.Err(), text)
		assert.Contains(t, problems.String(), want)
	}
}
