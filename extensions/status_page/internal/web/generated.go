// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"net/http"
	"path"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/dashboards"
)

// rules serves the rule file of a service, as `srectl generate alerts` writes it, for a ruler that loads it from here.
func (s *site) rules(w http.ResponseWriter, r *http.Request) {
	slug, isFile := strings.CutSuffix(r.PathValue("file"), ".yaml")
	service := s.bySlug(strings.TrimSuffix(slug, ".rules"))
	if !isFile || service == nil {
		http.Error(w, "No service of the catalog has this rule file. Rules are at /rules/SERVICE.yaml.", http.StatusNotFound)
		return
	}
	var text bytes.Buffer
	if err := alerts.Of(service, s.linkedTo(r)).WriteRules(&text); err != nil {
		http.Error(w, "The rules cannot be written.", http.StatusInternalServerError)
		return
	}
	serve(w, "application/yaml", text.Bytes())
}

// dashboards serves the dashboard of a service, or one of all services, for Grafana.
func (s *site) dashboards(w http.ResponseWriter, r *http.Request) {
	o := dashboards.Options{Translation: s.linkedTo(r).Translation, RunbookURL: s.linkedTo(r).RunbookURL}
	if having, ok := r.URL.Query()["backends"]; ok {
		var err error
		if o.Without, err = dashboards.Without(kindsOf(having)); err != nil {
			http.Error(w, "backends: "+err.Error()+".", http.StatusBadRequest)
			return
		}
	}
	plans, _ := dashboards.Plans(s.Catalog().Services, o) // `srectl generate` shows the warnings
	for _, p := range plans {
		if path.Base(p.Path) == r.PathValue("file") {
			serve(w, "application/json", p.Make())
			return
		}
	}
	http.Error(w, "There is no such dashboard. Dashboards are at /dashboards/SERVICE.json.", http.StatusNotFound)
}

// kindsOf are the kinds in a parameter, which are separated by commas; it may be there several times.
func kindsOf(values []string) []string {
	return strings.FieldsFunc(strings.Join(values, ","), func(r rune) bool { return r == ',' })
}

func serve(w http.ResponseWriter, kind string, text []byte) {
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(text) // the client may be gone
}

// bySlug is a service of the catalog, or the collector itself.
func (s *site) bySlug(slug string) *catalog.Service {
	if own := alerts.CollectorService(); slug == own.Slug() {
		return own
	}
	for _, service := range s.Catalog().Services {
		if service.Slug() == slug {
			return service
		}
	}
	return nil
}

// linkedTo are the options of rules whose links lead to the pages of this server, under the name by which the client knows it.
func (s *site) linkedTo(r *http.Request) alerts.Options {
	base := "http://" + r.Host
	if r.TLS != nil {
		base = "https://" + r.Host
	}
	return alerts.Options{Translation: s.Translation, RunbookURL: base + "/runbooks", DashboardURL: base + "/services", IncidentURL: base + "/incidents"}
}
