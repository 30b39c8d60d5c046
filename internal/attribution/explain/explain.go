// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"encoding/hex"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// An Input is what is known of the events of an SLO in a time.
type Input struct {
	From, To time.Time
	// Good and Bad are what the SLO counted; both are 0 if that is not known.
	Good, Bad float64
	// Table has what was booked, merged.
	Table *attribution.Table
	// Minutes are the tables of minutes in the time, in order. Those without a table have no bad events.
	Minutes []Minute
}

// A Minute is a table of one minute, or less.
type Minute struct {
	Start time.Time
	Table *attribution.Table
}

const (
	// maxCauses is how many causes are named, maxLines how many lines of a dimension are shown, maxSame and maxTraces how many of these a line has.
	maxCauses, maxLines, maxSame, maxTraces = 5, 20, 8, 5
	// frequent is the share of the bad events from which a line is looked at in pairs, maxFrequent of how many lines.
	frequent, maxFrequent = 0.05, 60
	// alike is the share from which two lines explain the same, if nothing says that one explains more.
	alike = 0.8
)

// sure is the logarithm of the evidence from which one line is preferred to another.
var sure = math.Log(20)

// outcomes are attributes that say what happened, not to which requests: all bad events have them, whatever the cause is.
var outcomes = map[string]bool{
	"error.type": true, "error.code": true, "exception.type": true, "exception.message": true, "http.response.status_code": true, "http.status_code": true,
	"rpc.grpc.status_code": true, "rpc.response.status_code": true, "otel.status_code": true, "otel.status_description": true,
	"span.status": true, "status_code": true, "status": true, "level": true, "severity_text": true,
}

// A line is a candidate: an attribute's value, or two.
type line struct {
	// dimensions are the indexes in the table; the second is -1 for one value.
	dimensions [2]int
	attributes []attribution.Attribute
	set
	// booked are the bad events that certainly have it, and bound how many more there may be.
	booked, bound float64
	// bads and goods are how many of the samples have it; e is the logarithm of the evidence, family of how many it is one.
	bads, goods sampled
	e           float64
	family      int
}

// excess is how much larger its share of the bad events is than that of the good ones.
func (l *line) excess() float64 { return l.bads.share() - l.goods.share() }

// A finder looks for causes in a table.
type finder struct {
	booked    float64
	bad, good sample
	lines     []*line
	// few is, by dimension, the chance that two good events have the same value: the less, the more one value says.
	few      []float64
	families int
}

// Explain says what explains the bad events, and counts them by attribute.
func Explain(in Input) attribution.Answer {
	f := newFinder(in.Table)
	a := attribution.Answer{From: in.From, To: in.To, Good: in.Good, Bad: max(in.Bad, f.booked), Booked: f.booked}
	if in.Good == 0 && in.Bad == 0 {
		a.Good = f.good.weight(f.good.all)
	}
	for _, found := range f.causes(look(in.To.Sub(in.From))) {
		cause := f.line(found.line, a.Good, a.Bad)
		cause.Since = since(found.line, in)
		for _, same := range found.same {
			cause.Same = append(cause.Same, same.attributes...)
		}
		a.Causes = append(a.Causes, cause)
	}
	a.Dimensions = f.dimensions(in.Table, a.Good, a.Bad)
	a.Text = Text(a)
	return a
}

func newFinder(t *attribution.Table) *finder {
	f := &finder{booked: t.Booked(), bad: newSample(t.BadRows()), good: newSample(t.GoodRows())}
	size := sampled{of: f.bad.size(f.bad.all)}.of
	for d, s := range t.Dimensions() {
		f.few = append(f.few, f.collisions(d))
		by := f.byID(d)
		known := by(attribution.Hidden).good.not(f.good.all)
		scale := newScale(size, f.good.size(known))
		// It is one of all values that are known of: those that only good events have, too, and each bad event of no line may have one of its own.
		family := max(f.values(d), len(s.Lines)) + int(math.Min(s.Other, 1<<40))
		for _, c := range s.Lines {
			l := &line{
				dimensions: [2]int{d, -1}, attributes: []attribution.Attribute{{Name: s.Name, Value: c.Value}}, booked: c.Bad, bound: s.Bound,
				set: by(c.ID), family: family,
			}
			if f.booked > 0 {
				l.bads = sampled{size * c.Bad / f.booked, size}
			}
			l.known = known
			l.goods = f.good.count(l.good, known)
			l.e = scale.of(l.bads.have, l.goods.have)
			f.lines = append(f.lines, l)
		}
		f.families++
	}
	f.pair()
	return f
}

// collisions is the chance that two of the good rows have the same value.
func (f *finder) collisions(dimension int) float64 {
	weights, all := map[attribution.ID]float64{}, 0.
	for _, r := range f.good.rows {
		if r.IDs[dimension] == attribution.Hidden {
			continue
		}
		weights[r.IDs[dimension]] += r.Weight
		all += r.Weight
	}
	var chance float64
	for _, w := range slices.Sorted(maps.Values(weights)) { // the sum of the same numbers in another order is another one
		chance += w / all * w / all
	}
	return chance
}

