// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	engine "github.com/otelcol-sre/otelcol-sre/alerts/backtest"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
)

const formatMarkdown = "markdown"

// formats are those for people.
var formats = map[string]func(io.Writer, result) error{
	output.Table: writeTable, formatMarkdown: writeMarkdown,
}

// write writes it in the format.
func write(out io.Writer, format *output.Format, r result) error {
	if format.Data() {
		return format.Write(out, r)
	}
	return formats[format.Value](out, r)
}

// tables are what both formats for people show.
func tables(r result) []output.Grid {
	slos := output.Grid{Title: "SLOs", Header: []string{"service", "environment", "SLO", "objective", "events", "bad", "budget left", "measured", "pages", "tickets"}, Right: 3}
	for _, s := range r.SLOs {
		was := r.Against.Like(s)
		changed := func(value func(sloResult) string) string {
			if was == nil || value(*was) == value(s) {
				return value(s)
			}
			return value(*was) + " → " + value(s)
		}
		name := s.SLO
		if g := engine.GroupText(s.Group); g != "" {
			name += " " + g
		}
		if r.Against != nil && was == nil {
			name += " (new)"
		}
		slos.Rows = append(slos.Rows, []string{
			s.FullName(), orDash(s.Environment), name,
			changed(func(s sloResult) string { return precise(s.Objective) }), strconv.FormatFloat(s.Events, 'f', 0, 64),
			changed(func(s sloResult) string { return strconv.FormatFloat(s.Bad, 'f', 0, 64) }),
			changed(func(s sloResult) string { return share(s.BudgetLeft, 1) }), share(s.Coverage, 0),
			changed(func(s sloResult) string { return strconv.Itoa(s.Pages) }), changed(func(s sloResult) string { return strconv.Itoa(s.Tickets) }),
		})
	}
	all := []output.Grid{slos}
	fired := output.Grid{Title: "Alerts", Header: []string{"start (UTC)", "for", "alert", "severity", "service", "environment", "SLO", "detected after", "note"}, Right: 99}
	row := func(a alertResult, notes ...string) []string {
		detected := "-"
		if a.DetectedAfter != nil {
			detected = catalog.FormatDuration(time.Duration(float64(*a.DetectedAfter) * float64(time.Second)).Round(time.Second))
		}
		if a.False {
			notes = append(notes, "false page")
		}
		if a.Open {
			notes = append(notes, "fires at the end")
		}
		about := strings.TrimSpace(a.SLO + " " + engine.GroupText(a.Group))
		if a.Version != "" {
			about = strings.TrimSpace(about + " version " + a.Version)
		}
		return []string{
			a.Start.Format("2006-01-02 15:04"), catalog.FormatDuration(a.End.Sub(a.Start).Round(time.Minute)), a.Alert, a.Severity, engine.FullName(a.Namespace, a.Service),
			orDash(a.Environment), orDash(about), detected, strings.Join(notes, ", "),
		}
	}
	for _, a := range r.Alerts {
		if r.Against != nil && !r.Against.Also(a) {
			fired.Rows = append(fired.Rows, row(a, "new"))
		} else {
			fired.Rows = append(fired.Rows, row(a))
		}
	}
	if r.Against != nil {
		for _, a := range r.Against.Alerts {
			if !r.Also(a) {
				fired.Rows = append(fired.Rows, row(a, "gone"))
			}
		}
	}
	slices.SortStableFunc(fired.Rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	if len(fired.Rows) > 0 {
		all = append(all, fired)
	}
	if suggested := suggestions(r); len(suggested.Rows) > 0 {
		all = append(all, suggested)
	}
	return all
}

func suggestions(r result) output.Grid {
	g := output.Grid{Title: "Objectives", Header: []string{"service", "environment", "SLO", "good events", "95 % of periods", "worst week", "suggested", "pages per week by objective"}, Right: 99}
	for _, s := range r.SLOs {
		if s.Suggestion == nil {
			continue
		}
		suggested := "-"
		if s.Suggestion.Objective != nil {
			suggested = precise(float64(*s.Suggestion.Objective))
		}
		pages := s.Suggestion.Reason
		for i, p := range s.Suggestion.Pages {
			if i > 0 {
				pages += ", "
			}
			pages += fmt.Sprintf("%s: %.1f", precise(float64(p.Objective)), float64(p.PerWeek))
		}
		between := share(s.Suggestion.Low, 3) + " to " + share(s.Suggestion.High, 3)
		if s.Suggestion.Objective == nil && math.IsNaN(float64(s.Suggestion.Low)) {
			between = "-"
		}
		g.Rows = append(g.Rows, []string{s.FullName(), orDash(s.Environment), strings.TrimSpace(s.SLO + " " + engine.GroupText(s.Group)), share(s.Suggestion.Ratio, 3), between, share(s.Suggestion.WorstWeek, 3), suggested, pages})
	}
	return g
}

// heading says what was asked.
func heading(r result) string {
	text := r.Catalog
	if r.Against != nil {
		text += " against " + r.Against.Catalog
	}
	return fmt.Sprintf("%s, from %s to %s, %s", text, r.From.Format("2006-01-02 15:04"), r.To.Format("2006-01-02 15:04 MST"), cmp.Or(r.Collector, r.Prometheus))
}

// conclusion is the sum of all in a sentence.
func conclusion(r result) string {
	was := func(value func(outcome) string) string {
		if r.Against == nil || value(*r.Against) == value(r.Outcome) {
			return ""
		}
		return " (was " + value(*r.Against) + ")"
	}
	perWeek := func(o outcome) string { return fmt.Sprintf("%.1f", o.PagesPerWeek) }
	wrong := func(o outcome) string {
		return catalog.FormatDuration(time.Duration(o.FalsePageSeconds * float64(time.Second)).Round(time.Minute))
	}
	text := fmt.Sprintf("%s, %s per week%s; false pages for %s%s", output.Count(r.Pages, "page"), perWeek(r.Outcome), was(perWeek), wrong(r.Outcome), was(wrong))
	if n := len(slices.DeleteFunc(slices.Clone(r.SLOs), func(s sloResult) bool { return !s.Spent() })); n > 0 {
		text += "; " + output.Count(n, "budget") + " spent"
	}
	return text
}

func writeTable(out io.Writer, r result) error {
	var b strings.Builder
	b.WriteString(output.Printable(heading(r)) + "\n")
	for _, g := range tables(r) {
		b.WriteString("\n" + g.Text())
	}
	b.WriteString("\n" + conclusion(r) + "\n")
	for _, w := range r.Warnings {
		b.WriteString("note: " + output.Printable(w) + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func writeMarkdown(out io.Writer, r result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## Backtest\n\n%s\n\n**%s**\n", output.Markdown(heading(r)), output.Markdown(conclusion(r)))
	for _, g := range tables(r) {
		b.WriteString("\n" + g.Markdown(3))
	}
	if len(r.Warnings) > 0 {
		b.WriteString("\n")
	}
	for _, w := range r.Warnings {
		b.WriteString("- " + output.Markdown(w) + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func share(n number, digits int) string {
	if math.IsNaN(float64(n)) {
		return "-"
	}
	return strconv.FormatFloat(100*float64(n), 'f', digits, 64) + " %"
}

// precise is an objective with the digits it has.
func precise(ratio float64) string {
	return strconv.FormatFloat(math.Round(ratio*1e7)/1e5, 'f', -1, 64) + " %"
}
