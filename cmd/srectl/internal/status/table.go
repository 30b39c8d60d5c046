// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// stateColors show the urgency: red needs action now, yellow soon, green none. Idle is dim.
var stateColors = map[semconv.State]string{
	semconv.StateExhausted:   "\x1b[1;31m",
	semconv.StateBurningFast: "\x1b[31m",
	semconv.StateBurningSlow: "\x1b[33m",
	semconv.StateNoData:      "\x1b[33m",
	semconv.StateNeverSeen:   "\x1b[33m",
	semconv.StateIdle:        "\x1b[2m",
	semconv.StateNew:         "\x1b[2m",
	semconv.StateOK:          "\x1b[32m",
}

type statusColumn struct {
	title string
	right bool
	cell  func(sloStatus) string
}

var statusColumns = []statusColumn{
	{"SERVICE", false, sloStatus.qualifiedService},
	{"ENV", false, func(s sloStatus) string { return terminal.OrDash(s.Environment) }},
	{"SLO", false, func(s sloStatus) string { return s.SLO + s.group() }},
	{"OBJECTIVE", true, func(s sloStatus) string { return percent(s.Objective, -1) }},
	{"BURN 1H", true, func(s sloStatus) string {
		return finite(s.Burn1h, func(f float64) string { return fmt.Sprintf("%.2fx", f) })
	}},
	{"BUDGET LEFT", true, func(s sloStatus) string { return percent(s.BudgetLeft, 1) }},
	{"SPENT IN", true, sloStatus.spentIn},
	{"MEASURED", true, func(s sloStatus) string { return percent(s.Coverage, 0) }},
}

// spentIn is the time in which the budget is spent at the present rate, of an SLO that does not keep to its objective.
func (s sloStatus) spentIn() string {
	if s.Burn1h > 1 && s.BudgetLeft > 0 {
		return finite(s.SpentIn, func(f float64) string {
			return catalog.FormatDuration(time.Duration(f * float64(time.Second)).Round(time.Minute))
		})
	}
	return "-"
}

// dispensable columns, by title, make room for the state on a narrow terminal.
var dispensable = []string{"MEASURED", "OBJECTIVE", "SPENT IN", "ENV"}

// maxGroups are the groups of an SLO in the table, the worst first.
const maxGroups = 10

// worstGroups leaves out groups of an SLO beyond the limit, and returns a line for each SLO about how many these are. The statuses are worst first.
func worstGroups(statuses []sloStatus) (shown []sloStatus, more []terminal.Line) {
	type slo struct{ service, environment, name string }
	seen := map[slo]int{}
	var beyond []slo
	for _, s := range statuses {
		of := slo{s.qualifiedService(), s.Environment, s.SLO}
		if seen[of]++; len(s.Group) == 0 || seen[of] <= maxGroups {
			shown = append(shown, s)
		} else if seen[of] == maxGroups+1 {
			beyond = append(beyond, of)
		}
	}
	for _, of := range beyond {
		where := ""
		if of.environment != "" {
			where = " in " + of.environment
		}
		more = append(more, terminal.Line{Head: fmt.Sprintf("%s of SLO %s of %s%s: -o wide shows all", output.Count(seen[of]-maxGroups, "more group"), of.name, of.service, where)})
	}
	return shown, more
}

// statusTable is the header and one line per SLO and group, with the columns that fit into the width.
func statusTable(statuses []sloStatus, width int) []terminal.Line {
	statuses, more := worstGroups(statuses)
	columns := slices.Clone(statusColumns)
	lines := layout(columns, statuses)
	for _, title := range dispensable {
		if slices.IndexFunc(lines, func(l terminal.Line) bool { return l.Width() > width }) < 0 {
			break
		}
		columns = slices.DeleteFunc(columns, func(c statusColumn) bool { return c.title == title })
		lines = layout(columns, statuses)
	}
	return append(lines, more...)
}

// wideTable also says why nothing was counted.
func wideTable(statuses []sloStatus) []terminal.Line {
	return layout(append(slices.Clone(statusColumns), statusColumn{"HINT", false, func(s sloStatus) string { return terminal.OrDash(s.Hint) }}), statuses)
}

func layout(columns []statusColumn, statuses []sloStatus) []terminal.Line {
	lines := make([]terminal.Line, 1+len(statuses))
	lines[0].Tail = "STATE"
	for i, status := range statuses {
		lines[i+1] = terminal.Line{Tail: terminal.OrDash(string(status.State)), Color: stateColors[status.State]}
	}
	cells := make([]string, len(lines))
	for _, column := range columns {
		width := 0
		for i := range lines {
			cells[i] = column.title
			if i > 0 {
				cells[i] = column.cell(statuses[i-1])
			}
			width = max(width, utf8.RuneCountInString(cells[i]))
		}
		for i, cell := range cells {
			padding := strings.Repeat(" ", width-utf8.RuneCountInString(cell))
			if column.right {
				lines[i].Head += padding + cell + "  "
			} else {
				lines[i].Head += cell + padding + "  "
			}
		}
	}
	return lines
}

// statusSummary is such as "13 SLOs: 1 exhausted, 12 ok".
func statusSummary(statuses []sloStatus) string {
	counts := map[semconv.State]int{}
	for _, status := range statuses {
		counts[semconv.States[status.State.Severity()]]++
	}
	var parts []string
	for _, state := range semconv.States {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return output.Count(len(statuses), "SLO") + ": " + strings.Join(parts, ", ")
}

func finite(n output.Number, format func(float64) string) string {
	if f := float64(n); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return format(f)
	}
	return "-"
}

// percent writes a share with so many decimals; -1 are as many as it has, up to 6.
func percent(share output.Number, decimals int) string {
	return finite(share, func(f float64) string {
		const precision = 1e6
		return strconv.FormatFloat(math.Round(100*f*precision)/precision, 'f', decimals, 64) + "%"
	})
}
