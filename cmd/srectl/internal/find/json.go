// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package find

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
)

// writeFoundJSON writes the timeline as one object.
func writeFoundJSON(out io.Writer, t *timeline) error {
	var b bytes.Buffer
	if err := output.WriteJSON(&b, t); err != nil {
		return err
	}
	_, err := out.Write(escapeUnprintable(b.Bytes()))
	return err
}

// escapeUnprintable writes control characters that JSON need not escape as \u0000: nothing is lost,
// and the output is safe for terminals. All such characters are within strings, except for line breaks.
func escapeUnprintable(text []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(text) {
		switch high, low := utf16.EncodeRune(r); {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case high == unicode.ReplacementChar:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.Bytes()
}
