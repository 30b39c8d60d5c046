// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// shardCount is how many locks and checkpoint records the SLOs are spread over. It must not change: it
// is part of the checkpoint's format.
const shardCount = 256

// maxEnvironmentName is the longest name of an environment, in bytes.
const maxEnvironmentName = 256

// A key names an SLO of the catalog.
type key struct{ namespace, service, slo string }

func (k key) shard() int {
	var d xxhash.Digest
	d.ResetWithSeed(seedLow)
	for _, s := range []string{k.namespace, k.service, k.slo} {
		_, _ = d.WriteString(s)
		_, _ = d.Write([]byte{0})
	}
	return int(d.Sum64() % shardCount)
}

// A shard holds some of the SLOs, guarded by its lock.
type shard struct {
	mu   sync.Mutex
	slos map[key]*tracked
	// forgotten is the time of the newest point among the streams of instances that were dropped.
	forgotten int64
	// changed: there is something to save.
	changed bool
	// due is when the shard is next tidied and saved.
	due int64
	// unsaved: there are events in maintenance windows that are not saved yet, and so not emitted.
	unsaved bool
	// look is when to look at the first of the instances. shown is how many SLOs are emitted, and streams how many
	// counters followed, as of the last look.
	look           int64
	shown, streams int
	// ended are the last readings of SLOs that have another name now.
	ended []reading
	// size is about how long the record was when it was last saved; only the saver uses it.
	size int
	// archive has the sealed hours of the SLOs; nil without storage. garbage are keys in it that nobody needs; the first of them, so many, are
	// being removed.
	archive  *archive
	garbage  []checkpoint.Record
	removing int
	// lost is when nothing of the shard could be read; 0 if that has not happened.
	lost int64
}

// A tracked SLO is one of the catalog, or one that was lately, in all its environments.
type tracked struct {
	key
	shard *shard
	// objective is nil for an SLO that the catalog does not name; removed is since when.
	objective *objective
	removed   int64
	// instances are one for each environment, or for each group in it. index is by their places, if it is as long.
	instances []*instance
	index     map[string]*instance
	// audited is the time of the newest reset that was logged.
	audited int64
}

// ensure returns the instance at a place, made when there is none.
func (t *tracked) ensure(place string, now int64) *instance {
	i := t.instance(place)
	if i == nil {
		environment, group := splitPlace(strings.Clone(place))
		i = &instance{environment: environment, group: group, created: now, forgotten: t.shard.forgotten, archive: t.shard.archive}
		t.instances = append(t.instances, i)
		if lost := t.shard.lost; lost != 0 && now-lost < hourLength {
			i.losses.add(0, lost, gone)
		}
		if t.index != nil {
			t.index[i.place()] = i
		}
		t.shard.changed = true
		t.lookNow() // one without an environment may have to go
	}
	return i
}

// admit returns the instance that points of the environment count in, or why there is none.
func (t *tracked) admit(environment string, now int64, maxEnvironments int) (*instance, verdict) {
	if t.objective == nil || !t.objective.wants(environment) {
		return nil, unknownSLO
	}
	if i := t.instance(environment); i != nil {
		return i, counted
	}
	if len(environment) > maxEnvironmentName || strings.Contains(environment, groupMark) {
		return nil, invalid
	}
	if environment != "" && t.named() >= maxEnvironments {
		return nil, overflow
	}
	return t.ensure(environment, now), counted
}

// named is how many environments with a name there are.
func (t *tracked) named() (n int) {
	for k, i := range t.instances {
		if i.environment != "" && (i.group == "" || !slices.ContainsFunc(t.instances[:k], func(other *instance) bool { return other.environment == i.environment })) {
			n++
		}
	}
	return n
}

// shown reports whether gauges are emitted for the instance. Where the catalog lists no environments, the
// one without a name represents those not known yet; beside others it shows only when it has
// events itself.
func (t *tracked) shown(i *instance) bool {
	if t.objective == nil || !t.objective.wants(i.environment) {
		return false
	}
	if i.group != "" && i.group == t.objective.none && i.history == nil { // it represents the groups to come
		return !slices.ContainsFunc(t.instances, func(other *instance) bool {
			return other != i && (i.environment == "" || other.environment == i.environment)
		})
	}
	return i.environment != "" || i.group != t.objective.none || i.history != nil || len(t.instances) == 1
}

// adopt takes what the catalog says of the SLO now.
func (t *tracked) adopt(service *catalog.Service, slo *catalog.SLO, now int64) {
	t.objective = newObjective(service, slo)
	if t.removed != 0 {
		t.removed, t.shard.changed = 0, true
	}
	t.refit(now)
	for _, i := range t.instances {
		if i.history != nil {
			i.history.fit(t.objective)
		}
	}
	t.addIdle(now)
	t.lookNow()
}

// addIdle adds the instances that exist without any data points.
func (t *tracked) addIdle(now int64) {
	for _, e := range t.objective.environments {
		t.ensure(e+t.objective.none, now)
	}
	if len(t.instances) == 0 {
		t.ensure(t.objective.none, now)
	}
}

// release notes that the catalog does not name the SLO any more.
func (t *tracked) release(now int64) {
	if t.objective != nil || t.removed == 0 {
		t.objective, t.removed, t.shard.changed = nil, now, true
		t.lookNow()
	}
}

// tidy forgets what has been silent for too long.
func (s *shard) tidy(now int64, ttl time.Duration) {
	for k, t := range s.slos {
		if t.objective == nil && t.removed < now-int64(ttl) {
			s.drop(t.instances...)
			delete(s.slos, k)
			continue
		}
		if t.objective != nil {
			t.tidy(now, ttl)
		}
	}
}

func (t *tracked) tidy(now int64, ttl time.Duration) {
	kept := t.instances[:0]
	for _, i := range t.instances {
		if n := len(i.streams); n > 0 {
			i.forgotten = max(i.forgotten, i.streams.forget(now-int64(ttl)))
			t.shard.changed = t.shard.changed || len(i.streams) != n
		}
		i.measured.forget(now - t.objective.horizon)
		i.losses.forget(now - t.objective.horizon)
		t.shard.changed = i.noteDamage() || t.shard.changed
		if t.stale(i, now) {
			t.shard.drop(i)
		} else {
			kept = append(kept, i)
		}
	}
	if len(kept) < len(t.instances) {
		clear(t.instances[len(kept):])
		t.instances, t.index = kept, nil
		t.lookNow()
	}
	t.addIdle(now)
}

// stale reports whether the instance can go: nobody counts for it, none of its events is in a window any
// more, and the catalog does not list its environment.
func (t *tracked) stale(i *instance, now int64) bool {
	switch {
	case i.group != t.objective.none: // others may take its place
		return len(i.streams) == 0 && i.empty(now, t.objective)
	case slices.Contains(t.objective.environments, i.environment) || i.environment == "" && len(t.instances) == 1:
		return false
	}
	return len(i.streams) == 0 && now-max(i.received, i.created) > t.objective.horizon
}

func (s *shard) drop(instances ...*instance) {
	for _, i := range instances {
		s.forgotten = max(s.forgotten, i.forgotten, i.streams.newest())
		s.discard(i.history)
	}
	s.changed = true
}

// discard removes the sealed hours of a history from storage.
func (s *shard) discard(h *history) {
	if h != nil && s.archive != nil {
		s.garbage = append(s.garbage, h.minutes.all()...)
	}
}
