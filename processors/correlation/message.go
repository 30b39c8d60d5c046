// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"net/netip"
	"strings"
)

// message judges the IDs that a text names. A logger writes the fields of a line before its message, or behind it. A message that names an ID
// itself may speak of somebody else's request.
type message struct {
	*search
	text  string
	begin int // of the line, behind what wraps it
	count int // of IDs
	first rank
	id    string  // the first one in the message; first is its rank
	was   finding // before it
	two   bool    // there was another one by that name
}

// Bounds of what is read of a message.
const (
	maxNamed     = 16
	shortMessage = 2 // words before a field that is in the middle of it
)

// named offers an ID, whose name starts and whose value ends at these places.
func (m *message) named(r rank, value string, whole bool, start, end int) {
	if m.count++; m.count > maxNamed {
		return
	}
	before := m.text[:start]
	words := wordsOfMessage(before[min(m.begin, start):])
	rejected := ""
	switch {
	case r >= m.best():
		rejected = "a better source has one"
	case ofClients(m.text[m.begin:]):
		rejected = "the line is what a client sent or received"
	case !whole:
		rejected = "it is a part of something longer"
	case words == 0: // a logger's field
	case m.another(r, value):
		rejected = "the text names two"
	case words > shortMessage && m.text[end-1] != ':' && !inTail(m.text[end:]):
		rejected = "it is in the middle of a sentence"
	case ofAnother(before) || quotesSQL(before) || quotesCall(before):
		rejected = "the text says that it is the ID of another request"
	case foreign(m.text):
		rejected = "it is the ID that a client of a service in the text has for its own call"
	}
	if rejected != "" {
		m.judged(r, value, textEvidence, rejected)
		return
	}
	if words == 0 {
		m.takeBack()
	}
	m.offerBy(r, value, textEvidence)
}

// best is the rank that an ID of a logger's field, or at a place that a format fixes, has to be better than.
func (m *message) best() rank {
	if m.inMessage() {
		return m.was.rank
	}
	return m.rank
}

// inMessage reports whether what was found is in the message.
func (m *message) inMessage() bool { return m.id != "" && !m.two && m.rank == m.first }

// takeBack takes back what was found in the message.
func (m *message) takeBack() {
	if m.inMessage() {
		m.finding = m.was
	}
}

// another reports whether the message has named another ID by the same name, and takes that back.
func (m *message) another(r rank, value string) bool {
	id, _ := m.hygiene.clean(value)
	switch {
	case id == "":
		return false
	case m.id == "":
		m.first, m.id, m.was = r, id, m.finding
		return false
	case m.first != r || m.id == id:
		return false
	}
	m.takeBack()
	m.two = true
	return true
}

// ofClients tells a line of a client that prints what it sends and receives, and one of the W3C's extended log format, as IIS and CloudFront
// write it: what a client sent is in it without quotes.
func ofClients(line string) bool {
	for _, mark := range [...]string{"> ", "< ", "--> ", "<-- ", ">> ", "<< "} {
		if strings.HasPrefix(line, mark) {
			return true
		}
	}
	return isW3C(line)
}

func isW3C(line string) bool {
	const length = len("2026-11-28 17:00:00 ")
	if len(line) < length || line[4] != '-' || line[7] != '-' || line[13] != ':' || line[10] != line[length-1] || strings.Trim(line[:length], "0123456789-: \t") != "" {
		return false
	}
	if line[10] == '\t' {
		return true
	}
	rest := line[length:]
	for range 3 { // the address of the server, perhaps behind its names, and the method
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		if _, err := netip.ParseAddr(word); err == nil {
			method, _, _ := strings.Cut(rest, " ")
			return method != "" && strings.ToUpper(method) == method
		}
	}
	return false
}

// isPair reports whether a word is key=value or key:value, and where its value begins.
func isPair(word string) (value int, ok bool) {
	end := 0
	for end < len(word) && isKeyByte(word[end]) {
		end++
	}
	return end + 1, end > 0 && end+1 < len(word) && (word[end] == '=' || word[end] == ':')
}

// inTail reports whether behind a value are only more fields, up to the end of the line.
func inTail(behind string) bool {
	for rest := behind; ; {
		if strings.HasPrefix(rest, ": ") || strings.HasPrefix(rest, " - ") {
			return true // the message goes on
		}
		rest = strings.TrimLeft(rest, " \t,;:|)]}(-.'\"")
		if rest == "" || rest[0] == '\n' || rest[0] == '\r' {
			return true
		}
		end := strings.IndexAny(rest, " \t\n,;|")
		if end < 0 {
			end = len(rest)
		}
		if end < len(rest) && end > 1 && rest[end-1] == ':' && strings.ContainsAny(rest[:end-1], "=:") {
			return true // key=value: and the message goes on
		}
		word := rest[:end]
		value, pair := isPair(word)
		switch {
		case pair && (rest[value] == '"' || rest[value] == '\''):
			if end = closing(rest, value) + 1; end == 0 {
				return true
			}
		case pair:
		case strings.HasSuffix(word, ":") || strings.HasSuffix(word, "="): // key: value
			rest = strings.TrimLeft(rest[end:], " ")
			if end = strings.IndexAny(rest, " \t\n"); end < 0 {
				return true
			}
		default:
			return false
		}
		rest = rest[end:]
	}
}

// wordsOfMessage counts the words before a key that are not what loggers write before a message: time, level, names, other fields.
func wordsOfMessage(before string) (n int) {
	for rest := before; ; {
		rest = strings.TrimLeft(rest, " \t({]")
		if rest == "" {
			return n
		}
		if rest[0] == '[' { // a slot, or the one that the key is in
			slot, behind, ok := strings.Cut(rest[1:], "]")
			if ok && strings.HasSuffix(slot, "Error") {
				n++
			}
			if rest = behind; !ok {
				rest = slot
			}
			continue
		}
		end := strings.IndexAny(rest, " \t]")
		if end < 0 {
			end = len(rest)
		}
		word := rest[:end]
		if value, ok := isPair(word); ok {
			if word[value] == '"' {
				if end = closing(rest, value) + 1; end == 0 {
					return n + 1
				}
			}
		} else if word[0] != '/' && !isPrefixWord(strings.TrimRight(word, "]")) || strings.HasSuffix(strings.TrimRight(word, ":"), "Exception") {
			n++
		}
		if word == "-" {
			n = 0 // what is before it is the name of a logger
		}
		rest = strings.TrimLeft(rest[end:], "]}),;")
	}
}
