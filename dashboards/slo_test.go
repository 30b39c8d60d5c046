// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func TestTimeFrom(t *testing.T) {
	rolling := func(d time.Duration) catalog.Window { return catalog.Window{Rolling: d} }
	calendar := func(unit catalog.CalendarUnit) catalog.Window {
		return catalog.Window{Calendar: &catalog.Calendar{Unit: unit, Location: time.UTC}}
	}
	for want, window := range map[string]catalog.Window{
		"30d": rolling(30 * 24 * time.Hour), "36h": rolling(36 * time.Hour), "90m": rolling(90 * time.Minute),
		"now/d": calendar(catalog.Day), "now/y": calendar(catalog.Year), "now/w": calendar(catalog.Week), "now/M": calendar(catalog.Month), "now/fQ": calendar(catalog.Quarter),
	} {
		assert.Equal(t, want, timeFrom(window))
	}
}

// Grafana needs thresholds in ascending order; factors that were moved may be equal or in another one.
func TestThresholdsAscend(t *testing.T) {
	of := service{Service: &catalog.Service{Name: "checkout"}, names: newNames(DefaultOptions().Translation)}
	for _, percent := range []float64{99.99, 99.9, 99, 90, 50, 5} {
		for _, window := range []time.Duration{36 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour} {
			o := objective{of, &catalog.SLO{Objective: percent, Window: catalog.Window{Rolling: window}}}
			assertAscending(t, o.burnSteps())
			stat := o.exhaustionStat("").FieldConfig
			require.NotNil(t, stat)
			assertAscending(t, stat.Defaults.Thresholds.Steps)
		}
	}
	o := objective{of, &catalog.SLO{Objective: 99.9, Window: catalog.Window{Rolling: 30 * 24 * time.Hour}}}
	assert.Equal(t, from(good, step(1, warning), step(3, warning), step(6, bad), step(14.4, bad)), o.burnSteps())
}

func assertAscending(t *testing.T, steps []dashboard.Threshold) {
	t.Helper()
	require.Nil(t, steps[0].Value)
	for i := 2; i < len(steps); i++ {
		assert.Greater(t, *steps[i].Value, *steps[i-1].Value)
	}
}

// An SLO with groups has a table of them, the burn rate is that of the worst one, and any number of pairs has a panel.
func TestGroupsOnTheDashboard(t *testing.T) {
	c, problems := catalog.Parse("edge.yaml", []byte(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: edge}
spec:
  slos:
    - name: availability
      objective: 99.9
      sli: {prometheus: {errors: 'sum by (host) (rate(e[{{.window}}]))', total: 'sum by (host) (rate(t[{{.window}}]))'}}
      alerts: {pairs: [{severity: page, long: 1h, short: 5m, factor: 10}]}
`))
	require.NoError(t, problems.Err())
	files, _ := Generate(c.Services, DefaultOptions())
	var text strings.Builder
	for _, f := range files {
		text.Write(f.JSON)
	}
	for _, want := range []string{"min by (deployment_environment_name, host) (slo:period_error_budget_remaining:ratio", "max by (deployment_environment_name) (min by (deployment_environment_name, host)", `"Groups"`} {
		assert.Contains(t, text.String(), want)
	}
}

// What the collector counts, too: the attributes of groups are labels there.
func TestCountedGroupsOnTheDashboard(t *testing.T) {
	c, problems := catalog.Parse("edge.yaml", []byte(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: edge}
spec:
  slos: [{name: availability, objective: 99.9, groupBy: [host.name], sli: {availability: {}}}]
`))
	require.NoError(t, problems.Err())
	files, _ := Generate(c.Services, DefaultOptions())
	var text strings.Builder
	for _, f := range files {
		text.Write(f.JSON)
	}
	for _, want := range []string{
		"min by (deployment_environment_name, host_name) (slo:period_error_budget_remaining:ratio", `"Groups"`,
		"max by (deployment_environment_name) (min by (deployment_environment_name, host_name) (slo_burn_rate_ratio", `"host.name"`,
	} {
		assert.Contains(t, text.String(), want)
	}
}
