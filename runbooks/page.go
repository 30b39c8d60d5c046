// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A page is Markdown in the making: parts that are put together once, when it is whole.
type page struct {
	parts []markdown
	size  int
}

func (p *page) add(parts ...markdown) {
	for _, part := range parts {
		if part != "" {
			p.parts = append(p.parts, part)
			p.size += len(part)
		}
	}
}

func (p *page) bytes() []byte {
	text := make([]byte, 0, p.size)
	for _, part := range p.parts {
		text = append(text, part...)
	}
	return text
}

func (p *page) markdown() markdown {
	var b strings.Builder
	b.Grow(p.size)
	for _, part := range p.parts {
		b.WriteString(string(part))
	}
	return markdown(b.String())
}

func (p *page) line(parts ...markdown) { p.add(parts...); p.add("\n") }

// paragraph ends with an empty line.
func (p *page) paragraph(parts ...markdown) { p.add(parts...); p.add("\n\n") }

func (p *page) heading(level int, title markdown) {
	if !p.afterEmptyLine() {
		p.add("\n")
	}
	p.paragraph(markdown(strings.Repeat("#", level)), " ", title)
}

// afterEmptyLine is true at the beginning, too.
func (p *page) afterEmptyLine() bool {
	n := len(p.parts)
	if n > 1 && p.parts[n-1] == "\n" {
		return strings.HasSuffix(string(p.parts[n-2]), "\n")
	}
	return n == 0 || strings.HasSuffix(string(p.parts[n-1]), "\n\n")
}

func (p *page) list(items ...markdown) {
	for _, item := range items {
		p.line("- ", item)
	}
	p.add("\n")
}

func (p *page) steps(items ...markdown) {
	for i, item := range items {
		p.line(markdown(strconv.Itoa(i+1)), ". ", item)
	}
	p.add("\n")
}

func join(parts []markdown, separator markdown) markdown {
	words := make([]string, len(parts))
	for i, part := range parts {
		words[i] = string(part)
	}
	return markdown(strings.Join(words, string(separator)))
}

func sloHeading(slo *catalog.SLO) string { return "SLO " + slo.Name }

// anchor leads to a heading of the same page.
func anchor(label markdown, heading string) markdown {
	return sprintf("[%s](#%s)", label, destination(slug(heading)))
}

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == ' ':
			return '-'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			return c
		}
		return -1
	}, strings.ToLower(heading))
}
