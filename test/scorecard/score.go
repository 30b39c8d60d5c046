// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scorecard

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// A Recipe makes rules for the SLO of a scenario.
type Recipe struct {
	Name  string
	Rules func(*scenario.Scenario) rulefmt.RuleGroups
	// Pages reports whether an alert pages; any other opens a ticket.
	Pages func(*scenario.Episode) bool
	// Mutes are the rules for Alertmanager that come with it.
	Mutes []alerts.InhibitRule
}

// Recipes are the generated rules, and those beside which they are measured.
func Recipes() []Recipe {
	labeled := func(name, value string) func(*scenario.Episode) bool {
		return func(e *scenario.Episode) bool { return e.Labels.Get(name) == value }
	}
	return []Recipe{
		{"these rules", func(s *scenario.Scenario) rulefmt.RuleGroups {
			file, _ := alerts.Generate(s.Service, alerts.DefaultOptions())
			return rulefmt.RuleGroups{Groups: file.Groups}
		}, labeled("severity", alerts.Page), alerts.Inhibition().InhibitRules},
		{"Sloth", scenario.Sloth, labeled("sloth_severity", "page"), nil},
		{"Pyrra", scenario.Pyrra, labeled("severity", "critical"), nil},
	}
}

// A Score is what a recipe did in a fault.
type Score struct {
	// Detected: who should be called was, Delay after the fault began.
	Detected bool
	Delay    time.Duration
	// Pages are those during the fault, After those that began after it was over, and False those of no fault that pages.
	Pages, After, False int
	// Resolved is when the last page of the fault ended, counted from its end.
	Resolved time.Duration
	// Fired are the alerts that fired, with the time from the beginning of the fault.
	Fired []Firing
}

// A Firing is one time that an alert was sent.
type Firing struct {
	Alert string
	Page  bool
	// Delay is counted from the beginning of the fault. In vain: nobody should have been called.
	Delay  time.Duration
	InVain bool
}

// grace is how long after the end of a fault an alert still belongs to it: an evaluation and a scrape.
const grace = minute

// aftermath is how long after a fault a page is one that comes too late, rather than of nothing: the long window of pages.
const aftermath = 6 * hour

// Measure lives through a fault with the rules of a recipe.
func Measure(ctx context.Context, f *Fault, r Recipe) (score Score, err error) {
	p, err := scenario.Sweep(ctx, f.Scenario, r.Rules(f.Scenario))
	if err != nil {
		return score, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	for _, n := range notices(p.Episodes, r.Mutes) {
		score.add(f, n, r.Pages(n.episode))
	}
	return score, nil
}

func (s *Score) add(f *Fault, n notice, page bool) {
	during := f.Call != Nothing && n.begin >= f.Begin && n.begin <= f.End+grace
	afterwards := f.Call != Nothing && n.begin > f.End+grace && n.begin <= f.End+aftermath
	wanted := during && (f.Call == Page || !page)
	s.Fired = append(s.Fired, Firing{Alert: n.episode.Alert, Page: page, Delay: n.begin - f.Begin, InVain: !wanted && (!afterwards || page)})
	if during && page == (f.Call == Page) && (!s.Detected || n.begin-f.Begin < s.Delay) {
		s.Detected, s.Delay = true, n.begin-f.Begin
	}
	if !page {
		return
	}
	switch {
	case during && f.Call == Page:
		s.Pages++
		s.Resolved = max(s.Resolved, n.end-f.End)
	case afterwards && f.Call == Page:
		s.After++
		s.Resolved = max(s.Resolved, n.end-f.End)
	default:
		s.False++
	}
}

// A notice is a time in which an alert fires and is not muted: somebody hears of its beginning.
type notice struct {
	episode    *scenario.Episode
	begin, end time.Duration
}

// forever is the end of what has no end.
const forever = time.Duration(1<<63 - 1)

// notices are what Alertmanager sends, if it sends all at once.
func notices(episodes []*scenario.Episode, mutes []alerts.InhibitRule) []notice {
	var all []notice
	for _, e := range episodes {
		if e.Firing == 0 {
			continue
		}
		heard := []notice{{e, e.Firing, cmp.Or(e.Resolved, forever)}}
		for _, source := range episodes {
			if source != e && source.Firing != 0 && muted(source, e, mutes) {
				heard = without(heard, source.Firing, cmp.Or(source.Resolved, forever))
			}
		}
		all = append(all, heard...)
	}
	slices.SortStableFunc(all, func(a, b notice) int { return cmp.Compare(a.begin, b.begin) })
	return all
}

func without(all []notice, begin, end time.Duration) (rest []notice) {
	for _, n := range all {
		if n.begin < min(begin, n.end) {
			rest = append(rest, notice{n.episode, n.begin, min(begin, n.end)})
		}
		if later := max(end, n.begin); later < n.end {
			rest = append(rest, notice{n.episode, later, n.end})
		}
	}
	return rest
}

// muted reports whether a rule mutes the target while the source fires.
func muted(source, target *scenario.Episode, mutes []alerts.InhibitRule) bool {
	return slices.ContainsFunc(mutes, func(r alerts.InhibitRule) bool {
		return all(r.SourceMatchers, source) && all(r.TargetMatchers, target) &&
			!slices.ContainsFunc(r.Equal, func(name string) bool { return source.Labels.Get(name) != target.Labels.Get(name) })
	})
}

var matcher = regexp.MustCompile(`^(\w+)(=~?)"(.*)"$`)

// all reports whether all matchers of an inhibit rule match.
func all(matchers []string, e *scenario.Episode) bool {
	return !slices.ContainsFunc(matchers, func(m string) bool {
		parts := matcher.FindStringSubmatch(m)
		value := e.Labels.Get(parts[1])
		if parts[2] == "=" {
			return value != parts[3]
		}
		return !slices.Contains(strings.Split(parts[3], "|"), value)
	})
}
