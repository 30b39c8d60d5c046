// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/verdict"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	// Reach is the longest time since which a release can be judged.
	Reach = 24 * time.Hour
	// lately is how far back the first events of a version are looked for, if no time is given.
	lately = time.Hour
	// finest is the shortest step, and points how many steps there are at most.
	finest = 15 * time.Second
	points = 480
	// together is for how long other versions may have no events, and still run beside.
	together = time.Minute
	// maxDependencies bounds the services that are asked about.
	maxDependencies = 30
	// failing is how many events of a dependency have to be bad within a minute.
	failing = 5
	// maxSLOs bounds the answer.
	maxSLOs = 100
)

// A Source has the counters of SLOs: a server with Prometheus' API.
type Source interface {
	// Range is the result of a query at first, and every step after it until last.
	Range(ctx context.Context, query string, first, last time.Time, step time.Duration) (model.Matrix, error)
}

// A Question is about a release.
type Question struct {
	// Catalog has the Service and those that it depends on.
	Catalog *catalog.Catalog
	Service *catalog.Service
	// Version is the new one; "" is the one whose events began last, within the hour.
	Version string
	// Baseline is the version to compare with; "" is all others.
	Baseline string
	// Flag is a feature flag whose change is judged, instead of a version. Variant is the new one; "" is the one whose share of the events grew most. Baseline
	// is a variant then, and Since is by default when the flag changed last, within the hour.
	Flag, Variant string
	// Environment is the only one; "" is each.
	Environment string
	// SLOs are the only ones; none is all.
	SLOs []string
	// Since is when the release began; zero is when the version's events began, within the hour.
	Since time.Time
	// MaxSaturation is the share of its limit of CPU or memory above which an instance of the version fails it, from 0 to 1; 0 is none.
	MaxSaturation float64
	Now           time.Time
	Names         promname.Names

	variants map[place]bool // SLOs that are counted by the variant of the flag
}

// ErrQuestion is an error of a question that has no answer. Its text says why, and how to ask.
var ErrQuestion = errors.New("the question has no answer")

// Ask judges a release by what the source has now.
func Ask(ctx context.Context, source Source, q Question) (Result, error) {
	r := Result{
		Service: q.Service.Name, Namespace: q.Service.Namespace, Environment: q.Environment, Version: q.Version, Baseline: q.Baseline, Flag: q.Flag, Variant: q.Variant,
		Verdict: Inconclusive, SLOs: []SLO{}, Burning: []Dependency{}, NotCounted: []string{}, Checks: []Check{},
		Saturation: []Saturation{}, Warnings: []string{},
	}
	var slos []*catalog.SLO
	for _, slo := range q.Service.SLOs {
		switch {
		case len(q.SLOs) > 0 && !slices.Contains(q.SLOs, slo.Name):
		case slo.SLI.Prometheus != nil:
			r.NotCounted = append(r.NotCounted, slo.Name)
		default:
			slos = append(slos, slo)
		}
	}
	for _, name := range q.SLOs {
		if !slices.ContainsFunc(q.Service.SLOs, func(slo *catalog.SLO) bool { return slo.Name == name }) {
			return r, fmt.Errorf("%w: the service has no SLO %.100q; name one of its catalog entry", ErrQuestion, name)
		}
	}
	if len(slos) == 0 {
		return r, fmt.Errorf("%w: none of the SLOs is counted by the collector; give the service one that is not by PromQL", ErrQuestion)
	}
	if err := q.check(); err != nil {
		return r, err
	}
	g, err := q.grid()
	if err != nil {
		return r, err
	}
	events, err := q.count(ctx, source, g, q.Service.Namespace, q.Service.Name)
	if err != nil {
		return r, err
	}
	if q.Flag != "" {
		maps.DeleteFunc(events, func(of place, _ map[string][]pair) bool {
			return !slices.ContainsFunc(slos, func(slo *catalog.SLO) bool { return slo.Name == of.slo })
		})
	}
	since, why, err := q.released(ctx, source, g, events, &r)
	if err != nil {
		return r, err
	}
	if why != "" {
		r.Since, r.Until, r.Reason = g.at(g.last(lately)), g.at(g.steps), why
		return r, nil
	}
	r.Since, r.Until = g.at(since), g.at(g.steps)
	fails, err := q.dependencies(ctx, source, g, since, &r)
	if err != nil {
		return r, err
	}
	r.judge(q, slos, events, g, since, fails)
	if err := q.checks(ctx, source, g, since, &r); err != nil {
		return r, err
	}
	return r, q.saturate(ctx, source, &r)
}

