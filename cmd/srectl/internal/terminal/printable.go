// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/internal/printable"
)

// Bounds on external text, in characters.
const (
	MaxLabel   = 60
	MaxMessage = 200
)

// Label is a name that comes from outside.
func Label(value string) string { return Printable(value, MaxLabel) }

// Printable cuts text to a length and replaces characters with an effect on terminals: control
// characters, escape sequences and invisible marks that turn text around.
func Printable(text string, length int) string { return printable.Text(text, length) }

// Cut is the beginning of the text, at most width characters.
func Cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(width, 0)])
}

// OrDash is the text, or a dash in its place.
func OrDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
