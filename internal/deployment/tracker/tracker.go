// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// Config says how long things take and how much is kept.
type Config struct {
	Settle      time.Duration // an old version that is unseen for that long is gone
	CanaryAfter time.Duration // a new version that stays a minority for that long is a canary
	Confirm     time.Duration // how long a version must be seen before it counts
	InstanceTTL time.Duration // an instance that is unseen for that long is not live
	Recent      time.Duration // how long a deployment is recent, and how late telemetry may be

	MaxServices  int // the one that was seen longest ago gives way to another
	MaxVersions  int // of a service, at one time
	MaxInstances int // of a service; more are not counted
	MaxTotal     int // instances of all services
	History      int // past versions of a service

	// Identity says which attributes of its place are part of what a service is.
	Identity Identity
}

// Identity names the attributes of a place that count. What runs in two of them is two services.
type Identity struct{ Cluster, Region, Account bool }

// place is the part of the place that counts.
func (c *Config) place(p deployment.Place) deployment.Place {
	if !c.Identity.Cluster {
		p.Cluster = ""
	}
	if !c.Identity.Region {
		p.Region = ""
	}
	if !c.Identity.Account {
		p.Account = ""
	}
	return p
}

// PlaceOf is the part of a place that counts.
func (c Config) PlaceOf(p deployment.Place) deployment.Place { return c.place(p) }

// Default is right for most.
func Default() Config {
	return Config{
		Settle: time.Minute, CanaryAfter: 10 * time.Minute, Confirm: 10 * time.Second,
		InstanceTTL: 5 * time.Minute, Recent: 30 * time.Minute,
		MaxServices: 10_000, MaxVersions: 16, MaxInstances: 10_000, MaxTotal: 1_000_000, History: 16,
		Identity: Identity{Cluster: true},
	}
}

// longestName is the length in bytes of a service's name, a version or an ID; what is longer is refused.
const longestName = 256

// Records is how many records the state is saved in. It must not change: it is part of their format.
const Records = 64

// A Tracker is safe for concurrent use.
type Tracker struct {
	config Config
	now    func() time.Time
	shards [Records]shard
	stats  counters

	born     int64 // when it began to listen
	declared atomic.Pointer[func(deployment.Service) bool]
}

// A shard holds some of the services. Its lock guards the map only; a service has a lock of its own, which is
// taken after it, or alone.
type shard struct {
	mu       sync.RWMutex
	services map[deployment.Service]*service
	// alone are the services that run in one place only, without it: telemetry that does not say where is theirs.
	alone map[deployment.Service]*service
	// quick finds most of them by a hash that is computed anyway. It need not have all.
	quick   map[uint64]*service
	changed atomic.Bool // there is something to save
}

// New makes a tracker that knows nothing yet.
func New(config Config, now func() time.Time) *Tracker {
	t := &Tracker{config: config, now: now, born: now().UnixNano()}
	for n := range t.shards {
		t.shards[n].services = make(map[deployment.Service]*service)
		t.shards[n].alone = make(map[deployment.Service]*service)
		t.shards[n].quick = make(map[uint64]*service)
	}
	return t
}

func shardOf(key deployment.Service) int { return int(hashOf(&key) % Records) }

// hashOf is the same for all places.
func hashOf(key *deployment.Service) uint64 {
	return xxhash.Sum64String(key.Name) + 3*xxhash.Sum64String(key.Namespace) + 5*xxhash.Sum64String(key.Environment)
}

func (t *Tracker) find(key deployment.Service) *service {
	h := hashOf(&key)
	s := &t.shards[h%Records]
	s.mu.RLock()
	defer s.mu.RUnlock()
	if one := s.quick[h]; one != nil && one.key == key {
		return one
	}
	return s.at(key)
}

// at is the service with the key. A key without a place is that of the only place where the service runs.
func (s *shard) at(key deployment.Service) *service {
	if one := s.services[key]; one != nil || key.Place != (deployment.Place{}) {
		return one
	}
	return s.alone[key]
}

