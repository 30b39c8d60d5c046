// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// Grafana replaces $name, ${name} and [[name]] in nearly every string of a dashboard and has no escape for them.
// It shows descriptions and text panels as Markdown with HTML in it. Text
// of the catalog goes through one of the functions below, depending on its place.

// quote is text as a string of PromQL, LogQL or TraceQL, which all read Go's escapes. PromQL refuses a plain
// replacement character.
func quote(text string) string {
	quoted := strconv.Quote(strings.ToValidUTF8(text, "�"))
	return strings.NewReplacer("$", `\x24`, "[[", `\x5b\x5b`, "�", `\ufffd`).Replace(quoted)
}

// plain is text for a title. An invisible word joiner keeps the text
// from being a variable.
func plain(text string) string {
	const joiner = "\u2060"
	return strings.NewReplacer("$", "$"+joiner, "[[", "["+joiner+"[").Replace(oneLine(text))
}

// markdown is text for a description or a text panel. Characters with a meaning in Markdown, in HTML or in variables
// become character references: they look the same and have no meaning. The rest stays readable in the file.
func markdown(text string) string {
	var b strings.Builder
	text = oneLine(text)
	for i, r := range text {
		if special(text, i, r) {
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// special reports whether a character has a meaning at its position: at the beginning of a line, those of lists, headings
// and rules; inside of text, those of links.
func special(text string, i int, r rune) bool {
	before := text[:i]
	switch {
	case strings.ContainsRune("\\`*_~[]<>&$|", r):
		return true
	case strings.Trim(before, "0123456789") == "":
		return strings.ContainsRune("+-#=.)!:", r)
	case r == ':':
		return strings.HasPrefix(text[i:], "://")
	case r == '.':
		return len(before) >= 3 && strings.EqualFold(before[len(before)-3:], "www")
	}
	return r == '@'
}

// oneLine makes line breaks, runs of spaces and what cannot be printed one space.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "�"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
}

// address is a URL below base. It escapes all names.
func address(base string, names ...string) string {
	base = strings.TrimSuffix(base, "/")
	for _, name := range names {
		switch name {
		case "", ".", "..":
			name = "_" + name
		}
		base += "/" + url.PathEscape(name)
	}
	return strings.ReplaceAll(base, "$", "%24")
}

// webAddress is text of the catalog as a link, or nothing where it is no web address: a link
// can hold a script.
func webAddress(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", false
	}
	u.User = nil
	return strings.NewReplacer("$", "%24", "[", "%5B", "]", "%5D", "(", "%28", ")", "%29", "<", "%3C", ">", "%3E", `"`, "%22", "'", "%27", "`", "%60", " ", "%20").
		Replace(u.String()), true
}
