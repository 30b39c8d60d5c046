// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package output

import (
	"strings"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// Printable is text of one line that is safe on a terminal.
func Printable(text string) string { return terminal.Printable(text, maxMarkdown) }

// A Grid is a table for people. Its cells are any text: each format escapes them.
type Grid struct {
	Title  string
	Header []string
	Rows   [][]string
	// Right is the first column that is aligned to the right; beyond the last, none is.
	Right int
}

// Text is the table with aligned columns, for a terminal.
func (g Grid) Text() string {
	widths := make([]int, len(g.Header))
	lines := make([][]string, 0, 1+len(g.Rows))
	header := make([]string, len(g.Header))
	for i, title := range g.Header {
		header[i] = strings.ToUpper(title)
	}
	for _, row := range append([][]string{header}, g.Rows...) {
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = Printable(cell)
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]))
		}
		lines = append(lines, line)
	}
	var b strings.Builder
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i >= g.Right {
				text.WriteString(pad + cell + "  ")
			} else {
				text.WriteString(cell + pad + "  ")
			}
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	return b.String()
}

// Markdown is the table below a heading of that level.
func (g Grid) Markdown(level int) string {
	var b strings.Builder
	line := func(cells []string, cell func(string) string) {
		b.WriteString("|")
		for _, c := range cells {
			b.WriteString(" " + cell(c) + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString(strings.Repeat("#", level) + " " + Markdown(g.Title) + "\n\n")
	line(g.Header, Markdown)
	b.WriteString("|")
	for i := range g.Header {
		if i >= g.Right {
			b.WriteString(" ---: |")
		} else {
			b.WriteString(" --- |")
		}
	}
	b.WriteString("\n")
	for _, row := range g.Rows {
		line(row, Markdown)
	}
	return b.String()
}
