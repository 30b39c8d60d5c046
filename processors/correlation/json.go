// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

// maxMembers bounds how many members of a JSON object are looked at.
const maxMembers = 256

// members reads the members of a JSON object, and of the objects directly in it, from the text
// of a log body: no tree, no allocation, no more than is asked for. It trusts nobody: of text that
// is not JSON it returns what looks like members until it makes no sense, and ends.
//
// Keys and values are returned as the text between their quotes. One with an escape in it is no ID,
// so escapes stay what they are.
type members struct {
	text  string
	pos   int
	depth int
	left  int
	outer string // the key of the object that the member is in, "" for the outermost one
}

// A member is a string or a bare word: a number, true, false or null.
type member struct{ outer, key, value string }

// readMembers begins at the text's first byte that is not space; ok reports whether an object begins there.
func readMembers(text string) (m members, ok bool) {
	m = members{text: text, left: maxMembers}
	m.space()
	return m, m.take('{')
}

// next returns the next member that is a string or a bare word.
func (m *members) next() (member, bool) {
	for m.left > 0 {
		m.left--
		m.space()
		for m.take(',') {
			m.space()
		}
		if m.take('}') {
			if m.depth == 0 {
				return member{}, false
			}
			m.depth, m.outer = 0, ""
			continue
		}
		key, ok := m.quoted()
		if !ok {
			return member{}, false
		}
		m.space()
		if !m.take(':') {
			return member{}, false
		}
		m.space()
		if m.pos == len(m.text) {
			return member{}, false
		}
		switch m.text[m.pos] {
		case '"':
			value, ok := m.quoted()
			return member{m.outer, key, value}, ok
		case '{':
			if m.depth == 0 {
				m.pos++
				m.depth, m.outer = 1, key
				continue
			}
			ok = m.skip()
		case '[':
			ok = m.skip()
		default:
			return member{m.outer, key, m.bare()}, true
		}
		if !ok {
			return member{}, false
		}
	}
	return member{}, false
}

func (m *members) space() {
	for m.pos < len(m.text) {
		switch m.text[m.pos] {
		case ' ', '\t', '\n', '\r':
			m.pos++
		default:
			return
		}
	}
}

func (m *members) take(c byte) bool {
	if m.pos < len(m.text) && m.text[m.pos] == c {
		m.pos++
		return true
	}
	return false
}

// quoted reads a string and returns the text between the quotes. A string without a closing quote is none.
func (m *members) quoted() (string, bool) {
	if !m.take('"') {
		return "", false
	}
	start := m.pos
	for m.pos < len(m.text) {
		switch m.text[m.pos] {
		case '"':
			m.pos++
			return m.text[start : m.pos-1], true
		case '\\':
			m.pos++
		}
		m.pos++
	}
	m.pos = len(m.text)
	return "", false
}

// bare reads up to what ends a number or a word. The text's end does not: it may be cut.
func (m *members) bare() string {
	start := m.pos
	for m.pos < len(m.text) {
		switch m.text[m.pos] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return m.text[start:m.pos]
		}
		m.pos++
	}
	return ""
}

// skip passes over an array or object, however deep.
func (m *members) skip() bool {
	depth := 0
	for m.pos < len(m.text) {
		switch m.text[m.pos] {
		case '"':
			if _, ok := m.quoted(); !ok {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		m.pos++
		if depth == 0 {
			return true
		}
	}
	return false
}
