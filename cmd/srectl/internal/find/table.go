// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package find

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// head is such as "A-1001: 7 spans, 2 log records, 3 services, 1 trace, 0 errors; from 2026-03-01T10:00:00.000Z, 1.02s".
func (t *timeline) head() string {
	services := map[string]bool{}
	var spans, failed int
	for _, item := range t.Items {
		services[item.Namespace+"/"+item.Service] = true
		if item.Signal == signalSpan {
			spans++
		}
		if item.failed {
			failed++
		}
	}
	text := fmt.Sprintf("%s: %s, %s, %s, %s, %s", t.names(), output.Count(spans, "span"), output.Count(len(t.Items)-spans, "log record"),
		output.Count(len(services), "service"), output.Count(len(t.Traces), "trace"), output.Count(failed, "error"))
	if !t.start.IsZero() {
		text += fmt.Sprintf("; from %s, %s", t.start.Format("2006-01-02T15:04:05.000Z07:00"), brief(t.took))
	}
	return text
}

// names are the first IDs.
func (t *timeline) names() string {
	const most = 3
	var ids []string
	for i, id := range t.IDs {
		if i == most {
			ids = append(ids, fmt.Sprintf("%d more", len(t.IDs)-most))
			break
		}
		ids = append(ids, terminal.Label(id))
	}
	return strings.Join(ids, ", ")
}

type findColumn struct {
	title string
	right bool
	cell  func(*findItem) string
}

const (
	titleWhat     = "SPAN OR LOG"
	titleTrace    = "TRACE"
	titleDuration = "DURATION"
	// minWhat is the minimum width of the column with the event.
	minWhat = 24
)

// columns are those of the table; one trace needs no name.
func (t *timeline) columns() []findColumn {
	columns := []findColumn{
		{"OFFSET", true, func(i *findItem) string {
			if i.start.IsZero() {
				return "-"
			}
			return "+" + brief(i.start.Sub(t.start))
		}},
		{"SERVICE", false, func(i *findItem) string { return terminal.OrDash(terminal.Label(i.Service)) }},
		{titleWhat, false, (*findItem).what},
		{titleDuration, true, func(i *findItem) string {
			if i.DurationNanos == nil {
				return ""
			}
			return brief(time.Duration(*i.DurationNanos))
		}},
		{titleTrace, false, func(i *findItem) string {
			const mark = 8
			return terminal.OrDash(terminal.Cut(i.TraceID, mark))
		}},
	}
	if len(t.Traces) < 2 {
		columns = columns[:len(columns)-1]
	}
	return columns
}

// what is the item in one line: indented, of a span the name, of a log record the text.
func (i *findItem) what() string {
	var text string
	if i.Signal == signalSpan {
		text = oneLine(i.Name)
		if i.Kind != "internal" && i.Kind != "unspecified" {
			text += " (" + i.Kind + ")"
		}
		if i.StatusMessage != "" {
			text += ": " + oneLine(i.StatusMessage)
		}
	} else {
		parts := []string{i.Severity, i.Name}
		if body, isText := i.Body.(string); isText {
			parts = append(parts, body)
		} else if i.Body != nil {
			parts = append(parts, compact(i.Body))
		}
		text = oneLine(strings.Join(parts, " "))
	}
	return strings.Repeat("  ", i.depth) + terminal.Printable(text, terminal.MaxMessage)
}

// oneLine makes line breaks and tabs, which log messages may well have, one space.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// table is the header and one line per item. The event gets the remaining width;
// if that is too little, less important columns are dropped.
func (t *timeline) table(width int) []terminal.Line {
	columns := t.columns()
	lines, what := t.layout(columns, width)
	for _, title := range []string{titleTrace, titleDuration} {
		if what >= minWhat {
			break
		}
		columns = slices.DeleteFunc(columns, func(c findColumn) bool { return c.title == title })
		lines, what = t.layout(columns, width)
	}
	return lines
}

// layout also gives the room that was left to what happened.
func (t *timeline) layout(columns []findColumn, width int) (lines []terminal.Line, what int) {
	const gap, status = 2, "STATUS"
	rows := make([][]string, 1+len(t.Items))
	widths := make([]int, len(columns))
	for c, column := range columns {
		for r := range rows {
			cell := column.title
			if r > 0 {
				cell = column.cell(t.Items[r-1])
			}
			rows[r] = append(rows[r], cell)
			widths[c] = max(widths[c], utf8.RuneCountInString(cell))
		}
	}
	what = width - len(status)
	flexible := slices.IndexFunc(columns, func(c findColumn) bool { return c.title == titleWhat })
	for c := range columns {
		what -= gap
		if c != flexible {
			what -= widths[c]
		}
	}
	what = max(what, 0)
	widths[flexible] = min(widths[flexible], max(what, len(titleWhat)))
	lines = make([]terminal.Line, len(rows))
	for r, row := range rows {
		for c, cell := range row {
			cell = shorten(cell, widths[c])
			padding := strings.Repeat(" ", widths[c]-utf8.RuneCountInString(cell))
			if columns[c].right {
				lines[r].Head += padding + cell + "  "
			} else {
				lines[r].Head += cell + padding + "  "
			}
		}
		switch {
		case r == 0:
			lines[r].Tail = status
		case t.Items[r-1].failed:
			lines[r].Tail, lines[r].Color = "ERROR", "\x1b[31m"
		case t.Items[r-1].Status == statusOK:
			lines[r].Tail = "OK"
		}
		if lines[r].Tail == "" {
			lines[r].Head = strings.TrimRight(lines[r].Head, " ")
		}
	}
	return lines, what
}

// shorten shows that something was cut off.
func shorten(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return terminal.Cut(text, width-1) + "…"
}

// brief formats a duration with three digits.
func brief(d time.Duration) string {
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	const digits = 1000
	unit := time.Duration(1)
	for d/unit >= digits {
		unit *= 10
	}
	return d.Round(unit).String()
}

func writeFoundTable(out io.Writer, t *timeline, width int, colored bool) error {
	var b strings.Builder
	if len(t.Requests) > 1 {
		t.writeRequests(&b, width, colored)
	} else {
		t.write(&b, width, colored)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// write writes one timeline.
func (t *timeline) write(b *strings.Builder, width int, colored bool) {
	b.WriteString(t.head() + "\n\n")
	for _, line := range t.table(width) {
		b.WriteString(line.Text(width, colored) + "\n")
	}
	t.writeReasons(b)
}

// compact is the value in one line of JSON.
func compact(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}
