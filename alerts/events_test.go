// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMeasured: how many events of a step each 1 of a query's value is; 0 is unknown.
func TestMeasured(t *testing.T) {
	const w = "[{{.window}}]"
	for query, want := range map[string]float64{
		"sum(rate(x" + w + "))":                                          300,
		"rate(x" + w + ")":                                               300,
		"sum by (code) (irate(x" + w + "))":                              300,
		"sum(increase(x" + w + "))":                                      1,
		"sum(increase(x[10m])) and increase(x" + w + ") > 0":             0.5,
		"sum(rate(x{a=\"b\"}" + w + ")) or vector(0)":                    300,
		"vector(0) or sum(rate(x" + w + "))":                             300,
		"sum(rate(x" + w + ")) - sum(rate(y" + w + "))":                  300,
		"(sum(rate(x" + w + ")) > 0) unless on () (hour() < 6)":          300,
		"sum(sum_over_time(x" + w + "))":                                 1,
		"sum(count_over_time(x" + w + "))":                               1,
		"histogram_count(sum(rate(x" + w + ")))":                         300,
		"sum(rate(x" + w + ") * on (job) group_left (a) target_info)":    300,
		"sum(max by (pod) (rate(x" + w + ")))":                           300,
		"sum(rate(x" + w + ")) + sum(increase(y" + w + "))":              0,
		"sum(rate(x" + w + ")) * 60":                                     0,
		"sum(rate(x" + w + ")) / sum(rate(y" + w + "))":                  0,
		"avg(rate(x" + w + "))":                                          0,
		"avg_over_time(x" + w + ")":                                      0,
		"sum(rate(x" + w + ")) > bool 0":                                 0,
		"sum_over_time(x[{{.window}}:1m])":                               0,
		"round(sum(rate(x" + w + ")))":                                   0,
		"histogram_quantile(0.9, sum by (le) (rate(x" + w + ")))":        0,
		"sum(rate(x" + w + ")) or sum(y)":                                0,
		"count(last_over_time(x" + w + ") > 0.3)":                        0,
		"label_replace(sum(rate(x" + w + ")), \"a\", \"b\", \"\", \"\")": 300,
	} {
		m := measured(query)
		assert.Equal(t, want, m.perStep, query)
		assert.Equal(t, want == 0, m.obstacle != "", query)
	}
}

func prometheusSLO(t *testing.T, environments, sli string) (File, []Warning) {
	return Generate(one(t, "environments: ["+environments+"]\n  slos:\n    - {name: a, objective: 99, sli: {prometheus: {"+sli+"}}}"), DefaultOptions())
}

const (
	rates  = "errors: 'sum(rate(e[{{.window}}]))', total: 'sum(rate(t[{{.window}}]))'"
	gauges = "errors: 'avg_over_time(e[{{.window}}])', total: 'sum(rate(t[{{.window}}]))'"
	shares = "errorRatio: 'avg_over_time(error_ratio[{{.window}}])'"
)

// Queries that count events have the guard against low traffic; of the others it is said that they have none.
func TestLowTrafficGuardOfQueries(t *testing.T) {
	for name, test := range map[string]struct{ sli, obstacle string }{
		"rates":       {rates, ""},
		"not a count": {gauges, "errors does not count events: avg_over_time(e[5m]) is neither a rate nor an increase"},
		"a ratio":     {shares, "errorRatio does not give a number of events"},
	} {
		t.Run(name, func(t *testing.T) {
			f, warnings := prometheusSLO(t, "", test.sli)
			critical, exhausted := find(t, f, "ErrorBudgetBurnCritical"), find(t, f, "ErrorBudgetExhausted")
			if test.obstacle == "" {
				assert.Empty(t, warnings)
				assert.Contains(t, critical.Expr, "sqrt(4 * ")
				assert.Contains(t, critical.Why, "that it is hardly chance")
				assert.Contains(t, exhausted.Expr, ">= 4.5")
				return
			}
			require.Len(t, warnings, 1)
			assert.Contains(t, warnings[0].Message, test.obstacle)
			assert.Contains(t, warnings[0].Message, "; write errors and total as sum(rate(")
			assert.Equal(t, "checkout.yaml:7", fmt.Sprintf("%s:%d", warnings[0].Position.File, warnings[0].Position.Line))
			assert.NotContains(t, critical.Expr+exhausted.Expr, ">= 4.5")
			assert.NotContains(t, critical.Expr, "sqrt(")
			assert.Contains(t, critical.Why, test.obstacle)
			assert.NotContains(t, exhausted.Why, "at least 5 events")
		})
	}
}

