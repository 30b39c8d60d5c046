// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// A page names the version that began before it, and the one before; not one of long ago.
func TestPagesNameTheNewestVersion(t *testing.T) {
	for name, test := range map[string]struct {
		deploy scenario.Span
		want   string
	}{
		"deployed before": {scenario.Span{Begin: 6*hour - 10*minute}, ` Newest version: 2.0.0, first seen 1\dm.* ago, after 1.0.0\.$`},
		"long ago":        {scenario.Span{Begin: 10 * minute}, `The objective of 99.9 % allows 0.1 %\.$`},
	} {
		t.Run(name, func(t *testing.T) {
			objectives(t, periods[:1], func(t *testing.T, s scenario.Scenario) {
				if s.SLO.SLI.Prometheus != nil {
					return // of queries no versions are known
				}
				s.Watch.Begin, s.Length = 5*hour, 7*hour
				s.Streams = []stream{{Version: "2.0.0", Traffic: []phase{{For: 6 * hour, PerMinute: rate}, {For: hour, PerMinute: rate, Bad: 1}}}}
				s.Versions = []scenario.Version{
					{Name: "1.0.0", Status: "completed", Life: scenario.Span{}, Instances: 3},
					{Name: "2.0.0", Status: "started", Life: test.deploy, Instances: 3},
				}
				fired := sweep(t, &s).Fired("ErrorBudgetBurnCritical")
				require.Len(t, fired, 1)
				assert.Regexp(t, test.want, fired[0].Annotations.Get("description"))
			})
		})
	}
}

// A page says what the bad events have in common, as the ledger has it, cut and on one line.
func TestPagesSayWhatExplains(t *testing.T) {
	for name, test := range map[string]struct {
		slo, value string
		want       string
	}{
		"of the SLO":       {"", "gold\n<b>" + strings.Repeat("x", 200), ` They have in common: app\.plan = gold <b>x{92}\.$`},
		"of another one":   {"another", "gold", `The objective of 99.9 % allows 0.1 %\.$`},
		"without a ledger": {"none", "", `The objective of 99.9 % allows 0.1 %\.$`},
	} {
		t.Run(name, func(t *testing.T) {
			objectives(t, periods[:1], func(t *testing.T, s scenario.Scenario) {
				if s.SLO.SLI.Prometheus != nil {
					return // of queries there is no ledger
				}
				s.Watch.Begin, s.Length = 5*hour, 7*hour
				s.Streams = []stream{{Version: "2.0.0", Traffic: []phase{{For: 6 * hour, PerMinute: rate}, {For: hour, PerMinute: rate, Bad: 1}}}}
				for value, n := range map[string]float64{test.value: 71, "silver": 3} {
					if test.slo == "none" {
						break
					}
					s.Others = append(s.Others, scenario.Other{
						Labels: labels.FromStrings(model.MetricNameLabel, "slo_ledger_events", "service_name", s.Service.Name, "service_namespace", s.Service.Namespace,
							"deployment_environment_name", s.Environment, "slo_name", cmp.Or(test.slo, s.SLO.Name), "slo_ledger_attribute", "app.plan", "slo_ledger_value", value),
						At: func(at time.Duration) (float64, bool) { return n, at > 6*hour },
					})
				}
				fired := sweep(t, &s).Fired("ErrorBudgetBurnCritical")
				require.Len(t, fired, 1)
				assert.Regexp(t, test.want, fired[0].Annotations.Get("description"))
			})
		})
	}
}
