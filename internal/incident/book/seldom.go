// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package book

import (
	"context"
	"time"

	"github.com/prometheus/common/model"
)

// pastEvery is how often the questions are asked that look back over the whole length of the book: they cost most, and their answers change least.
const pastEvery = time.Hour

// An answered question has the time of its answer.
type answered struct {
	at     time.Time
	vector model.Vector
}

// seldom is an answer that is younger than every. Only who reads may ask, and only for questions of which there are few.
func (b *Book) seldom(ctx context.Context, query string, now time.Time, every time.Duration) (model.Vector, error) {
	if known, ok := b.answered[query]; ok && now.Sub(known.at) < every && !now.Before(known.at) {
		return known.vector, nil
	}
	found, err := b.vector(ctx, query, now)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 { // what is not there yet is asked for again
		b.answered[query] = answered{now, found}
	}
	return found, nil
}

// lasting is the newest value of each series over the length of the book: what is new is asked for each time, what is older seldom. The
// query is made of a range.
func (b *Book) lasting(ctx context.Context, query func(length string) string, now time.Time) (model.Vector, error) {
	before, err := b.seldom(ctx, query("30d"), now, pastEvery)
	if err != nil {
		return nil, err
	}
	found, err := b.vector(ctx, query("70m"), now) // longer than what is old may be
	if err != nil {
		return nil, err
	}
	newest := make(map[string]bool, len(found))
	for _, s := range found {
		newest[s.Metric.String()] = true
	}
	for _, s := range before {
		if !newest[s.Metric.String()] {
			found = append(found, s)
		}
	}
	return found, nil
}
