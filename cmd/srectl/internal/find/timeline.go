// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package find

import (
	"cmp"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/request"
)

// A timeline is the result of a search.
type timeline struct {
	IDs       []string `json:"ids"`
	Traces    []string `json:"traces"`
	Start     string   `json:"start,omitempty"`
	Duration  string   `json:"duration"`
	Truncated bool     `json:"truncated,omitempty"`
	// Requests are those that have the ID, if there are several.
	Requests []*foundRequest `json:"requests,omitempty"`
	Items    []*findItem     `json:"items"`

	start    time.Time
	took     time.Duration
	requests int  // that have the ID
	word     bool // the ID identifies none of them
	cut      bool // there is more to follow
}

// finish puts the items in order, parents before children that begin at the same time, and says
// when and in which traces they were.
func (t *timeline) finish() {
	t.arrange()
	t.Traces = []string{}
	seen := map[string]bool{"": true}
	var end time.Time
	for _, item := range t.Items {
		if !seen[item.TraceID] {
			seen[item.TraceID] = true
			t.Traces = append(t.Traces, item.TraceID)
		}
		if item.start.IsZero() {
			continue
		}
		if item.end.After(end) {
			end = item.end
		}
		if t.start.IsZero() {
			t.start = item.start
			t.Start = t.start.Format(time.RFC3339Nano)
		}
		item.Time = item.start.Format(time.RFC3339Nano)
		item.Offset = item.start.Sub(t.start).String()
	}
	t.took = end.Sub(t.start)
	t.Duration = t.took.String()
}

// arrange puts the items in order of time, those without one at the end. Each knows how many spans are around it.
func (t *timeline) arrange() {
	entries := make([]request.Entry, len(t.Items))
	for i, item := range t.Items {
		e := &entries[i]
		e.Start, e.End = item.start, item.end
		e.Around = request.Place{Trace: item.TraceID, Span: item.SpanID}
		if item.Signal == signalSpan {
			e.Is, e.Around.Span = e.Around, item.ParentSpanID
		}
	}
	for _, position := range request.Arrange(entries) {
		t.Items[position.Index].depth = position.Depth
	}
	slices.SortStableFunc(t.Items, func(a, b *findItem) int {
		return cmp.Or(request.ByStart(a.start, b.start), cmp.Compare(a.depth, b.depth))
	})
}
