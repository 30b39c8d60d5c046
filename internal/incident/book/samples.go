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
	// usual is how often rules are evaluated, where one sample does not say.
	usual = time.Minute
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
		if s.learn(found.Values) { // it was read with too long an interval
			s.spells, b.again = nil, true
		}
		s.add(b.spell(found.Metric), found.Values)
	}
	if len(matrix) > 0 { // what was saved, but is not in the record, did not happen
		for _, s := range b.series {
			s.spells = slices.DeleteFunc(s.spells, func(one spell) bool { return one.restored && one.From.After(from) && one.To.Before(to) })
		}
	}
	return nil
}

// longest is the longest interval of rules: a longer gap says nothing of it.
const longest = 5 * time.Minute

// learn takes the shortest gap between samples as the interval in which the alert is evaluated. It reports whether that splits what was one.
func (s *series) learn(values []model.SamplePair) (splits bool) {
	for i := 1; i < len(values); i++ {
		step := max(values[i].Timestamp.Sub(values[i-1].Timestamp), time.Millisecond)
		if step > longest || s.step > 0 && step >= s.step {
			continue
		}
		splits = splits || s.step > step*3/2
		s.step = step
	}
	return splits && len(s.spells) > 0
}

// follows reports whether two samples are of one spell.
func (s *series) follows(gap time.Duration) bool {
	return gap <= cmp.Or(s.step, usual)*3/2
}

// add takes samples that follow each other.
func (s *series) add(of incident.Spell, values []model.SamplePair) {
	for _, v := range values {
		at := v.Timestamp.Time().UTC()
		if last := len(s.spells) - 1; last >= 0 && !s.spells[last].restored && !at.Before(s.spells[last].From) && s.follows(at.Sub(s.spells[last].To)) {
			if at.After(s.spells[last].To) {
				s.spells[last].To = at
			}
			continue
		}
		one := of
		one.From, one.To = at, at
		s.spells = append(s.spells, spell{Spell: one})
	}
	slices.SortStableFunc(s.spells, func(a, b spell) int { return a.From.Compare(b.From) })
	var joined []spell
	for _, one := range s.spells {
		if last := len(joined) - 1; last >= 0 && s.follows(one.From.Sub(joined[last].To)) {
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
func bounded(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText-1]) + "…"
	}
	return text
}