// ensure returns the service, made when there is none; nil if it cannot be.
func (t *Tracker) ensure(key deployment.Service) *service {
	if key.Name == "" || !valid(key.Name) || !valid(key.Namespace) || !valid(key.Environment) ||
		!valid(key.Cluster) || !valid(key.Region) || !valid(key.Account) {
		t.stats.invalid.Add(1)
		return nil
	}
	shard := &t.shards[shardOf(key)]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if s := shard.at(key); s != nil {
		return s
	}
	if t.stats.services.Load() >= int64(t.config.MaxServices) && !t.evict(shard) {
		t.stats.evicted.Add(1)
		return nil
	}
	key = deployment.Service{Name: strings.Clone(key.Name), Namespace: strings.Clone(key.Namespace), Environment: strings.Clone(key.Environment),
		Place: deployment.Place{Cluster: strings.Clone(key.Cluster), Region: strings.Clone(key.Region), Account: strings.Clone(key.Account)}}
	s := shard.move(key)
	if s == nil {
		s = &service{key: key, tracker: t, source: deployment.Unknown, config: &t.config, stats: &t.stats, changed: &shard.changed, born: t.born}
		t.stats.services.Add(1)
	}
	s.arrived.Store(t.now().UnixNano())
	shard.services[key] = s
	shard.quick[hashOf(&key)] = s
	shard.settle(key)
	s.mu.Lock()
	s.declare(t.now().UnixNano())
	s.mu.Unlock()
	return s
}

// move takes the service of which nobody said where it runs to the first place that is named; nil if there is none.
func (s *shard) move(to deployment.Service) *service {
	old := s.services[to.Anywhere()]
	if old == nil || to.Place == (deployment.Place{}) || len(s.places(to)) > 1 {
		return nil
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	moved := &service{
		key: to, tracker: old.tracker, config: old.config, stats: old.stats, changed: old.changed, instances: old.instances, versions: old.versions,
		serial: old.serial, source: old.source, first: old.first, bare: old.bare, heard: old.heard, listened: old.listened, gap: old.gap, busy: true, unstamped: true,
		pruned: old.pruned, steps: old.steps, waiting: old.waiting, born: old.born, fleet: old.fleet, fleetSince: old.fleetSince, fleetSeen: old.fleetSeen, weighed: old.weighed,
	}
	for _, v := range moved.versions {
		if v.latest != nil {
			v.latest.Service = to
		}
	}
	for n := range moved.waiting {
		moved.waiting[n].Service = to
	}
	old.forgotten = true
	delete(s.services, old.key)
	delete(s.quick, hashOf(&old.key))
	moved.restamp()
	s.changed.Store(true)
	return moved
}

// places are the services that differ from the key in their place only.
func (s *shard) places(key deployment.Service) (all []*service) {
	for other, one := range s.services {
		if other.Anywhere() == key.Anywhere() {
			all = append(all, one)
		}
	}
	return all
}

// settle notes whether the service runs in one place only.
func (s *shard) settle(key deployment.Service) {
	anywhere := key.Anywhere()
	if all := s.places(key); len(all) == 1 && all[0].key != anywhere {
		s.alone[anywhere] = all[0]
	} else {
		delete(s.alone, anywhere)
	}
}

// evict forgets the service of the shard that was seen longest ago.
func (t *Tracker) evict(shard *shard) bool {
	var oldest *service
	for _, s := range shard.services {
		if oldest == nil || s.arrived.Load() < oldest.arrived.Load() {
			oldest = s
		}
	}
	if oldest == nil {
		return false
	}
	oldest.mu.Lock()
	oldest.forgotten = true
	t.stats.instances.Add(-int64(len(oldest.instances)))
	oldest.mu.Unlock()
	delete(shard.services, oldest.key)
	delete(shard.quick, hashOf(&oldest.key))
	shard.settle(oldest.key)
	shard.changed.Store(true)
	t.stats.services.Add(-1)
	t.stats.evicted.Add(1)
	return true
}

// all is every service, in order.
func (t *Tracker) all() []*service {
	services := make([]*service, 0, t.stats.services.Load())
	for n := range t.shards {
		services = t.shards[n].append(services)
	}
	slices.SortFunc(services, func(a, b *service) int { return a.key.Compare(b.key) })
	return services
}

func (s *shard) append(services []*service) []*service {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, one := range s.services {
		services = append(services, one)
	}
	return services
}

// valid reports whether the text can be in a label, a log or an ID.
func valid(text string) bool {
	return len(text) <= longestName && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// Stats is how much there is, and what was left out because of the limits.
type Stats struct {
	Services  int64
	Instances int64

	EvictedServices  int64 // gave way to others, or found no place
	RefusedVersions  int64 // sightings and reports of versions beyond the limit
	RefusedInstances int64 // sightings of instances beyond the limit; their versions count all the same
	Invalid          int64 // sightings with a name or version that is too long or has control characters
}

type counters struct {
	services, instances, evicted, versions, refused, invalid atomic.Int64
}

// Stats can be asked at any time.
func (t *Tracker) Stats() Stats {
	c := &t.stats
	return Stats{
		Services: c.services.Load(), Instances: c.instances.Load(), EvictedServices: c.evicted.Load(),
		RefusedVersions: c.versions.Load(), RefusedInstances: c.refused.Load(), Invalid: c.invalid.Load(),
	}
}
