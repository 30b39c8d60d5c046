// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package deployment lists the running versions of each service in each environment, and recent deployments.
package deployment

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// A Source is the Prometheus that is asked.
type Source interface {
	Instant(ctx context.Context, query string) (model.Vector, error)
	Keeper
}

// pastAge is how old what was deployed in the past may be. What is there now is asked for besides.
const pastAge = time.Minute

// A Deployment is one version in one place.
type Deployment struct {
	Namespace   string    `json:"namespace"`
	Service     string    `json:"service"`
	Environment string    `json:"environment"`
	Version     string    `json:"version"`
	Status      string    `json:"status"`
	Revision    string    `json:"revision"`
	Since       time.Time `json:"since"`
	// Instances are those that run now; 0 if none does.
	Instances int `json:"instances"`
	// Previous is the version before; "" if nothing says it.
	Previous string `json:"-"`
	// Page is the path of the service's page, if the catalog knows the service.
	Page string `json:"page"`
	// Facts are known of versions that run.
	Facts
}

// Deployments are the running versions and the recent deployments.
type Deployments struct {
	Environments []string  `json:"environments"`
	Services     []Service `json:"services"`
	// History is the newest first.
	History []Deployment `json:"history"`
	// More are services that are left out.
	More int `json:"more"`
}

// A Service is a line of the matrix.
type Service struct {
	Namespace string `json:"namespace"`
	Service   string `json:"service"`
	Page      string `json:"page"`
	// Places has what runs in each of the environments, the newest first; an empty list is nothing.
	Places [][]Deployment `json:"places"`
}

const (
	maxServices = 500
	maxHistory  = 50
	// maxPlaces bounds the environments and the versions in one of them.
	maxEnvironments = 20
	maxVersions     = 4

	// lately is how far back the history goes, if Prometheus does.
	lately = "30d"
)

// statuses are in the order in which a deployment goes through them.
var statuses = []string{"started", "canary", "completed", "rolled_back", "failed"}

// A key names a version in a place.
type key struct{ namespace, service, environment, version string }

func (d *Deployment) key() key { return key{d.Namespace, d.Service, d.Environment, d.Version} }

// Load queries running versions and recent deployments.
func Load(ctx context.Context, c *catalog.Catalog, n names.Names, source Source) (Deployments, error) {
	version := names.List(n.Namespace, n.Service, n.Environment, n.Version)
	event := version + ", " + names.List(n.Status, n.Revision)
	var running, now, before, facts, gates model.Vector
	var errs [5]error
	var asked sync.WaitGroup
	for i, one := range []struct {
		to    *model.Vector
		query string
		past  bool
	}{
		{&running, names.By("sum", version, n.Instances.With()), false}, {&now, names.By("max", event, n.Start.With()), false},
		{&before, names.By("max", event, latest(n.Start.With())), true},
		{&facts, names.By("max", version+", "+names.List(n.Revision, n.Previous, n.Compare, n.Repository, n.Change, n.Run, n.Actor, n.Tickets), n.Info.With()), false},
		{&gates, names.By("max", version+", "+names.List(n.GateVerdict, n.GateReason), latest(n.Gated.With())), false},
	} {
		asked.Go(func() {
			if one.past {
				*one.to, errs[i] = source.Kept(ctx, one.query, pastAge)
				return
			}
			*one.to, errs[i] = source.Instant(ctx, one.query)
		})
	}
	asked.Wait()
	err := cmp.Or(errs[:]...)
	if errs[0] != nil {
		return Deployments{Environments: []string{}, Services: []Service{}, History: []Deployment{}}, err
	}
	all := map[key]*Deployment{}
	// The current status overrides earlier ones.
	for _, statuses := range []model.Vector{before, now} {
		newest := map[key]*Deployment{}
		for _, s := range statuses {
			d := deploymentIn(s, n)
			d.Page = fleet.PagePath(c.Emitter(d.Namespace, d.Service))
			if other := newest[d.key()]; other == nil || later(d, other) {
				newest[d.key()] = d
			}
		}
		maps.Copy(all, newest)
	}
	for _, s := range running {
		if d := all[deploymentIn(s, n).key()]; d != nil {
			d.Instances = int(s.Value)
		}
	}
	for _, s := range facts {
		if d := all[deploymentIn(s, n).key()]; d != nil {
			d.Add(s.Metric, n)
			d.Previous = cmp.Or(n.Previous.In(s.Metric), d.Previous)
		}
	}
	AddGates(gates, n, func(s *model.Sample) *Facts {
		if d := all[deploymentIn(s, n).key()]; d != nil {
			return &d.Facts
		}
		return nil
	})
	return arrange(all), err
}

func deploymentIn(s *model.Sample, n names.Names) *Deployment {
	return &Deployment{
		Namespace: n.Namespace.In(s.Metric), Service: n.Service.In(s.Metric), Environment: n.Environment.In(s.Metric),
		Version: n.Version.In(s.Metric), Status: n.Status.In(s.Metric), Revision: words.Bounded(n.Revision.In(s.Metric), 64),
		Since: time.UnixMilli(int64(float64(s.Value) * 1000)).UTC(),
	}
}

func later(a, b *Deployment) bool {
	if !a.Since.Equal(b.Since) {
		return a.Since.After(b.Since)
	}
	return slices.Index(statuses, a.Status) > slices.Index(statuses, b.Status)
}

// arrange makes the matrix and the history.
func arrange(all map[key]*Deployment) Deployments {
	var d Deployments
	for _, one := range all {
		d.History = append(d.History, *one)
		if !slices.Contains(d.Environments, one.Environment) {
			d.Environments = append(d.Environments, one.Environment)
		}
	}
	slices.SortFunc(d.History, func(a, b Deployment) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Version, b.Version))
	})
	slices.Sort(d.Environments)
	d.Environments = append([]string{}, d.Environments[:min(len(d.Environments), maxEnvironments)]...)

	lines := map[[2]string]*Service{}
	for _, one := range d.History {
		column := slices.Index(d.Environments, one.Environment)
		name := [2]string{one.Namespace, one.Service}
		if lines[name] == nil {
			lines[name] = &Service{Namespace: one.Namespace, Service: one.Service, Page: one.Page, Places: make([][]Deployment, len(d.Environments))}
			for i := range lines[name].Places {
				lines[name].Places[i] = []Deployment{}
			}
		}
		if column < 0 {
			continue
		}
		// The newest, and older ones that still run.
		place := &lines[name].Places[column]
		if len(*place) == 0 || one.Instances > 0 && len(*place) < maxVersions {
			*place = append(*place, one)
		}
	}
	d.Services = []Service{}
	for _, line := range lines {
		d.Services = append(d.Services, *line)
	}
	slices.SortFunc(d.Services, func(a, b Service) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Namespace, b.Namespace))
	})
	d.More = max(0, len(d.Services)-maxServices)
	d.Services = d.Services[:len(d.Services)-d.More]
	d.History = append([]Deployment{}, d.History[:min(len(d.History), maxHistory)]...)
	return d
}
