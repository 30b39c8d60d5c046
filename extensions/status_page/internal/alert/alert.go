// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package alert lists firing alerts for people: start, subject and runbook.
package alert

import (
	"cmp"
	"net/url"
	"slices"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// An Alert fires, or is pending.
type Alert struct {
	Name        string    `json:"name"`
	State       string    `json:"state"`
	Severity    string    `json:"severity"`
	Service     string    `json:"service"`
	Namespace   string    `json:"namespace"`
	SLO         string    `json:"slo"`
	Environment string    `json:"environment"`
	Owner       string    `json:"owner"`
	Summary     string    `json:"summary"`
	Description string    `json:"description"`
	Since       time.Time `json:"since"`
	// Page is the path of the service's page, Runbook the address of the runbook; they may be empty.
	Page    string `json:"page"`
	Runbook string `json:"runbook"`
}

// Max bounds the alerts that are shown: those that matter most.
const Max = 500

const (
	maxName = 120
	maxText = 2000
)

// A Directory knows the existing pages.
type Directory struct {
	Catalog *catalog.Catalog
	// Names are those of labels; alerts that rules of srectl raise have underscores in them.
	Names names.Names
	// Runbook is the path of an alert's runbook, or "".
	Runbook func(slug, alert string) string
}

// RunbookOf is the path of the runbook of an alert about an SLO: of the page of the SLO, or else of that of the alert; "" if there is neither.
func (d Directory) RunbookOf(slug, alert, slo string) string {
	if at := d.Runbook(slug, alerts.RunbookOf(alert, slo)); at != "" {
		return at
	}
	return d.Runbook(slug, alert)
}

// List has the firing alerts, pages first and the newest first, then the pending ones.
func (d Directory) List(all []v1.Alert) []Alert {
	list := make([]Alert, 0, len(all))
	for _, a := range all {
		list = append(list, d.alert(a))
	}
	slices.SortFunc(list, func(a, b Alert) int {
		return cmp.Or(
			first(a.State == string(v1.AlertStateFiring), b.State == string(v1.AlertStateFiring)),
			first(a.Severity == "page", b.Severity == "page"),
			b.Since.Compare(a.Since),
			cmp.Compare(a.Service, b.Service), cmp.Compare(a.Name, b.Name), cmp.Compare(a.SLO, b.SLO), cmp.Compare(a.Environment, b.Environment),
		)
	})
	return list
}

// Of are those of one service; an empty environment is any.
func Of(list []Alert, namespace, service, environment string) []Alert {
	return slices.DeleteFunc(slices.Clone(list), func(a Alert) bool {
		other := a.Namespace != namespace && a.Namespace != "" && namespace != ""
		return a.Service != service || other || environment != "" && a.Environment != "" && a.Environment != environment
	})
}

func (d Directory) alert(from v1.Alert) Alert {
	label := func(name model.LabelName) string { return words.Bounded(string(from.Labels[name]), maxName) }
	of := func(l names.Label) string { return words.Bounded(l.In(from.Labels), maxName) }
	text := func(name model.LabelName) string { return words.Bounded(string(from.Annotations[name]), maxText) }
	a := Alert{
		Name: label(model.AlertNameLabel), State: string(from.State), Severity: cmp.Or(label("sloth_severity"), label("severity")), // the catalog may set the word for severity
		Owner:   label("owner"),
		Service: of(d.Names.Service), Namespace: of(d.Names.Namespace), SLO: of(d.Names.SLO),
		Environment: cmp.Or(of(d.Names.Environment), label("environment")),
		Summary:     text("summary"), Description: text("description"), Since: from.ActiveAt.UTC(),
	}
	service := d.Names.Service.In(from.Labels)
	slug := service
	if of := d.Catalog.Emitter(d.Names.Namespace.In(from.Labels), service); of != nil {
		slug, a.Page = of.Slug(), fleet.PagePath(of)
	}
	a.Runbook = d.RunbookOf(slug, cmp.Or(string(from.Labels["slo_alert"]), string(from.Labels[model.AlertNameLabel])), d.Names.SLO.In(from.Labels))
	if a.Runbook == "" {
		a.Runbook = external(string(from.Annotations["runbook_url"]))
	}
	return a
}

// external is a link to somewhere else, if it leads to a page.
func external(link string) string {
	if u, err := url.Parse(link); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || len(link) > maxText {
		return ""
	}
	return link
}

func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
