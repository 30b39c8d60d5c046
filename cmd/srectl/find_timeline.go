package main

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// A timeline is a request as it was found.
type timeline struct {
	IDs       []string    `json:"ids"`
	Traces    []string    `json:"traces"`
	Start     string      `json:"start,omitempty"`
	Duration  string      `json:"duration"`
	Truncated bool        `json:"truncated,omitempty"`
	Items     []*findItem `json:"items"`

	start int64
	took  time.Duration
}

// maxDepth is how far a span is indented.
const maxDepth = 16

// finish puts the items in order, parents before children that begin at the same time, and says
// when and in which traces they were.
func (t *timeline) finish(r *request) {
	t.IDs = []string{r.asked}
	for _, id := range slices.Sorted(maps.Keys(r.ids)) {
		if id != r.asked {
			t.IDs = append(t.IDs, id)
		}
	}
	t.setDepths()
	when := func(i *findItem) int64 { return cmp.Or(i.start, int64(math.MaxInt64)) }
	slices.SortStableFunc(t.Items, func(a, b *findItem) int {
		return cmp.Or(cmp.Compare(when(a), when(b)), cmp.Compare(a.depth, b.depth))
	})
	t.Traces = []string{}
	seen := map[string]bool{"": true}
	var end int64
	for _, item := range t.Items {
		if !seen[item.TraceID] {
			seen[item.TraceID] = true
			t.Traces = append(t.Traces, item.TraceID)
		}
		end = max(end, item.end)
		if item.start == 0 {
			continue
		}
		if t.start == 0 {
			t.start = item.start
			t.Start = utc(t.start).Format(time.RFC3339Nano)
		}
		item.Time = utc(item.start).Format(time.RFC3339Nano)
		item.Offset = time.Duration(item.start - t.start).String()
	}
	if t.start != 0 {
		t.took = time.Duration(end - t.start)
	}
	t.Duration = t.took.String()
}

// setDepths counts the spans around each item; a log record is inside its span.
func (t *timeline) setDepths() {
	type key struct{ trace, span string }
	parents := map[key]string{}
	for _, item := range t.Items {
		if item.Signal == signalSpan && item.SpanID != "" {
			parents[key{item.TraceID, item.SpanID}] = item.ParentSpanID
		}
	}
	for _, item := range t.Items {
		around := item.ParentSpanID
		if item.Signal == signalLog {
			around = item.SpanID
		}
		for item.depth < maxDepth { // also ends what goes round in a circle
			next, found := parents[key{item.TraceID, around}]
			if !found {
				break
			}
			item.depth++
			around = next
		}
	}
}
