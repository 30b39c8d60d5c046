// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// ranges are the times until now that a service can be looked at.
var ranges = []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}

const (
	usualRange    = 6 * time.Hour
	leastRange    = time.Minute
	greatestRange = 31 * 24 * time.Hour
)

// A span is a length of time until a moment; zero is now.
type span struct {
	length time.Duration
	until  time.Time
}

// timeOf is the time that a page is to show: "range" until now, or "from" and "to".
func timeOf(query url.Values, now time.Time) (span, error) {
	if query.Has("from") || query.Has("to") {
		return between(query, now)
	}
	text := query.Get("range")
	if text == "" {
		return span{length: usualRange}, nil
	}
	length, err := catalog.ParseDuration(text)
	if err != nil || !slices.Contains(ranges, length) {
		return span{}, &failure{http.StatusBadRequest, problem{"The range cannot be shown.", "Choose one of 15m, 1h, 6h, 1d, 7d and 30d, or give from and to."}}
	}
	return span{length: length}, nil
}

// between is the time from "from" to "to", which is now if it is not given, or lies ahead.
func between(query url.Values, now time.Time) (span, error) {
	from, err := timeIn(query.Get("from"), now.Add(-usualRange))
	to, errTo := timeIn(query.Get("to"), now)
	if to.After(now) {
		to = now
	}
	if errors.Join(err, errTo) != nil || to.Sub(from) < leastRange || to.Sub(from) > greatestRange {
		return span{}, &failure{http.StatusBadRequest, problem{
			"The time cannot be shown.", "Give from and to as times such as 2026-10-01T09:00:00Z, at least a minute and at most 31 days apart.",
		}}
	}
	return span{to.Sub(from), to}, nil
}

// timeIn is a time as in RFC 3339, or as a form has it, in UTC and without seconds.
func timeIn(text string, otherwise time.Time) (time.Time, error) {
	if at, err := time.Parse(formTime, text); err == nil {
		return at, nil
	}
	return instant(text, otherwise)
}

const formTime = "2006-01-02T15:04"

// moved is the span that ends that many half lengths later, but not after now.
func (s span) moved(halves int, now time.Time) span {
	s.until = s.until.Add(time.Duration(halves) * s.length / 2)
	if s.until.After(now) {
		s.until = now
	}
	return s
}

// wider is three times as long, around the same middle, as far as there is a past and no future.
func (s span) wider(now time.Time) span {
	s.until = s.until.Add(s.length)
	s.length = min(3*s.length, greatestRange)
	return s.moved(0, now)
}

// values are the span in a URL; what is usual is left out.
func (s span) values() url.Values {
	switch {
	case !s.until.IsZero():
		return url.Values{"from": {s.until.Add(-s.length).UTC().Format(time.RFC3339)}, "to": {s.until.UTC().Format(time.RFC3339)}}
	case s.length != usualRange:
		return url.Values{"range": {catalog.FormatDuration(s.length)}}
	}
	return url.Values{}
}
