// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"errors"
	"io"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/generated"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// A kind is one kind of generated files.
type kind struct {
	name, describes string
	// rulesOnly: it needs rule files in promtool's format.
	rulesOnly bool
	// named: it is written only if it is named, not with all.
	named bool
	// start checks the existing files, and returns the work to do.
	start func(*generation, []*catalog.Service, *account) (work, error)
}

// A work writes the files of one kind.
type work struct {
	// each writes the files of one service or the collector; several run at a time.
	each func(alerts.File, *account) error
	// more are written in any order.
	more []unit
	// finish comes last.
	finish func(*account) error
}

// kinds are all kinds, in the order of "all".
var kinds = []kind{
	{name: "alerts", describes: "Prometheus rules, and routes and inhibition rules for Alertmanager", start: (*generation).alerts},
	{name: "tests", describes: "unit tests of the rules, for promtool", rulesOnly: true, start: (*generation).tests},
	{name: "runbooks", describes: "a page for each alert", start: (*generation).runbooks},
	{name: "dashboards", describes: "Grafana dashboards of each service, and of all services", start: (*generation).dashboards},
	{name: "rollouts", describes: "gates of releases for Argo Rollouts, Flagger, Argo CD, CI systems; not with all", named: true, start: (*generation).rollouts},
}

// each writes all kinds for one service.
func each(works []work, f alerts.File, r *account) error {
	for _, w := range works {
		if w.each == nil {
			continue
		}
		if err := w.each(f, r); err != nil {
			return err
		}
	}
	return nil
}

func (g *generation) alerts(services []*catalog.Service, r *account) (work, error) {
	const inhibitions, routes = "alertmanager-inhibit.yaml", "alertmanager-route.yaml"
	kept := map[string]bool{alerts.FileName(alerts.CollectorService()): true}
	for _, s := range services {
		kept[alerts.FileName(s)] = true
	}
	return work{
		each: func(f alerts.File, r *account) error {
			return g.write(generated.AlertsFolder, alerts.FileName(f.Service), func(w io.Writer) error { return ruleFormats[g.format](f, w) }, r)
		},
		finish: func(r *account) error { return g.retire(generated.AlertsFolder, ".rules.yaml", kept, r) },
	}, errors.Join(g.write(generated.AlertsFolder, inhibitions, alerts.Inhibition(services...).Write, r), g.write(generated.AlertsFolder, routes, alerts.Routes(services...).Write, r))
}

func (g *generation) tests(services []*catalog.Service, _ *account) (work, error) {
	kept := map[string]bool{}
	for _, s := range services {
		kept[alerts.TestFileName(s)] = true
	}
	collector := alerts.TestFileName(alerts.CollectorService())
	return work{
		each: func(f alerts.File, r *account) error {
			name := alerts.TestFileName(f.Service)
			if name == collector {
				return nil // its stories are not of events
			}
			return g.write(generated.AlertsFolder, name, func(w io.Writer) error { return f.WriteTests(w, g.pages.Alerts) }, r)
		},
		finish: func(r *account) error { return g.retire(generated.AlertsFolder, ".test.yaml", kept, r) },
	}, nil
}

func (g *generation) runbooks(services []*catalog.Service, r *account) (work, error) {
	all := append([]*catalog.Service{alerts.CollectorService()}, services...)
	alertsOf := func(s *catalog.Service) []alerts.Alert {
		if s == all[0] {
			return alerts.Collector(g.pages.Alerts).Alerts
		}
		f, _ := alerts.Generate(s, g.pages.Alerts)
		return f.Alerts
	}
	shelf, problems, err := runbooks.Open(g.out, all, alertsOf, g.pages)
	if err != nil {
		return work{}, err
	}
	r.problems(problems)
	if catalog.Problems(problems).Err() != nil { // no page is written, so that all are of one state
		return work{}, nil
	}
	return work{
		each: func(f alerts.File, r *account) error {
			problems, err := shelf.Put(f)
			r.problems(problems)
			return err
		},
		finish: func(r *account) error {
			written, unchanged := shelf.Pages()
			r.written, r.unchanged = r.written+written, r.unchanged+unchanged
			return g.leftRunbooks(all, r)
		},
	}, nil
}
