// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
)

const formatMarkdown = "markdown"

// formats are those for people, and for spreadsheets.
var formats = map[string]func(io.Writer, *report) error{
	formatMarkdown: writeMarkdown, "html": writeHTML, "csv": writeCSV,
}

// write writes it in the format.
func write(out io.Writer, format *output.Format, r *report) error {
	if format.Data() {
		return format.Write(out, r)
	}
	return formats[format.Value](out, r)
}

// title names the month, and says if it is not over.
func (r *report) title() string { return "SLOs in " + r.Month }

// facts say what the numbers are of.
func (r *report) facts() string {
	text := fmt.Sprintf("From %s to %s, from %s. Events in maintenance do not count.", r.From.Format("2006-01-02 15:04 MST"), r.To.Format("2006-01-02 15:04 MST"), cmp.Or(r.Collector, r.Prometheus))
	if r.Running {
		text = "The month is not over: budgets are those of the events that the whole month will have. " + text
	}
	return text
}

// conclusion counts the SLOs that were kept.
func (r *report) conclusion() string {
	n := map[string]int{}
	for _, c := range r.SLOs {
		n[c.result(r)]++
	}
	text := fmt.Sprintf("%d %s, %d %s", n[kept], kept, n[missed], missed)
	if n[below] > 0 {
		text += fmt.Sprintf(", %d %s", n[below], below)
	}
	return text + fmt.Sprintf(", %d without events", n[nothing])
}

// grids are the tables of the formats for people.
func (r *report) grids() []output.Grid {
	slos := output.Grid{Title: "Compliance", Header: []string{"service", "owner", "environment", "SLO", "result", "objective", "good", "events", "bad", "budget spent", "measured", "maintenance"}, Right: 5}
	hours := output.Grid{Title: "Worst hours", Header: []string{"service", "environment", "SLO", "hour (" + r.TimeZone + ")", "versions that failed", "events", "bad", "budget spent"}, Right: 5}
	spent := output.Grid{Title: "Versions that spent the budgets", Header: []string{"service", "environment", "SLO", "version", "deployment", "revision", "events", "bad"}, Right: 6}
	causes := output.Grid{Title: "What spent the budgets", Header: []string{"service", "environment", "SLO", "what", "of the bad", "of the traffic", "bad"}, Right: 4}
	gaps := output.Grid{Title: "Not measured", Header: []string{"service", "environment", "SLO", "from (" + r.TimeZone + ")", "to", "cause", "budget spent at worst"}, Right: 6, Rows: r.unmeasured()}
	for _, c := range r.SLOs {
		slos.Rows = append(slos.Rows, []string{
			c.fullName(), dash(c.Owner), dash(c.Environment), c.name(), c.result(r), precise(c.Objective), share(c.Good, 4), count(c.Events), count(c.Bad), share(c.Spent, 1),
			share(output.Number(c.Measured), 0), dash(catalog.FormatDuration(time.Duration(c.MaintenanceSeconds * float64(time.Second)).Round(time.Minute))),
		})
		for _, h := range c.WorstHours {
			hours.Rows = append(hours.Rows, []string{
				c.fullName(), dash(c.Environment), c.name(), h.Start.Format("2006-01-02 15:04"), dash(listed(h.Versions)), count(h.Events), count(h.Bad), share(h.Spent, 1),
			})
		}
		for i := range c.Causes {
			line := &c.Causes[i]
			causes.Rows = append(causes.Rows, []string{
				c.fullName(), dash(c.Environment), c.name(), what(line), share(output.Number(line.OfBad), 1), share(output.Number(line.OfTraffic), 1), count(line.Bad),
			})
		}
		for _, v := range c.Versions {
			spent.Rows = append(spent.Rows, []string{c.fullName(), dash(c.Environment), c.name(), dash(v.Version), dash(v.Deployment), dash(v.Revision), count(v.Events), count(v.Bad)})
		}
	}
	return slices.DeleteFunc([]output.Grid{slos, hours, causes, r.byIncident(), spent, gaps}, func(g output.Grid) bool { return len(g.Rows) == 0 })
}

