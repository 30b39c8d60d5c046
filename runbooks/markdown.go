// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// A markdown is text that is safe to write into a page: a constant, or the result of one of the
// functions below. The type keeps unescaped text of the catalog out of pages.
type markdown string

// sprintf accepts only safe text.
func sprintf(format markdown, args ...markdown) markdown {
	plain := make([]any, len(args))
	for i, a := range args {
		plain[i] = a
	}
	return markdown(fmt.Sprintf(string(format), plain...))
}

// Punctuation with a meaning in Markdown or its GitHub dialect, at any position.
const special = "\\`*_{}[]#!<>&|~@$"

// listMark has a meaning at the beginning of a line.
var listMark = regexp.MustCompile(`^(?:[-+=]|\d+[.)](?:\s|$))`)

// text escapes s, so that it is no element, link, heading, list or line break.
func text(s string) markdown {
	s = oneLine(s)
	mark := -1
	if s != "" && strings.IndexByte("-+=0123456789", s[0]) >= 0 {
		mark = len(strings.TrimSpace(listMark.FindString(s))) - 1
	}
	var b strings.Builder
	written := 0
	for i := range len(s) { // what is escaped is ASCII
		if i == mark || strings.IndexByte(special, s[i]) >= 0 || makesLink(s, i) {
			b.WriteString(s[written:i])
			b.WriteByte('\\')
			written = i
		}
	}
	if written == 0 && b.Len() == 0 {
		return markdown(s)
	}
	b.WriteString(s[written:])
	return markdown(b.String())
}

// makesLink reports a character that turns a bare address into a link: the colon of a scheme, the first period of www.
func makesLink(s string, i int) bool {
	switch s[i] {
	case ':':
		return i+1 < len(s) && s[i+1] != ' '
	case '.':
		return i >= 3 && strings.EqualFold(s[i-3:i], "www")
	}
	return false
}

// oneLine drops invisible characters and turns all white space into single spaces.
func oneLine(s string) string {
	if isOneLine(s) {
		return s
	}
	return strings.Join(strings.Fields(visible(s)), " ")
}

// isOneLine reports words of printable ASCII with single spaces between them, as nearly all texts are.
func isOneLine(s string) bool {
	before := byte(' ')
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= unicode.MaxASCII || s[i] == ' ' && before == ' ' {
			return false
		}
		before = s[i]
	}
	return s == "" || before != ' '
}

// visible drops control characters, except line breaks and tabs, and invisible characters,
// which change the direction of text or hide parts of it.
func visible(s string) string {
	if !strings.ContainsFunc(s, func(c rune) bool { return c != '\n' && c != '\t' && (c < ' ' || c >= unicode.MaxASCII) }) {
		return s
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t':
			return c
		case c == '\r' || c == '\u2028' || c == '\u2029':
			return '\n'
		case unicode.IsControl(c) || unicode.Is(unicode.Cf, c):
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// code is s as a span of code. The fence is longer than any run of backticks in s.
func code(s string) markdown {
	s = oneLine(unmarked(s))
	if s == "" {
		return "(empty)"
	}
	fence := strings.Repeat("`", longestRun(s, '`')+1)
	if s[0] == '`' || s[len(s)-1] == '`' {
		s = " " + s + " "
	}
	return markdown(fence + s + fence)
}

// block is s as a block of code, indented under an item of a list.
func block(language, s, indent string) markdown {
	s = strings.TrimRight(unmarked(visible(s)), "\n\t ")
	fence := strings.Repeat("`", max(3, longestRun(s, '`')+1))
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s%s\n", indent, fence, language)
	for line := range strings.SplitSeq(s, "\n") {
		b.WriteString(strings.TrimRight(indent+line, " \t") + "\n")
	}
	b.WriteString(indent + fence + "\n")
	return markdown(b.String())
}

// unmarked keeps code, where nothing can be escaped, from looking like a marker of notes.
func unmarked(s string) string {
	if !strings.Contains(s, "<!--") {
		return s
	}
	return likeMarker.ReplaceAllStringFunc(s, func(m string) string { return "<! --" + strings.TrimPrefix(m, "<!--") })
}

func longestRun(s string, of rune) int {
	longest, run := 0, 0
	for _, c := range s {
		if c != of {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// link leads to a web address. Anything else stays text.
func link(label markdown, to string) markdown {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return short(to)
	}
	return sprintf("[%s](%s)", label, destination(u.String()))
}

// pageLink leads to another page of the folder, by a relative path.
func pageLink(label markdown, path ...string) markdown {
	escaped := make([]string, len(path))
	for i, p := range path {
		escaped[i] = url.PathEscape(p)
	}
	return sprintf("[%s](%s)", label, destination(strings.Join(escaped, "/")))
}

// destination writes an address so that nothing in it ends the link or is read as an entity.
func destination(address string) markdown {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(address) + len(address)/8)
	for _, c := range []byte(address) {
		switch {
		case c == '&':
			b.WriteString("&amp;")
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"'<>`\\()[]{}|^*", c) >= 0:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		default:
			b.WriteByte(c)
		}
	}
	return markdown(b.String())
}

// shell is s as one word of a POSIX shell.
func shell(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c >= unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_./:=,@", c)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(oneLine(s), "'", `'\''`) + "'"
}
