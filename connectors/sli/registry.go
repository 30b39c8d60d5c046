// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// shards is how many records the registry's checkpoint is split into, by service.
const shards = 64

// overflow is the label of versions and environments beyond the limits.
const overflow = "other"

// idleAfter is how long a version must have been without telemetry before a new one may take its room.
const idleAfter = time.Hour

// A registry holds every counter. It outlives the rules: a catalog swap adds to it and, one
// flush later, removes what the new catalog does not name.
type registry struct {
	mu     sync.Mutex
	shards [shards]shard
	// changed: there has been a swap since the last prune.
	changed bool
	// streams is how many the trackers follow, all together.
	streams atomic.Int64
	// late: there are late counts that no checkpoint has.
	late atomic.Bool
}

type shard struct {
	services map[serviceKey]*service
	// dirty: the shard's record in storage is not what the shard holds.
	dirty bool
}

// serviceKey is a service as the catalog names it.
type serviceKey struct{ namespace, name string }

// tag is the service as a number, the same in every process.
func (k serviceKey) tag() uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(k.namespace + "\x00" + k.name))
	return h.Sum64()
}

func (k serviceKey) shard() int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.namespace + "\x00" + k.name))
	return int(h.Sum32() % shards)
}

// A service is the state of one catalog service. All below mu is guarded by it.
type service struct {
	serviceKey

	mu sync.Mutex
	// wanted: the catalog names it.
	wanted bool
	// listed are the environments its SLOs are kept for; nil is any.
	listed map[string]bool
	// slos is by index, which series go by. A removed SLO leaves a nil behind, which a group may take. ids are the same by their IDs.
	slos         []*slo
	ids          map[string]*slo
	environments map[string]*environment
	dirty        bool
	// books has a lock of its own, which is taken last.
	books books
}

// An slo is the part of an SLO's state that is not per environment and version.
type slo struct {
	groupID
	id     string // groupID as text
	index  int
	wanted bool
	// groups are those of an SLO that has any; nil for the others. of is the SLO that a group is of, touched the time of its last event.
	groups  *groups
	of      *slo
	touched int64
	// tracker follows the streams of a metrics SLI; nil for the others.
	tracker *tracker
}

// An environment holds the versions of a service in it, by their IDs. The one without a name is for telemetry
// without an environment.
type environment struct {
	name     string
	lastSeen time.Time
	versions map[string]*version
}

// A version holds the counters of one service, environment and version, in one place. The one of no name and place is
// also that of the counters that are 0 until there is telemetry.
type version struct {
	environment string
	// id is the name and the place as one text; see appendSlot.
	id, name string
	at       judge.Where
	lastSeen time.Time
	series   []*series
}

// A series is the pair of counters of one SLO in one environment and version.
type series struct {
	// start is when the pair was made, before its first event.
	start     pcommon.Timestamp
	good, bad float64
	exemplars exemplars
	// late is nil until the first event that came too late or from the future.
	late *lateCounts
	// number is what the journal calls the pair, 0 if it has no name yet; declared is the segment in which it has it.
	number, declared uint64

	// emitted and zeroAt belong to the flush: whether the next consumer has had the pair, and
	// the last time at which it was 0.
	emitted bool
	zeroAt  pcommon.Timestamp
}

func newRegistry() *registry {
	r := &registry{}
	for i := range r.shards {
		r.shards[i].services = make(map[serviceKey]*service)
	}
	return r
}

// service is the state of the service named, made when there is none. r.mu must be held.
func (r *registry) service(key serviceKey) *service {
	s := &r.shards[key.shard()]
	found, ok := s.services[key]
	if !ok {
		found = &service{serviceKey: key, ids: make(map[string]*slo), environments: make(map[string]*environment), dirty: true}
		s.services[key] = found
	}
	return found
}

// adopt takes up a restored service. r.mu must be held.
func (r *registry) adopt(s *service) {
	r.shards[s.shard()].services[s.serviceKey] = s
	for _, o := range s.slos {
		if o != nil && o.tracker != nil {
			r.streams.Add(int64(len(o.tracker.streams)))
		}
	}
}

