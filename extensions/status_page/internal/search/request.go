package search

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxLevel is how deep a value is looked into.
const maxLevel = 16

// A request is what is known of one: the ID that was asked for, and what shows it.
type request struct {
	asked     string
	hex       string // asked as a trace ID or span ID is written; "" if it is none
	trace     pcommon.TraceID
	span      pcommon.SpanID
	number    int64 // asked as an integer
	isNumber  bool
	ids       map[string]bool
	contested map[string]bool // correlation IDs of records that another ID lost to
	traces    map[pcommon.TraceID]bool
	anywhere  bool // something shows the ID
}

func newRequest(id string) *request {
	r := &request{asked: id, ids: map[string]bool{}, contested: map[string]bool{}, traces: map[pcommon.TraceID]bool{}}
	digits := strings.ToLower(strings.ReplaceAll(id, "-", ""))
	raw, err := hex.DecodeString(digits)
	switch {
	case err != nil:
	case len(raw) == len(r.trace):
		r.hex, r.trace = digits, pcommon.TraceID(raw)
	case len(raw) == len(r.span):
		r.hex, r.span = digits, pcommon.SpanID(raw)
	}
	number, err := strconv.ParseInt(id, 10, 64)
	r.number, r.isNumber = number, err == nil
	return r
}

// needles are bytes of which a batch has some if it has anything to do with the request: IDs as text, trace and span IDs
// as OTLP has them, and integers as it encodes them.
func (r *request) needles() [][]byte {
	needles := [][]byte{[]byte(r.asked)}
	if r.hex != "" {
		needles = append(needles, []byte(r.hex))
	}
	if !r.trace.IsEmpty() {
		needles = append(needles, r.trace[:])
	}
	if !r.span.IsEmpty() {
		needles = append(needles, r.span[:])
	}
	if r.isNumber {
		const integer = 3 << 3 // AnyValue.int_value, a varint
		needles = append(needles, binary.AppendUvarint([]byte{integer}, uint64(r.number)))
	}
	for id := range r.ids {
		needles = append(needles, []byte(id))
	}
	for trace := range r.traces {
		needles = append(needles, trace[:])
	}
	return needles
}

// learn takes from a record that shows the ID what else the request is known by, until that is enough. A record that
// another ID lost to speaks for its trace only: what it has as its correlation ID may be another request's.
func (r *request) learn(item record) (cut string) {
	if !r.shownBy(item) {
		return ""
	}
	r.anywhere = true
	id := item.correlationID()
	_, conflict := item.attributes().Get(conflictAttribute)
	switch {
	case id == "" || len(id) > MaxID:
	case conflict && id != r.asked:
		r.contested[id] = true
	default:
		r.ids[id] = true
	}
	return r.learnTrace(item)
}

// follow takes the traces of what has the request's correlation IDs. Other correlation IDs in its traces it does not take:
// a consumer may have worked on several requests in one.
func (r *request) follow(item record) (cut string) {
	if !r.ids[item.correlationID()] {
		return ""
	}
	return r.learnTrace(item)
}

func (r *request) learnTrace(item record) (cut string) {
	if trace := item.traceID(); !trace.IsEmpty() {
		r.traces[trace] = true
	}
	if len(r.ids)+len(r.contested)+len(r.traces) >= maxKnown {
		return cutKnown
	}
	return ""
}

// settle takes the contested IDs for the request's if nothing else says what its ID is.
func (r *request) settle() {
	if len(r.ids) == 0 {
		r.ids = r.contested
	}
}

// owns tells whether the record belongs to the request.
func (r *request) owns(item record) bool {
	return r.traces[item.traceID()] || r.ids[item.correlationID()] || r.shownBy(item)
}

// shownBy tells whether the record has the ID: as its own or as a link's, as a whole value of an attribute, or as a word
// of what a log record says.
func (r *request) shownBy(item record) bool {
	if r.isID(item.traceID(), item.spanID()) || r.within(item.attributes(), 0) || r.within(item.resource, 0) {
		return true
	}
	if !item.isSpan {
		return r.mentionedBy(item.log.Body(), 0)
	}
	if r.isID(pcommon.TraceID{}, item.span.ParentSpanID()) {
		return true
	}
	for _, event := range item.span.Events().All() {
		if r.within(event.Attributes(), 0) {
			return true
		}
	}
	for _, link := range item.span.Links().All() {
		if r.isID(link.TraceID(), link.SpanID()) || r.within(link.Attributes(), 0) {
			return true
		}
	}
	return false
}

func (r *request) isID(trace pcommon.TraceID, span pcommon.SpanID) bool {
	return !trace.IsEmpty() && trace == r.trace || !span.IsEmpty() && span == r.span
}

func (r *request) within(attributes pcommon.Map, level int) bool {
	for _, value := range attributes.All() {
		if r.is(value, level) {
			return true
		}
	}
	return false
}

// is tells whether the ID is the value, or one in it.
func (r *request) is(value pcommon.Value, level int) bool {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		return value.Str() == r.asked || r.hex != "" && value.Str() == r.hex
	case pcommon.ValueTypeInt:
		return r.isNumber && value.Int() == r.number
	case pcommon.ValueTypeMap:
		return level < maxLevel && r.within(value.Map(), level+1)
	case pcommon.ValueTypeSlice:
		for _, element := range value.Slice().All() {
			if level < maxLevel && r.is(element, level+1) {
				return true
			}
		}
	}
	return false
}

// mentionedBy tells whether the ID is the value, one in it, or a word of its text.
func (r *request) mentionedBy(body pcommon.Value, level int) bool {
	if level >= maxLevel {
		return false
	}
	switch body.Type() {
	case pcommon.ValueTypeStr:
		return hasWord(body.Str(), r.asked) || r.hex != "" && hasWord(body.Str(), r.hex)
	case pcommon.ValueTypeMap:
		for _, value := range body.Map().All() {
			if r.mentionedBy(value, level+1) {
				return true
			}
		}
		return false
	case pcommon.ValueTypeSlice:
		for _, value := range body.Slice().All() {
			if r.mentionedBy(value, level+1) {
				return true
			}
		}
		return false
	default:
		return r.is(body, level)
	}
}

// hasWord tells whether the word stands in the text, and not as a part of a longer one.
func hasWord(text, word string) bool {
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 || word == "" {
			return false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(word):])
		if !inWord(before) && !inWord(after) {
			return true
		}
		from = at + 1
	}
}

func inWord(r rune) bool {
	return r == '-' || r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
