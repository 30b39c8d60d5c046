package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	correlationAttribute = semconv.CorrelationID
	conflictAttribute    = semconv.CorrelationConflict
	// maxCorrelationID is the longest that the correlation processor can be told to write.
	maxCorrelationID = 1024
)

// A finder looks for requests in files. It reads them once for what an ID stands for, and
// once for all that belongs to it, so that it has to hold no more than that.
type finder struct {
	inputs     findInputs
	limit      int // of items, and of what the ID stands for
	complaints *complaints
}

// A request is what is known of one: the ID that was asked for, and what shows it.
type request struct {
	asked     string
	hex       string // asked as a trace ID or span ID is written; "" if it is none
	ids       map[string]bool
	contested map[string]bool // correlation IDs of items that another ID lost to
	traces    map[pcommon.TraceID]bool
	anywhere  bool // something shows the ID
}

func newRequest(id string) *request {
	r := &request{asked: id, ids: map[string]bool{}, contested: map[string]bool{}, traces: map[pcommon.TraceID]bool{}}
	digits := strings.ToLower(strings.ReplaceAll(id, "-", ""))
	if _, err := hex.DecodeString(digits); err == nil && (len(digits) == 32 || len(digits) == 16) {
		r.hex = digits
	}
	return r
}

// find gives what has the ID, in order of time.
func (f *finder) find(id string) (*timeline, error) {
	r := newRequest(id)
	truncated := false
	err := f.read(r.needles(), func(item record) error {
		r.learn(item)
		if len(r.ids)+len(r.contested)+len(r.traces) >= f.limit {
			truncated = true
			return errEnough
		}
		return nil
	})
	if err != nil || !r.anywhere {
		return &timeline{}, err
	}
	r.settle()
	t := &timeline{Truncated: truncated}
	read := map[[sha256.Size]byte]int{}
	err = f.read(r.needles(), func(item record) error {
		if !r.owns(item) || copied(item, read) {
			return nil
		}
		if len(t.Items) == f.limit {
			t.Truncated = true
			return errEnough
		}
		t.Items = append(t.Items, newFindItem(item))
		return nil
	})
	t.finish(r)
	return t, err
}

// copied says that another file has the very same span; read remembers where spans were.
func copied(item record, read map[[sha256.Size]byte]int) bool {
	if !item.isSpan {
		return false
	}
	traces := ptrace.NewTraces()
	rs := traces.ResourceSpans().AppendEmpty()
	item.resource.CopyTo(rs.Resource().Attributes())
	item.span.CopyTo(rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty())
	text, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(traces)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(text)
	input, again := read[sum]
	if !again {
		read[sum] = item.input
	}
	return again && input != item.input
}

// survey counts what there is.
func (f *finder) survey() (survey, error) {
	s := survey{files: len(f.inputs)}
	err := f.read(nil, func(r record) error {
		if r.isSpan {
			s.spans++
		} else {
			s.logs++
		}
		if at, _ := r.times(); at != 0 {
			s.first, s.last = min(cmp.Or(s.first, at), at), max(s.last, at)
		}
		return nil
	})
	return s, err
}

// learn takes from an item that shows the ID what else the request is known by. An item that
// another ID lost to speaks for its trace only: what it has as its correlation ID may be another request.
func (r *request) learn(item record) {
	if !r.shownBy(item) {
		return
	}
	r.anywhere = true
	if trace := item.traceID(); !trace.IsEmpty() {
		r.traces[trace] = true
	}
	id := item.correlationID()
	_, conflict := item.attributes().Get(conflictAttribute)
	switch {
	case id == "" || len(id) > maxCorrelationID:
	case conflict && id != r.asked:
		r.contested[strings.Clone(id)] = true
	default:
		r.ids[strings.Clone(id)] = true
	}
}

// settle takes the contested IDs for the request's if nothing else says what its ID is.
func (r *request) settle() {
	if len(r.ids) == 0 {
		r.ids = r.contested
	}
}

// owns says that the item belongs to the request.
func (r *request) owns(item record) bool {
	return r.traces[item.traceID()] || r.ids[item.correlationID()] || r.shownBy(item)
}

// correlationID is the item's, or that of the process it comes from.
func (r record) correlationID() string {
	for _, attributes := range []pcommon.Map{r.attributes(), r.resource} {
		if id, ok := attributes.Get(correlationAttribute); ok && id.Type() == pcommon.ValueTypeStr {
			return id.Str()
		}
	}
	return ""
}

// shownBy says that the item has the ID somewhere as a whole value.
func (r *request) shownBy(item record) bool {
	if r.hex != "" && (item.traceID().String() == r.hex || item.spanID().String() == r.hex) {
		return true
	}
	if r.is(item.correlationID()) || r.within(item.attributes()) {
		return true
	}
	if !item.isSpan {
		return item.log.Body().Type() == pcommon.ValueTypeMap && r.within(item.log.Body().Map())
	}
	for _, event := range item.span.Events().All() {
		if r.within(event.Attributes()) {
			return true
		}
	}
	return false
}

func (r *request) is(text string) bool {
	return text != "" && (text == r.asked || text == r.hex)
}

func (r *request) within(attributes pcommon.Map) bool {
	for _, value := range attributes.All() {
		if r.isValue(value) {
			return true
		}
	}
	return false
}

func (r *request) isValue(value pcommon.Value) bool {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		return r.is(value.Str())
	case pcommon.ValueTypeMap:
		return r.within(value.Map())
	case pcommon.ValueTypeSlice:
		for _, element := range value.Slice().All() {
			if r.isValue(element) {
				return true
			}
		}
	}
	return false
}

// Needles are texts, of which a document has one if it has anything to do with the request.
// None is all documents.
type needles [][]byte

// maxNeedles is how many are cheaper to look for than to read all documents.
const maxNeedles = 32

func (n needles) in(text []byte) bool {
	for _, needle := range n {
		if bytes.Contains(text, needle) {
			return true
		}
	}
	return len(n) == 0
}

func (r *request) needles() needles {
	texts := map[string]bool{unescaped(r.asked): true}
	digits := func(id string) { // OTLP/JSON allows both letter cases
		texts[id], texts[strings.ToUpper(id)] = true, true
	}
	if r.hex != "" {
		digits(r.hex)
	}
	for id := range r.ids {
		texts[unescaped(id)] = true
	}
	for trace := range r.traces {
		digits(trace.String())
	}
	if texts[""] || len(texts) > maxNeedles {
		return nil
	}
	var n needles
	for text := range texts {
		n = append(n, []byte(text))
	}
	return n
}

// unescaped is the longest part of text that no writer of JSON has a reason to escape.
func unescaped(text string) string {
	parts := strings.FieldsFunc(text, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.'
	})
	if len(parts) == 0 {
		return ""
	}
	return slices.MaxFunc(parts, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
}
