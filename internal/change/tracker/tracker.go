// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package tracker finds changes that are no deployments.
//
//   - Reports say that something has changed. Those with the same ID are one change; those that say to be part of a series, such as
//     the steps of an autoscaler, are one for as long as they follow each other.
//   - States say what something is. A change is that it is something else than before, so that a watcher that repeats itself says
//     nothing new. Of what is seen for the first time nothing is said.
//   - Evaluations of feature flags are counted by variant. A flag has changed when the shares of its variants have.
//
// Everything is bounded: what was heard of longest ago gives way.
package tracker

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// Config says how long things take and how much is kept.
type Config struct {
	Recent time.Duration // how long a change is recent; older ones are no news
	Match  time.Duration // how far apart a report of a flag and its evaluations may be, and states of one thing that are one change
	Series time.Duration // how far apart reports of one series may be

	MaxChanges int // that are kept while they are recent
	MaxFlags   int // flags of all services
	MaxStates  int // other things whose state is known

	// Place is the part of a place that counts; nil for all of it.
	Place func(deployment.Place) deployment.Place
}

// Default is right for most.
func Default() Config {
	return Config{
		Recent: 30 * time.Minute, Match: 5 * time.Minute, Series: 30 * time.Minute,
		MaxChanges: 1000, MaxFlags: 10_000, MaxStates: 20_000,
	}
}

// A Tracker is safe for concurrent use.
type Tracker struct {
	config Config
	now    func() time.Time

	mu       sync.Mutex // guards the rest
	changes  []*entry   // in the order in which they became known
	flags    map[flagKey]*flag
	states   map[thing]*state
	counts   map[thing]int // changes so far, for IDs
	key      []byte        // of the hash of contents
	modified bool
	left     int64 // changes, flags and states that gave way while they were needed
}

// An entry is a change and what is known about its telling.
type entry struct {
	change.Change
	news     bool
	reported bool // somebody said it
	seen     bool // evaluations show it
	last     time.Time
	grown    string // the variant that evaluations show more of
	renewals int
}

// mostRenewals is how often more becomes known of a change. What changes more often says only that.
const mostRenewals = 20

// Often is the value of what does.
const Often = "changes often"

// A thing is what changes.
type thing struct {
	deployment.Service
	Kind   change.Kind
	What   string
	Member string
}

// New makes a tracker that knows nothing yet.
func New(config Config, now func() time.Time) *Tracker {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return &Tracker{config: config, now: now, key: key, flags: map[flagKey]*flag{}, states: map[thing]*state{}, counts: map[thing]int{}}
}

// Sum is a short name of a content. It is the same for equal contents of one collector, and tells nothing of them: a Secret may be
// short enough to be guessed.
func (t *Tracker) Sum(content []byte) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := hmac.New(sha256.New, t.key)
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil)[:5])
}

func (t *Tracker) place(s deployment.Service) deployment.Service {
	if t.config.Place != nil {
		s.Place = t.config.Place(s.Place)
	}
	return s
}

// A Report is a change that somebody says.
type Report struct {
	change.Change
	// Series says that it is part of a change that goes on for as long as such reports follow each other.
	Series bool
	// State says that Value is what it is, which is a change if it was something else before. Member is one of several that make up
	// the thing, such as a node of a pool.
	State  bool
	Member string
	// Gone says that the member is no more.
	Gone bool
}

