// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package service has the data of one service: its SLOs over time, requests, deployments, alerts and
// contacts.
package service

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/alert"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/view"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Source is the Prometheus that is asked.
type Source interface {
	fleet.Source
	fleet.Historian
	Exemplars(ctx context.Context, query string, p prometheus.Period) ([]v1.ExemplarQueryResult, error)
}

// A Service is the content of a service's page.
type Service struct {
	*catalog.Service
	// Places are the environments that the service is known in, Environment the one that is shown.
	Places      []string
	Environment string
	// Period is what was asked about, Known the part of it that something is known of.
	Period, Known prometheus.Period
	Objectives    []Objective
	// Requests are rate, errors and durations by version, from a span_metrics connector.
	Requests []chart.Plot
	// Failed are requests that failed lately.
	Failed   []Failed
	Versions []Version
	// Clusters are those of SLOs that have events of several.
	Clusters []Cluster
	// Changed is what has changed besides, the newest first.
	Changed []Change
	Alerts  []alert.Alert
	Past    []Past
	// MorePast are past alerts that are left out.
	MorePast int
	// Needs and NeededBy are the dependencies and dependents in the catalog.
	Needs, NeededBy []Neighbor
	// Err says why some queries to Prometheus failed.
	Err error
}

// An Objective is an SLO and its history.
type Objective struct {
	*fleet.Row
	// SLI is the share of good events, Traffic the events per second.
	SLI, Traffic, Left, Burn chart.Plot
	// Groups are the worst of its groups, if it has any.
	Groups []Group
}

// A Neighbor is a service that this one calls, or is called by.
type Neighbor struct {
	Name string `json:"name"`
	// Page is empty if the catalog does not know the service.
	Page  string        `json:"page"`
	State semconv.State `json:"state"`
}

// Question is a request for the page of a service.
type Question struct {
	Service     *catalog.Service
	Catalog     *catalog.Catalog
	Environment string
	// Group is a part of a value of the groups that are shown; "" is all.
	Group string
	Range time.Duration
	// Until is when the time that is shown ends; zero is now.
	Until     time.Time
	Now       time.Time
	Names     names.Names
	Directory alert.Directory
	// History is that of alerts.
	History book.History
	// Recent is since when requests can be searched; zero is never.
	Recent time.Time
}

// points is how many values a line has.
const points = 120

func (q *Question) period() prometheus.Period {
	if q.Until.IsZero() {
		return prometheus.LastOf(q.Range, points, q.Now)
	}
	return prometheus.Between(q.since(), q.Until, points)
}

func (q *Question) since() time.Time {
	if q.Until.IsZero() {
		return q.Now.Add(-q.Range)
	}
	return q.Until.Add(-q.Range)
}

// Load asks Prometheus everything at once, and joins it with the catalog.
func Load(ctx context.Context, q Question, source Source) *Service {
	all := fleet.Load(ctx, q.Catalog, q.Names, q.Now, source)
	s := &Service{Service: q.Service, Environment: q.Environment, Period: q.period(), Err: all.Err}
	s.Places = environments(all, q.Service)
	switch {
	case q.Environment == view.None:
		s.Environment = ""
	case q.Environment == "" && len(s.Places) > 0:
		s.Environment = s.Places[0]
	}
	l := &loader{context: ctx, source: source, names: q.Names, service: s, recent: q.Recent, group: q.Group, now: q.Until.IsZero(), needs: needed(q.Catalog, q.Service)}
	l.shown = s.Period
	if !prometheus.Hangs(all.Err) {
		l.load()
	}
	if finer, ok := s.Period.Finer(l.shown, points, q.Now); ok && q.Until.IsZero() {
		s.Period = finer
		l.load()
	}
	s.Known = l.shown
	for _, row := range all.Rows {
		if row.Of == q.Service && row.Environment == s.Environment {
			objective := l.objective(row)
			objective.Groups = l.groups(row)
			s.Objectives = append(s.Objectives, objective)
		}
	}
	s.Err = cmp.Or(s.Err, l.err)
	slices.SortStableFunc(s.Objectives, func(a, b Objective) int { return fleet.Worst(a.Row, b.Row) })
	s.Requests = l.requests()
	s.Failed = l.failed
	s.Versions, s.Clusters = l.versions, l.clusters
	s.Changed = l.changed
	l.compared(s.Versions)
	firing := q.Directory.List(l.alerts)
	s.Alerts = alert.Of(firing, q.Service.Namespace, q.Service.Name, s.Environment)
	s.Past, s.MorePast = s.past(q.History, q.since(), q.Until, q.Directory)
	s.neighbors(q.Catalog, all)
	return s
}

