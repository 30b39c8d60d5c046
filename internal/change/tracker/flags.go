// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// How the shares of a flag's variants are judged. Evaluations since the last look are compared with those before by the likelihood ratio
// (G) of two multinomial distributions.
const (
	mostVariants = 16
	// overflow is the variant of all beyond.
	overflow = "_overflow"
	// leastNow and leastBefore are how many evaluations say anything.
	leastNow, leastBefore = 5, 5
	// mostBefore is how many of the past weigh: shares may drift slowly.
	mostBefore = 20_000
	// significant is a G that chance reaches in less than one of a million looks with few variants.
	significant = 30
	// suspicious is a G with which evaluations are not yet part of the little that is known of a young flag.
	suspicious = significant / 3
	// mixedNow, mixedBefore and mixedG are the same for a change from one mixture to another: users ask more than once, which makes chance
	// look like more than it is.
	mixedNow, mixedBefore, mixedG = 100, 200, 100
	// allG is the same for a change from a mixture to one variant for all.
	allG = 60
	// visible is by how much the share of a variant has to differ that was there before: the users that ask are not the same
	// at all times.
	visible = 0.1
	// pure is the share of a variant that is as good as all.
	pure = 0.95
	// knownNow is the same for a variant that some were given before.
	knownNow = 20
	// alone is the share of a variant beside which no other is named.
	alone = 0.9995
	// longKnown is how many evaluations without a variant say that it was not given before.
	longKnown = 200
	// inARow is how many evaluations in one look may be of one user, who is always given the same: they say as much as one visit.
	inARow = 3
	// sure is the G that visits have to show besides: at little traffic, one user who asks several times looks like a change.
	sure = 20
	// window is how long evaluations are collected before they are part of the past.
	window = time.Minute
	// persist is how long a change between two mixtures has to last: one user who asks a thousand times is no change.
	persist = 30 * time.Second
	// rollout is how long instances may take one after another to get a flag's new value.
	rollout = 3 * time.Minute
)

type flagKey struct {
	deployment.Service
	flag string
}

// A flag is what a service is given.
type flag struct {
	variants []variant
	began    time.Time // the first evaluation of those of now
	stepped  time.Time // the first one of the step
	heard    time.Time
	doubt    time.Time // since when a mixture differs; zero if it does not
	flip     time.Time // the first evaluation that shows a change; zero if none does
}

// A variant has its evaluations in the past, since then, and in the newest part of these, the step.
type variant struct {
	name              string
	before, now, step float64
	late              float64   // of the past: what came just before the change that may follow
	asked             float64   // since the last look
	came, visits      float64   // visits in the past, and since then
	first             time.Time // in those of now
}

// An Evaluation says that a service was given a variant of a flag, as often as Count says.
type Evaluation struct {
	Flag, Given string
	Count       float64
	// First and Last are the times of the first and the last; zero for now.
	First, Last time.Time
}

// Evaluate counts evaluations by the service, which arrive now. It allocates only for what is new, and keeps no string that it is given.
func (t *Tracker) Evaluate(service deployment.Service, of []Evaluation, now time.Time) {
	service = t.place(service)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range of {
		e := &of[i]
		if e.Flag == "" || e.Given == "" || !e.Last.IsZero() && now.Sub(e.Last) > t.config.Recent {
			continue
		}
		f := t.flags[flagKey{service, e.Flag}]
		if f == nil {
			f = t.newFlag(service, e.Flag, now)
		}
		if f == nil {
			continue
		}
		first := e.First
		if first.IsZero() || first.After(now) {
			first = now
		}
		f.count(e.Given, e.Count, first, now)
	}
}

func (t *Tracker) newFlag(service deployment.Service, key string, now time.Time) *flag {
	c := change.Change{Service: service, Name: key}
	c.Bound()
	if c.Name != key || c.Service != service || service.Name == "" {
		return nil // what is cut would be another's name
	}
	if len(t.flags) >= t.config.MaxFlags {
		var oldest flagKey
		var heard time.Time
		for key, f := range t.flags {
			if heard.IsZero() || f.heard.Before(heard) {
				oldest, heard = key, f.heard
			}
		}
		delete(t.flags, oldest)
		t.left++
	}
	f := &flag{heard: now}
	t.flags[flagKey{c.Service, c.Name}] = f
	t.modified = true
	return f
}

func (f *flag) count(given string, times float64, at, now time.Time) {
	f.heard = now
	if f.began.IsZero() || at.Before(f.began) {
		f.began = at
	}
	if f.stepped.IsZero() || at.Before(f.stepped) {
		f.stepped = at
	}
	v := f.variant(given)
	if v.now == 0 || at.Before(v.first) {
		v.first = at
	}
	v.now += times
	v.step += times
	v.asked += times
}