// unmeasured are the rows of times that were not measured. What several SLOs have in common is one row: a collector that is new, or did not run, has measured none of them.
func (r *report) unmeasured() (rows [][]string) {
	type together struct {
		from, to, cause string
	}
	type members struct {
		services, environments, slos []string
		worst                        output.Number
	}
	var order []together
	all := map[together]*members{}
	add := func(to []string, text string) []string {
		if slices.Contains(to, text) {
			return to
		}
		return append(to, text)
	}
	for _, c := range r.SLOs {
		for i, g := range c.Unmeasured {
			key := together{g.Start.Format("2006-01-02 15:04"), g.End.Format("2006-01-02 15:04"), g.Cause.Text()}
			m := all[key]
			if m == nil {
				m = &members{worst: output.Number(math.NaN())}
				all[key], order = m, append(order, key)
			}
			m.services, m.environments, m.slos = add(m.services, c.fullName()), add(m.environments, dash(c.Environment)), append(m.slos, c.name())
			if i == 0 && !(m.worst >= c.AtWorst) { // nothing is known of it without a number
				m.worst = c.AtWorst
			}
		}
	}
	several := func(names []string, what string) string {
		if len(names) == 1 {
			return names[0]
		}
		return strconv.Itoa(len(names)) + " " + what
	}
	for _, key := range order {
		m := all[key]
		worst := share(m.worst, 1)
		if len(m.slos) > 1 && worst != "-" {
			worst = "at most " + worst
		}
		rows = append(rows, []string{several(m.services, "services"), several(m.environments, "environments"), several(m.slos, "SLOs"), key.from, key.to, key.cause, worst})
	}
	for _, c := range r.SLOs {
		if c.MoreUnmeasured > 0 {
			rows = append(rows, []string{c.fullName(), dash(c.Environment), c.name(), "-", "-", strconv.Itoa(c.MoreUnmeasured) + " shorter times are left out", "-"})
		}
	}
	return rows
}

// listed names versions with their deployments and their bad events.
func listed(versions []version) string {
	var all []string
	for _, v := range versions {
		text := dash(v.Version)
		if v.Deployment != "" {
			text += " (" + v.Deployment + ")"
		}
		all = append(all, text+": "+count(v.Bad))
	}
	return strings.Join(all, ", ")
}

func (c compliance) name() string {
	text := c.SLO
	for _, label := range slices.Sorted(maps.Keys(c.Group)) {
		text += " " + label + "=" + strconv.Quote(c.Group[label])
	}
	return text
}

// The results of an SLO.
const (
	nothing = "no events"
	kept    = "kept"
	missed  = "missed"
	// below is an SLO of a month that is not over, which can still be kept.
	below = "below the objective so far"
)

func (c compliance) result(r *report) string {
	switch {
	case c.Kept == nil:
		return nothing
	case *c.Kept:
		return kept
	case r.Running && c.Spent <= 1:
		return below
	}
	return missed
}

func writeMarkdown(out io.Writer, r *report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n**%s**\n", output.Markdown(r.title()), output.Markdown(r.facts()), output.Markdown(r.conclusion()))
	for _, g := range r.grids() {
		b.WriteString("\n" + g.Markdown(2))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Parse(page))

func writeHTML(out io.Writer, r *report) error {
	return pageTemplate.Execute(out, struct {
		Title, Facts, Conclusion string
		Grids                    []output.Grid
	}{r.title(), r.facts(), r.conclusion(), r.grids()})
}

// writeCSV writes a row for each SLO, with numbers as they are.
func writeCSV(out io.Writer, r *report) error {
	w := csv.NewWriter(out)
	_ = w.Write([]string{"month", "service", "namespace", "owner", "environment", "slo", "result", "objective", "good", "events", "bad", "budget_spent", "measured", "maintenance_seconds"}) // Flush keeps the error
	for _, c := range r.SLOs {
		_ = w.Write([]string{
			r.Month, inCell(c.Service), inCell(c.Namespace), inCell(c.Owner), inCell(c.Environment), inCell(c.name()), c.result(r),
			number(c.Objective), number(float64(c.Good)), number(c.Events), number(c.Bad), number(float64(c.Spent)), number(c.Measured), number(c.MaintenanceSeconds),
		})
	}
	w.Flush()
	return w.Error()
}

// inCell is text that a spreadsheet does not take for a formula.
func inCell(text string) string {
	text = output.Printable(text)
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func count(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }

func share(n output.Number, digits int) string {
	if math.IsNaN(float64(n)) {
		return "-"
	}
	return strconv.FormatFloat(100*float64(n), 'f', digits, 64) + " %"
}

// precise is an objective with the digits it has.
func precise(ratio float64) string {
	return strconv.FormatFloat(math.Round(ratio*1e7)/1e5, 'f', -1, 64) + " %"
}

func dash(text string) string {
	if text == "" || text == "0s" {
		return "-"
	}
	return text
}
