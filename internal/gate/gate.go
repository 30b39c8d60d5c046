// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package gate judges a release by the SLOs of its service: pass, fail or inconclusive. It compares the good and bad events of the new version with
// those of the versions beside it, or of those before it, and with the objective. It may be asked as often as one likes, and is certain as
// soon as it answers pass or fail: see package verdict, and docs/gates.md for the error rates.
package gate

import (
	"math"
	"strconv"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment/verdict"
)

// A Verdict is the answer of a gate.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "pass"
	Fail         Verdict = "fail"
	Inconclusive Verdict = "inconclusive"
)

const (
	// Harm is how many times as many events may fail as the objective allows, and as fail of the other versions, before a version is harmful. A
	// version passes when it is shown not to be harmful.
	Harm = 2
	// Miss bounds the share of harmful versions that ever pass.
	Miss = 0.05
)

// better are the alternatives of the evidence for a version: how often it fails, in objectives, and compared with the others.
var better = [...]float64{1. / 8, 1}

var alike = [...]float64{1. / 2, 1}

// A Number is null in JSON if it is not known.
type Number float64

// MarshalJSON writes null for NaN and the infinities.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Known() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

// UnmarshalJSON reads null as NaN.
func (n *Number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = unknown
		return nil
	}
	f, err := strconv.ParseFloat(string(text), 64)
	*n = Number(f)
	return err
}

// Known reports whether it is a number.
func (n Number) Known() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

var unknown = Number(math.NaN())

// A Result is the verdict of a release. Its texts are as the catalog and the telemetry have them: each format escapes them.
type Result struct {
	Service     string `json:"service"`
	Namespace   string `json:"namespace"`
	Environment string `json:"environment"` // that was asked for; "" is each
	// Version is the one that is judged, Baseline the one that it is compared with, "" for all others.
	Version  string `json:"version"`
	Baseline string `json:"baseline"`
	// Flag is the feature flag whose change is judged instead of a version, and Variant the new one; "" is not known.
	Flag    string `json:"flag"`
	Variant string `json:"variant"`
	// Evidence of a flag's change is ByVariant, or ByTime where events are not counted by variant.
	Evidence string    `json:"evidence"`
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"`
	Verdict  Verdict   `json:"verdict"`
	// Reason is why, in a sentence or two.
	Reason string `json:"reason"`
	SLOs   []SLO  `json:"slos"`
	// Burning are the dependencies that failed meanwhile: what the release did at these times does not count, unless other versions ran beside it.
	Burning []Dependency `json:"burning_dependencies"`
	// Checks are the synthetic ones of the service: a release does not pass before all of them passed after it began.
	Checks []Check `json:"checks"`
	// Saturation is how much CPU and memory the version uses. Unmeasured says why that is not known; "" if it is.
	Saturation []Saturation `json:"saturation"`
	Unmeasured string       `json:"saturation_unknown"`
	// Warnings are what the version does that no SLO speaks of.
	Warnings []string `json:"warnings"`
	// NotCounted are SLOs that the collector does not count: SLIs by PromQL.
	NotCounted []string `json:"slos_not_counted"`

	odds   float64 // that it fails, to 1
	others string  // the versions that have events, if that one has none
}

