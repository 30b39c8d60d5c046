// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/replay"
)

// A Suggestion is which objective an SLO would have kept. Shares are from 0 to 1.
type Suggestion struct {
	// Days are how many whole days were measured, in UTC.
	Days int `json:"days"`
	// Ratio is the share of good events of these days, Low and High its interval of 95 % for a period, WorstWeek the share in the worst seven days
	// on end.
	Ratio     Number `json:"ratio"`
	Low       Number `json:"low"`
	High      Number `json:"high"`
	WorstWeek Number `json:"worstWeek"`
	// Objective is the highest of the usual objectives that 95 % of the periods keep; none if it cannot be known, for which Reason says why.
	Objective *Number `json:"objective,omitempty"`
	Reason    string  `json:"reason,omitempty"`
	// Pages are how often the objectives around it would have paged.
	Pages []ObjectivePages `json:"pages,omitempty"`
}

// ObjectivePages are how often an objective would have paged.
type ObjectivePages struct {
	Objective Number `json:"objective"`
	Pages     int    `json:"pages"`
	PerWeek   Number `json:"perWeek"`
}

const (
	day = 24 * time.Hour
	// fewestDays are a week: a weekend is not like a Monday.
	fewestDays = 7
	// draws are how many periods are drawn.
	draws = 2000
	// kept is the share of the periods that keep a suggested objective.
	kept = 0.95
)

// A daily sum of events.
type daily struct{ bad, total float64 }

// days are the sums of the whole days in the time that is asked about.
func (m *minutes) days(from, to time.Time) (all []daily) {
	begin := from.UTC().Truncate(day)
	if begin.Before(from) {
		begin = begin.Add(day)
	}
	for ; !begin.Add(day).After(to); begin = begin.Add(day) {
		if m.measured(begin, begin.Add(day)) < day/2 {
			continue // it says little about a day
		}
		bad, total := m.events(begin, begin.Add(day))
		all = append(all, daily{bad, total})
	}
	return all
}

func ratio(days []daily) float64 {
	var bad, total float64
	for _, d := range days {
		bad, total = bad+d.bad, total+d.total
	}
	if total <= 0 {
		return 1
	}
	return 1 - bad/total
}

// periods draws periods of so many days with replacement, and returns their shares of good events, ascending. Failures come in incidents, so
// events are not independent, but days nearly are: whole days are drawn (a block bootstrap). It draws the same each time.
func periods(days []daily, length int) []float64 {
	random := rand.New(rand.NewPCG(1, 2))
	ratios, drawn := make([]float64, draws), make([]daily, length)
	for i := range ratios {
		for j := range drawn {
			drawn[j] = days[random.IntN(len(days))]
		}
		ratios[i] = ratio(drawn)
	}
	slices.Sort(ratios)
	return ratios
}

func quantile(sorted []float64, q float64) float64 {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// worstWeek is the share of good events in the worst seven days on end.
func worstWeek(days []daily) float64 {
	worst := 1.0
	for i := 0; i+7 <= len(days); i++ {
		worst = min(worst, ratio(days[i:i+7]))
	}
	return worst
}

// suggestion finds an objective for an SLO in the environment and group of the labels.
func (a *answering) suggestion(ctx context.Context, slo *catalog.SLO, m *minutes, set labels.Labels) (*Suggestion, error) {
	days := m.days(a.From, a.To)
	s := &Suggestion{Days: len(days), Ratio: Number(math.NaN()), Low: Number(math.NaN()), High: Number(math.NaN()), WorstWeek: Number(math.NaN())}
	if len(days) < fewestDays {
		s.Reason = "fewer than seven whole days were measured"
		return s, nil
	}
	length := max(int(slo.Window.Nominal()/day), 1)
	ratios := periods(days, length)
	s.Ratio, s.Low, s.High, s.WorstWeek = Number(ratio(days)), Number(quantile(ratios, 0.025)), Number(quantile(ratios, 0.975)), Number(worstWeek(days))
	var events float64
	for _, d := range days {
		events += d.total
	}
	events *= float64(length) / float64(len(days))
	found := -1
	for i, objective := range catalog.UsualObjectives {
		allowed := (1 - objective/100) * events
		if objective/100 <= quantile(ratios, 1-kept) && allowed >= float64(slo.Alerts.MinimumFailures) && allowed >= catalog.DefaultMinimumFailures {
			found = i
		}
	}
	if found < 0 {
		s.Reason = "no objective from 90 % on is kept by 95 % of the periods, with enough events to tell"
		return s, nil
	}
	objective := Number(shareOf(catalog.UsualObjectives[found]))
	s.Objective = &objective
	around := append([]float64{slo.Objective}, catalog.UsualObjectives[max(found-1, 0):min(found+2, len(catalog.UsualObjectives))]...)
	slices.Sort(around)
	for _, objective := range slices.Compact(around) {
		pages, err := a.pages(ctx, slo, objective, set)
		if err != nil {
			return nil, err
		}
		s.Pages = append(s.Pages, ObjectivePages{Number(shareOf(objective)), pages, Number(float64(pages) / (float64(a.To.Sub(a.From)) / float64(7*day)))})
	}
	return s, nil
}

// shareOf is an objective in percent as a share, rounded once.
func shareOf(objective float64) float64 { return (&catalog.SLO{Objective: objective}).ObjectiveRatio() }

// pages counts how often the burn rate alerts of an SLO page with another objective, from the events that are recorded.
func (a *answering) pages(ctx context.Context, slo *catalog.SLO, objective float64, set labels.Labels) (_ int, err error) {
	other, service := *slo, *a.service
	other.Objective = objective
	service.SLOs = []*catalog.SLO{&other}
	file, _ := alerts.Generate(&service, a.Options)
	wanted := &answering{Question: a.Question, service: &service, file: file}
	for i := range file.Groups {
		file.Groups[i].Rules = slices.DeleteFunc(file.Groups[i].Rules, func(r rulefmt.Rule) bool {
			rule := wanted.rule(labels.FromMap(r.Labels))
			return r.Alert == "" || rule.Pair == nil || rule.Severity != alerts.Page
		})
	}
	storage, err := replay.OpenStorage()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, storage.Close()) }()
	r, err := replay.New(ctx, rulefmt.RuleGroups{Groups: file.Groups}, replay.Options{Storage: storage, Before: a.storage, File: func(group string) string {
		return cmp.Or(a.Files[group], alerts.FileName(a.service))
	}})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.Sweep(ctx, replay.Span{Earliest: a.From, From: a.From, Until: a.To}); err != nil {
		return 0, err
	}
	key, n := a.key(slo, set), 0
	for _, e := range r.Episodes {
		if !e.Firing.IsZero() && a.key(slo, e.Labels) == key {
			n++
		}
	}
	return n, nil
}
