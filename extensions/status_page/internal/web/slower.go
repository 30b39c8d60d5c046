// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"sync"
	"time"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/slow"
)

const (
	// slowerAge is for how long an answer is used, maxSlower how many there are at a time.
	slowerAge = 15 * time.Second
	maxSlower = 100
	// longestSlower is how long a time can be asked about: the calls of all services are read.
	longestSlower = 24 * time.Hour
)

// slower has the newest answers to why services are slow: each costs a few queries about all calls.
type slower struct {
	mu      sync.Mutex
	answers map[slowQuestion]slowAnswer
}

type slowQuestion struct {
	of          slow.Name
	environment string
	from        time.Time
	to          time.Time // zero is now
}

type slowAnswer struct {
	cause *slow.Cause
	at    time.Time
}

// why says because of what a service is slow, from a time on, until another or now; nil if it is not, or if that is not known.
func (s *site) why(ctx context.Context, q slowQuestion) (*slow.Cause, error) {
	now := s.Now()
	to := q.to
	if to.IsZero() {
		to = now
	}
	if !q.from.Before(to) || to.Sub(q.from) > longestSlower {
		return nil, nil
	}
	s.slower.mu.Lock()
	known, ok := s.slower.answers[q]
	s.slower.mu.Unlock()
	if ok && now.Sub(known.at) < slowerAge {
		return known.cause, nil
	}
	cause, err := slow.Find(ctx, s.Prometheus, s.Names, q.of, q.environment, q.from, to)
	if err != nil {
		return nil, err
	}
	s.slower.mu.Lock()
	defer s.slower.mu.Unlock()
	if s.slower.answers == nil || len(s.slower.answers) >= maxSlower {
		s.slower.answers = map[slowQuestion]slowAnswer{}
	}
	s.slower.answers[q] = slowAnswer{cause, now}
	return cause, nil
}