// visit turns what was asked since the last look into visits: as many as there were users at least.
func (f *flag) visit() {
	asked := f.total(func(v *variant) float64 { return v.asked })
	for i := range f.variants {
		if v := &f.variants[i]; v.asked > 0 {
			v.visits += v.asked / asked * math.Ceil(asked/inARow)
			v.asked = 0
		}
	}
}

func (f *flag) variant(given string) *variant {
	for i := range f.variants {
		if f.variants[i].name == given {
			return &f.variants[i]
		}
	}
	name := change.Bounded(given)
	if len(f.variants) >= mostVariants || name == "" {
		name = overflow
	}
	for i := range f.variants {
		if f.variants[i].name == name {
			return &f.variants[i]
		}
	}
	f.variants = append(f.variants, variant{name: name})
	return &f.variants[len(f.variants)-1]
}

// judge looks at all flags with evaluations.
func (t *Tracker) judge(now time.Time) {
	for key, f := range t.flags {
		if f.began.IsZero() {
			continue
		}
		f.visit()
		f.align()
		grown := f.differs(now)
		switch {
		case grown == nil:
			f.flip = time.Time{}
		case f.flip.IsZero() && grown.now <= alone*f.total(ofNow):
			f.flip = grown.first // it may have flipped since the last look: the next one shows what it gives now
		default:
			if f.flip.IsZero() {
				f.flip = grown.first
			}
			t.flipped(key, f, grown)
			f.absorb(true)
			t.modified = true
		}
		if grown == nil && f.ripe(now) {
			t.refine(key, f, now)
			f.absorb(false)
			t.modified = true
		}
		if f.total(ofStep) >= leastNow {
			f.stepped = time.Time{}
			for i := range f.variants {
				f.variants[i].step = 0
			}
		}
	}
}

func ofBefore(v *variant) float64 { return v.before }
func ofNow(v *variant) float64    { return v.now }
func ofStep(v *variant) float64   { return v.step }
func ofCame(v *variant) float64   { return v.came }
func ofVisits(v *variant) float64 { return v.visits }

func (f *flag) total(of func(*variant) float64) float64 {
	sum := 0.0
	for i := range f.variants {
		sum += of(&f.variants[i])
	}
	return sum
}

// ripe says that the evaluations of now are enough to be part of the past.
func (f *flag) ripe(at time.Time) bool {
	age, now := at.Sub(f.began), f.total(ofNow)
	if before := f.total(ofBefore); now >= leastNow && (before == 0 || before < longKnown && f.doubt.IsZero() && !f.newcomer() && f.distance(ofBefore, ofNow) < suspicious) {
		return true // the first that is known of a flag
	}
	return age >= window && now >= leastNow && f.doubt.IsZero() && !f.newcomer() || age >= 10*window && now >= leastNow || age >= time.Hour
}

// newcomer says that a variant is given that was not before. More of it will tell.
func (f *flag) newcomer() bool {
	return slices.ContainsFunc(f.variants, func(v variant) bool { return v.before == 0 && v.now > 0 })
}

// align lets the evaluations of now begin with the newest step if that differs from the past: those before it are part of the past.
func (f *flag) align() {
	if f.total(ofStep) < leastNow || f.total(ofNow) == f.total(ofStep) || !f.doubt.IsZero() && f.flip.IsZero() || f.distance(ofBefore, ofStep) < significant {
		return
	}
	for i := range f.variants {
		v := &f.variants[i]
		newcomer := v.before == 0
		if f.flip.IsZero() { // else they are of the change
			if v.before == 0 {
				v.late = v.now - v.step
			}
			v.before += v.now - v.step
			v.came += v.visits * (v.now - v.step) / max(v.now, 1)
		}
		v.visits *= v.step / max(v.now, 1)
		v.now = v.step
		if v.first.Before(f.stepped) && !newcomer {
			v.first = f.stepped
		}
	}
	f.began = f.stepped
}

// distance is the G of evaluations and those before: how much likelier they are from two distributions than from one.
func (f *flag) distance(past, of func(*variant) float64) float64 {
	before, now := f.total(past), f.total(of)
	if f.total(ofBefore) < leastBefore || f.total(ofNow) < leastNow {
		return 0
	}
	g := 0.0
	for i := range f.variants {
		n, b := of(&f.variants[i]), past(&f.variants[i])
		together := (n + b) / (now + before)
		if n > 0 {
			g += 2 * n * math.Log(n/now/together)
		}
		if b > 0 {
			g += 2 * b * math.Log(b/before/together)
		}
	}
	return g
}

