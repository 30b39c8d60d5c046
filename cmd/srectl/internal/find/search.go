// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package find

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/request"
)

// A finder searches files for requests. It reads them several times, and keeps only the shown items.
type finder struct {
	inputs     findInputs
	limit      int // of items
	complaints *complaints
	why        request.Explainer // nil if nobody asked
}

// bounds are the limits of a search. Each round reads all files.
var bounds = request.Bounds{Names: 1000, Values: 64, Rounds: 10}

// find returns the items of the requests with the ID, in order of time.
func (f *finder) find(id string) (*timeline, error) {
	t := &timeline{}
	found, err := request.Find(f.source, id, bounds, func(r request.Record, of []int) bool {
		if len(t.Items) == f.limit {
			t.Truncated = true
			return false
		}
		item := newFindItem(r)
		item.of = of
		if f.why != nil {
			why := request.Explain(f.why, r)
			item.Why = &why
		}
		t.Items = append(t.Items, item)
		return true
	})
	if !found.Any {
		return t, err
	}
	t.requests, t.word, t.cut = found.Requests, found.Word, found.Cut
	if len(found.Each) > 1 {
		t.divide(found.Each)
	}
	t.Truncated = t.Truncated || found.Cut
	t.IDs = append([]string{id}, slices.DeleteFunc(found.IDs, func(other string) bool { return other == id })...)
	t.finish()
	return t, err
}

// source gives the records of all documents that may show one of the names.
func (f *finder) source(names request.Names, each func(request.Record) bool) error {
	return f.read(needlesOf(names), each)
}

// survey counts documents and records.
func (f *finder) survey() (survey, error) {
	s := survey{files: len(f.inputs)}
	err := f.read(nil, func(r request.Record) bool {
		if r.IsSpan {
			s.spans++
		} else {
			s.logs++
		}
		if at, _ := r.Times(); !at.IsZero() {
			if s.first.IsZero() || at.Before(s.first) {
				s.first = at
			}
			if at.After(s.last) {
				s.last = at
			}
		}
		return true
	})
	return s, err
}

// A survey is the content of the files in numbers.
type survey struct {
	files, spans, logs int
	first, last        time.Time // zero is none
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

// needlesOf are the texts that OTLP/JSON has for the names. It allows both letter cases in trace IDs and span IDs.
func needlesOf(names request.Names) needles {
	texts := map[string]bool{}
	for _, text := range names.Texts {
		texts[unescaped(text)] = true
	}
	for _, trace := range names.Traces {
		texts[trace.String()], texts[strings.ToUpper(trace.String())] = true, true
	}
	for _, span := range names.Spans {
		texts[span.String()], texts[strings.ToUpper(span.String())] = true, true
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
