// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"net/url"
	"strings"
)

// maxListMembers is how many members of baggage or tracestate are looked at: what W3C lets one have
// and more.
const maxListMembers = 180

// baggage offers the members of W3C baggage that are sources: name=value;property, separated by commas,
// values percent-encoded.
func (s *search) baggage(text string) {
	s.list(text, &s.plan.baggage, func(value string) string {
		value, _, _ = strings.Cut(value, ";")
		if len(value) > longestHashed || !strings.Contains(value, "%") {
			return value
		}
		decoded, err := url.PathUnescape(value)
		if err != nil {
			return value // hygiene refuses its percent sign
		}
		return decoded
	})
}

// tracestate offers the entries of W3C tracestate that are sources: key=value, separated by commas.
func (s *search) tracestate(text string) {
	s.list(text, &s.plan.tracestate, func(value string) string { return value })
}

func (s *search) list(text string, names *keys, decode func(string) string) {
	for range maxListMembers {
		if text == "" || names.best >= s.rank {
			return
		}
		one, rest, _ := strings.Cut(text, ",")
		text = rest
		name, value, ok := strings.Cut(one, "=")
		if !ok {
			continue
		}
		if k := names.find(strings.TrimSpace(name)); k != nil && k.rank < s.rank {
			s.offer(k.rank, decode(value))
		}
	}
}
