// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
)

// fromCatalog begins the names of files that are not there: their rules are made from the catalog.
const fromCatalog = "catalog/"

// catalogRules are the rules of the catalog's services and of the collector, made here, so that they follow the catalog.
type catalogRules struct {
	options alerts.Options
	// services are those that get rules, in a slice of their own; nil without a catalog.
	services func() []*catalog.Service
	// news has an item when there is a new catalog.
	news chan struct{}
	// cancel ends the subscription; nil without one.
	cancel func()
	// made are the rules by the name of their file.
	made map[string]madeRules
}

type madeRules struct {
	service *catalog.Service
	digest  string
	groups  *rulefmt.RuleGroups
}

// followCatalog finds the catalog whose services get rules, if one is configured.
func followCatalog(host component.Host, config *Config) (*catalogRules, error) {
	r := &catalogRules{options: alerts.Options{Translation: config.TranslationStrategy, RunbookURL: config.RunbookURL, DashboardURL: config.DashboardURL, IncidentURL: config.IncidentURL}}
	if config.Catalog == nil {
		return r, nil
	}
	source, err := servicecatalog.Find(host, *config.Catalog)
	if err != nil {
		return nil, err
	}
	heard := servicecatalog.Heard(source)
	r.services = func() []*catalog.Service { return slices.DeleteFunc(slices.Clone(heard.Catalog().Services), proposed) }
	r.news = make(chan struct{}, 1)
	r.cancel = source.Subscribe(func(*catalog.Catalog) {
		select {
		case r.news <- struct{}{}:
		default:
		}
	})
	return r, nil
}

// proposed services have no alerts: nobody has agreed to their SLOs yet.
func proposed(s *catalog.Service) bool { return s.Origin != nil && s.Origin.Proposed }

func (r *catalogRules) unfollow() {
	if r != nil && r.cancel != nil {
		r.cancel()
	}
}

// refresh makes the rules of services that have changed. It reports whether any rules are others than before.
func (r *catalogRules) refresh() (changed bool) {
	if r.services == nil {
		return false
	}
	own := alerts.CollectorService()
	// A service with the collector's name gets no rules: they would take the place of the collector's.
	services := append(slices.DeleteFunc(r.services(), func(s *catalog.Service) bool { return s.Slug() == own.Slug() }), own)
	made := make(map[string]madeRules, len(services))
	for _, s := range services {
		name := fromCatalog + alerts.FileName(s)
		m, there := r.made[name]
		if !there || m.service != s {
			if digest := s.Digest(); !there || m.digest != digest {
				m, changed = madeRules{digest: digest, groups: &rulefmt.RuleGroups{Groups: alerts.Of(s, r.options).Groups}}, true
			}
			m.service = s
		}
		made[name] = m
	}
	for gone := range r.made {
		_, stays := made[gone]
		changed = changed || !stays
	}
	r.made = made
	return changed
}

// without are the names of the files whose groups no rule file has. A rule file takes the place of all rules of its service.
func (r *catalogRules) without(groups map[string]bool) []string {
	var names []string
	for name, m := range r.made {
		if !slices.ContainsFunc(m.groups.Groups, func(g rulefmt.RuleGroup) bool { return groups[g.Name] }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// of are the groups of a file, nil if it is not the catalog's.
func (r *catalogRules) of(name string) *rulefmt.RuleGroups {
	if !strings.HasPrefix(name, fromCatalog) {
		return nil
	}
	return r.made[name].groups
}