// check refuses what has no meaning.
func (q Question) check() error {
	switch {
	case !(q.MaxSaturation >= 0 && q.MaxSaturation <= 1):
		return fmt.Errorf("%w: the limit of saturation is no share; write a percentage such as 90%%", ErrQuestion)
	case q.MaxSaturation > 0 && q.Flag != "":
		return fmt.Errorf("%w: a limit of saturation is about a version, and a variant has no process of its own; leave it out", ErrQuestion)
	case q.Flag != "" && q.Version != "":
		return fmt.Errorf("%w: a version and a flag are asked about; name one of them", ErrQuestion)
	case q.Flag == "" && q.Variant != "":
		return fmt.Errorf("%w: a variant is named without its flag; name the flag", ErrQuestion)
	case q.Version != "" && q.Version == q.Baseline:
		return fmt.Errorf("%w: version and baseline are the same; name the version that was there before as the baseline", ErrQuestion)
	case q.Variant != "" && q.Variant == q.Baseline:
		return fmt.Errorf("%w: variant and baseline are the same; name another variant as the baseline", ErrQuestion)
	}
	return nil
}

// released finds what is judged, and the step before it began; or says why that is not known.
func (q *Question) released(ctx context.Context, source Source, g grid, events counted, r *Result) (since int, why string, err error) {
	if q.Flag != "" {
		return q.flagged(ctx, source, g, events, r)
	}
	if r.Version == "" {
		if r.Version = events.newest(g.last(lately)); r.Version == "" {
			return 0, "No version is new within the hour: name one." + events.candidates(), nil
		}
		q.Version = r.Version
	}
	q.Version, q.Baseline = events.named(q.Version, q.Service.Name), events.named(q.Baseline, q.Service.Name)
	if err := q.check(); err != nil {
		return 0, "", err
	}
	r.Version, r.Baseline = q.Version, q.Baseline
	if events.first(q.Version, 0) < 0 {
		r.others = events.candidates()
	}
	if q.Since.IsZero() {
		return events.begin(q.Version, g.last(lately)), "", nil
	}
	return g.since, "", nil
}

// A grid is the times that are asked for: step i is after at(i-1), until at(i).
type grid struct {
	first        time.Time
	step         time.Duration
	steps, since int
}

func (g grid) at(i int) time.Time { return g.first.Add(time.Duration(i) * g.step) }

// last is the index of the time so long ago.
func (g grid) last(length time.Duration) int { return max(0, g.steps-int(length/g.step)) }

// grid is from as long before the release as after it.
func (q Question) grid() (grid, error) {
	length := lately
	if !q.Since.IsZero() {
		length = q.Now.Sub(q.Since)
	}
	switch {
	case length <= 0:
		return grid{}, fmt.Errorf("%w: the release begins in the future; name a time in the past", ErrQuestion)
	case length > Reach:
		return grid{}, fmt.Errorf("%w: the release began more than %s ago; name a later time", ErrQuestion, catalog.FormatDuration(Reach))
	}
	g := grid{step: finest}
	length = max(length, 10*time.Minute)
	for 2*length/g.step > points {
		g.step *= 2
	}
	end := q.Now.Truncate(g.step)
	half := int(length / g.step)
	g.first, g.steps, g.since = end.Add(-2*time.Duration(half)*g.step), 2*half, half
	if !q.Since.IsZero() {
		g.since = min(g.steps, max(0, int(q.Since.Sub(g.first)/g.step)))
	}
	return g, nil
}

// A pair is good and bad events.
type pair struct{ good, bad float64 }

func (p pair) events() float64 { return p.good + p.bad }

type place struct{ environment, slo string }

// counted are the events of each step, by SLO and version, or variant.
type counted map[place]map[string][]pair

