// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// containers are the members of a structured log line under which loggers put what the code gave
// them, or servers their request: keys in them count as if they were at the top level. Bodies, responses and errors
// of somebody else are not among them.
var containers = foldedSet("attributes", "attrs", "context", "contextData", "contextMap", "ctx", "custom", "customDimensions", "eventProperties", "extra", "extra_data", "extra_fields", "extras", "fields",
	"grpc", "headers", "http", "jsonPayload", "labels", "log_context", "logging.googleapis.com/labels", "log", "mdc", "meta", "metadata", "named_tags", "properties", "protoPayload", "record", "req", "req_headers", "request", "request_headers",
	"res", "resp_headers", "scope", "scopeProperties", "scopes", "span", "spans", "state", "structured_data", "tags", "thread_context")

// messages are the members with what the line says as text, or the whole line in the wrapper that a container runtime
// or a collector of logs put around it.
var messages = foldedSet("message", "msg", "log", "event", "short_message", "full_message", "textPayload", "text", "line", "raw", "original", "@message", "body_text")

// The members of an element of an array of tags.
var (
	tagNames  = foldedSet("key", "name", "k")
	tagValues = foldedSet("value", "val", "v")
)

func foldedSet(names ...string) foldedKeys {
	k := newFoldedKeys()
	for i, name := range names {
		k.add(name, i)
	}
	return k
}

func (k *foldedKeys) has(name string) bool {
	if name != "" && name[0] == '$' {
		return false // $metadata of an AWS SDK's answer
	}
	_, ok := k.find("", name)
	return ok
}

// maxWrappers is how many wrappers are taken off a line: JSON in JSON, or text in JSON.
const maxWrappers = 3

// body looks at a log body for IDs and, if parts is not nil, for the trace context. It reads it once, for all
// of its sources, and not at all if none of them can be better than what was found.
func (s *search) body(v pcommon.Value, parts *traceParts) {
	p := s.plan
	if parts == nil && min(rank(p.body.best), rank(p.logfmt.best), p.text.best) >= s.rank {
		return
	}
	switch v.Type() {
	case pcommon.ValueTypeMap:
		r := s.structured(parts, 0)
		left := maxMembers
		r.mapMembers(v.Map(), &left)
		r.end()
		r.texts()
	case pcommon.ValueTypeStr:
		text := v.Str()
		cut := len(text) > s.maxBody
		if cut {
			text = text[:s.maxBody]
		}
		s.line(text, cut, parts, 0)
	}
}

// line looks at a line of JSON or of other text, the wrappers of container runtimes and syslog taken off.
func (s *search) line(text string, cut bool, parts *traceParts, wrapped int) {
	text = withoutColors(text)
	inner := unwrapped(text)
	if m, ok := readMembers(inner); ok && isObject(inner) {
		s.jsonBody(&m, parts, wrapped)
		return
	}
	if cut {
		end := strings.LastIndexAny(text, " \t\n") + 1 // half an ID is another ID
		text, inner = text[:end], inner[:max(0, len(inner)-(len(text)-end))]
	}
	s.textBody(text, inner, parts)
}

// withoutColors takes out the escape sequences that loggers write to terminals.
func withoutColors(text string) string {
	const escape = "\x1b["
	at := strings.Index(text, escape)
	if at < 0 {
		return text
	}
	var b strings.Builder
	for ; at >= 0; at = strings.Index(text, escape) {
		b.WriteString(text[:at])
		text = strings.TrimLeft(text[at+len(escape):], "0123456789;")
		text = text[min(1, len(text)):]
	}
	b.WriteString(text)
	return b.String()
}

// isObject tells a JSON object from other text in braces.
func isObject(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	text = strings.TrimLeft(text[1:], " \t\r\n")
	return text != "" && (text[0] == '"' || text[0] == '}')
}

// structured collects from a structured body: fields at once, texts to be looked at when all fields are known.
type structured struct {
	*search
	parts   *traceParts
	tag     string // the name of a tag whose value is to come
	lines   [2]string
	n       int
	wrapped int
	text    bool    // the object is within text
	foreign bool    // it is what a client knows of its call
	ofEcho  bool    // it is a line of Echo's access log
	id0     string  // what is named just "id", which is the request's in Echo's
	was     finding // before it was read
}

func (s *search) structured(parts *traceParts, wrapped int) structured {
	return structured{search: s, parts: parts, wrapped: wrapped, was: s.finding}
}

func (s *search) jsonBody(m *members, parts *traceParts, wrapped int) {
	r := s.structured(parts, wrapped)
	r.jsonMembers(m)
	r.texts()
}

func (r *structured) jsonMembers(m *members) {
	for {
		one, ok := m.next()
		if !ok {
			r.end()
			return
		}
		if one.quoted && !one.element && messages.has(one.key) && m.path.inContainers() {
			r.keep(one.value, true)
		}
		r.offerMember(&m.path, one.key, one.value, one.element, !one.quoted && !isNumber(one.value))
	}
}

// end looks at what can be judged only when all members are known.
func (r *structured) end() {
	if i, ok := r.plan.body.find("", "request_id"); ok && r.ofEcho {
		r.offerField(rank(i), r.id0)
	}
	if r.foreign && r.rank < r.was.rank {
		r.judged(r.rank, r.id, r.by, "it is the ID that a client has for its own call")
		r.finding = r.was
	}
}