// values is how many values the rows have.
func (f *finder) values(dimension int) int {
	seen := map[attribution.ID]bool{}
	for _, rows := range [][]attribution.Sampled{f.bad.rows, f.good.rows} {
		for _, r := range rows {
			if id := r.IDs[dimension]; id > attribution.Hidden {
				seen[id] = true
			}
		}
	}
	return len(seen)
}

// byID has the rows by the value of a dimension.
func (f *finder) byID(dimension int) func(attribution.ID) set {
	index := func(s *sample) map[attribution.ID]some {
		by := map[attribution.ID]some{}
		for i, r := range s.rows {
			id := r.IDs[dimension]
			if by[id] == nil {
				by[id] = newSome(len(s.rows))
			}
			by[id].add(i)
		}
		return by
	}
	bad, good := index(&f.bad), index(&f.good)
	return func(id attribution.ID) set {
		s := set{bad: bad[id], good: good[id]}
		if s.bad == nil {
			s.bad = newSome(len(f.bad.rows))
		}
		if s.good == nil {
			s.good = newSome(len(f.good.rows))
		}
		return s
	}
}

// mayCause reports whether a line can be a cause: it says something of the request, not of its outcome.
func (f *finder) mayCause(l *line) bool {
	name := l.attributes[0].Name
	if outcomes[name] {
		return false
	}
	if attribution.Known(name) || l.goods.have > 0 {
		return true
	}
	// An attribute that no good event has may be a consequence.
	return slices.ContainsFunc(f.good.rows, func(r attribution.Sampled) bool { return r.IDs[l.dimensions[0]] != attribution.Without })
}

// pair adds the pairs of frequent lines of which each part is over-represented among the events that have the other.
func (f *finder) pair() {
	var often []*line
	for _, l := range f.lines {
		if l.bads.share() >= frequent && f.mayCause(l) {
			often = append(often, l)
		}
	}
	slices.SortStableFunc(often, func(a, b *line) int { return cmp.Compare(b.bads.have, a.bads.have) })
	often = often[:min(len(often), maxFrequent)]
	var pairs []*line
	family := 0
	for i, a := range often {
		for _, b := range often[i+1:] {
			if a.dimensions[0] == b.dimensions[0] {
				continue
			}
			both := a.and(b.set)
			bads := f.bad.count(both.bad, f.bad.all)
			if bads.share() < frequent {
				continue
			}
			family++
			goods := f.good.count(both.good, both.known)
			// It has to be more than its parts, which it is not if they mostly come together anyway.
			if f.within(a.set, b.set) < sure || f.within(b.set, a.set) < sure {
				continue
			}
			pairs = append(pairs, &line{
				dimensions: [2]int{a.dimensions[0], b.dimensions[0]}, attributes: []attribution.Attribute{a.attributes[0], b.attributes[0]},
				set: both, booked: bads.share() * f.booked, bads: bads, goods: goods, e: newScale(bads.of, goods.of).of(bads.have, goods.have),
			})
		}
	}
	kept := pairs[:0]
	for _, p := range pairs {
		p.family = family
		kept = append(kept, p)
	}
	f.lines = append(f.lines, kept...)
	f.families++
}

// within is the evidence that, of the events that have one thing, bad ones have the other more often.
func (f *finder) within(one, other set) float64 {
	return evidence(f.bad.count(other.bad, one.bad), f.good.count(other.good, one.good.and(other.known)))
}

// outside is the same for the events that do not have one thing.
func (f *finder) outside(one, other set) float64 {
	return f.within(set{bad: one.bad.not(f.bad.all), good: one.good.not(one.known)}, other)
}

// discoveries are the lines that are over-represented and not by chance. Those that are not are at most Alpha of them in expectation, by the e-BH
// procedure of Wang and Ramdas (False discovery rate control with e-values, 2022), however the lines depend on each other. Each dimension has the same weight, and so have the pairs: an attribute with a million
// values makes only its own values harder to find.
func (f *finder) discoveries(look float64) []*line {
	candidates := slices.Clone(f.lines)
	weighted := func(l *line) float64 { return l.e - math.Log(float64(f.families)) - math.Log(float64(l.family)) - look }
	slices.SortStableFunc(candidates, func(a, b *line) int { return cmp.Compare(weighted(b), weighted(a)) })
	last := 0
	for k, l := range candidates {
		if weighted(l) >= -math.Log(float64(k+1)) {
			last = k + 1
		}
	}
	return slices.DeleteFunc(candidates[:last], func(l *line) bool {
		return !f.mayCause(l) || odds(min(l.bads.share(), 1-1e-9)) < least*odds(l.goods.share())
	})
}

