// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

// Bounds of what is read of a structured body.
const (
	maxMembers = 256 // of objects and arrays, together
	maxDepth   = 4   // of objects in the outermost one, arrays between them not counted
)

// path names the objects and arrays that a member of a structured body is in, from the outside in.
type path struct {
	names [maxDepth]string
	n     int
}

func (p *path) all() []string { return p.names[:p.n] }

// last is the name of the innermost one, "" for none.
func (p *path) last() string {
	if p.n == 0 {
		return ""
	}
	return p.names[p.n-1]
}

// members reads the members of a JSON object, of the objects in it, and the elements of arrays, from the text
// of a log body: no tree, no allocation, no more than is asked for. It trusts nobody: of text that
// is not JSON it returns what looks like members until it makes no sense, and ends.
//
// Keys and values are returned as the text between their quotes, escapes as they are.
type members struct {
	text string
	pos  int
	left int
	path path
	open [2 * (maxDepth + 1)]level // what is open, the outermost object not counted
	n    int
}

// level is an object or array that is open. An object in an array has the name of the array.
type level struct {
	array bool
	named bool // it is in the path
	key   string
}

// A member is a string or a bare word: a number, true, false or null. An element of an array has the key of the array.
type member struct {
	key, value string
	quoted     bool
	element    bool
}

// readMembers begins at the text's first byte that is not space; ok reports whether an object begins there.
func readMembers(text string) (m members, ok bool) {
	m = members{text: text, left: maxMembers}
	m.space()
	return m, m.take('{')
}

// next returns the next member that is a string or a bare word. The path is that of the member.
func (m *members) next() (member, bool) {
	for m.left > 0 {
		m.left--
		m.space()
		for m.take(',') {
			m.space()
		}
		array := m.n > 0 && m.open[m.n-1].array
		end := byte('}')
		if array {
			end = ']'
		}
		if m.take(end) {
			if m.n == 0 {
				return member{}, false
			}
			m.close()
			continue
		}
		one := member{element: array}
		if array {
			one.key = m.open[m.n-1].key
		} else {
			var ok bool
			if one.key, ok = m.quotedText(); !ok {
				return member{}, false
			}
			m.space()
			if !m.take(':') {
				return member{}, false
			}
			m.space()
		}
		if m.pos == len(m.text) {
			return member{}, false
		}
		switch m.text[m.pos] {
		case '"':
			var ok bool
			one.quoted = true
			one.value, ok = m.quotedText()
			return one, ok
		case '{', '[':
			if !m.enter(one.key, m.text[m.pos] == '[') && !m.skip() {
				return member{}, false
			}
		default:
			if one.value = m.bare(); one.value == "" {
				return member{}, false
			}
			return one, true
		}
	}
	return member{}, false
}

// enter goes into an object or array, unless it is too deep.
func (m *members) enter(key string, array bool) bool {
	if m.n == len(m.open) || !array && m.path.n == maxDepth {
		return false
	}
	m.pos++
	m.open[m.n] = level{array: array, named: !array, key: key}
	m.n++
	if !array {
		m.path.names[m.path.n] = key
		m.path.n++
	}
	return true
}

func (m *members) close() {
	m.n--
	if m.open[m.n].named {
		m.path.n--
	}
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

// quotedText reads a string and returns the text between the quotes. A string without a closing quote is none.
func (m *members) quotedText() (string, bool) {
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
			if _, ok := m.quotedText(); !ok {
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

// unescaped returns what a string of JSON says. Without an escape in it, it is the text as it is.
func unescaped(text string) string {
	at := 0
	for at < len(text) && text[at] != '\\' {
		at++
	}
	if at == len(text) {
		return text
	}
	out := append(make([]byte, 0, len(text)), text[:at]...)
	for ; at < len(text); at++ {
		if text[at] != '\\' || at+1 == len(text) {
			out = append(out, text[at])
			continue
		}
		at++
		switch text[at] {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b', 'f':
			out = append(out, ' ')
		case 'u':
			c := byte('?') // what is beyond ASCII is in no ID
			if at+4 < len(text) && text[at+1:at+3] == "00" && isHex(text[at+3]) && isHex(text[at+4]) {
				c = hexDigit(text[at+3])<<4 | hexDigit(text[at+4])
			}
			out = append(out, c)
			at = min(at+4, len(text)-1)
		default:
			out = append(out, text[at])
		}
	}
	return string(out)
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}
