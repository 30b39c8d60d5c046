// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package book keeps the history of alerts and incidents, as Prometheus recorded it.
//
// It reads the raw samples of ALERTS of the last 30 days once, then those that are new. So the times are those of the evaluations, whatever
// range is looked at. What costs a query more, such as when a burn began, is asked once per alert. All of it can be saved and restored; where
// Prometheus still has its record, that is what counts.
package book

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// Length is how far back the history goes.
const Length = 30 * 24 * time.Hour

const (
	// overlap is how much is read again: samples may arrive late.
	overlap = 10 * time.Minute
	// recent is read first, then a day at a time.
	recent = 6 * time.Hour
	chunk  = 24 * time.Hour
	// slowly is how old the graph and the changes may be, quickly while an incident is open.
	slowly  = time.Minute
	quickly = 15 * time.Second
)

// A Source is the Prometheus that is asked.
type Source interface {
	// At is the result of a query at a time.
	At(ctx context.Context, query string, at time.Time) (model.Value, error)
	// Over is its result over a time.
	Over(ctx context.Context, query string, r v1.Range) (model.Matrix, error)
	// Examples are exemplars.
	Examples(ctx context.Context, query string, from, to time.Time) ([]v1.ExemplarQueryResult, error)
}

// Options are what a book is made from.
type Options struct {
	Source  Source
	Catalog func() *catalog.Catalog
	Names   promname.Names
	Now     func() time.Time
}

// A Book is the history of alerts and incidents.
type Book struct {
	Options
	reading chan struct{} // one reads at a time
	wanted  chan struct{} // somebody would like to see what is newer

	following atomic.Bool

	// Only who reads uses these.
	series  map[string]*series
	until   time.Time
	gaps    map[model.Time]map[string]bool // the alerts that fired in a gap before a time
	asked   time.Time                      // for the graph and the changes
	graph   *incident.Graph
	changes incident.Changes
	// answered are questions that are asked seldom.
	answered map[string]answered

	mu        sync.Mutex    // guards the rest
	since     time.Time     // the record is read from then on
	read      time.Time     // when it was read last
	took      time.Duration // how long that was
	spells    []incident.Spell
	all       []incident.Incident
	details   map[string]Details
	failed    error
	neighbors *incident.Graph
	changed   []incident.Change
	notes     map[string][]Note // by incident; it is replaced when one is added
}

// series are the spells of one alert.
type series struct {
	metric model.Metric
	step   time.Duration
	spells []spell
}

type spell struct {
	incident.Spell
	// measured: it was asked when the burn began.
	measured bool
	// restored: Prometheus has not confirmed it yet.
	restored bool
}

// New is an empty book.
func New(o Options) *Book {
	return &Book{Options: o, reading: make(chan struct{}, 1), wanted: make(chan struct{}, 1), series: map[string]*series{}, gaps: map[model.Time]map[string]bool{}, details: map[string]Details{}, answered: map[string]answered{}, graph: &incident.Graph{}, neighbors: &incident.Graph{}}
}

// A History is a copy of the book.
type History struct {
	// Since is from when on all is known, Read when it was read.
	Since, Read time.Time
	Spells      []incident.Spell
	// Incidents are the newest first.
	Incidents []incident.Incident
	Graph     *incident.Graph
	// Changes are those that are known: what was deployed, and what was changed besides.
	Changes []incident.Change
	// Err says why the newest reading failed.
	Err error

	details map[string]Details
	notes   map[string][]Note
}

// Details are what was asked of an incident.
func (h History) Details(of *incident.Incident) Details { return h.details[of.ID] }

// Reading says that older days are still being read: incidents of then may be missing, or begin too late.
func (h History) Reading(now time.Time) bool {
	return h.Err == nil && !h.Since.IsZero() && now.Add(-Length).Before(h.Since.Add(-time.Minute))
}

// Find is the incident with an ID, or nil.
func (h History) Find(id string) *incident.Incident {
	for i := range h.Incidents {
		if h.Incidents[i].Is(id) {
			return &h.Incidents[i]
		}
	}
	return nil
}

// Fired are the spells that were not over before a time, of those that a filter accepts, the newest first.
func (h History) Fired(from time.Time, of func(*incident.Spell) bool) (all []incident.Spell) {
	for i := range h.Spells {
		if s := &h.Spells[i]; (s.Firing || !s.To.Before(from)) && of(s) {
			all = append(all, *s)
		}
	}
	return all
}

// History is what is known. If the newest reading is older than age, it reads first, for as long as the context allows.
func (b *Book) History(ctx context.Context, age time.Duration) History {
	b.mu.Lock()
	old := b.Now().Sub(b.read) >= age
	b.mu.Unlock()
	if old {
		_ = b.Refresh(ctx) // the history has the error
	}
	return b.known()
}

// slow is how long a reading takes that nobody should wait for each time.
const slow = 200 * time.Millisecond

