// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import "strings"

// pairs reads what looks like key=value, key="value" or key: value from text, in order. The work is
// linear in the text: keys are short, and a value is read only if it is asked for, and then passed over.
type pairs struct {
	text      string
	pos       int
	separator int
}

// next returns the next key.
func (p *pairs) next() (key string, ok bool) {
	for p.pos < len(p.text) {
		at := strings.IndexAny(p.text[p.pos:], "=:")
		if at < 0 {
			break
		}
		p.separator = p.pos + at
		p.pos = p.separator + 1
		if key = keyBefore(p.text, p.separator); key != "" {
			return key, true
		}
	}
	return "", false
}

// value returns the value of the key that next returned.
func (p *pairs) value() string {
	start, end := valueAfter(p.text, p.separator)
	p.pos = end
	return p.text[start:end]
}

func keyBefore(text string, end int) string {
	if end > 0 && (text[end-1] == '"' || text[end-1] == '\'') {
		end--
	}
	start := end
	for start > 0 && end-start <= longestKey && isKeyByte(text[start-1]) {
		start--
	}
	if end-start > longestKey {
		return ""
	}
	return text[start:end]
}

func isKeyByte(c byte) bool { return isAlphanumeric(c) || c == '_' || c == '-' || c == '.' }

func valueAfter(text string, separator int) (start, end int) {
	start = separator + 1
	for text[separator] == ':' && start < len(text) && text[start] == ' ' {
		start++
	}
	if start < len(text) && (text[start] == '"' || text[start] == '\'') {
		length := strings.IndexByte(text[start+1:], text[start])
		if length < 0 {
			return len(text), len(text)
		}
		return start + 1, start + 1 + length
	}
	end = start
	for end < len(text) && !endsValue(text[end]) {
		end++
	}
	for end > start && text[end-1] == ':' { // "request_id=a1: no such order"
		end--
	}
	return start, end
}

func endsValue(c byte) bool {
	return c <= ' ' || c >= 0x7f || strings.IndexByte(`,;"'()[]{}<>&`, c) >= 0
}

// uuidLength is the length of a UUID as text.
const uuidLength = 36

// enclosedUUID returns the first UUID between the two bytes, with nothing else between them.
func enclosedUUID(text string, left, right byte) (string, bool) {
	for {
		at := strings.IndexByte(text, left)
		if at < 0 || len(text) < at+uuidLength+2 {
			return "", false
		}
		if id := text[at+1 : at+1+uuidLength]; text[at+1+uuidLength] == right && isUUID(id) {
			return id, true
		}
		text = text[at+1:]
	}
}

func isUUID(text string) bool {
	for i := range len(text) {
		switch i {
		case 8, 13, 18, 23:
			if text[i] != '-' {
				return false
			}
		default:
			if !isHex(text[i]) {
				return false
			}
		}
	}
	return len(text) == uuidLength
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