func environments(all fleet.Fleet, s *catalog.Service) []string {
	found := slices.Clone(s.Environments)
	for _, row := range all.Rows {
		if row.Of == s && !slices.Contains(found, row.Environment) {
			found = append(found, row.Environment)
		}
	}
	return found
}

// neighbors finds the services that this one depends on and those that depend on it, each with its worst SLO.
func (s *Service) neighbors(c *catalog.Catalog, all fleet.Fleet) {
	states := map[*catalog.Service]semconv.State{}
	for _, row := range all.Rows {
		if worst, ok := states[row.Of]; row.Of != nil && (!ok || row.State.Worse(worst)) {
			states[row.Of] = row.State
		}
	}
	neighbor := func(of *catalog.Service) Neighbor {
		return Neighbor{Name: of.Slug(), Page: fleet.PagePath(of), State: cmp.Or(states[of], semconv.StateUnknown)}
	}
	for _, d := range c.Dependencies(s.Service) {
		if d.Service == nil {
			s.Needs = append(s.Needs, Neighbor{Name: d.Reference, State: semconv.StateUnknown})
			continue
		}
		s.Needs = append(s.Needs, neighbor(d.Service))
	}
	for _, other := range c.Dependents(s.Service) {
		s.NeededBy = append(s.NeededBy, neighbor(other))
	}
}

// A loader asks what the page needs besides the fleet.
type loader struct {
	group   string // a part of the groups' values
	context context.Context
	source  Source
	names   names.Names
	service *Service
	now     bool               // the period ends now
	needs   []*catalog.Service // the dependencies in the catalog
	shown   prometheus.Period  // the part of the period of which something is known
	recent  time.Time

	mu       sync.Mutex
	err      error
	alerts   []v1.Alert
	matrices map[string]model.Matrix
	versions []Version
	clusters []Cluster
	changed  []Change
	failed   []Failed
	around   []chart.Marker // changes of dependencies
}

func (l *loader) load() {
	l.matrices = map[string]model.Matrix{}
	var asked sync.WaitGroup
	for _, query := range l.queries() {
		asked.Go(func() {
			matrix, err := l.source.Range(l.context, query, l.service.Period)
			l.keep(err, func() { l.matrices[query] = matrix })
		})
	}
	asked.Go(func() {
		alerts, err := l.source.Alerts(l.context)
		l.keep(err, func() { l.alerts = alerts })
	})
	asked.Go(func() {
		versions, err := l.askVersions()
		l.keep(err, func() { l.versions = versions })
	})
	asked.Go(func() {
		clusters, err := l.askClusters()
		l.keep(err, func() { l.clusters = clusters })
	})
	asked.Go(func() {
		changed, err := l.askChanges()
		l.keep(err, func() { l.changed = changed })
	})
	asked.Go(func() {
		around, err := l.askAround()
		l.keep(err, func() { l.around = around })
	})
	asked.Go(func() { l.failed = l.askFailed() })
	asked.Wait()
	if l.shown = l.service.Period; l.now {
		l.shown = l.service.Period.Since(slices.Collect(maps.Values(l.matrices))...)
	}
}

func (l *loader) keep(err error, use func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.err = cmp.Or(l.err, err)
		return
	}
	use()
}

// markers are the deployments and other changes on the plots.
func (l *loader) markers() []chart.Marker {
	var markers []chart.Marker
	for _, v := range slices.Backward(l.versions) {
		if v.Deployed {
			markers = append(markers, chart.Marker{At: v.Since, Name: words.Bounded(v.Version, 40)})
		}
	}
	return withChanges(append(markers, l.around...), l.changed)
}
