// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scorecard

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A Row is a fault with the scores of all recipes.
type Row struct {
	*Fault
	Scores []Score
}

// Summary is a table with a row for each recipe: what it did in all faults together.
func Summary(recipes []Recipe, rows []Row) string {
	t := table{"rules | detected, of " + strconv.Itoa(counted(rows)) + " | median delay | longest delay | false pages | pages per incident | pages after recovery | median time to resolve"}
	for i, r := range recipes {
		var delays, resolves []time.Duration
		var falsely, pages, late, incidents int
		for _, row := range rows {
			s := row.Scores[i]
			falsely, late = falsely+s.False, late+s.After
			if s.Detected {
				delays = append(delays, s.Delay)
			}
			if s.Detected && row.Call == Page {
				pages, incidents = pages+s.Pages, incidents+1
				resolves = append(resolves, s.Resolved)
			}
		}
		t.row(r.Name, strconv.Itoa(len(delays)), span(median(delays)), span(slices.Max(append(delays, 0))), strconv.Itoa(falsely),
			fmt.Sprintf("%.1f", float64(pages)/float64(max(incidents, 1))), strconv.Itoa(late), span(median(resolves)))
	}
	return t.String()
}

func counted(rows []Row) (n int) {
	for _, row := range rows {
		if row.Call != Nothing {
			n++
		}
	}
	return n
}

// ByAlert is a table with a row for each alert of the first recipe that was sent.
func ByAlert(rows []Row) string {
	type tally struct {
		page           bool
		faults, inVain int
		delays         []time.Duration
	}
	tallies := map[string]*tally{}
	for _, row := range rows {
		seen := map[string]bool{}
		for _, f := range row.Scores[0].Fired {
			if tallies[f.Alert] == nil {
				tallies[f.Alert] = &tally{page: f.Page}
			}
			one := tallies[f.Alert]
			switch {
			case f.InVain:
				one.inVain++
			case !seen[f.Alert]:
				one.faults, one.delays = one.faults+1, append(one.delays, f.Delay)
			}
			seen[f.Alert] = true
		}
	}
	t := table{"alert | severity | sent in so many faults | median delay | sent in vain or too late"}
	for _, name := range sortedKeys(tallies) {
		one, severity := tallies[name], "ticket"
		if one.page {
			severity = "page"
		}
		delay := "–"
		if len(one.delays) > 0 {
			delay = span(median(one.delays))
		}
		t.row("`"+name+"`", severity, strconv.Itoa(one.faults), delay, strconv.Itoa(one.inVain))
	}
	return t.String()
}

// ByFault is a table with a row for each fault, and a cell for each recipe.
func ByFault(recipes []Recipe, rows []Row) string {
	head := "fault | call"
	for _, r := range recipes {
		head += " | " + r.Name
	}
	t := table{head}
	kind := ""
	for _, row := range rows {
		if row.Kind != kind {
			kind = row.Kind
			t.row(append([]string{"**" + kind + "**", ""}, make([]string, len(recipes))...)...)
		}
		cells := []string{row.Name, string(row.Call)}
		for _, s := range row.Scores {
			cells = append(cells, s.text(row.Call))
		}
		t.row(cells...)
	}
	return t.String()
}

// text is the score in a few words.
func (s Score) text(call Call) string {
	var words []string
	switch {
	case s.Detected:
		words = append(words, "after "+span(s.Delay))
	case call != Nothing:
		words = append(words, "**missed**")
	}
	if s.Pages > 1 {
		words = append(words, fmt.Sprintf("%d pages", s.Pages))
	}
	if s.After > 0 {
		words = append(words, fmt.Sprintf("**%d after recovery**", s.After))
	}
	if s.False > 0 {
		words = append(words, fmt.Sprintf("**%d false**", s.False))
	}
	if call == Page && s.Pages+s.After > 0 {
		words = append(words, resolved(s.Resolved))
	}
	if len(words) == 0 {
		return "no page"
	}
	return strings.Join(words, ", ")
}

// resolved is when the last page of a fault ended.
func resolved(d time.Duration) string {
	switch {
	case d > aftermath:
		return "not resolved"
	case d <= 0:
		return "resolved before the end"
	}
	return "resolved " + span(d) + " later"
}

// span is a duration to 15 s, or to a minute if it is longer than an hour.
func span(d time.Duration) string {
	unit := 15 * time.Second
	if d >= hour {
		unit = minute
	}
	return catalog.FormatDuration(d.Round(unit))
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare)
	return keys
}

// A table is Markdown; its first line is the head.
type table []string

func (t *table) row(cells ...string) { *t = append(*t, strings.Join(cells, " | ")) }

func (t table) String() string {
	var b strings.Builder
	for i, row := range t {
		b.WriteString("| " + row + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", strings.Count(row, " | ")+1) + "\n")
		}
	}
	return b.String()
}
