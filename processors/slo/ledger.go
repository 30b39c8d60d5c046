// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

var _ ledger.Keeper = (*sloProcessor)(nil)

// keepFor gives the history to the extensions that show it.
func (p *sloProcessor) keepFor(host component.Host) {
	for _, one := range host.GetExtensions() {
		if shelf, ok := one.(ledger.Shelf); ok {
			shelf.Keep(p)
		}
		if shelf, ok := one.(attribution.Shelf); ok {
			shelf.KeepAttribution(p)
		}
	}
}

// followed is an SLO with the lock of its shard, which the caller gives back; nil, without it, if the SLO is not followed here.
func (p *sloProcessor) followed(of ledger.SLO) *tracked {
	if p.closed.Load() {
		return nil
	}
	k := key{of.Namespace, of.Service, of.Name}
	s := &p.shards[k.shard()]
	s.mu.Lock()
	if t := s.slos[k]; t != nil && t.objective != nil {
		return t
	}
	s.mu.Unlock()
	return nil
}

// Places is ledger.Keeper's.
func (p *sloProcessor) Places(of ledger.SLO) (all []ledger.Place, ok bool) {
	t := p.followed(of)
	if t == nil {
		return nil, false
	}
	defer t.shard.mu.Unlock()
	now := p.now().UnixNano()
	for _, i := range t.instances {
		if i.history == nil && len(i.measured) == 0 {
			continue
		}
		place := ledger.Place{Environment: i.environment}
		for name, value := range attributesOf(i.group) {
			if place.Group == nil {
				place.Group = map[string]string{}
			}
			place.Group[name] = value
		}
		t.shard.changed = i.noteDamage() || t.shard.changed
		known := i.known(t.objective, now, silence(p.config.FlushInterval))
		place.Unmeasured = i.unmeasured(known, now-t.objective.horizon, now, p.filler != nil)
		for _, m := range known {
			place.Measured = append(place.Measured, ledger.Span{From: time.Unix(0, m.start), To: time.Unix(0, m.end)})
		}
		all = append(all, place)
	}
	return all, true
}

// Minutes is ledger.Keeper's. The hours of a day are one record in storage.
func (p *sloProcessor) Minutes(of ledger.SLO, at ledger.Place, day time.Time, counted bool) (all []ledger.Minute) {
	t := p.followed(of)
	if t == nil {
		return nil
	}
	defer t.shard.mu.Unlock()
	place := at.Environment
	for _, name := range t.objective.slo.GroupBy {
		place = string(appendGroup([]byte(place), name, at.Group[name]))
	}
	i := t.instance(place)
	if i == nil || i.history == nil {
		return nil
	}
	now := p.now().UnixNano()
	i.history.advance(now, t.objective)
	h, unit := i.history, oneEvent
	if counted {
		if h = i.counted(t.objective, i.known(t.objective, now, silence(p.config.FlushInterval))); t.objective.slo.Budgeting.Method != catalog.Occurrences {
			unit = oneSlice
		}
	}
	first := day.UnixNano() / hourLength
	for number := max(first, h.minutes.first); number < first+hoursPerDay; number++ {
		hour, ok := h.minutes.at(number)
		if !ok {
			break
		}
		for k, m := range hour {
			if m != (sum{}) {
				all = append(all, ledger.Minute{
					Start: number*minutesPerHour + int64(k), Good: float64(m[good]) / float64(unit), Bad: float64(m[bad]) / float64(unit),
				})
			}
		}
	}
	return slices.Clip(all)
}

// at has the minutes of any hour since the first.
func (m *minutes) at(number int64) (h hourOfMinutes, ok bool) {
	open := number - m.openHour()
	switch {
	case open < 0:
		return m.hour(number), true
	case open >= openHours:
		return h, false
	}
	for k := range h {
		for o := range outcomes {
			h[k][o] = m.open[o].at(int(open)*minutesPerHour + k)
		}
	}
	return h, true
}
