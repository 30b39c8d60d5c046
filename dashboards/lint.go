// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import "io"

// LintFile holds the exclusions of dashboard-linter for the dashboards in its folder.
const LintFile = ".lint"

type exclusion struct {
	Reason  string      `yaml:"reason"`
	Entries []lintEntry `yaml:"entries,omitempty"`
}

type lintEntry struct {
	Panel string `yaml:"panel"`
}

func panelsCalled(titles ...string) (entries []lintEntry) {
	for _, title := range titles {
		entries = append(entries, lintEntry{title})
	}
	return entries
}

// exclusions are the rules of dashboard-linter that do not fit, each with its reason.
func exclusions() map[string]exclusion {
	const byService = "Service and environment identify the series. job and instance are those of the collector, and any collector may write them."
	return map[string]exclusion{
		"template-datasource-rule": {Reason: "The variable of Prometheus is called datasource and labeled Prometheus in every dashboard, because links between dashboards pass it by that name."},
		"template-job-rule":        {Reason: byService},
		"template-instance-rule":   {Reason: byService},
		"target-job-rule":          {Reason: byService},
		"target-instance-rule":     {Reason: byService},
		"target-rate-interval-rule": {
			Reason:  "These tables always show the last 5 minutes or the last hour, as their descriptions say.",
			Entries: panelsCalled("Failed calls between services", "Burn rate by version", "Callers and dependencies"),
		},
		"panel-units-rule": {
			Reason:  "A multiple of a burn rate and a number of cores have a unit of their own, as suffix:x and suffix:cores. Columns of traces have units by themselves.",
			Entries: panelsCalled("Burn rate, 1 h", "Burn rate against the alerts", "CPU", "Spans", "Traces"),
		},
	}
}

// WriteLint writes the file for dashboard-linter.
func WriteLint(w io.Writer) error {
	return writeYAML(w, map[string]any{"exclusions": exclusions()})
}