// differs is the variant whose share has grown most, if the shares have changed.
func (f *flag) differs(at time.Time) *variant {
	before, now, g := f.total(ofBefore), f.total(ofNow), f.distance(ofBefore, ofNow)
	var grown *variant
	most, widest, simple := 0.0, 0.0, false
	for i := range f.variants {
		v := &f.variants[i]
		was, is := v.before/max(before, 1), v.now/max(now, 1)
		widest = max(widest, math.Abs(is-was))
		if is-was > most {
			grown, most = v, is-was
		}
		gone := is > pure && was < 1-pure // are all others
		simple = simple || v.before == 0 && v.now > 0 && (before >= longKnown || gone) || gone && now >= knownNow
	}
	switch {
	case grown == nil, g < significant, !simple && widest < visible:
		f.doubt = time.Time{}
		return nil
	case f.distance(ofCame, ofVisits) < sure:
		if f.doubt.IsZero() {
			f.doubt = at
		}
		return nil
	case simple, g >= allG && grown.now > pure*now && now >= knownNow:
		return grown
	}
	// From one mixture to another.
	if f.doubt.IsZero() {
		f.doubt = at
	}
	if at.Sub(f.doubt) < persist || now < mixedNow || before < mixedBefore || g < mixedG {
		return nil
	}
	return grown
}

// absorb makes the evaluations of now part of the past; only these, if what was before is over.
func (f *flag) absorb(only bool) {
	before, now := f.total(ofBefore), f.total(ofNow)
	keep := 1.0
	switch {
	case only:
		keep = 0
	case before+now > mostBefore:
		keep = max(0, (mostBefore-now)/max(before, 1))
	}
	for i := range f.variants {
		v := &f.variants[i]
		v.before, v.now, v.late = v.before*keep+v.now, 0, 0
		v.came, v.visits = v.came*keep+v.visits, 0
		v.first = time.Time{}
	}
	f.variants = slices.DeleteFunc(f.variants, func(v variant) bool { return v.before < 0.01 })
	f.began, f.doubt, f.flip = time.Time{}, time.Time{}, time.Time{}
}

// mix is the shares of variants in words: the one that is as good as all, or the largest.
func (f *flag) mix(of func(*variant) float64) string {
	total := f.total(of)
	sorted := slices.Clone(f.variants)
	slices.SortStableFunc(sorted, func(a, b variant) int { return cmp.Or(cmp.Compare(of(&b), of(&a)), cmp.Compare(a.name, b.name)) })
	var parts []string
	for i := range sorted {
		share := of(&sorted[i]) / max(total, 1)
		switch {
		case i == 0 && share > alone:
			return sorted[i].name
		case share > 0 && len(parts) < 3:
			parts = append(parts, fmt.Sprintf("%s %.3g %%", sorted[i].name, math.Max(100*share, 0.01)))
		}
	}
	return strings.Join(parts, ", ")
}

// flipped notes a change of a flag. One that somebody has reported is that one; instances that get it one after another are one.
func (t *Tracker) flipped(key flagKey, f *flag, grown *variant) {
	now := t.now()
	was, is := f.mix(func(v *variant) float64 { return v.before - v.late }), f.mix(ofNow)
	start := f.flip
	same := t.of(key.Service, change.FeatureFlag, key.flag, func(e *entry) bool { return e.seen })
	if same != nil && same.grown == grown.name && now.Sub(same.last) <= rollout {
		before := same.Change
		same.Value, same.last = is, now
		t.renew(same, before)
		return
	}
	if said := t.of(key.Service, change.FeatureFlag, key.flag, func(e *entry) bool { return e.reported && !e.seen && near(e.Start, start, t.config.Match) }); said != nil {
		before := said.Change
		said.Previous, said.Value, said.seen, said.last, said.grown = was, is, true, now, grown.name
		t.renew(said, before)
		return
	}
	c := change.Change{Service: key.Service, Kind: change.FeatureFlag, Name: key.flag, Previous: was, Value: is, Start: start}
	reported := false
	for _, e := range slices.Backward(t.changes) { // it may have been reported before any service had asked for the flag
		if e.Kind == change.FeatureFlag && e.Name == key.flag && e.reported && e.Service.Name == "" && concerns(&e.Service, &key.Service) && near(e.Start, start, t.config.Match) {
			c.Actor, c.URL, c.Summary, reported = e.Actor, e.URL, e.Summary, true
			break
		}
	}
	c.Bound()
	t.add(c, now, reported, true).grown = grown.name
}

// refine says how far a change has come whose first evaluations were of a part of the instances.
func (t *Tracker) refine(key flagKey, f *flag, now time.Time) {
	e := t.of(key.Service, change.FeatureFlag, key.flag, func(e *entry) bool { return e.seen })
	if e == nil || now.Sub(e.last) > rollout {
		return
	}
	for i := range f.variants {
		if v := &f.variants[i]; v.name == e.grown && v.now/max(f.total(ofNow), 1) > v.before/max(f.total(ofBefore), 1) {
			before := e.Change
			e.Value = change.Bounded(f.mix(ofNow))
			t.renew(e, before)
		}
	}
}
