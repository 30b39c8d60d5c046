// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package book

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/internal/incident"
)

// Version is that of the format in which books are saved.
const Version = 1

type saved struct {
	Series  []savedSeries      `json:"series"`
	Details map[string]Details `json:"details"`
}

type savedSeries struct {
	Metric model.Metric     `json:"metric"`
	Step   time.Duration    `json:"step"`
	Spells []incident.Spell `json:"spells"`
}

// Save is the book as bytes.
func (b *Book) Save() ([]byte, error) {
	b.reading <- struct{}{}
	defer func() { <-b.reading }()
	all := saved{Series: []savedSeries{}, Details: map[string]Details{}}
	for _, s := range b.series {
		one := savedSeries{Metric: s.metric, Step: s.step}
		for i := range s.spells {
			if s.spells[i].measured {
				one.Spells = append(one.Spells, s.spells[i].Spell)
			}
		}
		all.Series = append(all.Series, one)
	}
	slices.SortFunc(all.Series, func(x, y savedSeries) int {
		return slices.Compare([]byte(x.Metric.String()), []byte(y.Metric.String()))
	})
	b.mu.Lock()
	maps.Copy(all.Details, b.details)
	b.mu.Unlock()
	return json.Marshal(all)
}

// Restore takes what was saved into an empty book. An error says that it makes no sense, and leaves the book empty.
func (b *Book) Restore(payload []byte) error {
	var all saved
	if err := json.Unmarshal(payload, &all); err != nil {
		return err
	}
	if len(all.Series) > maxSeries {
		return errors.New("more alerts than are kept")
	}
	restored := map[string]*series{}
	for _, s := range all.Series {
		if s.Step < 0 || s.Step > longestGap {
			return errors.New("an alert without a possible interval")
		}
		one := &series{metric: s.Metric, step: s.Step}
		for _, of := range s.Spells {
			if of.To.Before(of.From) {
				return errors.New("an alert that ended before it began")
			}
			of.Firing = false
			one.spells = append(one.spells, spell{Spell: of, measured: true, restored: true})
		}
		restored[s.Metric.String()] = one
	}
	b.reading <- struct{}{}
	defer func() { <-b.reading }()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.series, b.details = restored, all.Details
	if b.details == nil {
		b.details = map[string]Details{}
	}
	return nil
}
