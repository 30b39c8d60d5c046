// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package book

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	// maxSeries bounds the alerts that are remembered.
	maxSeries = 10_000
	maxText   = 120
)

// samples reads the record from a time to another.
func (b *Book) samples(ctx context.Context, from, to time.Time) error {
	value, err := b.Source.At(ctx, fmt.Sprintf("%s[%dms]", firing, to.Sub(from).Milliseconds()), to)
	if err != nil {
		return err
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return fmt.Errorf("the answer is a %s, not a matrix", value.Type())
	}
	for _, found := range matrix {
		if len(found.Values) == 0 {
			continue
		}
		key := found.Metric.String()
		s := b.series[key]
		if s == nil {
			if len(b.series) >= maxSeries {
				continue
			}
			s = &series{metric: found.Metric}
			b.series[key] = s
		}
		spells, err := b.runs(ctx, key, s, found.Values)
		if err != nil {
			return err
		}
		s.add(spells)
	}
	if len(matrix) > 0 { // what was saved, but is not in the record, did not happen
		for _, s := range b.series {
			s.spells = slices.DeleteFunc(s.spells, func(one spell) bool { return one.restored && one.From.After(from) && one.To.Before(to) })
		}
	}
	return nil
}

const (
	// longestGap is how long Prometheus finds a sample that no mark of an end follows.
	longestGap = 5 * time.Minute
	// maxGaps bounds the gaps that one reading asks about; more of them are ends.
	maxGaps = 500
)

// unended reports whether a series goes on in a gap before a sample: rules mark the end of an alert, and an evaluation that is late or missed does not.
func (b *Book) unended(ctx context.Context, key string, before model.Time) (bool, error) {
	found, ok := b.gaps[before]
	if !ok {
		if len(b.gaps) >= maxGaps {
			return false, nil
		}
		vector, err := b.vector(ctx, firing, before.Add(-time.Millisecond).Time())
		if err != nil {
			return false, err
		}
		found = map[string]bool{}
		for _, s := range vector {
			found[s.Metric.String()] = true
		}
		b.gaps[before] = found
	}
	return found[key], nil
}

// runs are the spells of samples. Two samples are of one spell if they are as far apart as others that are, or if no end is marked between them.
func (b *Book) runs(ctx context.Context, key string, s *series, values []model.SamplePair) (all []spell, err error) {
	of := b.spell(s.metric)
	regular := time.Duration(0) // a longer gap, for as long as it comes again and again
	for i, v := range values {
		at := v.Timestamp.Time().UTC()
		joins := false
		if i > 0 {
			gap := v.Timestamp.Sub(values[i-1].Timestamp)
			switch {
			case regular > 0 && (gap-regular).Abs() <= regular/10:
				joins = true
			case s.step > 0 && gap <= s.step*3/2:
				joins, regular = true, 0
			case gap <= longestGap:
				if joins, err = b.unended(ctx, key, v.Timestamp); err != nil {
					return nil, err
				}
				if regular = 0; joins {
					regular = gap
				}
			}
			if joins && (s.step == 0 || gap < s.step) {
				s.step = max(gap, time.Millisecond)
			}
		}
		if joins {
			all[len(all)-1].To = at
			continue
		}
		one := of
		one.From, one.To = at, at
		all = append(all, spell{Spell: one})
	}
	return all, nil
}

// add takes spells that may be there already, or be parts of those that are.
func (s *series) add(more []spell) {
	s.spells = append(s.spells, more...)
	slices.SortStableFunc(s.spells, func(a, b spell) int { return a.From.Compare(b.From) })
	var joined []spell
	for _, one := range s.spells {
		if last := len(joined) - 1; last >= 0 && !one.From.After(joined[last].To) {
			joined[last].join(one)
			continue
		}
		joined = append(joined, one)
	}
	s.spells = joined
}

// join adds a later part of the spell, or the same again.
func (s *spell) join(later spell) {
	if later.To.After(s.To) {
		s.To = later.To
	}
	s.Firing = s.Firing || later.Firing
	s.restored = s.restored && later.restored
	if later.measured && !s.measured && later.From.Equal(s.From) {
		s.measured, s.Began, s.Chance = true, later.Began, later.Chance
	}
}

// spell is one of an alert, without a time.
func (b *Book) spell(m model.Metric) incident.Spell {
	label := func(name string) string { return bounded(string(m[model.LabelName(name)])) }
	of := func(attribute string) string {
		return cmp.Or(label(b.Names.Attribute(attribute)), label(strings.ReplaceAll(attribute, ".", "_")))
	}
	severity := cmp.Or(label("sloth_severity"), label("severity"))
	one := incident.Spell{
		Alert: label(model.AlertNameLabel), Kind: cmp.Or(label("slo_alert"), label(model.AlertNameLabel)), Page: severity == "page" || severity == "critical",
		Service: incident.Service{Namespace: of(semconv.ServiceNamespace), Name: of(semconv.ServiceName), Environment: cmp.Or(of(semconv.Environment), label("environment"))},
		SLO:     of(semconv.SLOName), Group: of(semconv.ServiceVersion),
	}
	service := b.Catalog().Emitter(one.Namespace, one.Name)
	if service == nil || one.Group != "" {
		return one
	}
	for _, slo := range service.SLOs {
		if slo.Name == one.SLO {
			var values []string
			for _, group := range slo.GroupLabels() {
				values = append(values, label(group))
			}
			one.Group = strings.Join(values, " ")
		}
	}
	return one
}

// bounded is text that can be shown.
func bounded(text string) string { return boundedTo(text, maxText) }

func boundedTo(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
