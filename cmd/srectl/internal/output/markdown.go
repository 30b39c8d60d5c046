// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package output

import (
	"strings"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// maxMarkdown bounds a text in Markdown.
const maxMarkdown = 1000

// Markdown escapes text for a table's cell or a heading.
func Markdown(s string) string { return markdownEscape.Replace(terminal.Printable(s, maxMarkdown)) }

// markdownEscape: each of these begins something in Markdown.
var markdownEscape = func() *strings.Replacer {
	var pairs []string
	for _, c := range "\\`*_{}[]#!<>&|~@$" {
		pairs = append(pairs, string(c), `\`+string(c))
	}
	return strings.NewReplacer(append(pairs, "://", `\://`, "www.", `www\.`, "WWW.", `WWW\.`)...)
}()