// An SLO is what a release did to one, in one environment. Shares are from 0 to 1.
type SLO struct {
	Name        string `json:"slo"`
	Environment string `json:"environment"`
	// Verdict is of this SLO alone; Idle says that no version has events, so that it says nothing.
	Verdict Verdict `json:"verdict"`
	Idle    bool    `json:"idle"`
	// Allowed is the share of events that the objective lets fail.
	Objective Number `json:"objective"`
	Allowed   Number `json:"allowed_share"`
	// Of the new version: all its events, and of these the bad ones; the share is between Low and High.
	Events Number `json:"events"`
	Bad    Number `json:"bad"`
	Share  Number `json:"bad_share"`
	Low    Number `json:"bad_share_low"`
	High   Number `json:"bad_share_high"`
	// Excused are events while a dependency failed and no other version ran beside it.
	Excused Number `json:"events_while_dependency_failed"`
	// Of the others, at the times that were compared.
	Compared    string `json:"compared_with"` // Beside, Before or "" for nothing
	OtherEvents Number `json:"other_events"`
	OtherBad    Number `json:"other_bad"`
	OtherShare  Number `json:"other_bad_share"`
	// Traffic is not judged: events per second of the version, of the others at the times that were compared, and of all versions for as long before.
	Rate       Number `json:"events_per_second"`
	OtherRate  Number `json:"other_events_per_second"`
	BeforeRate Number `json:"events_per_second_before"`
	// Times is how many times as often the new version fails, between TimesLow and TimesHigh.
	Times     Number `json:"times_as_often"`
	TimesLow  Number `json:"times_low"`
	TimesHigh Number `json:"times_high"`
	// Odds are the evidence to 1 that the version is worse, and that it is not harmful.
	OddsWorse    Number `json:"odds_of_worse"`
	OddsHarmless Number `json:"odds_of_harmless"`
	// Spent is the time in which the budget allows as many failures as the version had more than it should have, and SpentShare the share of the whole
	// budget.
	Spent      Number `json:"budget_spent_seconds"`
	SpentShare Number `json:"budget_spent"`
	// OfBad is the share that the version has of all bad events since the release began: what it has of the budget that all versions burned meanwhile, as the
	// ledger counts it by version. Null if nothing failed.
	OfBad Number `json:"share_of_bad"`
	// More is about how many events are missing to pass, if the version goes on as it does.
	More Number `json:"events_to_pass"`

	minimum int // failures before it can fail
}

// A Dependency is one that failed.
type Dependency struct {
	Service string `json:"service"`
	// Seconds is for how long.
	Seconds float64 `json:"seconds"`
}

// What a version was compared with.
const (
	Beside = "versions beside it"
	Before = "versions before it"
)

// What a variant of a flag was compared with.
const (
	VariantsBeside = "variants beside it"
	VariantsBefore = "variants before it"
	TimeBefore     = "events before the change"
)

// The evidence of a flag's change. ByTime is the weaker one: all that has changed at the same time counts as the flag's doing.
const (
	ByVariant = "variants"
	ByTime    = "before_and_after"
)

// A tally is the evidence about one SLO.
type tally struct {
	allowed float64 // share of events

	excused  float64         // events that do not count against the version
	all      verdict.Step    // of the version
	own      verdict.Step    // what counts of it, too, where nothing else failed
	compared verdict.Step    // the part of it that was compared
	steps    int             // that were compared
	worse    process         // that it fails more often than the others
	missing  process         // that it fails more often than the objective allows
	harmless [3][2]float64   // that it fails less than Harm times as often: as allowed, by better, at all times and where nothing else failed; as the others, by alike
	from     map[string]bool // Beside, Before
}

// A process is evidence against a version: half of it from all steps, and half from those after every restartEvery steps, so that a version that is good
// for an hour, and fails when it gets more traffic, is soon found. The mean of e-processes that begin at any time is one: those that have yet to begin
// are 1.
type process struct {
	steps  int
	begun  int // of restarts
	whole  part
	afters [restarts]part
}

const (
	restarts     = 24
	restartEvery = 20
)

// A part of a process is the steps from a time on.
type part struct {
	sums        [len(verdict.Ratios)]float64 // of logarithms
	events, bad float64
}

func (p *part) add(logs [len(verdict.Ratios)]float64, events, bad float64) {
	for i, log := range logs {
		p.sums[i] += log
	}
	p.events, p.bad = p.events+events, p.bad+bad
}

// add takes a step: its logarithm for a ratio.
func (p *process) add(logOf func(ratio float64) float64, s verdict.Step) {
	if p.steps++; p.steps%restartEvery == 0 {
		p.begun = min(p.begun+1, restarts)
	}
	var logs [len(verdict.Ratios)]float64
	for i, ratio := range verdict.Ratios {
		logs[i] = logOf(ratio)
	}
	p.whole.add(logs, s.Events, s.Bad)
	for n := range p.begun {
		p.afters[n].add(logs, s.Events, s.Bad)
	}
}