// TestWhatQueriesGive says what is recorded of a query's result, believable or not, and whether SLIImplausible holds.
func TestWhatQueriesGive(t *testing.T) {
	const none = "" // no sample
	series := func(name string) string { return name + `{service_name="checkout",slo_name="a"}` }
	for name, test := range map[string]struct {
		sli, queried, total        string
		recordedTotal, recordedBad string
		implausible                bool
	}{
		"some bad":             {rates, "5", "10", "10", "5", false},
		"all bad":              {rates, "10", "10", "10", "10", false},
		"a little more":        {rates, "10.2", "10", "10", "10", false},
		"more bad than all":    {rates, "50", "10", "10", "10", true},
		"bad without events":   {rates, "5", "0", "0", "0", true},
		"more good than all":   {rates, "-3", "10", "10", "0", true},
		"infinitely many bad":  {rates, "Inf", "10", "10", "10", true},
		"not a number":         {rates, "NaN", "10", "10", "0", false},
		"never an error":       {rates, none, "10", "10", "0", false},
		"no events":            {rates, "0", "0", "0", "0", false},
		"no result":            {rates, none, none, none, none, false},
		"a share":              {shares, "0.25", none, "1", "0.25", false},
		"0/0 is idle":          {shares, "NaN", none, "0", "0", false},
		"percent":              {shares, "25", none, "1", "1", true},
		"1/0":                  {shares, "Inf", none, "0", "0", true},
		"less than none":       {shares, "-1", none, "0", "0", true},
		"no result of a ratio": {shares, none, none, none, none, false},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := prometheusSLO(t, "", test.sli)
			expr := map[string]string{}
			for _, r := range f.Groups[0].Rules {
				expr[r.Record+r.Alert] = strings.ReplaceAll(r.Expr, "\n", " ")
			}
			var script strings.Builder
			load := func(name, value string) {
				if value != none {
					fmt.Fprintf(&script, "load 1m\n  %s %s\n\n", series(name), strings.Repeat(value+" ", 6))
				}
			}
			eval := func(expr, value string) {
				fmt.Fprintf(&script, "eval instant at 5m sum(%s)\n", expr)
				if value != none {
					fmt.Fprintf(&script, "  {} %s\n", value)
				}
				script.WriteString("\n")
			}
			load(recordQueried, test.queried)
			load(recordQueriedTotal, test.total)
			eval(expr[recordTotal], test.recordedTotal)
			eval(expr[recordBad], test.recordedBad)
			fires := none
			if test.implausible {
				fires = "1"
			}
			eval("sgn(abs("+expr["SLIImplausible"]+"))", fires)
			promqltest.RunTest(t, script.String(), promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery))
		})
	}
}

// What the user's query does not say of the environment, a catalog with one environment does.
func TestEnvironmentOfQueries(t *testing.T) {
	const filled = `"deployment_environment_name", "production", "deployment_environment_name", "")`
	f, _ := prometheusSLO(t, "production", rates)
	assert.Contains(t, f.Groups[0].Rules[1].Expr, filled)
	assert.Contains(t, find(t, f, "SLIMissing").Expr, `deployment_environment_name="production"`)
	for name, expr := range map[string]string{
		"two environments": func() string {
			f, _ := prometheusSLO(t, "production, staging", rates)
			return f.Groups[0].Rules[1].Expr
		}(),
		"the query has them all": func() string {
			f, _ := prometheusSLO(t, "production", strings.ReplaceAll(rates, "sum(", "sum by (deployment_environment_name) ("))
			return f.Groups[0].Rules[1].Expr
		}(),
	} {
		assert.NotContains(t, expr, "label_replace", name)
	}
}

