// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A Route is one of Alertmanager's routes.
type Route struct {
	Receiver       string   `yaml:"receiver"`
	Matchers       []string `yaml:"matchers,omitempty"`
	GroupBy        []string `yaml:"group_by,omitempty,flow"`
	GroupWait      string   `yaml:"group_wait,omitempty"`
	GroupInterval  string   `yaml:"group_interval,omitempty"`
	RepeatInterval string   `yaml:"repeat_interval,omitempty"`
	Routes         []Route  `yaml:"routes,omitempty"`
}

// A Receiver is one of Alertmanager's, by its name.
type Receiver struct {
	Name string `yaml:"name"`
}

// A Routing is a part of Alertmanager's configuration: who gets which alerts, and which are one notification.
type Routing struct {
	Route     Route      `yaml:"route"`
	Receivers []Receiver `yaml:"receivers"`
}

const (
	pager   = "pager"
	tickets = "tickets"

	pagesWait = "45s"
)

// Routes make one notification of what fires for a service in an environment: of all its SLOs, and of the deployment that did it. Together with
// [Inhibition], an incident is one notification: pages wait for longer than the time between two evaluations of their rules, so that the
// alert of a dependency is there, too. Pages go to the pager, those of tier 1 more often, and the rest is tickets.
func Routes(services ...*catalog.Service) Routing {
	severities := map[string]bool{regexp.QuoteMeta(Page): true} // the catalog may have other words for it
	for _, s := range services {
		severities[regexp.QuoteMeta(s.Alerting(nil).Word(Page))] = true
		for _, slo := range s.SLOs {
			severities[regexp.QuoteMeta(s.Alerting(slo).Word(Page))] = true
		}
	}
	pages := "severity=~" + quote(strings.Join(slices.Sorted(maps.Keys(severities)), "|"))
	return Routing{
		Route: Route{
			Receiver: tickets, GroupBy: perService, GroupWait: "1m", GroupInterval: "15m", RepeatInterval: "1d",
			Routes: []Route{
				{Receiver: pager, Matchers: []string{pages, `tier="1"`}, GroupWait: pagesWait, GroupInterval: "5m", RepeatInterval: "1h"},
				{Receiver: pager, Matchers: []string{pages}, GroupWait: pagesWait, GroupInterval: "5m", RepeatInterval: "4h"},
			},
		},
		Receivers: []Receiver{{pager}, {tickets}},
	}
}

// Write writes the routes as a part of Alertmanager's configuration.
func (r Routing) Write(w io.Writer) error {
	if _, err := io.WriteString(w, Header+"# A part of Alertmanager's configuration. Add your pager and your tickets to the receivers.\n"); err != nil {
		return err
	}
	return encode(w, r)
}
