// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/alert"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/runbook"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
)

type alertsBody struct {
	// Incidents are those that are not over.
	Incidents []incidentLine `json:"incidents"`
	Alerts    []alert.Alert  `json:"alerts"`
	// More are those that are left out.
	More int `json:"more"`
}

// alerts is the page of firing and pending alerts.
func (s *site) alerts(r *http.Request) (*page, error) {
	found, err := s.Prometheus.Alerts(r.Context())
	h := s.history(r)
	body := alertsBody{Incidents: []incidentLine{}, Alerts: s.directory().List(found)}
	deployments, unknown := s.deployed(r.Context(), h)
	err = cmp.Or(err, h.Err, unknown)
	for i := range h.Incidents {
		if one := &h.Incidents[i]; one.State != incident.Resolved && len(body.Incidents) < maxListed {
			body.Incidents = append(body.Incidents, s.line(r.Context(), one, h, deployments))
		}
	}
	if body.More = len(body.Alerts) - alert.Max; body.More > 0 {
		body.Alerts = body.Alerts[:alert.Max]
	}
	body.More = max(0, body.More)
	p := &page{Title: "Alerts", Name: "alerts", Body: body, Problem: s.silent(err), Live: true}
	if p.Problem == nil && len(body.Alerts) == 0 && s.withoutRules(r) {
		p.Problem = &problem{"No rules are loaded, so no alert can fire.", "Set exporters::prometheus_store::catalog, or write rules with srectl generate alerts and name their folder in OTELCOL_SRE_RULES."}
	}
	return p, nil
}

// withoutRules reports whether a Prometheus inside a collector has no rules. Others do not say.
func (s *site) withoutRules(r *http.Request) bool {
	empty, err := s.Prometheus.Instant(r.Context(), `sum(otelcol_exporter_prometheus_store_rule_files) == 0`)
	return err == nil && len(empty) > 0
}

type deploymentsBody struct {
	deployment.Deployments
	// Changes are nil if they were not asked for.
	Changes *deployment.Changes `json:"changes,omitempty"`
	// Others are changes that are no deployments, such as feature flags, the newest first.
	Others []otherChange `json:"other_changes"`
}

// deployments is the page of running versions, deployments and DORA metrics. It stops if Prometheus does not answer.
func (s *site) deployments(r *http.Request) (*page, error) {
	body := deploymentsBody{Others: []otherChange{}}
	var err error
	c := s.Catalog()
	if body.Deployments, err = deployment.Load(r.Context(), c, s.Names, s.Prometheus); err == nil {
		var changes deployment.Changes
		changes, err = deployment.LoadChanges(r.Context(), c, s.Names, s.Prometheus)
		body.Changes = &changes
		h := s.history(r)
		body.Others, err = otherChanges(h.Changes), cmp.Or(err, h.Err)
	}
	return &page{Title: "Deployments", Name: "deployments", Body: body, Problem: s.silent(err), Live: true}, nil
}

type collectorBody struct {
	Collectors []collector.Collector `json:"collectors"`
	Measures   []collector.Measure   `json:"-"`
}

// collector is the page of the collectors' own health.
func (s *site) collector(r *http.Request) (*page, error) {
	all, err := collector.Load(r.Context(), s.Prometheus)
	return &page{Title: "Collectors", Name: "collector", Body: collectorBody{all, collector.Measures}, Problem: s.silent(err), Live: true}, nil
}

type runbookBody struct {
	*runbook.Page
	// Way are the folders above.
	Way []runbook.Entry `json:"-"`
	// Now is how the SLO is that the page is about; nil for other pages.
	Now *sloNow `json:"now,omitempty"`
}

// Heading is the title of a page that says how the SLO is now, which is above that. Rest are the words below.
func (b runbookBody) Heading() template.HTML {
	heading, _ := b.parts()
	return heading
}

// Rest is the page without what [runbookBody.Heading] has.
func (b runbookBody) Rest() template.HTML {
	_, rest := b.parts()
	return rest
}

func (b runbookBody) parts() (heading, rest template.HTML) {
	const end = "</h1>"
	if i := strings.Index(string(b.HTML), end); b.Now != nil && i > 0 && !strings.Contains(string(b.HTML[:i]), "<h2") {
		return b.HTML[:i+len(end)], b.HTML[i+len(end):]
	}
	return "", b.HTML
}

// runbook is a page of the folder, which runbook_url of an alert leads to.
func (s *site) runbook(r *http.Request) (*page, error) {
	at := strings.TrimPrefix(r.URL.EscapedPath(), "/runbooks/")
	found, err := s.Runbooks.Read(at)
	if errors.Is(err, runbook.ErrNotFound) && at != "" && !strings.HasSuffix(at, "/") {
		// Links within a folder's page are relative to the folder.
		if _, folderErr := s.Runbooks.Read(at + "/"); folderErr == nil {
			return nil, &moved{to: "/runbooks/" + at + "/"}
		}
	}
	switch {
	case errors.Is(err, runbook.ErrNotFound):
		return nil, notFound("There is no such runbook.", "Add the service to the catalog, or go to the list of all runbooks.")
	case errors.Is(err, runbook.ErrTooLong):
		return nil, &failure{http.StatusRequestEntityTooLarge, problem{"The runbook cannot be shown: " + err.Error() + ".", "Part it."}}
	case err != nil:
		return nil, &failure{http.StatusInternalServerError, problem{"The runbook cannot be shown: " + prometheus.Reason(err) + ".", "Check the folder's permissions."}}
	}
	now, problem := s.sloNow(r, at)
	if of, made := s.goneBack(r, at); made.made() {
		found = retire(found, of, made)
	}
	return &page{Title: found.Title, Name: "runbook", Body: runbookBody{found, way(at), now}, Problem: problem, Live: now != nil}, nil
}

// way is what leads to a page.
func way(at string) []runbook.Entry {
	entries := []runbook.Entry{{Name: "Runbooks", Path: "/runbooks/"}}
	names := strings.Split(strings.TrimSuffix(at, "/"), "/")
	path := "/runbooks/"
	for _, name := range names[:len(names)-1] {
		path += name + "/"
		entries = append(entries, runbook.Entry{Name: runbook.Unescaped(name), Path: path})
	}
	return entries
}
