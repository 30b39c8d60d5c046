// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A service builds the dashboard of one service.
type service struct {
	*catalog.Service
	options Options
	names   *names
	board   *board
	// inCatalog are the services that have a dashboard, and uids are those of their dashboards.
	inCatalog *catalog.Index
	uids      map[*catalog.Service]string
}

// of matches the service's series in the chosen environments.
func (s service) of(more ...matcher) []matcher {
	return append(append(s.anywhere(), chosen(semconv.Environment, variableEnvironment)), more...)
}

// recorded matches recorded series of the service, in the chosen environments and without an environment.
func (s service) recorded(more ...matcher) []matcher {
	return append(append(s.anywhere(), chosenOrNone(semconv.Environment, variableEnvironment)), more...)
}

// anywhere matches the service's series in all environments.
func (s service) anywhere(more ...matcher) []matcher {
	matchers := []matcher{equal(semconv.ServiceName, s.Name)}
	if s.Namespace != "" {
		matchers = append(matchers, equal(semconv.ServiceNamespace, s.Namespace))
	}
	return append(matchers, more...)
}

// dashboard begins with SLOs, alerts and contacts. Then follow one row
// for each SLO, of which the first is open, and rows for requests, deployments, logs and traces.
func (s service) dashboard(uid string) []byte {
	s.board.add(strip{7, []panel{s.overview(), s.alerts(), s.people()}})
	for i, slo := range s.SLOs {
		objective{s, slo}.row(i > 0)
	}
	s.requests()
	s.dependencies()
	s.saturation()
	s.deployments()
	s.evidence()

	d := newDashboard(uid, plain(s.Name), "SLOs, requests, deployments, logs and traces of "+plain(s.Name)+". "+plain(s.Description))
	d.Panels = s.board.panels
	d.Templating.List = s.variables()
	d.Annotations.List = s.annotations()
	d.Links = s.links()
	return encode(d)
}

// alerts are the firing alerts in all environments, so that a page is never hidden.
func (s service) alerts() panel {
	runbook := linked("Runbook", address(s.options.RunbookURL, s.Slug())+"/${__value.text}")
	return newTable(about{"alerts", "Alerts", "Firing and pending alerts in all environments. Good is an empty table. " +
		"A page needs action now, a ticket within working hours. The name links to the runbook.", 10},
		look{unit: "none", steps: from("transparent"), none: "Nothing fires, or no Prometheus evaluates the rules in alerts/", overrides: []dashboard.DashboardFieldConfigSourceOverrides{
			field("Alert", "links", runbook, "custom.width", 185), field("Environment", "custom.width", 95),
			field("Severity", "custom.width", 85, "custom.cellOptions", colored(), "mappings", words([2]string{"page", bad}, [2]string{"ticket", warning})),
			field("State", "custom.width", 70, "custom.cellOptions", colored(), "mappings", words([2]string{"firing", bad}, [2]string{"pending", notice})),
		}},
		columns{{label(attrAlert), "Alert"}, {label(semconv.SLOName), "SLO"}, {label(semconv.Environment), "Environment"},
			{label(attrSeverity), "Severity"}, {label(attrAlertState), "State"}, {"Value", ""}},
		"Severity",
		rows("alerts", s.names.series(metricAlerts, s.anywhere()...).max(attrAlert, semconv.SLOName, semconv.Environment, attrSeverity, attrAlertState)))
}

// people shows the service's owner and contacts.
func (s service) people() panel {
	var b strings.Builder
	item := func(name, text string) {
		if text = strings.TrimSpace(text); text != "" {
			b.WriteString("- " + name + ": " + text + "\n")
		}
	}
	item("Owner", "**"+markdown(s.Owner)+"**")
	item("Tier", strconv.Itoa(s.Tier))
	item("Chat", markdown(s.Escalation.Chat))
	item("Pager", anchor(s.Escalation.Pager))
	item("Email", markdown(s.Escalation.Email))
	item("Wiki", anchor(s.Escalation.Wiki))
	item("Runbooks", "[all of this service]("+address(s.options.RunbookURL, s.Slug())+")")
	if len(s.DependsOn) > 0 {
		var on []string
		for _, d := range s.inCatalog.Dependencies(s.Service) {
			if d.Service != nil {
				on = append(on, "["+markdown(d.Reference)+"](/d/"+s.uids[d.Service]+")")
			} else {
				on = append(on, markdown(d.Reference))
			}
		}
		item("Needs", strings.Join(on, ", "))
	}
	return newText(about{"people", "Who", "The service's owner and contacts, from the service catalog. Good is a name that responds. If a contact is wrong, fix the catalog.", 4}, b.String())
}

// anchor is a web address as a link that shows its host, and anything else as text.
func anchor(text string) string {
	if to, ok := webAddress(text); ok {
		host, _, _ := strings.Cut(strings.SplitAfterN(to, "://", 2)[1], "/")
		return "[" + markdown(host) + "](" + to + ")"
	}
	return markdown(text)
}

// toService links a service's name to its dashboard, over the same time and environment.
var toService = linked("Dashboard", "/d/"+uidPrefix+"${__value.text}?${__url_time_range}&${"+variableEnvironment+":queryparam}")

func (s service) links() []dashboard.DashboardLink {
	fleet := newLink("Fleet", "/d/"+FleetUID, "All services")
	fleet.Icon, fleet.TargetBlank, fleet.KeepTime = "dashboard", false, true
	links := []dashboard.DashboardLink{fleet, newLink("Runbooks", address(s.options.RunbookURL, s.Slug()), "Runbooks for alerts")}
	if to, ok := webAddress(s.Repository); ok {
		links = append(links, newLink("Repository", to, "The service's source code"))
	}
	return links
}
