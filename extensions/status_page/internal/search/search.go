// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package search finds a request in recent telemetry: for any of its IDs it returns the spans and log records of all
// services, in order.
//
// Package request decides which items belong to a request, here and in `srectl find`.
package search

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/recent"
	"github.com/otelcol-sre/otelcol-sre/internal/request"
)

// Bounds of a search.
const (
	// MaxItems is how many spans, events and log records are shown.
	MaxItems = 300
	// maxKnown is how many traces and correlation IDs are followed, maxValues how many other IDs, and maxRounds how often.
	maxKnown  = 20
	maxValues = 16
	maxRounds = 10
	// maxSearches is how many there are at a time: they read the whole window.
	maxSearches = 2
	// patience is how long a search goes on, and how long one waits for its turn.
	patience = 5 * time.Second
)

// ErrBusy is the error of a search whose turn did not come.
var ErrBusy = errors.New("too many searches are running")

// A Searcher looks into a window.
type Searcher struct {
	window    *recent.Window
	explainer func() (request.Explainer, error)
	turns     chan struct{}
}

// New makes a searcher of the window. An explainer that is nil gives no reasons.
func New(window *recent.Window, explainer func() (request.Explainer, error)) *Searcher {
	return &Searcher{window, explainer, make(chan struct{}, maxSearches)}
}

// Found is a request, or several that have the same ID.
type Found struct {
	request.Found
	// Items are in the order in which they are shown: each after what is around it, and by time.
	Items []*Item
	// Missing says in a sentence why items may be missing; it is empty if the result is complete.
	Missing string
}

// Reasons why items may be missing.
const (
	cutItems = "There is more than fits here: these are the newest spans and log records."
	cutKnown = "The ID leads to more traces and IDs than the search follows; these are the newest of them."
	cutTime  = "The search took too long and was stopped; the result may be incomplete."
)

// Find searches for the newest items of the requests with an ID.
func (s *Searcher) Find(ctx context.Context, id string) (Found, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return Found{}, ErrBusy
	}
	var found Found
	var cut, late string
	var explainer request.Explainer
	if s.explainer != nil {
		var err error
		if explainer, err = s.explainer(); err != nil {
			return Found{}, err
		}
	}
	keep := func(r request.Record, of []int) bool {
		if found.Items = append(found.Items, newItems(r, of, explainer)...); len(found.Items) > MaxItems {
			found.Items = found.Items[:MaxItems]
			cut = cutItems
		}
		return cut == ""
	}
	bounds := request.Bounds{Names: maxKnown, Values: maxValues, Rounds: maxRounds}
	stopped := false
	known, err := request.Find(source(ctx, s.window, &stopped), id, bounds, keep)
	if err != nil || stopped { // time is up
		late = cutTime
	}
	if known.Cut {
		cut = cmp.Or(cut, cutKnown)
	}
	for i, id := range known.IDs {
		known.IDs[i] = shown(id, request.MaxID)
	}
	for i := range known.Each {
		one := &known.Each[i]
		one.ID = shown(one.ID, request.MaxID)
	}
	return Found{known, arranged(found.Items), cmp.Or(late, cut)}, nil
}

// source gives the records of the window, the newest batch first. A search reads it several times: each reading has half of the time that is left, so that
// one which takes too long is stopped, and what is the newest is found.
func source(ctx context.Context, window *recent.Window, stopped *bool) request.Source {
	batches := window.Batches()
	slices.Reverse(batches)
	return func(names request.Names, each func(request.Record) bool) error {
		needles := needles(names)
		begin := time.Now()
		end, bounded := ctx.Deadline()
		for _, b := range batches {
			if err := ctx.Err(); err != nil {
				return err
			}
			if bounded && time.Since(begin) > end.Sub(begin)/2 {
				*stopped = true
				return nil
			}
			if !b.Has(needles) {
				continue
			}
			for r := range records(b) {
				if !each(r) {
					return nil
				}
			}
		}
		return nil
	}
}

// records decodes a batch. One that cannot be decoded has none.
func records(b recent.Batch) iter.Seq[request.Record] {
	if b.Signal() == recent.Spans {
		if traces, err := b.Traces(); err == nil {
			return request.Spans(traces)
		}
	} else if logs, err := b.Logs(); err == nil {
		return request.Logs(logs)
	}
	return func(func(request.Record) bool) {}
}

// needles are the bytes that OTLP has for the names.
func needles(names request.Names) [][]byte {
	var needles [][]byte
	for _, text := range names.Texts {
		needles = append(needles, []byte(text))
	}
	for _, trace := range names.Traces {
		needles = append(needles, trace[:])
	}
	for _, span := range names.Spans {
		needles = append(needles, span[:])
	}
	for _, number := range names.Numbers {
		const integer = 3 << 3 // AnyValue.int_value, a varint
		needles = append(needles, binary.AppendUvarint([]byte{integer}, uint64(number)))
	}
	return needles
}
