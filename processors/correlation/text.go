// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import "strings"

// textBody looks at text that is not JSON; inner is the same without the wrappers around it. Text is weak evidence: an ID in it
// needs a name at the start of a field, or a place that a format fixes.
func (s *search) textBody(text, inner string, parts *traceParts) {
	p := s.plan
	if rest, ok := behindLevel(inner); ok {
		text, inner = rest, rest
	}
	m := message{search: s, text: text, begin: len(text) - len(inner)}
	if parts != nil || min(rank(p.logfmt.best), rank(p.body.best)) < s.rank {
		s.fields(&m, parts)
	}
	if parts != nil && !parts.found() {
		parts.unnamed(text)
	}
	for _, one := range p.text.places {
		if one.rank < m.best() {
			if id := one.find(inner); id != "" {
				m.takeBack()
				s.offerBy(one.rank, id, patternEvidence)
			}
		}
	}
	for _, one := range p.patterns {
		if one.rank < s.rank {
			if at := one.regex.FindStringSubmatchIndex(text); at != nil && at[2] >= 0 {
				s.offerBy(one.rank, text[at[2]:at[3]], patternEvidence)
			}
		}
	}
}

func (s *search) fields(m *message, parts *traceParts) {
	all := fields{text: m.text}
	for {
		name, ok := all.next()
		if !ok {
			return
		}
		if name == "" { // an object of JSON
			s.objectInText(&all, parts)
			continue
		}
		r, isID := s.plan.logfmt.inBody(&path{}, name)
		f, isTrace := 0, false
		if parts != nil {
			f, isTrace = traceKeys.find("", name)
		}
		if !isID && !isTrace {
			continue
		}
		start := all.start
		value, whole := all.value()
		if isID {
			m.named(rank(r), value, whole, start, all.pos)
		}
		if isTrace {
			parts.offer(field(f), value)
		}
	}
}

// objectInText reads the fields that a logger writes as JSON behind its message. An object that is said to be somebody's
// answer or message is passed over.
func (s *search) objectInText(all *fields, parts *traceParts) {
	text := all.object()
	m, ok := readMembers(text)
	if !ok || !isObject(text) || strings.HasSuffix(all.text[:all.start], "[") || quotesObject(all.text[:all.start]) || foreign(all.text) {
		return
	}
	r := s.structured(parts, maxWrappers)
	r.text = true
	r.jsonMembers(&m)
}

// fields reads what looks like key=value, key="value" or key: value from text, in order. A key begins a field: it is
// at the start, after a space, or after an opening bracket, comma, semicolon or bar. What is in quotes or in a URL has no keys.
// The work is linear in the text.
type fields struct {
	text      string
	pos       int
	start     int // of the key
	separator int // behind the key
	pending   bool
	unclosed  bool // some brackets are, so no more are passed over
}

// next returns the next key; "" for an object of JSON.
func (p *fields) next() (key string, ok bool) {
	if p.pending {
		p.passValue()
	}
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case c == '"' || c == '\'' || c == '`':
			if key, ok := p.quotedKey(c); ok {
				return key, true
			}
		case c == '{' && p.pos+1 < len(p.text) && p.text[p.pos+1] == '"':
			p.start = p.pos
			return "", true
		case c == '{' && isDump(p.text, p.pos):
			p.object()
		case strings.HasPrefix(p.text[p.pos:], "#<"): // an object of Ruby
			p.passBrackets('<', '>')
		case startsField(c), c == ':' && p.pos > 0 && (p.text[p.pos-1] == '{' || p.text[p.pos-1] == ' '):
			p.pos++
		case isKeyByte(c) && c != '-' || c == '@':
			if key, ok := p.key(); ok {
				return key, true
			}
		default:
			p.passToken()
		}
	}
	return "", false
}