// count asks for the counters of a service.
func (q Question) count(ctx context.Context, source Source, g grid, namespace, name string) (counted, error) {
	label := func(attribute string) string { return q.Names.Attribute(attribute) }
	by := semconv.ServiceVersion
	if q.Flag != "" {
		by = semconv.FlagAttribute(q.Flag)
	}
	equal := func(attribute, value string) string {
		return promname.QuoteLabel(label(attribute)) + "=" + strconv.Quote(value)
	}
	matchers := []string{equal(semconv.ServiceName, name), equal(semconv.ServiceNamespace, namespace)}
	if q.Environment != "" {
		matchers = append(matchers, equal(semconv.Environment, q.Environment))
	}
	metric := q.Names.Metric(semconv.SLOEvents.Metric)
	matrix, err := source.Range(ctx, promname.Select(metric, matchers...), g.first, g.at(g.steps), g.step)
	if err != nil {
		return nil, err
	}
	value := func(m model.Metric, attribute string) string { return string(m[model.LabelName(label(attribute))]) }
	index := func(t model.Time) int { return int((t.Time().Sub(g.first) + g.step/2) / g.step) }
	began := map[place]int{} // when something of the SLO was counted first
	at := func(m model.Metric) place { return place{value(m, semconv.Environment), value(m, semconv.SLOName)} }
	for _, series := range matrix {
		if len(series.Values) > 0 {
			i := index(series.Values[0].Timestamp)
			if other, ok := began[at(series.Metric)]; !ok || i < other {
				began[at(series.Metric)] = i
			}
		}
	}
	all := counted{}
	for _, series := range matrix {
		of, version := at(series.Metric), value(series.Metric, by)
		if all[of] == nil {
			all[of] = map[string][]pair{}
		}
		if all[of][version] == nil {
			all[of][version] = make([]pair, g.steps+1)
		}
		steps, bad := all[of][version], value(series.Metric, semconv.SLOOutcome) == semconv.Bad
		for n, v := range series.Values {
			i, increase := index(v.Timestamp), float64(v.Value)
			if i < 0 || i > g.steps {
				continue
			}
			if n == 0 && i <= began[of] {
				continue // the collector may have counted before the first step
			}
			if n > 0 && v.Value >= series.Values[n-1].Value { // or else the counter began again
				increase -= float64(series.Values[n-1].Value)
			}
			if bad {
				steps[i].bad += increase
			} else {
				steps[i].good += increase
			}
		}
	}
	return all, nil
}

// candidates names the versions that have events, the newest first, for those that ask too late for what is new.
func (c counted) candidates() string {
	const most = 5
	first := map[string]int{}
	for _, versions := range c {
		for version := range versions {
			if at := c.first(version, 0); version != "" && at >= 0 {
				first[version] = at
			}
		}
	}
	all := slices.SortedFunc(maps.Keys(first), func(a, b string) int { return cmp.Or(first[b]-first[a], strings.Compare(a, b)) })
	if len(all) == 0 {
		return ""
	}
	more := ""
	if len(all) > most {
		all, more = all[:most], " and others"
	}
	return " Those with events are " + strings.Join(all, ", ") + more + "."
}

// named is the version as the telemetry has it: a pipeline may say v1.4.2, or a whole commit, where the service says 1.4.2, or a short one. It is the text itself if it has events, or if
// none or several are the same version.
func (c counted) named(text, service string) string {
	if text == "" || c.first(text, 0) >= 0 {
		return text
	}
	wanted, found := deployment.ParseVersion(text, service), map[string]bool{}
	for _, versions := range c {
		for version := range versions {
			if version != "" && c.first(version, 0) >= 0 && deployment.ParseVersion(version, service).Same(wanted) {
				found[version] = true
			}
		}
	}
	if len(found) == 1 {
		for version := range found {
			return version
		}
	}
	return text
}

// first is the first step after one in which a version has events; -1 if it has none.
func (c counted) first(version string, after int) int {
	first := -1
	for _, versions := range c {
		steps := versions[version]
		for i := after + 1; i < len(steps); i++ {
			if steps[i].events() > 0 && (first < 0 || i < first) {
				first = i
			}
		}
	}
	return first
}

// begin is the step before the version's first events.
func (c counted) begin(version string, after int) int {
	return max(after, c.first(version, after)-1)
}

