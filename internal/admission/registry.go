// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package admission decides under which identity the telemetry of a resource counts in everything that is derived from it.
//
// Clients choose the names of services, environments and versions. Each new one makes series, files and state, so
// their number is bounded: services of the catalog always pass, all others share a number of identities, and what is beyond it has the
// name [Overflow]. One registry answers for all components, so that they agree.
package admission

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Overflow is the name of what is beyond a limit.
const Overflow = "_overflow"

const (
	// maxText is the longest name in bytes; a longer one is cut.
	maxText = 256
	// idleAfter is how long an identity must not have been seen before another may take its room.
	idleAfter = time.Hour
)

// An Identity is the source of telemetry, by its resource: service.namespace, service.name, deployment.environment.name,
// service.version. What is empty is not known.
type Identity struct{ Namespace, Service, Environment, Version string }

// Limits bound what clients can make.
type Limits struct {
	// MaxUnknown is how many identities the services share that the catalog does not name.
	MaxUnknown int `mapstructure:"max_unknown"`
	// MaxPerService is how many identities (environment × version) a service of the catalog has.
	MaxPerService int `mapstructure:"max_per_service"`
	// MaxByDefault is how many of the services that the catalog does not name have SLOs by Defaults.
	MaxByDefault int `mapstructure:"max_by_default"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// DefaultLimits keep what is derived of unknown services to some megabytes of a scrape.
func DefaultLimits() Limits { return Limits{MaxUnknown: 500, MaxPerService: 200, MaxByDefault: 40} }

// Validate reports every invalid key with its fix.
func (l *Limits) Validate() error {
	var errs []error
	for key, value := range map[string]int{"max_unknown": l.MaxUnknown, "max_per_service": l.MaxPerService, "max_by_default": l.MaxByDefault} {
		if value < 1 {
			errs = append(errs, fmt.Errorf("%s: %d is too small; set it to 1 or more", key, value))
		}
	}
	return errors.Join(errs...)
}

// A Registry admits identities.
type Registry struct {
	limits Limits
	now    func() time.Time

	mu      sync.RWMutex
	unknown *group
	// known is by name, and then by namespace; the empty namespace matches any.
	known map[string]map[string]*group

	overflowed atomic.Int64
	beyond     sketch // guarded by mu
}

// A group is identities that share a limit: those of a service of the catalog, or those of all others.
type group struct {
	// service is nil for the others.
	service *catalog.Service
	limit   int
	entries map[Identity]*entry
	// fullUntil is when the next entry can become idle, as far as is known; before, nobody need look.
	fullUntil int64
}

type entry struct {
	Identity
	seen atomic.Int64
}

// New makes a registry without a catalog.
func New(limits Limits, now func() time.Time) *Registry {
	return &Registry{limits: limits, now: now, unknown: newGroup(nil, limits.MaxUnknown), known: make(map[string]map[string]*group)}
}

func newGroup(service *catalog.Service, limit int) *group {
	return &group{service: service, limit: limit, entries: make(map[Identity]*entry)}
}

// SetCatalog takes a catalog into use.
func (r *Registry) SetCatalog(c *catalog.Catalog) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := make(map[string]map[string]*group)
	for _, s := range c.Services {
		g := r.known[s.Name][s.Namespace]
		if g == nil {
			g = newGroup(s, r.limits.MaxPerService)
		}
		g.service = s
		if next[s.Name] == nil {
			next[s.Name] = make(map[string]*group)
		}
		next[s.Name][s.Namespace] = g
	}
	r.known = next
	maps.DeleteFunc(r.unknown.entries, func(id Identity, _ *entry) bool { return r.group(id) != r.unknown })
}

// group is the one that the identity is of. r.mu must be held.
func (r *Registry) group(id Identity) *group {
	namespaces := r.known[id.Service]
	if namespaces == nil {
		return r.unknown
	}
	if g := namespaces[id.Namespace]; g != nil {
		return g
	}
	if g := namespaces[""]; g != nil {
		return g
	}
	return r.unknown
}

// Admit returns the identity that telemetry of the identity counts under: itself, or one with [Overflow] in the places that are beyond
// a limit. Its texts are valid UTF-8, of at most 256 bytes, and do not refer to those of id. An identity that was
// admitted before costs no allocation.
func (r *Registry) Admit(id Identity) Identity { return r.AdmitAt(id, r.now()) }

// AdmitAt is Admit for those that know the time: reading the clock costs as much as the rest.
func (r *Registry) AdmitAt(id Identity, at time.Time) Identity {
	id = Identity{clean(id.Namespace), clean(id.Service), clean(id.Environment), clean(id.Version)}
	now := at.UnixNano()
	r.mu.RLock()
	e := r.group(id).entries[id]
	r.mu.RUnlock()
	if e != nil {
		if e.seen.Load() != now {
			e.seen.Store(now)
		}
		return e.Identity
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.group(id)
	if e := g.admit(id, now); e != nil {
		return e.Identity
	}
	r.overflowed.Add(1)
	r.beyond.add(id)
	return g.overflow(id)
}

// Knows reports whether the catalog names the service of an admitted identity.
func (r *Registry) Knows(id Identity) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.group(id) != r.unknown
}

// admit is the identity's entry, made when there is room; nil if there is none.
func (g *group) admit(id Identity, now int64) *entry {
	if e := g.entries[id]; e != nil {
		return e
	}
	if len(g.entries) >= g.limit && !g.evict(now) {
		return nil
	}
	e := &entry{Identity: Identity{
		strings.Clone(id.Namespace), strings.Clone(id.Service), strings.Clone(id.Environment), strings.Clone(id.Version),
	}}
	e.seen.Store(now)
	g.entries[e.Identity] = e
	return e
}

// evict removes the identity that was seen longest ago, if that is long enough.
func (g *group) evict(now int64) bool {
	if now < g.fullUntil {
		return false
	}
	var oldest *entry
	for _, e := range g.entries {
		if oldest == nil || e.seen.Load() < oldest.seen.Load() {
			oldest = e
		}
	}
	if g.fullUntil = oldest.seen.Load() + int64(idleAfter); now < g.fullUntil {
		return false
	}
	delete(g.entries, oldest.Identity)
	return true
}

// overflow is what an identity that is not admitted counts as. The environments that the catalog lists stay.
func (g *group) overflow(id Identity) Identity {
	if g.service == nil {
		return Identity{Service: Overflow}
	}
	over := Identity{g.service.Namespace, g.service.Name, Overflow, Overflow}
	for _, environment := range g.service.Environments {
		if environment == id.Environment {
			over.Environment = environment
		}
	}
	return over
}

// Stats say how full a registry is.
type Stats struct {
	// Known and Unknown are the identities of services that the catalog names, and of others.
	Known, Unknown int
	// Overflowed is how many resources counted as [Overflow], and Beyond about how many identities they had: within a few percent up to
	// 100,000, and too few above a million.
	Overflowed, Beyond int64
}

// Stats are those of now.
func (r *Registry) Stats() Stats {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s := Stats{Unknown: len(r.unknown.entries), Overflowed: r.overflowed.Load(), Beyond: r.beyond.estimate()}
	for _, namespaces := range r.known {
		for _, g := range namespaces {
			s.Known += len(g.entries)
		}
	}
	return s
}

// clean is the text as a label: valid, and not too long.
func clean(s string) string {
	if len(s) > maxText {
		cut := maxText
		for cut > maxText-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut]
	}
	return strings.ToValidUTF8(s, "?")
}

// A sketch counts distinct identities by linear counting: the share of bits that are still 0
// (Whang, Vander-Zanden, Taylor: A linear-time probabilistic counting algorithm, 1990).
type sketch struct{ words []uint64 }

const sketchBits = 1 << 17

func (s *sketch) add(id Identity) {
	if s.words == nil {
		s.words = make([]uint64, sketchBits/64)
	}
	var d xxhash.Digest
	d.Reset()
	for _, text := range [...]string{id.Namespace, id.Service, id.Environment, id.Version} {
		_, _ = d.WriteString(text)
		_, _ = d.Write([]byte{0})
	}
	at := d.Sum64() % sketchBits
	s.words[at/64] |= 1 << (at % 64)
}

func (s *sketch) estimate() int64 {
	if s.words == nil {
		return 0
	}
	zeros := sketchBits
	for _, w := range s.words {
		zeros -= bits.OnesCount64(w)
	}
	return int64(math.Round(sketchBits * math.Log(sketchBits/math.Max(float64(zeros), 1))))
}
