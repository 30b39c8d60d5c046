// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package terminal

import "unicode/utf8"

// A Line is one line of a table. Its tail, such as a state, is what has a color.
type Line struct {
	Head, Tail string
	// Color is the escape sequence that begins it.
	Color string
}

// Width is in characters.
func (l Line) Width() int {
	return utf8.RuneCountInString(l.Head) + utf8.RuneCountInString(l.Tail)
}

// Text is the line in at most width characters.
func (l Line) Text(width int, colored bool) string {
	head := Cut(l.Head, width)
	tail := Cut(l.Tail, width-utf8.RuneCountInString(head))
	if !colored || l.Color == "" || tail == "" {
		return head + tail
	}
	return head + l.Color + tail + "\x1b[0m"
}
