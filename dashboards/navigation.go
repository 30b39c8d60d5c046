// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"path"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The uids of the dashboards about several services.
const (
	DeploymentsUID = "sre_deployments"
	CorrelationUID = "sre_correlation"
	CollectorUID   = "sre_collector"
)

// reserved are the names of their files, which no service's can have.
var reserved = map[string]bool{"fleet": true, "deployments": true, "correlation": true, "collector": true}

// shared are the dashboards about several services.
func shared(n *names, o Options) []Plan {
	plan := func(uid, name string, dashboard func() []byte) Plan {
		return Plan{uid, path.Join(Folder, name+".json"), nil, dashboard}
	}
	return []Plan{
		plan(FleetUID, "fleet", func() []byte { return newFleet(n, o).dashboard() }),
		plan(DeploymentsUID, "deployments", func() []byte { return newReleases(n, o).dashboard() }),
		plan(CorrelationUID, "correlation", func() []byte { return newExplorer(n, o).dashboard() }),
		plan(CollectorUID, "collector", func() []byte { return newCollector(n, o).dashboard() }),
	}
}

// navigation links to the other dashboards about several services.
func navigation(from string) []dashboard.DashboardLink {
	var links []dashboard.DashboardLink
	for _, to := range [...][3]string{
		{FleetUID, "Fleet", "All SLOs, the worst first"},
		{DeploymentsUID, "Deployments", "Running versions and DORA metrics"},
		{CorrelationUID, "Correlation", "All spans and logs with an ID"},
		{CollectorUID, "Collector", "Health of the collector itself"},
	} {
		if to[0] == from {
			continue
		}
		one := newLink(to[1], "/d/"+to[0], to[2])
		one.Icon, one.TargetBlank, one.KeepTime = "dashboard", false, true
		links = append(links, one)
	}
	return links
}