// Take takes a report. It says nothing about what happened long ago.
func (t *Tracker) Take(r Report) {
	r.Bound()
	r.Service = t.place(r.Service)
	r.Gate = change.Gate{} // verdicts are found here, see Judge
	now := t.now()
	if r.Start.IsZero() || r.Start.After(now) {
		r.Start = now
	}
	if r.End.After(now) || r.End.Before(r.Start) && !r.End.IsZero() {
		r.End = r.Start
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case r.State:
		t.state(&r, now)
	case now.Sub(latest(r.Start, r.End)) > t.config.Recent && t.byID(r.ID) == nil:
	case r.Kind == change.FeatureFlag:
		t.reportFlag(&r, now)
	default:
		t.report(&r, now)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (t *Tracker) byID(id string) *entry {
	for _, e := range slices.Backward(t.changes) {
		if id != "" && e.ID == id {
			return e
		}
	}
	return nil
}

// of is the newest change of the thing that fits.
func (t *Tracker) of(s deployment.Service, kind change.Kind, name string, fits func(*entry) bool) *entry {
	for _, e := range slices.Backward(t.changes) {
		if e.Kind == kind && e.Name == name && e.Service == s && fits(e) {
			return e
		}
	}
	return nil
}

func (t *Tracker) report(r *Report, now time.Time) {
	e := t.byID(r.ID)
	if e == nil && r.Series {
		e = t.of(r.Service, r.Kind, r.Name, func(e *entry) bool { return now.Sub(e.last) <= t.config.Series })
	}
	if e == nil {
		t.add(r.Change, now, true, false)
		return
	}
	before := e.Change
	if r.Series && r.ID == "" {
		e.Value, e.End = cmp.Or(r.Value, e.Value), r.Start
	}
	e.Merge(&r.Change)
	e.last = now
	t.renew(e, before)
}

// renew says a change again of which more is known.
func (t *Tracker) renew(e *entry, before change.Change) {
	if e.Change != before {
		if e.renewals++; e.renewals >= mostRenewals && e.Status == before.Status {
			e.Value, e.End = Often, before.End
			if e.Change == before {
				return
			}
		}
		e.news = true
		t.modified = true
	}
}

// add begins a change.
func (t *Tracker) add(c change.Change, now time.Time, reported, seen bool) *entry {
	if c.ID == "" {
		key := thing{Service: c.Service, Kind: c.Kind, What: c.Name}
		if len(t.counts) >= t.config.MaxStates {
			clear(t.counts) // numbers begin again; the time is in the change
		}
		c.ID = change.NewID(c.Service, c.Kind, c.Name, t.counts[key])
		t.counts[key]++
	}
	e := &entry{Change: c, news: true, reported: reported, seen: seen, last: now}
	t.changes = append(t.changes, e)
	if len(t.changes) > t.config.MaxChanges {
		if t.changes[0].news {
			t.left++
		}
		t.changes = slices.Delete(t.changes, 0, 1)
	}
	t.modified = true
	return e
}

// reportFlag matches what somebody says of a flag with the services that ask for it.
func (t *Tracker) reportFlag(r *Report, now time.Time) {
	if e := t.byID(r.ID); e != nil {
		before := e.Change
		e.Merge(&r.Change)
		e.reported = true
		t.renew(e, before)
		return
	}
	var asking []deployment.Service
	for key := range t.flags {
		if key.flag == r.Name && concerns(&r.Service, &key.Service) {
			asking = append(asking, key.Service)
		}
	}
	slices.SortFunc(asking, deployment.Service.Compare)
	if len(asking) == 0 {
		t.add(r.Change, now, true, false)
		return
	}
	for n, service := range asking {
		one := r.Change
		one.Service = service
		e := t.of(service, change.FeatureFlag, r.Name, func(e *entry) bool { return !e.reported && near(e.Start, r.Start, t.config.Match) })
		if e == nil {
			if n > 0 || len(asking) > 1 {
				one.ID = "" // one change a service
			}
			t.add(one, now, true, false)
			continue
		}
		before := e.Change
		one.Value, one.Previous = "", "" // what was seen is known better
		e.Merge(&one)
		e.reported = true
		t.renew(e, before)
	}
}

func near(a, b time.Time, most time.Duration) bool { return a.Sub(b).Abs() <= most }

// concerns reports whether a change of which the first is said is one of the second: what is left out is no difference.
func concerns(said, of *deployment.Service) bool {
	alike := func(a, b string) bool { return a == "" || b == "" || a == b }
	return (said.Name == "" || said.Name == of.Name) && alike(said.Namespace, of.Namespace) && alike(said.Environment, of.Environment) &&
		alike(said.Cluster, of.Cluster) && alike(said.Region, of.Region) && alike(said.Account, of.Account)
}

// Due decides what the evaluations mean and returns what there is to announce, in order of time.
func (t *Tracker) Due() []change.Change {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	t.judge(now)
	var due []change.Change
	for _, e := range t.changes {
		if e.news {
			due = append(due, e.Change)
		}
	}
	t.changes = slices.DeleteFunc(t.changes, func(e *entry) bool { return !e.news && t.over(e, now) })
	slices.SortStableFunc(due, func(a, b change.Change) int { return a.Compare(&b) })
	return due
}

// over says that a change is not recent any more. An incident is for as long as it lasts, at most for a day.
func (t *Tracker) over(e *entry, now time.Time) bool {
	age := now.Sub(latest(e.last, latest(e.Start, e.End)))
	if e.Status == change.Started {
		return age > 24*time.Hour
	}
	return age > t.config.Recent
}

// Announced notes that what Due returned was handed on. What has changed since comes again.
func (t *Tracker) Announced(changes []change.Change) {
	if len(changes) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	said := make(map[string]change.Change, len(changes))
	for _, c := range changes {
		said[c.ID] = c
	}
	for _, e := range t.changes {
		if e.news && said[e.ID] == e.Change {
			e.news = false
			t.modified = true
		}
	}
}

// Recent are the changes that are recent, in order of time.
func (t *Tracker) Recent() []change.Change {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	var all []change.Change
	for _, e := range t.changes {
		if !t.over(e, now) {
			all = append(all, e.Change)
		}
	}
	slices.SortStableFunc(all, func(a, b change.Change) int { return a.Compare(&b) })
	return all
}

// Left is how many changes, flags and states gave way to others.
func (t *Tracker) Left() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.left
}

// A state is what something is.
type state struct {
	Value string
	Start time.Time // when it became so
	Heard time.Time
}

// state compares what something is with what it was.
func (t *Tracker) state(r *Report, now time.Time) {
	key := thing{Service: r.Service, Kind: r.Kind, What: r.Name, Member: r.Member}
	known := t.states[key]
	if r.Gone {
		delete(t.states, key)
		t.complete(r, now)
		return
	}
	if known == nil {
		if len(t.states) >= t.config.MaxStates {
			t.forgetState()
		}
		t.states[key] = &state{r.Value, r.Start, now}
		t.modified = true
		if r.Member != "" && now.Sub(r.Start) <= t.config.Recent { // a new member may be the first with another value
			t.moved(r, t.others(key, r.Value), now)
		}
		return
	}
	known.Heard = now
	if r.Start.Before(known.Start) || r.Value == known.Value {
		return
	}
	previous := known.Value
	known.Value, known.Start = r.Value, r.Start
	t.modified = true
	if now.Sub(r.Start) <= t.config.Recent {
		t.moved(r, previous, now)
	}
}

// others is the value that most other members have; empty if one has the value already, or there are none.
func (t *Tracker) others(key thing, value string) string {
	members := map[string]int{}
	for other, s := range t.states {
		if other.Service == key.Service && other.Kind == key.Kind && other.What == key.What && other.Member != key.Member {
			members[s.Value]++
		}
	}
	if members[value] > 0 || len(members) == 0 {
		return ""
	}
	return slices.MaxFunc(slices.Sorted(maps.Keys(members)), func(a, b string) int { return members[a] - members[b] })
}

// moved notes that the thing, or a first member of it, is something else. Further members belong to the same change.
func (t *Tracker) moved(r *Report, previous string, now time.Time) {
	if previous == "" {
		t.complete(r, now)
		return
	}
	c := r.Change
	c.Previous = previous
	if r.Member == "" {
		e := t.of(r.Service, r.Kind, r.Name, func(e *entry) bool { return now.Sub(e.last) <= t.config.Match })
		if e == nil {
			t.add(c, now, true, false)
			return
		}
		before := e.Change // some write their state into a ConfigMap every few seconds
		e.Value, e.last = r.Value, now
		t.renew(e, before)
		return
	}
	if e := t.of(r.Service, r.Kind, r.Name, func(e *entry) bool { return e.Value == r.Value && e.Status == change.Started }); e != nil {
		e.last = now
		t.complete(r, now)
		return
	}
	c.Status = change.Started
	t.add(c, now, true, false)
	t.complete(r, now)
}

// complete ends the change of a thing all of whose members have the value.
func (t *Tracker) complete(r *Report, now time.Time) {
	e := t.of(r.Service, r.Kind, r.Name, func(e *entry) bool { return e.Status == change.Started && e.Previous != "" })
	if e == nil {
		return
	}
	for other, s := range t.states {
		if other.Service == r.Service && other.Kind == r.Kind && other.What == r.Name && s.Value != e.Value {
			return
		}
	}
	before := e.Change
	e.Status, e.End, e.last = change.Completed, now, now
	t.renew(e, before)
}

// forgetState makes room.
func (t *Tracker) forgetState() {
	var oldest *thing
	for key, s := range t.states {
		if oldest == nil || s.Heard.Before(t.states[*oldest].Heard) {
			oldest = &key
		}
	}
	if oldest != nil {
		delete(t.states, *oldest)
		t.left++
	}
}
