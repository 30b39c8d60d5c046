// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// BenchmarkEvaluation is what an evaluation of a rule group costs a Prometheus that has seen 20 services with three SLOs each
// for 30 days, beside Sloth's groups for the same SLOs on the same counters.
func BenchmarkEvaluation(b *testing.B) {
	for _, collectors := range []int{1, 5} {
		for _, recipe := range []struct {
			name  string
			rules func(*scenario.Scenario) rulefmt.RuleGroups
			// groups are their kinds, by a part of their names that others have not.
			groups []kind
		}{
			{"ours", generated, []kind{{"minute", isFast}, {"pages", named("-pages")}, {"period", named("-period")}, {"service", named("-service")}}},
			{"sloth", scenario.Sloth, []kind{{"sli", named("sli-recordings")}, {"meta", named("meta-recordings")}, {"alerts", named("-alerts")}}},
		} {
			b.Run(fmt.Sprintf("collectors=%d/%s", collectors, recipe.name), func(b *testing.B) {
				fleet, err := scenario.NewFleet(b.Context(), fleet(b, 20), collectors, recipe.rules)
				require.NoError(b, err)
				defer func() { require.NoError(b, fleet.Close()) }()
				for _, g := range fleet.Groups {
					require.NoError(b, g.Evaluate(b.Context()))
				}
				for _, kind := range recipe.groups {
					b.Run(kind.name, func(b *testing.B) { benchmarkGroups(b, fleet, kind) })
				}
			})
		}
	}
}

// A kind of groups has a name and those that are of it.
type kind struct {
	name string
	has  func(group string) bool
}

func named(part string) func(string) bool {
	return func(group string) bool { return strings.Contains(group, part) }
}

func isFast(group string) bool {
	return !named("-period")(group) && !named("-service")(group) && !named("-pages")(group)
}

func benchmarkGroups(b *testing.B, fleet *scenario.Fleet, kind kind) {
	var groups []*scenario.FleetGroup
	for _, g := range fleet.Groups {
		if kind.has(g.Name()) {
			groups = append(groups, g)
		}
	}
	require.NotEmpty(b, groups)
	before, n := cpuTime(b), 0
	for ; b.Loop(); n++ {
		require.NoError(b, groups[n%len(groups)].Evaluate(b.Context()))
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(n), "cpu-ns/op")
	total, peak, err := groups[0].Samples(b.Context())
	require.NoError(b, err)
	b.ReportMetric(float64(total), "samples/op")
	b.ReportMetric(float64(peak), "peak-samples")
	b.ReportMetric(float64(len(groups[0].Rules())), "rules")
}

// cpuTime is what this process has had so far: on a machine that others use, the wall clock says little.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// fleet are services with three SLOs each, which all had the same 30 days.
func fleet(tb testing.TB, services int) []*scenario.Scenario {
	tb.Helper()
	var all []*scenario.Scenario
	for i := range services {
		c, problems := catalog.Parse("service.yaml", fmt.Appendf(nil, `
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: service-%d}
spec:
  owner: payments
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
    - {name: orders, objective: 99.5, sli: {spans: {match: 'attributes["a"] != nil', good: 'attributes["b"] == true'}}}
`, i))
		require.NoError(tb, problems.Err())
		for _, slo := range c.Services[0].SLOs {
			all = append(all, &scenario.Scenario{
				Name: slo.Name, Service: c.Services[0], SLO: slo, Environment: "production", Start: monday, Length: 30 * day,
				Watch:    span{Begin: 30*day - 10*minute},
				Streams:  []stream{{Version: "1.4.0", Traffic: []phase{{For: 31 * day, PerMinute: rate, Bad: 0.0005}}}},
				Alive:    []span{{}},
				Versions: []scenario.Version{{Name: "1.4.0", Status: "completed", Instances: 3}},
			})
		}
	}
	return all
}
