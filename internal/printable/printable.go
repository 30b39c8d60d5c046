// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package printable makes text from outside safe to show in a line of a terminal, a log or a page.
package printable

import (
	"strings"
	"unicode"
)

// Text cuts text to a length in characters and replaces characters with an effect on terminals: control
// characters, escape sequences and invisible marks that turn text around.
func Text(text string, length int) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > length {
			b.WriteRune('…')
			break
		}
		if !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
	}
	return b.String()
}