// A query that loses one of its environments is noticed, until it is sure that the environment was taken down; one that loses all is
// noticed for as long as it lasts.
func TestMissingEnvironment(t *testing.T) {
	for name, test := range map[string]struct {
		listed string
		// gone are the environments whose series end after an hour, of production and staging.
		gone []string
		// soon and late are the environments that are missed half an hour and two days later, - if none in particular.
		soon, late []string
	}{
		"none":                   {"", nil, nil, nil},
		"one":                    {"", []string{"production"}, []string{"production"}, nil},
		"one that is listed":     {"production, staging", []string{"production"}, []string{"production"}, nil},
		"one that is not listed": {"production, canary", []string{"staging"}, nil, nil},
		"the only one listed":    {"production", []string{"production"}, []string{"production"}, []string{"production"}},
		"all":                    {"", []string{"production", "staging"}, []string{"production", "staging"}, []string{"-"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := prometheusSLO(t, test.listed, strings.ReplaceAll(rates, "sum(", "sum by (deployment_environment_name) ("))
			var script strings.Builder
			script.WriteString("load 1m\n")
			for _, environment := range []string{"production", "staging"} {
				samples := "1x4000"
				if slices.Contains(test.gone, environment) {
					samples = "1x60"
				}
				fmt.Fprintf(&script, "  %s{service_name=\"checkout\", slo_name=\"a\", deployment_environment_name=%q} %s\n", recordTotal, environment, samples)
			}
			script.WriteString("\n")
			expr := "count by (deployment_environment_name) (" + strings.ReplaceAll(find(t, f, "SLIMissing").Expr, "\n", " ") + ")"
			for at, environments := range map[string][]string{"30m": nil, "90m": test.soon, "49h": test.late} {
				fmt.Fprintf(&script, "eval instant at %s %s\n", at, expr)
				for _, environment := range environments {
					if environment == "-" {
						script.WriteString("  {} 1\n")
					} else {
						fmt.Fprintf(&script, "  {deployment_environment_name=%q} 1\n", environment)
					}
				}
				script.WriteString("\n")
			}
			promqltest.RunTest(t, script.String(), promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery))
		})
	}
}

// During maintenance no events are recorded, which is no reason to call anybody.
func TestNothingIsMissingDuringMaintenance(t *testing.T) {
	for name, sli := range map[string]string{"counted": "availability: {}", "queried": "prometheus: {" + rates + "}"} {
		for maintenance, fires := range map[string]string{"": "1", "maintenance: [{start: 1970-01-01T01:00:00Z, end: 1970-01-01T02:00:00Z, reason: a new rack}]": ""} {
			t.Run(name+" "+maintenance, func(t *testing.T) {
				f, _ := Generate(one(t, maintenance+"\n  slos: [{name: a, objective: 99, sli: {"+sli+"}}]"), DefaultOptions())
				script := "load 1m\n  " + recordTotal + `{service_name="checkout", slo_name="a"} 1x60 _x64 1x60` +
					"\n  " + `service_telemetry_last_seen_seconds{service_name="checkout"} 0+60x200` + "\n\n"
				for at, want := range map[string]string{"59m": "", "90m": fires, "2h6m": ""} {
					script += "eval instant at " + at + " count(" + strings.ReplaceAll(find(t, f, "SLIMissing").Expr, "\n", " ") + ")\n"
					if want != "" {
						script += "  {} " + want + "\n"
					}
					script += "\n"
				}
				promqltest.RunTest(t, script, promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery))
			})
		}
	}
}

