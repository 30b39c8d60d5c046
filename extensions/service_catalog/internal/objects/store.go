// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Limits of all objects together.
const (
	maxObjects = 5000
	maxBytes   = 32 << 20
)

// A store has the newest of all objects. It is safe for concurrent use.
type store struct {
	mu      sync.Mutex
	objects map[string]*Object
	places  map[place]*access
	// changes counts what the catalog can depend on.
	changes uint64
	changed chan struct{}
	// ready is closed when everything was read once, or is refused.
	ready chan struct{}
	// looked: the API server has said which kinds it knows. silence is why it has not.
	looked       bool
	silence, fix string
}

// An access is how reading a place goes.
type access struct {
	// read: everything in it was listed once.
	read bool
	// problem is why it cannot be read; "" if it can.
	problem, fix string
}

func newStore() *store {
	return &store{objects: map[string]*Object{}, places: map[place]*access{}, changed: make(chan struct{}, 1), ready: make(chan struct{})}
}

// note tells that the catalog can change. The caller has the lock.
func (s *store) note() {
	s.changes++
	select {
	case s.changed <- struct{}{}:
	default: // is known
	}
}

// put takes an object's newest version.
func (s *store) put(o *Object) {
	known := s.objects[o.Name]
	s.objects[o.Name] = o
	if known == nil || known.recalled || known.uid != o.uid || known.generation != o.generation || !bytes.Equal(known.text, o.text) {
		s.note()
	}
}

func (s *store) remove(name string) {
	if s.objects[name] != nil {
		delete(s.objects, name)
		s.note()
	}
}

// removed forgets a place and all that is in it.
func (s *store) removed(at place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replace(at, nil)
	delete(s.places, at)
}

func (s *store) replace(at place, objects []*Object) {
	there := map[string]bool{}
	for _, o := range objects {
		there[o.Name] = true
		s.put(o)
	}
	for name, o := range s.objects {
		if o.place == at && !there[name] {
			s.remove(name)
		}
	}
}

// at is how reading a place goes, for changes. The caller has the lock.
func (s *store) at(p place) *access {
	if s.places[p] == nil {
		s.places[p] = &access{}
	}
	return s.places[p]
}

// fails remembers why a place cannot be read; "" is that it can.
func (s *store) fails(p place, problem, fix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.at(p); at.problem != problem {
		at.problem, at.fix = problem, fix
		s.note()
	}
	s.checkReady()
}

// look remembers whether the API server said which kinds it knows. If it did once, what was read stays in use without it.
func (s *store) look(silence, fix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = s.looked || silence == ""
	if s.looked {
		silence, fix = "", ""
	}
	if s.silence != silence {
		s.silence, s.fix = silence, fix
		s.note()
	}
	s.checkReady()
}

// expect has a place that will be read.
func (s *store) expect(p place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at(p)
}

// checkReady closes ready in time. The caller has the lock.
func (s *store) checkReady() {
	for _, at := range s.places {
		if !at.read && at.problem == "" {
			return
		}
	}
	select {
	case <-s.ready:
	default:
		if s.looked {
			close(s.ready)
		}
	}
}

// A snapshot is what all objects were at one time.
type snapshot struct {
	// objects are the ones within the limits, the oldest first; further are the others.
	objects, further []*Object
	// problems are why some were not read.
	problems catalog.Problems
}

func (s *store) snapshot() snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Object, 0, len(s.objects))
	for _, o := range s.objects {
		all = append(all, o)
	}
	slices.SortFunc(all, older)
	n, size := 0, 0
	for n < min(len(all), maxObjects) && size+len(all[n].text) <= maxBytes {
		size += len(all[n].text)
		n++
	}
	now := snapshot{objects: all[:n:n], further: all[n:]}
	if len(now.further) > 0 {
		now.problems = append(now.problems, catalog.Problem{
			Position: catalog.Position{File: now.further[0].Name}, Message: fmt.Sprintf("%d objects, this one and newer ones, are left out", len(now.further)), Fix: tooMany,
		})
	}
	if s.silence != "" {
		now.problems = append(now.problems, catalog.Problem{Position: catalog.Position{File: APIServer}, Message: s.silence, Fix: s.fix})
	}
	for p, at := range s.places {
		if at.problem != "" {
			now.problems = append(now.problems, catalog.Problem{Position: catalog.Position{File: p.String()}, Message: at.problem, Fix: at.fix})
		}
	}
	slices.SortFunc(now.problems, func(a, b catalog.Problem) int { return strings.Compare(a.File, b.File) })
	return now
}

var tooMany = fmt.Sprintf("a collector reads at most %d objects and %d MiB of them: give some of the namespaces to another one", maxObjects, maxBytes>>20)

// A shelf is the part of a store that a reflector fills.
type shelf struct {
	*store
	place place
}

func (s shelf) take(objects ...any) ([]*Object, error) {
	all := make([]*Object, 0, len(objects))
	for _, object := range objects {
		from, ok := object.(*unstructured.Unstructured)
		if !ok {
			return nil, fmt.Errorf("an object of %s is a %T", s.place, object)
		}
		o, err := newObject(s.place, from)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// Add is a part of cache.ReflectorStore.
func (s shelf) Add(object any) error {
	taken, err := s.take(object)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(taken[0])
	return nil
}

// Update is a part of cache.ReflectorStore.
func (s shelf) Update(object any) error { return s.Add(object) }

// Delete is a part of cache.ReflectorStore.
func (s shelf) Delete(object any) error {
	taken, err := s.take(object)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(taken[0].Name)
	return nil
}

// Replace is a part of cache.ReflectorStore: everything in the place was listed.
func (s shelf) Replace(objects []any, _ string) error {
	taken, err := s.take(objects...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replace(s.place, taken)
	if at := s.at(s.place); !at.read {
		at.read = true
		s.note()
	}
	s.checkReady()
	return nil
}

// Resync is a part of cache.ReflectorStore.
func (s shelf) Resync() error { return nil }
