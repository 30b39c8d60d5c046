// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package status_page$/package statuspage/" generated_component_test.go generated_package_test.go

// Package statuspage is the status_page extension: a small web application in the collector that shows SLOs, burn
// rates, deployments, alerts and their runbooks.
//
// It stores only recent telemetry, in memory, for its search. It shows data of the catalog and of a
// Prometheus, the embedded one or any other. If Prometheus is down, it still shows the catalog and the runbooks,
// because they are needed then.
//
// Dependencies point one way. internal/web has the pages; internal/fleet and internal/service load their content;
// internal/prometheus queries, internal/runbook reads pages, internal/search searches the telemetry in internal/recent,
// internal/arrivals remembers what arrived, which internal/doctor of the repository judges, internal/chart draws, and internal/words formats numbers for people.
package statuspage