// markAll prepares a new catalog: the next prune removes services and SLOs that it does not contain.
// r.mu must be held.
func (r *registry) markAll() {
	r.changed = true
	for i := range r.shards {
		for _, svc := range r.shards[i].services {
			svc.mu.Lock()
			svc.wanted = false
			for _, o := range svc.slos {
				if o != nil {
					o.wanted = false
				}
			}
			svc.mu.Unlock()
		}
	}
}

// forget prunes at once.
func (r *registry) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.prune()
}

// emitted removes what the catalog does not name once its last counts were taken. If they were refused,
// or there was another swap meanwhile, the next emission has them again.
func (r *registry) emitted(taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !taken:
		r.changed = true
	case !r.changed:
		r.prune()
	}
}

// prune removes what the catalog does not name. r.mu must be held.
func (r *registry) prune() {
	r.changed = false
	for i := range r.shards {
		s := &r.shards[i]
		for key, svc := range s.services {
			svc.mu.Lock()
			svc.prune(r)
			if !svc.wanted {
				delete(s.services, key)
				svc.books.close()
				s.dirty = true
			}
			svc.mu.Unlock()
		}
	}
}

func (s *service) prune(r *registry) {
	for _, o := range s.slos {
		if o != nil && (!o.wanted || o.group && !s.counts(o.environment)) {
			if o.tracker != nil {
				r.streams.Add(-int64(len(o.tracker.streams)))
			}
			s.remove(o)
		}
	}
	for _, e := range s.environments {
		if !s.counts(e.name) && len(e.versions) > 0 {
			clear(e.versions)
			s.dirty = true
		}
	}
}

// remove removes an SLO, or a group of one, with its counters.
func (s *service) remove(o *slo) {
	s.slos[o.index], s.dirty = nil, true
	delete(s.ids, o.id)
	o.leave()
	for _, e := range s.environments {
		for _, v := range e.versions {
			if o.index < len(v.series) {
				v.series[o.index] = nil
			}
		}
	}
}

// slo is the SLO, or the group of one, with the ID, made when there is none.
func (s *service) slo(id string) *slo {
	if o := s.ids[id]; o != nil {
		return o
	}
	parsed, _ := parseID(id)
	o := newSLO(parsed, len(s.slos))
	s.ids[id], s.dirty = o, true
	if o.group {
		s.join(parsed, o)
		if hole := slices.Index(s.slos, nil); hole >= 0 {
			o.index = hole
			s.slos[hole] = o
			return o
		}
		o.index = len(s.slos)
	}
	s.slos = append(s.slos, o)
	return o
}

// counts reports whether the SLOs are kept for the environment.
func (s *service) counts(environment string) bool {
	return s.listed == nil || s.listed[environment]
}

// addIdle adds a pair at 0 for every SLO in every environment that has telemetry or is listed, and
// in the one without a name if there is no other.
func (s *service) addIdle(now time.Time) {
	for name := range s.listed {
		s.environment(name)
	}
	if s.listed == nil {
		s.environment("")
	}
	for _, e := range s.environments {
		if s.counts(e.name) {
			s.standIn(e, now)
		}
	}
}

func (s *service) standIn(e *environment, now time.Time) {
	v, ok := e.versions[""]
	if !ok {
		v = newSlot(e.name, "")
		e.versions[""] = v
	}
	for _, o := range s.slos {
		if o != nil && !o.group {
			s.at(v, o, now)
		}
	}
}

func (s *service) environment(name string) *environment {
	e, ok := s.environments[name]
	if !ok {
		name = strings.Clone(name)
		e = &environment{name: name, versions: make(map[string]*version)}
		s.environments[name], s.dirty = e, true
	}
	return e
}

