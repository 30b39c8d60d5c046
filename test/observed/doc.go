// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package observed watches a running collector as Prometheus does, with Prometheus' own code in one
// process: its scrape loop, storage, rule groups, query engine and HTTP API.
//
// Dashboards, rules and runbooks are queries, and a query that names a metric nobody writes is no error
// anywhere: the panel is empty, the alert is silent. So the contract test has the collector and the shop
// run for real, scrapes what they emit and asks every query of it. The browser preview of the
// dashboards draws the same data, through the same API that Grafana would ask.
//
// A run takes a minute, not a week. What is done about that, and nothing else, differs from production:
// time passes faster while it lasts, see [Lapse]; an alert has to hold for two minutes at most; what is asked
// with an offset of days is found in a copy of the run's own samples, see [Prometheus.Copy]; a scrape that takes
// longer than a second ends no series.
package observed