// newest is the version whose events began last, after a time, and after those of another version; "" if there is none.
func (c counted) newest(after int) (version string) {
	first := map[string]int{}
	earliest, latest := math.MaxInt, 0
	for _, versions := range c {
		for v := range versions {
			if first[v] = c.first(v, 0); first[v] >= 0 {
				earliest = min(earliest, first[v])
			}
		}
	}
	for _, v := range slices.Sorted(maps.Keys(first)) {
		if at := first[v]; v != "" && at > after && at > earliest && at > latest {
			version, latest = v, at
		}
	}
	return version
}

// environments are those in which a version is counted, or all if it is in none.
func (c counted) environments(version string) []string {
	its, all := map[string]bool{}, map[string]bool{}
	for of, versions := range c {
		all[of.environment] = true
		if versions[version] != nil {
			its[of.environment] = true
		}
	}
	if len(its) == 0 {
		its = all
	}
	return slices.Sorted(maps.Keys(its))
}

// judge fills in the verdict.
func (r *Result) judge(q Question, slos []*catalog.SLO, events counted, g grid, since int, fails map[string][]bool) {
	var tallies []*tally
	environments := events.environments(q.Version)
	for _, slo := range slos {
		for _, environment := range environments {
			if len(r.SLOs) == maxSLOs {
				break
			}
			if q.Flag != "" && r.Evidence == ByVariant && !q.variants[place{environment, slo.Name}] {
				continue // what says less is not asked
			}
			s := SLO{Name: slo.Name, Environment: environment, Objective: Number(slo.ObjectiveRatio()), Allowed: Number(slo.ErrorBudget()), Spent: unknown, SpentShare: unknown, OfBad: unknown}
			s.minimum = cmp.Or(q.Service.Alerting(slo).MinimumFailures, catalog.DefaultMinimumFailures)
			t := &tally{allowed: slo.ErrorBudget()}
			own, all, rest := collect(t, events[place{environment, slo.Name}], q, g, since, fails[environment])
			t.tell(&s, own.events(), own.bad)
			s.Idle = own.events() == 0 && rest == 0
			t.traffic(&s, events[place{environment, slo.Name}], g, since)
			if q.Flag != "" {
				s.Compared = r.compared(s.Compared)
			}
			if all.bad > 0 {
				s.OfBad = Number(own.bad / all.bad)
			}
			if elapsed := float64(g.steps-since) * g.step.Seconds(); all.events() > 0 && elapsed > 0 {
				perSecond := all.events() / elapsed * t.allowed
				s.Spent = Number(t.excess() / perSecond)
				if length := slo.Window.Length(q.Now); length > 0 {
					s.SpentShare = s.Spent / Number(length.Seconds())
				}
			}
			r.SLOs, tallies = append(r.SLOs, s), append(tallies, t)
		}
	}
	var worst int
	r.Verdict, worst, r.odds = decide(tallies, r.SLOs)
	r.Reason = r.reason(worst)
}

// traffic tells the events per second.
func (t *tally) traffic(s *SLO, versions map[string][]pair, g grid, since int) {
	perSecond := func(events float64, steps int) Number {
		if steps <= 0 {
			return unknown
		}
		return Number(events / (float64(steps) * g.step.Seconds()))
	}
	after := g.steps - since
	before := 0.0
	for _, steps := range versions {
		for _, p := range steps[max(0, since-after)+1 : since+1] {
			before += p.events()
		}
	}
	s.Rate, s.OtherRate, s.BeforeRate = perSecond(float64(s.Events), after), perSecond(t.compared.OtherEvents, t.steps), perSecond(before, since-max(0, since-after))
}