// isDump tells an object of a program, printed into text at the place, from the fields of the line: those of a span, span{key=value}: of the
// MDC, {key=value}, or those that have quotes around their names.
func isDump(text string, at int) bool {
	rest := text[at+1:]
	if at > 0 && isKeyByte(text[at-1]) {
		end := strings.IndexByte(rest, '}')
		return end < 0 || !strings.HasPrefix(rest[end:], "}:") && !ownObject(text[:at])
	}
	name := strings.TrimLeft(rest, " \n\t")
	end := 0
	for end < len(name) && isKeyByte(name[end]) {
		end++
	}
	return end > 0 && strings.HasPrefix(name[end:], ": ") || quotesObject(text[:at])
}

// ownObject reports whether the last word says that an object or brackets behind it have the line's own fields.
func ownObject(before string) bool { return ownObjects.has(lastWord(&before)) }

// What a byte of text may be.
const (
	fieldStart = 1 << iota // a field may begin behind it
	keyByte                // it may be in a key
	valueEnd               // it ends a value
)

var textBytes = func() (t [256]byte) {
	for c := range t {
		if c <= ' ' || strings.IndexByte("[](){}<>,;|", byte(c)) >= 0 {
			t[c] |= fieldStart
		}
		if isAlphanumeric(byte(c)) || strings.IndexByte("_-.", byte(c)) >= 0 {
			t[c] |= keyByte
		}
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`,;"'()[]{}<>&`, byte(c)) >= 0 {
			t[c] |= valueEnd
		}
	}
	return t
}()

func startsField(c byte) bool { return textBytes[c]&fieldStart != 0 }
func isKeyByte(c byte) bool   { return textBytes[c]&keyByte != 0 }
func endsValue(c byte) bool   { return textBytes[c]&valueEnd != 0 }

// key reads a key, or passes over a word that is none.
func (p *fields) key() (string, bool) {
	p.start = p.pos
	end := p.pos
	for end < len(p.text) && (isKeyByte(p.text[end]) || p.text[end] == '@') {
		end++
	}
	p.pos = end
	if end == len(p.text) {
		return "", false
	}
	switch c := p.text[end]; {
	case c == '=' && strings.HasPrefix(p.text[end:], "=>") && p.keyed(end+1): // Ruby
		return p.text[p.start:end], end-p.start <= longestKey
	case c == '=' && p.keyed(end), c == ':' && p.keyed(end):
		return p.text[p.start:end], end-p.start <= longestKey
	case startsField(c):
		switch { // arguments, or the fields of an object
		case ownObject(p.text[:end]):
		case c == '(':
			p.passBrackets('(', ')')
		case c == '[':
			p.passBrackets('[', ']')
		}
		return "", false
	}
	p.passToken()
	return "", false
}

// keyed notes that a value comes behind the separator.
func (p *fields) keyed(separator int) bool {
	p.separator, p.pos, p.pending = separator, separator+1, true
	return true
}

// quotedKey reads "key": or passes over the quoted text.
func (p *fields) quotedKey(quote byte) (string, bool) {
	start, end := p.pos+1, closing(p.text, p.pos)
	if end < 0 {
		if quote == '"' {
			p.pos = len(p.text)
		} else {
			p.pos++ // an apostrophe
		}
		return "", false
	}
	if strings.HasPrefix(p.text[start:end], "Root=1-") { // ALB writes X-Ray's header in quotes
		p.start, p.pos = start, start+len("Root")
		p.keyed(p.pos)
		return "Root", true
	}
	inObject := strings.HasSuffix(strings.TrimRight(p.text[:p.pos], " "), ",") || strings.HasSuffix(p.text[:p.pos], "{")
	p.start, p.pos = p.pos, end+1
	if !inObject {
		return "", false
	}
	if p.pos < len(p.text) && (p.text[p.pos] == ':' || p.text[p.pos] == '=') && end > start && end-start <= longestKey && p.keyed(p.pos) {
		return p.text[start:end], true
	}
	return "", false
}

