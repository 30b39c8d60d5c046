// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"maps"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
)

// Services that the catalog does not name are known by the first counter of them: what SLOs they have follows from the catalog's Defaults and
// the name in the counter, as it did for the collector that counts.

// hear finds the SLO by Defaults that a counter is about, made when there is room; nil if there is none.
func (p *sloProcessor) hear(of key, environment, version string) *tracked {
	if found := (*p.byDefault.Load())[of]; found != nil {
		return found
	}
	s := p.heard.Hear(admission.Identity{Namespace: of.namespace, Service: of.service, Environment: environment, Version: version})
	if s == nil {
		return nil
	}
	p.taking.Lock()
	defer p.taking.Unlock()
	if found := (*p.byDefault.Load())[of]; found != nil {
		return found // another request was first
	}
	if !p.heard.Counted(s) {
		return nil
	}
	next := maps.Clone(*p.byDefault.Load())
	p.take(next, s, p.now().UnixNano())
	p.byDefault.Store(&next)
	p.wakeUp()
	return next[of]
}

// take takes in the SLOs of a service.
func (p *sloProcessor) take(slos map[key]*tracked, s *catalog.Service, now int64) {
	var digest float64
	if s.Origin == nil || !s.Origin.Proposed {
		digest = s.DigestNumber()
	}
	for _, slo := range s.SLOs {
		if slo.SLI.Prometheus != nil {
			continue // computed by the rules
		}
		k := key{s.Namespace, s.Name, slo.Name}
		slos[k] = p.shards[k.shard()].adopt(k, s, slo, digest, now)
	}
}

// inheritNames lets SLOs of a service take over what was counted under their former names.
func (p *sloProcessor) inheritNames(slos map[key]*tracked, s *catalog.Service) {
	for _, slo := range s.SLOs {
		if t := slos[key{s.Namespace, s.Name, slo.Name}]; t != nil && slo.Formerly != "" {
			p.formerly(slos, key{s.Namespace, s.Name, slo.Formerly}, t)
		}
	}
}

// recall takes up the services again whose SLOs were computed before the restart and that the catalog does not name.
func (p *sloProcessor) recall() {
	for i := range p.shards {
		s := &p.shards[i]
		s.mu.Lock()
		for k, t := range s.slos {
			if t.removed != 0 {
				continue
			}
			var seen int64
			for _, i := range t.instances {
				seen = max(seen, i.received)
			}
			p.heard.Recall(k.namespace, k.service, time.Unix(0, seen))
		}
		s.mu.Unlock()
	}
}

// refresh takes the catalog in again if services by Defaults have gone since: their SLOs go as those of an entry that was deleted.
func (p *sloProcessor) refresh() {
	if p.losses.Load() == p.heard.Losses() {
		return
	}
	p.taking.Lock()
	defer p.taking.Unlock()
	p.takeAll(p.catalog)
}