// at is the SLO's pair in a version, made when there is none; nil if the SLO is no more.
func (s *service) at(v *version, o *slo, now time.Time) *series {
	if o.index >= len(s.slos) || s.slos[o.index] != o {
		return nil
	}
	if len(o.by) > 0 && v.at != (judge.Where{}) {
		v = s.ofGroup(v, o)
	}
	if o.index < len(v.series) && v.series[o.index] != nil {
		return v.series[o.index]
	}
	for len(v.series) <= o.index {
		v.series = append(v.series, nil)
	}
	start := pcommon.NewTimestampFromTime(now)
	made := &series{start: start, zeroAt: start}
	v.series[o.index], s.dirty = made, true
	return made
}

// limits bound what telemetry can add to a service.
type limits struct{ environments, versions, places int }

// arrive notes telemetry of the service and returns where it counts: nil where the SLOs are not
// kept. overLimit reports an environment, version or place beyond the limits, which counts as "other".
func (s *service) arrive(id judge.Identity, now time.Time, most limits) (_ *version, overLimit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.environments[id.Environment]
	if !ok {
		e, overLimit = s.newEnvironment(id.Environment, now, most.environments)
	}
	if s.dirty = true; !id.Synthetic { // a check does not show that the service lives
		e.lastSeen = now
	}
	if !s.counts(e.name) {
		return nil, overLimit
	}
	v, ok := e.find(id)
	if !ok {
		var reason string
		if v, reason = e.newVersion(id.Version, id.Where, now, most); reason != "" {
			overLimit = reason
		}
	}
	v.lastSeen = now
	return v, overLimit
}

func (e *environment) find(id judge.Identity) (*version, bool) {
	if id.Where == (judge.Where{}) {
		v, ok := e.versions[id.Version]
		return v, ok
	}
	v, ok := e.versions[string(appendSlot(make([]byte, 0, 256), id.Version, id.Where))]
	return v, ok
}

func (s *service) newEnvironment(name string, now time.Time, most int) (*environment, string) {
	if name != "" && !s.listed[name] {
		var taken int
		var idle *environment
		for _, e := range s.environments {
			if e.name == "" || e.name == overflow || s.listed[e.name] {
				continue
			}
			taken++
			if now.Sub(e.lastSeen) > idleAfter && (idle == nil || e.lastSeen.Before(idle.lastSeen)) {
				idle = e
			}
		}
		switch {
		case taken < most:
		case idle != nil:
			delete(s.environments, idle.name)
		default:
			e := s.environment(overflow)
			s.addEnvironment(e, now)
			return e, reasonEnvironmentOverflow
		}
	}
	e := s.environment(name)
	s.addEnvironment(e, now)
	return e, ""
}

// addEnvironment adds the pairs at 0 of a new environment.
func (s *service) addEnvironment(e *environment, now time.Time) {
	if s.counts(e.name) {
		s.standIn(e, now)
	}
}

func (e *environment) newVersion(name string, at judge.Where, now time.Time, most limits) (_ *version, overLimit string) {
	at, full := e.admit(at, now, most.places)
	if full {
		overLimit = reasonPlaceOverflow
	}
	if name != "" && name != overflow {
		var taken int
		var idle *version
		for _, v := range e.versions {
			if v.at != at || v.name == "" || v.name == overflow {
				continue
			}
			taken++
			if now.Sub(v.lastSeen) > idleAfter && (idle == nil || v.lastSeen.Before(idle.lastSeen)) {
				idle = v
			}
		}
		switch {
		case e.versions[string(appendSlot(nil, name, at))] != nil: // of the place beyond the limit
		case taken < most.versions:
		case idle != nil:
			delete(e.versions, idle.id)
		default:
			name, overLimit = overflow, reasonVersionOverflow
		}
	}
	id := string(appendSlot(nil, name, at))
	v, ok := e.versions[id]
	if !ok {
		v = newSlot(e.name, id)
		e.versions[id] = v
	}
	return v, overLimit
}

// holds reports whether the version is still one of the service.
func (s *service) holds(v *version) bool {
	e := s.environments[v.environment]
	return e != nil && e.versions[v.id] == v
}
