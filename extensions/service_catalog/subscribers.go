// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"sync"
	"sync/atomic"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// subscribers hold the catalog in use and those who follow it.
type subscribers struct {
	current atomic.Pointer[catalog.Catalog]

	// mu is held while subscribers are called, so that calls never overlap
	// and a cancel that has returned is final.
	mu        sync.Mutex
	followers []*follower
}

// A follower is one subscription; its address tells it from an equal function.
type follower struct{ call func(*catalog.Catalog) }

func newSubscribers(first *catalog.Catalog) *subscribers {
	s := &subscribers{}
	s.current.Store(first)
	return s
}

// Catalog returns the catalog in use.
func (s *subscribers) Catalog() *catalog.Catalog { return s.current.Load() }

// Subscribe implements [Source].
func (s *subscribers) Subscribe(f func(*catalog.Catalog)) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	added := &follower{call: f}
	s.followers = append(s.followers, added)
	f(s.current.Load())
	return func() { s.remove(added) }
}

func (s *subscribers) remove(gone *follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.followers {
		if f == gone {
			s.followers = append(s.followers[:i:i], s.followers[i+1:]...)
			return
		}
	}
}

// swap puts next into use and tells every subscriber, one after another.
func (s *subscribers) swap(next *catalog.Catalog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.Store(next)
	for _, f := range s.followers {
		f.call(next)
	}
}