func (p *process) odds() float64 { return p.oddsIf(func(*part) bool { return true }) }

// oddsIf is the evidence of those parts alone that fit, which is less.
func (p *process) oddsIf(fits func(*part) bool) float64 {
	of := func(one *part) float64 {
		if !fits(one) {
			return 0
		}
		return verdict.Evidence(one.sums) // 1 before it begins
	}
	sum := 0.0
	for i := range p.afters {
		sum += of(&p.afters[i])
	}
	return (of(&p.whole) + sum/restarts) / 2
}

// add takes a step of the version and of what it is compared with, if there is something. If something else failed meanwhile, the step is no
// evidence that the version misses the objective.
func (t *tally) add(s verdict.Step, from string, othersFail bool) {
	if s.Events <= 0 {
		return
	}
	good := s.Events - s.Bad
	t.all.Events, t.all.Bad = t.all.Events+s.Events, t.all.Bad+s.Bad
	harmful := t.times(Harm)
	for i, part := range better {
		log := s.Bad*math.Log(part*t.allowed/harmful) + good*math.Log((1-part*t.allowed)/(1-harmful))
		t.harmless[0][i] += log
		if !othersFail {
			t.harmless[1][i] += log
		}
	}
	if !othersFail {
		t.own.Events, t.own.Bad = t.own.Events+s.Events, t.own.Bad+s.Bad
		t.missing.add(func(ratio float64) float64 {
			more := t.times(ratio)
			return s.Bad*math.Log(more/t.allowed) + good*math.Log((1-more)/(1-t.allowed))
		}, s)
	}
	if from == "" || s.OtherEvents <= 0 {
		return
	}
	if t.from == nil {
		t.from = map[string]bool{}
	}
	t.from[from] = true
	t.steps++
	t.compared.Events, t.compared.Bad = t.compared.Events+s.Events, t.compared.Bad+s.Bad
	t.compared.OtherEvents, t.compared.OtherBad = t.compared.OtherEvents+s.OtherEvents, t.compared.OtherBad+s.OtherBad
	t.worse.add(s.Log, s)
	for i, ratio := range alike {
		t.harmless[2][i] += s.Log(ratio) - s.Log(Harm)
	}
}

// times is a multiple of the allowed share, or halfway from it to all events if that is less.
func (t *tally) times(ratio float64) float64 { return min(ratio*t.allowed, (1+t.allowed)/2) }

// oddsWorse is the e-value of that the version is worse than the others; without any, than the objective.
func (t *tally) oddsWorse() float64 { return t.against().odds() }

func (t *tally) against() *process {
	if t.compared.OtherEvents > 0 {
		return &t.worse
	}
	return &t.missing
}

// oddsFailing is the part of it that is about failures that matter: a few at least, and more than the objective allows.
func (t *tally) oddsFailing(minimum int) float64 {
	return t.against().oddsIf(func(p *part) bool { return p.bad >= float64(minimum)-0.5 && p.bad > t.allowed*p.events })
}

// oddsHarmless is the e-value of that the version is not harmful. A harmful one fails Harm times as often as is allowed, at any time, and as the others do,
// so that evidence against any of that is evidence.
func (t *tally) oddsHarmless() float64 {
	return (verdict.Evidence(t.harmless[0])+verdict.Evidence(t.harmless[1]))/4 + verdict.Evidence(t.harmless[2])/2
}

func (t *tally) passes() bool { return t.oddsHarmless() > 1/Miss }

// toPass is about how many more events it takes to pass, from what the objective allows; NaN if the version fails too often for that.
func (t *tally) toPass() Number {
	n, rate := t.all.Events, 0.0
	if n > 0 {
		rate = t.all.Bad / n
	}
	best := math.Inf(1)
	harmful := t.times(Harm)
	for i, part := range better {
		gain := rate*math.Log(part*t.allowed/harmful) + (1-rate)*math.Log((1-part*t.allowed)/(1-harmful))
		if missing := math.Log(2*float64(len(better))/Miss) - t.harmless[0][i]; gain > 0 {
			best = min(best, max(missing, 0)/gain)
		}
	}
	if math.IsInf(best, 1) {
		return unknown
	}
	return Number(math.Ceil(best))
}

