// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"maps"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// Services that the catalog does not name are found here, after it: those that it names cost what they did without Defaults.

// byDefault are the services by Defaults that telemetry arrived of, by what the Defaults made of them. A map never changes: one more
// service gives another map.
type byDefault map[*catalog.Service]*counted

// hear finds the service that Defaults make of telemetry that the catalog does not name; nil if there is none. One that has no state yet has
// had no event that counts: its SLOs begin with the first one, see startCounting.
func (c *core) hear(id judge.Identity) *counted {
	s := c.heard.Hear(admission.Identity{Namespace: id.Namespace, Service: id.Name, Environment: id.Environment, Version: id.Version})
	if s == nil || len(s.SLOs) == 0 {
		return nil
	}
	if found := (*c.byDefault.Load())[s]; found != nil {
		return found
	}
	c.registry.mu.Lock()
	defer c.registry.mu.Unlock()
	if found := (*c.byDefault.Load())[s]; found != nil {
		return found // another request was first
	}
	rules, err := judge.Compile(s)
	if err != nil {
		c.notCounted(s, err)
	}
	return c.know(&counted{from: s, rules: rules})
}

// startCounting lets the service count; it returns nil if there is another catalog by now.
func (c *core) startCounting(of *counted, now time.Time) *counted {
	c.registry.mu.Lock()
	defer c.registry.mu.Unlock()
	if found := (*c.byDefault.Load())[of.from]; found != nil && found.service != nil {
		return found // another request was first
	}
	if !c.heard.Counted(of.from) {
		return nil
	}
	return c.know(c.take(of.from, now))
}

// know adds the service to those by Defaults. c.registry.mu must be held.
func (c *core) know(added *counted) *counted {
	next := maps.Clone(*c.byDefault.Load())
	next[added.from] = added
	c.byDefault.Store(&next)
	return added
}

// recall takes up the services again that had events before the restart and that the catalog does not name.
func (c *core) recall() {
	c.registry.mu.Lock()
	defer c.registry.mu.Unlock()
	for i := range c.registry.shards {
		for key, s := range c.registry.shards[i].services {
			var seen time.Time
			for _, e := range s.environments {
				seen = latest(seen, e.lastSeen)
			}
			c.heard.Recall(key.namespace, key.name, seen)
		}
	}
}

// refresh takes the catalog in again if services by Defaults have gone since: their counters go as those of an entry that was deleted.
func (c *core) refresh() {
	if c.losses.Load() == c.heard.Losses() {
		return
	}
	c.registry.mu.Lock()
	defer c.registry.mu.Unlock()
	c.takeAll(c.catalog)
}

// hasKind reports whether one of the spans is of the kinds.
func hasKind(rs ptrace.ResourceSpans, kinds judge.Kinds) bool {
	for _, scope := range rs.ScopeSpans().All() {
		for _, span := range scope.Spans().All() {
			if judge.KindOf(span.Kind())&kinds != 0 {
				return true
			}
		}
	}
	return false
}
