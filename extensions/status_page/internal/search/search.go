// Package search finds a request in what came in last: whoever has one ID of it gets its spans and log records, across
// services, in order.
//
// What shows the ID names the traces and correlation IDs of the request, what has one of these correlation IDs names
// traces more, and all that has one of either belongs to it: so the trace of a consumer finds that of the producer. It is
// what `srectl find` does with files; here words in the text of log records count too.
package search

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
)

// Bounds of a search.
const (
	// MaxID is the longest ID that can be looked for, in bytes: no correlation ID is longer.
	MaxID = 1024
	// MaxItems is how many spans, events and log records are shown.
	MaxItems = 300
	// maxKnown is how many traces and correlation IDs are followed.
	maxKnown = 20
	// maxSearches is how many there are at a time: they read the whole window.
	maxSearches = 2
	// patience is how long a search goes on, and how long one waits for its turn.
	patience = 5 * time.Second
)

// ErrBusy is the error of a search whose turn did not come.
var ErrBusy = errors.New("too many searches are under way")

// A Searcher looks into a window.
type Searcher struct {
	window *recent.Window
	turns  chan struct{}
}

// New makes a searcher of the window.
func New(window *recent.Window) *Searcher {
	return &Searcher{window, make(chan struct{}, maxSearches)}
}

// Found is a request.
type Found struct {
	// Traces and IDs are what it is known by: trace IDs, and correlation IDs.
	Traces, IDs []string
	// Items are in the order in which they are shown: each after what is around it, and by time.
	Items []*Item
	// Cut says why something may be missing, in a sentence; it is empty if nothing is.
	Cut string
}

// Why something may be missing.
const (
	cutItems = "The request has more; these are the newest of its spans and log records."
	cutKnown = "The ID is part of many requests; these are the newest of them."
	cutTime  = "The search took too long and was ended; there may be more."
)

// Find looks for the newest that an ID stands for.
func (s *Searcher) Find(ctx context.Context, id string) (Found, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return Found{}, ErrBusy
	}
	batches := s.window.Batches()
	slices.Reverse(batches)

	r := newRequest(id)
	learned := read(ctx, batches, r.needles(), r.learn)
	if !r.anywhere {
		return Found{Cut: learned}, nil
	}
	r.settle()
	followed := read(ctx, batches, r.needles(), r.follow)
	var found Found
	seen := map[spanKey]bool{}
	collected := read(ctx, batches, r.needles(), func(item record) string {
		if !r.owns(item) || again(item, seen) {
			return ""
		}
		if found.Items = append(found.Items, newItems(item)...); len(found.Items) > MaxItems {
			found.Items = found.Items[:MaxItems]
			return cutItems
		}
		return ""
	})
	found.Cut = cmp.Or(collected, followed, learned)
	found.Items = arranged(found.Items)
	for _, id := range slices.Sorted(maps.Keys(r.ids)) {
		found.IDs = append(found.IDs, shown(id, MaxID))
	}
	for trace := range r.traces {
		found.Traces = append(found.Traces, trace.String())
	}
	slices.Sort(found.Traces)
	return found, nil
}

// read gives each the records of all batches that have one of the needles, until each says why it wants no more.
func read(ctx context.Context, batches []recent.Batch, needles [][]byte, each func(record) string) (cut string) {
	for _, b := range batches {
		if ctx.Err() != nil {
			return cutTime
		}
		if !b.Has(needles) {
			continue
		}
		for item := range records(b) {
			if cut := each(item); cut != "" {
				return cut
			}
		}
	}
	return ""
}