// collect makes the tally of an SLO. It returns what the version had, what all versions had since, and what other versions had in the whole time.
func collect(t *tally, versions map[string][]pair, q Question, g grid, since int, fails []bool) (own, all pair, rest float64) {
	others := make([]pair, g.steps+1)
	for version, steps := range versions {
		if version == q.Version || q.Baseline != "" && version != q.Baseline {
			continue
		}
		for i, p := range steps {
			others[i].good, others[i].bad = others[i].good+p.good, others[i].bad+p.bad
			if version != "" { // of some SLOs no event has a version
				rest += p.events()
			}
		}
	}
	for _, steps := range versions {
		for _, p := range steps[since+1:] {
			all.good, all.bad = all.good+p.good, all.bad+p.bad
		}
	}
	mine := versions[q.Version]
	if mine == nil {
		return own, all, rest
	}
	width := int(together / g.step)
	for i := since + 1; i <= g.steps; i++ {
		p := mine[i]
		own.good, own.bad = own.good+p.good, own.bad+p.bad
		if p.events() == 0 {
			continue
		}
		// A tenth of the version's traffic is enough to compare with.
		var its, beside float64
		for j := max(since+1, i-width); j <= i; j++ {
			its, beside = its+mine[j].events(), beside+others[j].events()
		}
		s, from := verdict.Step{Events: p.events(), Bad: p.bad}, ""
		excluded := fails != nil && fails[i]
		switch mirror := 2*since - i + 1; {
		case beside > 0 && beside*10 >= its:
			from, s.OtherEvents, s.OtherBad = Beside, others[i].events(), others[i].bad
		case excluded:
			t.excused += p.events()
		case mirror > 0 && others[mirror].events() > 0:
			from, s.OtherEvents, s.OtherBad = Before, others[mirror].events(), others[mirror].bad
		}
		t.add(s, from, excluded)
	}
	return own, all, rest
}

// dependencies finds the steps in which a dependency failed, by environment, and reports them.
func (q Question) dependencies(ctx context.Context, source Source, g grid, since int, r *Result) (map[string][]bool, error) {
	fails := map[string][]bool{}
	if q.Catalog == nil {
		return fails, nil
	}
	for _, d := range q.needed() {
		events, err := q.count(ctx, source, g, d.Namespace, d.Name)
		if err != nil {
			return nil, err
		}
		failed := make([]bool, g.steps+1)
		for of, versions := range events {
			i := slices.IndexFunc(d.SLOs, func(slo *catalog.SLO) bool { return slo.Name == of.slo })
			if i < 0 {
				continue
			}
			for step, bad := range burns(versions, d.SLOs[i].ErrorBudget(), g, since) {
				if bad {
					if fails[of.environment] == nil {
						fails[of.environment] = make([]bool, g.steps+1)
					}
					fails[of.environment][step], failed[step] = true, true
				}
			}
		}
		seconds := 0.0
		for _, bad := range failed {
			if bad {
				seconds += g.step.Seconds()
			}
		}
		if seconds > 0 {
			r.Burning = append(r.Burning, Dependency{strings.TrimPrefix(d.Namespace+"/"+d.Name, "/"), seconds})
		}
	}
	return fails, nil
}

// needed are the services that this one depends on, directly or through others.
func (q Question) needed() (all []*catalog.Service) {
	seen := map[*catalog.Service]bool{q.Service: true}
	for next := []*catalog.Service{q.Service}; len(next) > 0; next = next[1:] {
		for _, d := range q.Catalog.Dependencies(next[0]) {
			if d.Service != nil && !seen[d.Service] && len(all) < maxDependencies {
				seen[d.Service] = true
				all, next = append(all, d.Service), append(next, d.Service)
			}
		}
	}
	return all
}

// burns are the steps since the release in which an SLO of a dependency fails: more than it may, and twice as much as before. It reads no
// event of the release, so that leaving them out favors neither verdict.
func burns(versions map[string][]pair, allowed float64, g grid, since int) []bool {
	all := make([]pair, g.steps+1)
	for _, steps := range versions {
		for i, p := range steps {
			all[i].good, all[i].bad = all[i].good+p.good, all[i].bad+p.bad
		}
	}
	var before pair
	for _, p := range all[:since+1] {
		before.good, before.bad = before.good+p.good, before.bad+p.bad
	}
	limit := allowed
	if before.events() > 0 {
		limit = max(limit, 2*before.bad/before.events())
	}
	failed := make([]bool, g.steps+1)
	width := int(together / g.step)
	for i := since + 1; i <= g.steps; i++ {
		var near pair // its failures end a little earlier or later than those of its callers
		for _, p := range all[max(since+1, i-width) : min(g.steps, i+1)+1] {
			near.good, near.bad = near.good+p.good, near.bad+p.bad
		}
		failed[i] = near.bad >= failing && near.bad > limit*near.events()
	}
	return failed
}
