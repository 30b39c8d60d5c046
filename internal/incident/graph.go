// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package incident

import (
	"slices"
	"sync"
)

// A Graph says which service depends on which.
type Graph struct {
	needs map[name][]name

	mu    sync.Mutex
	reach map[name]map[name]bool // is filled as it is asked for
}

// A name is a service in any environment.
type name struct{ namespace, service string }

func (s Service) name() name { return name{s.Namespace, s.Name} }

// Add says that a service depends on another.
func (g *Graph) Add(namespace, service, onNamespace, on string) {
	if g.needs == nil {
		g.needs = map[name][]name{}
	}
	from, to := name{namespace, service}, name{onNamespace, on}
	if from != to && !slices.Contains(g.needs[from], to) {
		g.needs[from] = append(g.needs[from], to)
	}
	g.reach = nil
}

// Depends reports whether a service depends on another, directly or through others.
func (g *Graph) Depends(from, to Service) bool {
	return g.reaches(from.name())[to.name()]
}

// Neighbors are the services that one depends on directly, and those that depend on it.
func (g *Graph) Neighbors(of Service) (down, up []Service) {
	for _, to := range g.needs[of.name()] {
		down = append(down, Service{to.namespace, to.service, of.Environment})
	}
	for from, all := range g.needs {
		if slices.Contains(all, of.name()) {
			up = append(up, Service{from.namespace, from.service, of.Environment})
		}
	}
	slices.SortFunc(up, compareServices)
	return down, up
}

func (g *Graph) reaches(from name) map[name]bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if found, ok := g.reach[from]; ok {
		return found
	}
	seen := map[name]bool{}
	todo := []name{from}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		for _, next := range g.needs[at] {
			if !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	if g.reach == nil {
		g.reach = map[name]map[name]bool{}
	}
	g.reach[from] = seen
	return seen
}
