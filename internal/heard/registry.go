// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package heard has the services whose telemetry arrives and that the catalog has no entry for, with what the catalog's Defaults give them.
//
// What a service gets follows from the catalog and its name alone, so a collector that counts and one that computes budgets agree without
// talking about it. Their number is bounded: a name must be admitted (package admission), and there are only so many.
package heard

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
)

// idleAfter is how long a service must have been silent before another may take its room.
const idleAfter = time.Hour

// A Registry has the services that were heard of. It is safe for concurrent use.
type Registry struct {
	admission *admission.Registry
	limit     int
	now       func() time.Time

	mu       sync.RWMutex
	catalog  *catalog.Catalog
	services map[name]*entry
	// fullUntil is when the next service can become idle, as far as is known.
	fullUntil int64
	// losses counts what ends services; changes counts those that begin, too.
	losses, changes atomic.Uint64
	merged          atomic.Pointer[merged]
}

type name struct{ namespace, service string }

// An entry is a service that was heard of.
type entry struct {
	// service is nil if no Defaults are for it.
	service *catalog.Service
	// counted: one of its SLOs has had an event.
	counted bool
	seen    atomic.Int64
}

// merged is a catalog with the services of the registry, as of a number of changes.
type merged struct {
	of      *catalog.Catalog
	changes uint64
	all     *catalog.Catalog
}

// New makes a registry without a catalog, of at most so many services.
func New(names *admission.Registry, limit int, now func() time.Time) *Registry {
	return &Registry{admission: names, limit: limit, now: now, catalog: &catalog.Catalog{}, services: make(map[name]*entry)}
}

// SetCatalog takes a catalog into use: its Defaults hold from now on, and services that it has an entry for are not the registry's any more.
func (r *Registry) SetCatalog(c *catalog.Catalog) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catalog = c
	for n, e := range r.services {
		if e.service = c.ByDefault(n.namespace, n.service); e.service == nil {
			delete(r.services, n)
		}
	}
	r.lost()
}

func (r *Registry) lost() {
	r.losses.Add(1)
	r.changes.Add(1)
}

// None is a registry without any service, for components that have no catalog yet.
func None() *Registry { return New(admission.New(admission.DefaultLimits(), time.Now), 0, time.Now) }

// Hear notes telemetry of a service that the catalog in use has no entry for, and returns what the Defaults make of it: the same one until the
// catalog changes. It is nil if no Defaults are for it, or there is no room for more names. A service that was heard before costs no allocation.
func (r *Registry) Hear(id admission.Identity) *catalog.Service {
	r.mu.RLock()
	none, e := !r.catalog.HasDefaults(), r.services[name{id.Namespace, id.Service}]
	r.mu.RUnlock()
	if none || id.Service == "" {
		return nil
	}
	now := r.now().UnixNano()
	if e == nil {
		if id = r.admission.Admit(id); id.Service == admission.Overflow {
			return nil
		}
		if e = r.enter(name{id.Namespace, id.Service}, now); e == nil {
			return nil
		}
	}
	e.saw(now)
	r.mu.RLock()
	defer r.mu.RUnlock()
	return e.service
}

func (e *entry) saw(now int64) {
	if e.seen.Load() < now {
		e.seen.Store(now)
	}
}

// Recall takes up a service again that was heard of before a restart, last at the time.
func (r *Registry) Recall(namespace, service string, seen time.Time) {
	now := r.now().UnixNano()
	if e := r.enter(name{namespace, service}, now); e != nil {
		e.saw(min(seen.UnixNano(), now))
		r.mu.RLock()
		found := e.service
		r.mu.RUnlock()
		r.Counted(found)
	}
}

// enter is the entry of an admitted name, made when there is room; nil if there is none, or the catalog has the service.
func (r *Registry) enter(n name, now int64) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.services[n]; e != nil {
		return e
	}
	if r.catalog.Emitter(n.namespace, n.service) != nil || len(r.services) >= r.limit && !r.evict(now) {
		return nil
	}
	n = name{strings.Clone(n.namespace), strings.Clone(n.service)}
	e := &entry{service: r.catalog.ByDefault(n.namespace, n.service)}
	r.services[n] = e
	return e
}

// evict makes room in the place of the service that was silent for the longest time, if that is long enough.
func (r *Registry) evict(now int64) bool {
	if now < r.fullUntil {
		return false
	}
	var oldest name
	least := int64(-1)
	for n, e := range r.services {
		if seen := e.seen.Load(); least < 0 || seen < least {
			oldest, least = n, seen
		}
	}
	if r.fullUntil = least + int64(idleAfter); now < r.fullUntil {
		return false
	}
	delete(r.services, oldest)
	r.lost()
	return true
}

// Counted notes that an SLO of a service that Hear has returned has events: it is one of Services from now on. It reports false if the service
// is not the registry's any more, because another catalog is in use or another service has its room.
func (r *Registry) Counted(s *catalog.Service) bool {
	if s == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.services[name{s.Namespace, s.Name}]
	if e == nil || e.service != s {
		return false
	}
	if !e.counted {
		e.counted = true
		r.changes.Add(1)
	}
	return true
}

// Saw notes news of a service that Hear has returned: it keeps its room.
func (r *Registry) Saw(namespace, service string) {
	r.mu.RLock()
	e := r.services[name{namespace, service}]
	r.mu.RUnlock()
	if e != nil {
		e.saw(r.now().UnixNano())
	}
}

// Losses grows whenever a service is gone, or another catalog is in use: what was made for services has to be looked through again.
func (r *Registry) Losses() uint64 { return r.losses.Load() }

// Services are those whose SLOs have had events, by namespace and name.
func (r *Registry) Services() []*catalog.Service {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.counted()
}

func (r *Registry) counted() (all []*catalog.Service) {
	for _, e := range r.services {
		if e.counted && e.service != nil {
			all = append(all, e.service)
		}
	}
	slices.SortFunc(all, func(a, b *catalog.Service) int {
		return strings.Compare(a.Namespace+"\x00"+a.Name, b.Namespace+"\x00"+b.Name)
	})
	return all
}

// Catalog is the catalog in use with the Services beside its own: what pages show.
func (r *Registry) Catalog() *catalog.Catalog {
	r.mu.RLock()
	defer r.mu.RUnlock()
	m, changes := r.merged.Load(), r.changes.Load()
	if m == nil || m.of != r.catalog || m.changes != changes {
		m = &merged{r.catalog, changes, r.catalog.With(r.counted())}
		r.merged.Store(m)
	}
	return m.all
}