func isNumber(word string) bool { return word != "" && (word[0] == '-' || isDigit(word[0])) }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// offerMember offers a member to the sources. A word, such as true or null, is no ID.
func (r *structured) offerMember(at *path, key, value string, element, word bool) {
	if element && containers.has(key) && at.inContainers() {
		r.offerTag(value)
		return
	}
	if at.n > 0 && containers.has(at.last()) {
		switch {
		case tagNames.has(key):
			r.tag = value
		case r.tag != "" && tagValues.has(key):
			key, r.tag = r.tag, ""
		}
	}
	if !element && at.inContainers() {
		r.foreign = r.foreign || foreignKeys.has(key) || key == "$fault"
		r.ofEcho = r.ofEcho || key == "latency_human"
		if key == "id" && at.n == 0 {
			r.id0 = value
		}
	}
	if i, ok := r.plan.body.inBody(at, key); ok && !word {
		r.offerField(rank(i), value)
	}
	if r.parts != nil {
		if f, ok := traceKeys.inBody(at, key); ok {
			r.parts.offer(field(f), value)
		}
	}
}

// offerTag reads an element of an array of tags: name:value or name=value.
func (r *structured) offerTag(tag string) {
	at := strings.IndexAny(tag, ":=")
	if at <= 0 {
		return
	}
	r.offerMember(&path{}, tag[:at], strings.TrimSpace(tag[at+1:]), false, false)
}

func (r *structured) offerField(at rank, value string) {
	if r.text {
		r.offerBy(at, value, textEvidence)
		return
	}
	r.offer(at, value)
}

// keep remembers a text to be looked at when all fields are known.
func (r *structured) keep(text string, escaped bool) {
	if r.n == len(r.lines) || r.wrapped >= maxWrappers || text == "" {
		return
	}
	if escaped {
		text = unescaped(text)
	}
	r.lines[r.n] = text
	r.n++
}

// texts looks at what the line says, by the rules of text.
func (r *structured) texts() {
	for _, text := range r.lines[:r.n] {
		parts := r.parts
		if parts != nil && parts.found() {
			parts = nil
		}
		if cut := len(text) > r.maxBody; cut {
			text = text[:r.maxBody]
		}
		r.line(strings.TrimRight(text, "\r\n"), false, parts, r.wrapped+1)
	}
}

func (r *structured) mapMembers(m pcommon.Map, left *int) {
	var at path
	r.mapAt(&at, m, left)
}

func (r *structured) mapAt(at *path, m pcommon.Map, left *int) {
	for name, v := range m.All() {
		r.mapMember(at, name, v, left)
	}
}

func (r *structured) mapMember(at *path, name string, v pcommon.Value, left *int) {
	if *left--; *left < 0 {
		return
	}
	switch v.Type() {
	case pcommon.ValueTypeMap:
		if at.n < maxDepth {
			at.names[at.n] = name
			at.n++
			r.mapAt(at, v.Map(), left)
			at.n--
		}
	case pcommon.ValueTypeSlice:
		r.mapElements(at, name, v.Slice(), left)
	case pcommon.ValueTypeStr:
		if messages.has(name) && at.inContainers() {
			r.keep(v.Str(), false)
		}
		r.offerMember(at, name, v.Str(), false, false)
	case pcommon.ValueTypeInt, pcommon.ValueTypeBool:
		r.numberMember(at, name, v)
	}
}

func (r *structured) mapElements(at *path, name string, all pcommon.Slice, left *int) {
	if r.parts != nil {
		if f, ok := traceKeys.inBody(at, name); ok {
			for i := range min(all.Len(), maxElements) {
				r.parts.offerValue(field(f), all.At(i))
			}
		}
	}
	for i := range all.Len() {
		switch v := all.At(i); v.Type() {
		case pcommon.ValueTypeMap:
			r.mapMember(at, name, v, left)
		case pcommon.ValueTypeStr:
			if *left--; *left < 0 {
				return
			}
			r.offerMember(at, name, v.Str(), true, false)
		}
	}
}

func (r *structured) numberMember(at *path, name string, v pcommon.Value) {
	if i, ok := r.plan.body.inBody(at, name); ok && v.Type() == pcommon.ValueTypeInt {
		r.offerValue(rank(i), v)
	}
	if r.parts != nil {
		if f, ok := traceKeys.inBody(at, name); ok {
			r.parts.offerValue(field(f), v)
		}
	}
}

// inContainers reports whether all that a member is in are containers.
func (p *path) inContainers() bool {
	for _, name := range p.all() {
		if !containers.has(name) {
			return false
		}
	}
	return true
}

// inBody looks up a key of a structured body: with the names of all that it is in, or without the containers on the outside.
func (k *foldedKeys) inBody(at *path, name string) (int, bool) {
	for i := 0; ; i++ {
		if value, ok := k.findIn(at.names[i:at.n], name); ok {
			return value, true
		}
		if i == at.n {
			break
		}
		if !containers.has(at.names[i]) {
			return 0, false
		}
	}
	if name == "" || !k.end[name[len(name)-1]] {
		return 0, false
	}
	for { // names that were made of a path: request.headers.X-Request-Id
		first, rest, ok := strings.Cut(name, ".")
		if !ok || !containers.has(first) {
			return 0, false
		}
		if value, ok := k.findIn(nil, rest); ok {
			return value, true
		}
		name = rest
	}
}

// logAttribute offers an attribute of a log record that is not a source by its own name: loggers write fields of
// log lines there, under the names of fields.
func (s *search) logAttribute(name string, v pcommon.Value) {
	r := s.structured(nil, maxWrappers)
	switch v.Type() {
	case pcommon.ValueTypeMap:
		if containers.has(name) {
			left := maxMembers
			r.mapMember(&path{}, name, v, &left)
		}
	case pcommon.ValueTypeStr, pcommon.ValueTypeInt:
		if i, ok := s.plan.body.inBody(&path{}, name); ok {
			s.offerValue(rank(i), v)
		}
	}
}
