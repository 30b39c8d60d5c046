package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A statusLine is one line of the table. Its tail, the state, is what has a colour.
type statusLine struct {
	head, tail string
	colour     string
}

// unbounded is the width of what is no terminal.
const unbounded = math.MaxInt

func (l statusLine) width() int {
	return utf8.RuneCountInString(l.head) + utf8.RuneCountInString(l.tail)
}

// text is the line in at most width characters.
func (l statusLine) text(width int, coloured bool) string {
	head := cutTo(l.head, width)
	tail := cutTo(l.tail, width-utf8.RuneCountInString(head))
	if !coloured || l.colour == "" || tail == "" {
		return head + tail
	}
	return head + l.colour + tail + "\x1b[0m"
}

func cutTo(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(width, 0)])
}

// stateColours tell what to do: red now, yellow soon, green nothing. What is idle steps back.
var stateColours = map[semconv.State]string{
	semconv.StateExhausted:   "\x1b[1;31m",
	semconv.StateBurningFast: "\x1b[31m",
	semconv.StateBurningSlow: "\x1b[33m",
	semconv.StateNoData:      "\x1b[33m",
	semconv.StateIdle:        "\x1b[2m",
	semconv.StateOK:          "\x1b[32m",
}

type statusColumn struct {
	title string
	right bool
	cell  func(sloStatus) string
}

var statusColumns = []statusColumn{
	{"SERVICE", false, sloStatus.qualifiedService},
	{"ENV", false, func(s sloStatus) string { return orDash(s.Environment) }},
	{"SLO", false, func(s sloStatus) string { return s.SLO }},
	{"OBJECTIVE", true, func(s sloStatus) string { return percent(s.Objective, -1) }},
	{"BURN 1H", true, func(s sloStatus) string {
		return finite(s.Burn1h, func(f float64) string { return fmt.Sprintf("%.2fx", f) })
	}},
	{"BUDGET LEFT", true, func(s sloStatus) string { return percent(s.BudgetLeft, 1) }},
}

// dispensable columns, by title, make room for the state on a narrow terminal.
var dispensable = []string{"OBJECTIVE", "ENV"}

// statusTable is the header and one line an SLO, with the columns that width has room for.
func statusTable(statuses []sloStatus, width int) []statusLine {
	columns := slices.Clone(statusColumns)
	lines := layout(columns, statuses)
	for _, title := range dispensable {
		if slices.IndexFunc(lines, func(l statusLine) bool { return l.width() > width }) < 0 {
			break
		}
		columns = slices.DeleteFunc(columns, func(c statusColumn) bool { return c.title == title })
		lines = layout(columns, statuses)
	}
	return lines
}

func layout(columns []statusColumn, statuses []sloStatus) []statusLine {
	lines := make([]statusLine, 1+len(statuses))
	lines[0].tail = "STATE"
	for i, status := range statuses {
		lines[i+1] = statusLine{tail: orDash(string(status.State)), colour: stateColours[status.State]}
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
				lines[i].head += padding + cell + "  "
			} else {
				lines[i].head += cell + padding + "  "
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
	return count(len(statuses), "SLO") + ": " + strings.Join(parts, ", ")
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func finite(n number, format func(float64) string) string {
	if f := float64(n); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return format(f)
	}
	return "-"
}

// percent writes a share with so many decimals; -1 are as many as it has, up to 6.
func percent(share number, decimals int) string {
	return finite(share, func(f float64) string {
		const precision = 1e6
		return strconv.FormatFloat(math.Round(100*f*precision)/precision, 'f', decimals, 64) + "%"
	})
}
