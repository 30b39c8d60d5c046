// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// format is that of the saved state.
const format = 1

type saved struct {
	Format  int           `json:"format"`
	Key     []byte        `json:"key"`
	Changes []savedChange `json:"changes,omitempty"`
	Flags   []savedFlag   `json:"flags,omitempty"`
	States  []savedState  `json:"states,omitempty"`
	Counts  []savedCount  `json:"counts,omitempty"`
}

type savedChange struct {
	change.Change
	// Of is the change's service, whose name is not among the fields of the change in JSON.
	Of       deployment.Service `json:"of"`
	News     bool               `json:"news,omitempty"`
	Reported bool               `json:"reported,omitempty"`
	Seen     bool               `json:"seen,omitempty"`
	Last     time.Time          `json:"last"`
	Grown    string             `json:"grown,omitempty"`
	Renewals int                `json:"renewals,omitempty"`
}

type savedFlag struct {
	Service  deployment.Service `json:"service"`
	Flag     string             `json:"flag"`
	Heard    time.Time          `json:"heard"`
	Variants map[string]float64 `json:"variants"`
}

type savedState struct {
	thing
	state
}

type savedCount struct {
	thing
	N int `json:"n"`
}

// Save returns the state if it has changed since it was saved, or in any case if all of it is wanted; otherwise nil.
func (t *Tracker) Save(all bool) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.modified && !all || len(t.changes)+len(t.flags)+len(t.states)+len(t.counts) == 0 {
		return nil, nil
	}
	s := saved{Format: format, Key: t.key}
	for _, e := range t.changes {
		s.Changes = append(s.Changes, savedChange{e.Change, e.Service, e.news, e.reported, e.seen, e.last, e.grown, e.renewals})
	}
	for key, f := range t.flags {
		one := savedFlag{key.Service, key.flag, f.heard, map[string]float64{}}
		for _, v := range f.variants {
			if weight := v.before + v.now; weight > 0 {
				one.Variants[v.name] = weight
			}
		}
		s.Flags = append(s.Flags, one)
	}
	for key, one := range t.states {
		s.States = append(s.States, savedState{key, *one})
	}
	for key, n := range t.counts {
		s.Counts = append(s.Counts, savedCount{key, n})
	}
	slices.SortFunc(s.Flags, func(a, b savedFlag) int { return cmp.Or(strings.Compare(a.Flag, b.Flag), a.Service.Compare(b.Service)) })
	slices.SortFunc(s.States, func(a, b savedState) int { return a.thing.compare(&b.thing) })
	slices.SortFunc(s.Counts, func(a, b savedCount) int { return a.thing.compare(&b.thing) })
	record, err := json.Marshal(s)
	if err == nil {
		t.modified = false
	}
	return record, err
}

func (t *thing) compare(other *thing) int {
	return cmp.Or(strings.Compare(t.What, other.What), strings.Compare(t.Member, other.Member), strings.Compare(string(t.Kind), string(other.Kind)),
		t.Service.Compare(other.Service))
}

// Unsaved notes that the state that Save returned was not kept.
func (t *Tracker) Unsaved() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.modified = true
}

// Restore takes in what Save returned, before anything is taken. After an error nothing is known.
func (t *Tracker) Restore(record []byte) error {
	if len(record) == 0 {
		return nil
	}
	var s saved
	if err := json.Unmarshal(record, &s); err != nil {
		return fmt.Errorf("changes: %w", err)
	}
	if s.Format != format {
		return fmt.Errorf("changes: written in format %d, this release reads format %d", s.Format, format)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(s.Key) == len(t.key) {
		t.key = s.Key
	}
	for _, one := range s.Changes[max(0, len(s.Changes)-t.config.MaxChanges):] {
		one.Service = one.Of
		one.Bound()
		if _, err := change.ParseKind(string(one.Kind)); err != nil || one.Change.Name == "" {
			continue
		}
		t.changes = append(t.changes, &entry{one.Change, one.News, one.Reported, one.Seen, one.Last, one.Grown, one.Renewals})
	}
	for _, one := range s.Flags[:min(len(s.Flags), t.config.MaxFlags)] {
		f := &flag{heard: one.Heard}
		for name, weight := range one.Variants {
			if weight > 0 && weight < 1e9 && len(f.variants) <= mostVariants {
				f.variants = append(f.variants, variant{name: change.Bounded(name), before: weight, came: weight / inARow})
			}
		}
		slices.SortFunc(f.variants, func(a, b variant) int { return strings.Compare(a.name, b.name) })
		t.flags[flagKey{one.Service, one.Flag}] = f
	}
	for _, one := range s.States[:min(len(s.States), t.config.MaxStates)] {
		t.states[one.thing] = &one.state
	}
	for _, one := range s.Counts[:min(len(s.Counts), t.config.MaxStates)] {
		t.counts[one.thing] = one.N
	}
	return nil
}