// A rule that reads a recorded series no rule records is never true, and nothing says so.
func TestEveryRecordedSeriesIsRecorded(t *testing.T) {
	for _, s := range append(examples(t), one(t, "slos:\n    - {name: a, objective: 99, calendar: {unit: quarter}, sli: {availability: {}}}\n    - {name: b, objective: 99, window: 3d, sli: {prometheus: {"+shares+"}}}")) {
		f, _ := Generate(s, DefaultOptions())
		// A series of an SLO is known by its name and the SLO's, others by their name.
		recorded := map[string]bool{}
		all := func(visit func(rulefmt.Rule)) {
			for _, g := range f.Groups {
				for _, r := range g.Rules {
					visit(r)
				}
			}
		}
		all(func(r rulefmt.Rule) {
			recorded[r.Record], recorded[r.Record+" "+r.Labels["slo_name"]] = true, true
		})
		all(func(r rulefmt.Rule) {
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
			require.NoError(t, err)
			parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
				if v, ok := node.(*parser.VectorSelector); ok && strings.Contains(v.Name, ":") {
					key := v.Name
					for _, m := range v.LabelMatchers {
						if m.Name == "slo_name" {
							key += " " + m.Value
						}
					}
					assert.True(t, recorded[key], "%s%s reads %s", r.Record, r.Alert, key)
				}
				return nil
			})
		})
	}
}

// Ranges of days are over recorded series: one sample an interval and SLO, however many series were counted.
func TestNoLongRangeOfRawSamples(t *testing.T) {
	o := DefaultOptions()
	o.GoldenSignals = true
	for _, s := range examples(t) {
		f, _ := Generate(s, o)
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
				require.NoError(t, err)
				parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
					_, subquery := node.(*parser.SubqueryExpr)
					assert.False(t, subquery, "%s%s evaluates a subquery", r.Record, r.Alert)
					if m, ok := node.(*parser.MatrixSelector); ok && m.Range > longestGap {
						assert.Contains(t, m.VectorSelector.(*parser.VectorSelector).Name, ":", "%s%s", r.Record, r.Alert)
					}
					return nil
				})
			}
		}
	}
}

// Names and labels that people and Sloth's UI go by are on every rule.
func TestLabelsAreComplete(t *testing.T) {
	slothed := regexp.MustCompile(`^(slo:(sli_|objective|error_budget|time_period|current_|period_).*|sloth_slo_info)$`)
	for _, s := range examples(t) {
		f, _ := Generate(s, DefaultOptions())
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				want := []string{"service_name", "service_namespace"}
				if r.Alert != "" {
					want = append(want, "severity", "owner", "tier", "environment")
				}
				counted := strings.HasSuffix(r.Record, ":increase5m") // no name of Sloth's, and summed over days
				if counted && strings.HasPrefix(r.Record, "slo:sli_") {
					want = append(want, "slo_name")
				}
				if slothed.MatchString(r.Record) && !counted || r.Alert != "" && r.Labels["slo_name"] != "" {
					want = append(want, "slo_name", "sloth_id", "sloth_service", "sloth_slo")
				}
				for _, name := range want {
					assert.NotEmpty(t, r.Labels[name], "%s%s of %s lacks %s", r.Record, r.Alert, g.Name, name)
				}
				assert.Equal(t, strings.HasPrefix(r.Alert, "ErrorBudget") || strings.HasPrefix(r.Alert, "SLI"), r.Labels["sloth_severity"] != "", r.Alert)
			}
		}
	}
}

// Prometheus takes no file with two groups of one name.
func TestGroupNamesAreUnique(t *testing.T) {
	slo := func(name string) string {
		return "\n    - {name: " + name + ", objective: 99, sli: {availability: {}}}"
	}
	f, _ := Generate(one(t, "slos:"+slo("a")+slo("a-period")+slo("service")), DefaultOptions())
	valid(t, rules(t, f))
}
