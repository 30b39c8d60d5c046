//go:generate go tool mdatagen metadata.yaml
//go:generate sed -i "s/^package status_page$/package statuspage/" generated_component_test.go generated_package_test.go

// Package statuspage is the status_page extension: a small web application in the collector that shows every SLO, what
// burns, what was deployed, which alerts fire and the runbooks behind them.
//
// It stores nothing but what came in last, in memory, for its search. What it shows is what the catalog says and what a
// Prometheus answers, the embedded one or any other; when Prometheus is down it still shows the catalog and the runbooks,
// for that is when they are needed.
//
// The parts point one way. internal/web has the pages; internal/fleet and internal/service say what is on them;
// internal/prometheus asks, internal/runbook reads, internal/search finds what internal/recent keeps, internal/chart and
// internal/words put numbers as people read them.
package statuspage
