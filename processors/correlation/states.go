// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/component"
)

// states are those of one collector, by the correlation that looks first at its items. Those that come after it join in it.
type states struct {
	mu   sync.Mutex
	byID map[component.ID]*joined
}

// joined is a state with those that use it.
type joined struct {
	*state
	users int
	first bool // the one that looks first is among them
}

// join returns the state of a correlation, and what gives it back. The bounds are those of the one that looks first.
func (s *states) join(id component.ID, cfg *Config) (of *joined, leave func(), err error) {
	if cfg.After != nil {
		if *cfg.After == id {
			return nil, nil, fmt.Errorf("after: is %s, the processor itself; name the correlation before it", id)
		}
		id = *cfg.After
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of, ok := s.byID[id]
	switch {
	case !ok:
		of = &joined{state: newState(cfg)}
		if s.byID == nil {
			s.byID = map[component.ID]*joined{}
		}
		s.byID[id] = of
	case cfg.After == nil:
		of.state.bound(cfg)
	}
	of.users++
	of.first = of.first || cfg.After == nil
	of.followed = of.followed || cfg.After != nil
	return of, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if of.users--; of.users == 0 {
			delete(s.byID, id)
		}
	}, nil
}

// check reports whether there is one that looks first. All components are there before the first one starts.
func (s *states) check(id component.ID, cfg *Config) error {
	if cfg.After == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if of, ok := s.byID[*cfg.After]; !ok || !of.first {
		return fmt.Errorf("processors::%s::after: no pipeline has a processor %s; name the correlation that all items pass before", id, *cfg.After)
	}
	return nil
}