// closing is the place of the quote that closes the one at the place, -1 for none. A single quote is closed within its line, and
// by one that is not in a word.
func closing(text string, at int) int {
	quote := text[at]
	for i := at + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '\n' && quote == '\'':
			return -1
		case c == quote && (quote != '\'' || i+1 == len(text) || !isAlphanumeric(text[i+1])):
			return i
		}
	}
	return -1
}

// passToken passes over what is not a field up to the next space. Brackets behind a product such as Mozilla/5.0 are a
// part of its name.
func (p *fields) passToken() {
	start := p.pos
	bracketed := start > 0 && p.text[start-1] == '['
	for p.pos < len(p.text) && p.text[p.pos] > ' ' && p.text[p.pos] != '"' && (!bracketed || p.text[p.pos] != ']') {
		p.pos++
	}
	token := p.text[start:p.pos]
	if slash := strings.IndexByte(token, '/'); slash >= 0 && slash+1 < len(token) && isDigit(token[slash+1]) {
		rest := strings.TrimLeft(p.text[p.pos:], " ")
		if strings.HasPrefix(rest, "(") {
			p.pos = len(p.text) - len(rest)
			p.passBrackets('(', ')')
		}
	}
	if p.pos == start {
		p.pos++
	}
}

// passBrackets passes over brackets and what is in them.
func (p *fields) passBrackets(left, right byte) {
	depth := 0
	for at := p.pos; at < len(p.text) && !p.unclosed; at++ {
		switch p.text[at] {
		case left:
			depth++
		case right:
			if depth--; depth <= 0 {
				p.pos = at + 1
				return
			}
		}
	}
	p.unclosed = true
	p.pos++
}

// passValue passes over the value of a key that nobody asked for.
func (p *fields) passValue() {
	p.pending = false
	if p.pos == len(p.text) || p.text[p.pos] <= ' ' {
		return
	}
	if c := p.text[p.pos]; c == '"' || c == '\'' {
		if end := closing(p.text, p.pos); end >= 0 {
			p.pos = end + 1
		} else {
			p.pos = len(p.text)
		}
		return
	}
	if p.text[p.pos] == '{' || p.text[p.pos] == '[' || p.text[p.pos] == '(' {
		return
	}
	start := p.pos
	for p.pos < len(p.text) && !endsValue(p.text[p.pos]) && (p.text[p.pos] != '|' || p.pos == start) {
		p.pos++
	}
	if strings.ContainsAny(p.text[start:p.pos], "/?&=") || p.pos < len(p.text) && p.text[p.pos] == '&' {
		p.passToken() // a URL
	}
}

// value returns the value of the key that next returned. It is not whole if it is a part of something longer, such as a URL.
func (p *fields) value() (value string, whole bool) {
	p.pending = false
	text, start := p.text, p.separator+1
	for text[p.separator] == ':' && start < len(text) && text[start] == ' ' {
		start++
	}
	if start < len(text) && (text[start] == '"' || text[start] == '\'') {
		end := closing(text, start)
		if end < 0 {
			p.pos = len(text)
			return "", false
		}
		p.pos = end + 1
		return text[start+1 : end], true
	}
	if guid := start + 1; guid+uuidLength < len(text) && text[start] == '{' && text[guid+uuidLength] == '}' && isUUID(text[guid:guid+uuidLength]) {
		p.pos = guid + uuidLength + 1
		return text[guid : guid+uuidLength], true // as Windows writes it
	}
	end := start
	for end < len(text) && !endsValue(text[end]) && (text[end] != '|' || end == start) {
		end++
	}
	p.pos = end
	if end < len(text) && (text[end] == '&' || text[end] == '"' || text[end] == '(' || text[end] == '{') {
		value = text[start:end]
		p.passToken()
		return value, false
	}
	return strings.TrimRight(text[start:end], ":"), true // "request_id=a1: no such order"
}

// object returns the object of JSON that begins here, and passes over it.
func (p *fields) object() string {
	m := members{text: p.text, pos: p.pos}
	start := p.pos
	m.skip()
	p.pos = max(m.pos, start+1)
	return p.text[start:p.pos]
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