// tell writes the tally into an SLO of the result.
func (t *tally) tell(s *SLO, events, bad float64) {
	s.Events, s.Bad, s.Share, s.Low, s.High, s.Excused = Number(events), Number(bad), unknown, unknown, unknown, Number(t.excused)
	if events > 0 {
		s.Share = Number(bad / events)
		low, high := interval(events, bad)
		s.Low, s.High = Number(low), Number(high)
	}
	s.OtherEvents, s.OtherBad, s.OtherShare = Number(t.compared.OtherEvents), Number(t.compared.OtherBad), unknown
	s.Times, s.TimesLow, s.TimesHigh = unknown, unknown, unknown
	if t.compared.OtherEvents > 0 {
		s.OtherShare = Number(t.compared.OtherBad / t.compared.OtherEvents)
		s.Compared = Before
		if t.from[Beside] {
			s.Compared = Beside
		}
	}
	if effect, ok := verdict.Of(t.compared); ok {
		s.Times, s.TimesLow, s.TimesHigh = Number(effect.Times), Number(effect.Low), Number(effect.High)
	}
	const most = 1e100 // a number in JSON
	s.OddsWorse, s.OddsHarmless, s.More = Number(min(t.oddsWorse(), most)), Number(min(t.oddsHarmless(), most)), t.toPass()
	s.Verdict = Inconclusive
	if t.passes() {
		s.Verdict, s.More = Pass, 0
	}
}

// excess is how many more events failed than should have: than of the others, or without any than the objective allows.
func (t *tally) excess() float64 {
	if t.compared.OtherEvents > 0 {
		return t.compared.Excess()
	}
	return max(0, t.own.Bad-t.allowed*t.own.Events)
}

// decide is the verdict of all SLOs together, by the odds that there is a failure. The mean of e-values is one, however they depend on each other.
func decide(tallies []*tally, slos []SLO) (v Verdict, worst int, mean float64) {
	sum, most, judged, passed := 0.0, 0.0, 0, 0
	for i, t := range tallies {
		if slos[i].Idle {
			continue
		}
		judged++
		if slos[i].Verdict == Pass {
			passed++
		}
		odds := t.oddsFailing(slos[i].minimum)
		if sum += odds; odds > most {
			most, worst = odds, i
		}
	}
	if judged > 0 {
		mean = sum / float64(judged)
	}
	if mean > 1/verdict.Alpha {
		for i, t := range tallies {
			if !slos[i].Idle && t.oddsFailing(slos[i].minimum) > 1/verdict.Alpha {
				slos[i].Verdict = Fail
			}
		}
		return Fail, worst, mean
	}
	if judged > 0 && passed == judged {
		return Pass, 0, mean
	}
	return Inconclusive, 0, mean
}

// interval holds the true share of bad events at all times with a probability of at least 1 - verdict.Alpha, if the share is constant: the shares whose
// likelihood is at least Alpha times its mean over Jeffreys' prior (the method of mixtures; Robbins, 1970).
func interval(events, bad float64) (low, high float64) {
	good := events - bad
	lnBeta := func(a, b float64) float64 {
		x, _ := math.Lgamma(a)
		y, _ := math.Lgamma(b)
		z, _ := math.Lgamma(a + b)
		return x + y - z
	}
	least := math.Log(verdict.Alpha) + lnBeta(bad+0.5, good+0.5) - lnBeta(0.5, 0.5)
	inside := func(p float64) bool {
		l := 0.0
		if bad > 0 {
			l += bad * math.Log(p)
		}
		if good > 0 {
			l += good * math.Log1p(-p)
		}
		return l >= least
	}
	const halvings = 60
	edge := func(in, out float64) float64 {
		if inside(out) {
			return out
		}
		for range halvings {
			if middle := (in + out) / 2; inside(middle) {
				in = middle
			} else {
				out = middle
			}
		}
		return out
	}
	return edge(bad/events, 0), edge(bad/events, 1)
}