// Prompt is what is known. If the newest reading is older than age, who follows the book reads again, for those that ask later. Only if
// nobody does, if readings are quick, or if what is known is older than late and not being read, it reads first.
func (b *Book) Prompt(ctx context.Context, age, late time.Duration) History {
	b.mu.Lock()
	old, quick := b.Now().Sub(b.read), b.read.IsZero() || b.took < slow
	b.mu.Unlock()
	if quick || !b.following.Load() || old >= late && len(b.reading) == 0 {
		return b.History(ctx, age)
	}
	if old >= age {
		select {
		case b.wanted <- struct{}{}:
		default: // it will
		}
	}
	return b.known()
}

// Follow reads every so often, and when somebody wants to see what is newer, until the context ends. After each reading it calls then.
func (b *Book) Follow(ctx context.Context, every time.Duration, then func(error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	b.following.Store(true)
	defer b.following.Store(false)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-b.wanted:
		}
		then(b.Refresh(ctx))
	}
}

func (b *Book) known() History {
	b.mu.Lock()
	defer b.mu.Unlock()
	return History{b.since, b.read, b.spells, b.all, b.neighbors, b.changed, b.failed, maps.Clone(b.details), b.notes}
}

// Refresh reads what is new.
func (b *Book) Refresh(ctx context.Context) error {
	select {
	case b.reading <- struct{}{}:
		defer func() { <-b.reading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	now := b.Now()
	maps.DeleteFunc(b.gaps, func(at model.Time, _ map[string]bool) bool { return now.Sub(at.Time()) > 2*overlap })
	err := b.follow(ctx, now)
	begun := b.begun()
	if err == nil {
		err = b.measure(ctx)
	}
	if err == nil {
		err = b.surroundings(ctx, now, begun)
	}
	b.publish(ctx, now, err)
	b.setTook(b.Now().Sub(now))
	for oldest := now.Add(-Length); err == nil && b.sinceNow().After(oldest); { // older days, one by one
		from := b.sinceNow().Add(-chunk)
		if err = b.samples(ctx, from, b.sinceNow().Add(overlap)); err == nil {
			err = b.measure(ctx)
		}
		if err == nil {
			b.setSince(from)
		}
		b.publish(ctx, now, err)
	}
	return err
}

func (b *Book) sinceNow() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since
}

func (b *Book) setTook(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.took = d
}

func (b *Book) setSince(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.since = t
}

// follow reads what was recorded since the last time, and what fires now.
func (b *Book) follow(ctx context.Context, now time.Time) error {
	from := b.until.Add(-overlap)
	if first := b.sinceNow().IsZero(); first || now.Sub(from) > chunk {
		from = now.Add(-recent)
		b.setSince(from)
	}
	if err := b.samples(ctx, from, now); err != nil {
		return err
	}
	value, err := b.Source.At(ctx, firing, now)
	if err != nil {
		return err
	}
	for _, s := range b.series {
		for i := range s.spells {
			s.spells[i].Firing = false
		}
	}
	vector, _ := value.(model.Vector)
	for _, sample := range vector {
		if s := b.series[sample.Metric.String()]; s != nil && len(s.spells) > 0 {
			s.spells[len(s.spells)-1].Firing = true
		}
	}
	b.until = now
	b.forget(now)
	return nil
}

// begun reports whether an alert fires that no reading has asked about before.
func (b *Book) begun() bool {
	for _, s := range b.series {
		if slices.ContainsFunc(s.spells, func(one spell) bool { return one.Firing && !one.measured }) {
			return true
		}
	}
	return false
}

const firing = `ALERTS{alertstate="firing"}`

// forget drops what is too old or too much.
func (b *Book) forget(now time.Time) {
	oldest := now.Add(-Length - chunk)
	for key, s := range b.series {
		s.spells = slices.DeleteFunc(s.spells, func(one spell) bool { return one.To.Before(oldest) && !one.Firing })
		if len(s.spells) == 0 {
			delete(b.series, key)
		}
	}
}

// publish makes the incidents of what was read.
func (b *Book) publish(ctx context.Context, now time.Time, err error) {
	var spells []incident.Spell
	for _, s := range b.series {
		for i := range s.spells {
			spells = append(spells, s.spells[i].Spell)
		}
	}
	slices.SortFunc(spells, func(x, y incident.Spell) int {
		return cmp.Or(y.From.Compare(x.From), cmp.Compare(x.Name, y.Name), cmp.Compare(x.SLO, y.SLO), cmp.Compare(x.Alert, y.Alert), cmp.Compare(x.Group, y.Group))
	})
	spells = spells[:min(len(spells), incident.MaxSpells)]
	b.mu.Lock()
	details := b.details
	b.mu.Unlock()
	input := incident.Input{Spells: spells, Graph: b.graph, Changes: b.evident(details), Now: now}
	for _, d := range details {
		input.Burns = append(input.Burns, d.Burns...)
	}
	all := incident.Build(input)
	if err == nil {
		details, err = b.detail(ctx, all, details, now)
		input.Changes, input.Burns = b.evident(details), nil
		for _, d := range details {
			input.Burns = append(input.Burns, d.Burns...)
		}
		all = incident.Build(input)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spells, b.all, b.details, b.failed, b.neighbors, b.changed = spells, all, details, err, b.graph, b.changes.List
	if err == nil {
		b.read = now
	}
}