// A found is a cause, and what goes with it.
type found struct {
	*line
	same []*line
}

// causes are the discoveries that explain each other least.
func (f *finder) causes(look float64) (all []found) {
	rest := f.discoveries(look)
	slices.SortStableFunc(rest, f.order)
	explained := set{newSome(len(f.bad.rows)), newSome(len(f.good.rows)), f.good.all}
	for len(rest) > 0 && len(all) < maxCauses {
		best := f.best(rest)
		one := found{line: best}
		explained = explained.or(best.set)
		next := rest[:0:0]
		for _, l := range rest {
			switch {
			case l == best || best.has(l):
			case f.outside(explained, l.set) >= sure && f.left(explained, l):
				next = append(next, l)
			case f.same(best, l) && len(one.same) < maxSame:
				one.same = append(one.same, l)
			}
		}
		all, rest = append(all, one), next
	}
	return all
}

// left reports whether a line is a cause also of what others do not explain: of at least a twentieth of all bad events.
func (f *finder) left(explained set, l *line) bool {
	return f.bad.count(explained.bad.not(l.bad), f.bad.all).share() >= frequent
}

// order puts first what explains more, then what says more.
func (f *finder) order(a, b *line) int {
	return cmp.Or(cmp.Compare(b.excess(), a.excess()), f.specific(a, b), strings.Compare(a.attributes[0].Name, b.attributes[0].Name))
}

// specific puts first what fewer requests have.
func (f *finder) specific(a, b *line) int {
	return cmp.Or(cmp.Compare(a.goods.have, b.goods.have), cmp.Compare(f.expected(a), f.expected(b)), cmp.Compare(rank(a), rank(b)))
}

// expected is the share of the traffic that a value has on average.
func (f *finder) expected(l *line) float64 {
	share := 1.
	for _, d := range l.dimensions {
		if d >= 0 {
			share *= f.few[d]
		}
	}
	return share
}

// best is the line that explains most, or the one that explains why that does: what explains nothing outside of another is not the cause.
func (f *finder) best(lines []*line) *line {
	best := lines[0]
	for _, l := range lines[1:] {
		if l.excess() < alike*best.excess() {
			continue
		}
		switch more, better := f.outside(l.set, best.set) >= sure, f.outside(best.set, l.set) >= sure; {
		case better && !more, better == more && !better && f.specific(l, best) < 0:
			best = l
		}
	}
	return best
}

// has reports whether all attributes of the other are among its own.
func (l *line) has(other *line) bool {
	for _, a := range other.attributes {
		if !slices.Contains(l.attributes, a) {
			return false
		}
	}
	return true
}

// same reports whether nearly all bad events of the one have the other, too, which is one value.
func (f *finder) same(of, l *line) bool {
	return len(l.attributes) == 1 && f.bad.count(l.bad, of.bad).share() >= 0.9
}

// line is a candidate as others read it.
func (f *finder) line(l *line, good, bad float64) attribution.Line {
	out := attribution.Line{Attributes: l.attributes, Bad: l.booked, Uncertain: math.Min(l.bound, f.booked-l.booked)}
	if bad > 0 {
		out.OfBad = l.booked / bad
	}
	withIt := l.goods.share() * good
	out.OfTraffic = ratio(withIt+l.booked, good+bad)
	out.Rate = ratio(l.booked, withIt+l.booked)
	out.RestRate = ratio(bad-l.booked, good+bad-withIt-l.booked)
	out.Traces = f.traces(l)
	return out
}

func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return math.Min(math.Max(a/b, 0), 1)
}

// traces are the newest traces of the line's bad events.
func (f *finder) traces(l *line) (ids []string) {
	var rows []attribution.Sampled
	for i := range l.bad.rows() {
		if r := f.bad.rows[i]; r.Trace != [16]byte{} {
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b attribution.Sampled) int { return b.Time.Compare(a.Time) })
	for _, r := range rows {
		if id := hex.EncodeToString(r.Trace[:]); len(ids) < maxTraces && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// dimensions are all of the table, sorted by name. What was not booked is in Other.
func (f *finder) dimensions(t *attribution.Table, good, bad float64) (all []attribution.Dimension) {
	lines := map[int][]*line{}
	for _, l := range f.lines {
		if l.dimensions[1] < 0 {
			lines[l.dimensions[0]] = append(lines[l.dimensions[0]], l)
		}
	}
	for d, s := range t.Dimensions() {
		out := attribution.Dimension{Name: s.Name, Other: s.Other + bad - f.booked, Without: s.Without}
		for k, l := range lines[d] {
			if k < maxLines {
				out.Lines = append(out.Lines, f.line(l, good, bad))
			} else {
				out.Other += l.booked
			}
		}
		all = append(all, out)
	}
	slices.SortFunc(all, func(a, b attribution.Dimension) int { return strings.Compare(a.Name, b.Name) })
	return all
}
