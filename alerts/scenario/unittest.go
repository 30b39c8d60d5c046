package scenario

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/rules"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// The format of promtool's unit tests, as `promtool test rules` reads it.
type unitTestFile struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	GroupEvalOrder     []string       `yaml:"group_eval_order"`
	Tests              []unitTest     `yaml:"tests"`
}

type unitTest struct {
	Name        string           `yaml:"name"`
	Interval    model.Duration   `yaml:"interval"`
	Start       string           `yaml:"start_timestamp"`
	Series      []unitTestSeries `yaml:"input_series"`
	Alerts      []alertTest      `yaml:"alert_rule_test,omitempty"`
	Expressions []expressionTest `yaml:"promql_expr_test,omitempty"`
}

type unitTestSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type alertTest struct {
	At       model.Duration  `yaml:"eval_time"`
	Alert    string          `yaml:"alertname"`
	Expected []expectedAlert `yaml:"exp_alerts,omitempty"`
}

type expectedAlert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations,omitempty"`
}

type expressionTest struct {
	Expr     string           `yaml:"expr"`
	At       model.Duration   `yaml:"eval_time"`
	Expected []expectedSample `yaml:"exp_samples"`
}

type expectedSample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// WriteUnitTest writes a scenario as a unit test for promtool: which alerts of the rule file fire at
// the given times, and that the error budget recorded is within 1 % of the truth at the last of them. What is
// expected is what happens here when all groups are evaluated together, as promtool does it.
func WriteUnitTest(ctx context.Context, w io.Writer, s *Scenario, groups rulefmt.RuleGroups, ruleFile string, at ...time.Duration) error {
	file := newUnitTestFile(groups, ruleFile)
	test, err := newUnitTest(ctx, s, groups, at)
	if err != nil {
		return err
	}
	file.Tests = []unitTest{test}
	return file.write(w)
}

// WriteOutageTests writes a unit test file for the rules of a service: for each SLO that the collector
// counts, eight clean hours, half an hour in which everything fails, and two that are clean again.
func WriteOutageTests(ctx context.Context, w io.Writer, s *catalog.Service, groups rulefmt.RuleGroups, ruleFile string) error {
	file := newUnitTestFile(groups, ruleFile)
	for _, slo := range s.SLOs {
		if slo.SLI.Prometheus != nil {
			continue // which metrics its queries read, nobody here knows
		}
		const clean, outage, after = 8 * hour, hour / 2, 2 * hour
		var environment string
		if len(s.Environments) > 0 {
			environment = s.Environments[0]
		}
		test, err := newUnitTest(ctx, &Scenario{
			Name: "total outage of " + s.Name + "/" + slo.Name, Service: s, SLO: slo, Environment: environment,
			Start: time.Date(2026, time.March, 16, 0, 0, 0, 0, time.UTC), Length: clean + outage + after, Scrape: time.Minute,
			Streams: []Stream{{Version: "1.0.0", Traffic: []Phase{{clean, 600, 0}, {outage, 600, 1}, {after, 600, 0}}}},
		}, groups, []time.Duration{clean - hour, clean + outage - 5*time.Minute, clean + outage + after})
		if err != nil {
			return err
		}
		file.Tests = append(file.Tests, test)
	}
	if len(file.Tests) == 0 {
		return nil
	}
	return file.write(w)
}

func newUnitTestFile(groups rulefmt.RuleGroups, ruleFile string) unitTestFile {
	file := unitTestFile{RuleFiles: []string{ruleFile}, EvaluationInterval: model.Duration(defaultInterval)}
	for _, g := range groups.Groups {
		file.GroupEvalOrder = append(file.GroupEvalOrder, g.Name)
	}
	return file
}

func (f unitTestFile) write(w io.Writer) error {
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(f); err != nil {
		return err
	}
	return encoder.Close()
}

func newUnitTest(ctx context.Context, s *Scenario, file rulefmt.RuleGroups, at []time.Duration) (unitTest, error) {
	test := unitTest{Name: s.Name, Interval: model.Duration(s.Interval()), Start: s.Start.UTC().Format(time.RFC3339)}
	for _, one := range s.series() {
		test.Series = append(test.Series, unitTestSeries{one.labels.String(), s.values(one)})
	}
	if len(at) == 0 {
		return test, nil
	}
	p, err := prepare(ctx, s, file, nil)
	if err != nil {
		return test, err
	}
	last := slices.Max(at)
	for now := time.Duration(0); now <= last; now += defaultInterval {
		for _, g := range p.groups {
			g.Eval(ctx, s.Start.Add(now))
		}
		if slices.Contains(at, now) {
			test.Alerts = append(test.Alerts, p.firing(now)...)
		}
	}
	spent := number(1 - Truth{s}.BudgetRemaining(last))
	test.Expressions = []expressionTest{{
		Expr: fmt.Sprintf("count(abs(1 - slo:period_error_budget_remaining:ratio{sloth_service=%q, sloth_slo=%q} - %s) <= 0.01 * %s)",
			s.Service.Name, s.SLO.Name, spent, spent),
		At: model.Duration(last), Expected: []expectedSample{{"{}", 1}},
	}}
	return test, p.Close()
}

// firing are the tests of all alerts at the time of their last evaluation.
func (p *Playback) firing(now time.Duration) []alertTest {
	var names []string
	expected := make(map[string][]expectedAlert)
	for _, g := range p.groups {
		for _, r := range g.AlertingRules() {
			if !slices.Contains(names, r.Name()) {
				names = append(names, r.Name())
			}
			for _, a := range r.ActiveAlerts() {
				if a.State == rules.StateFiring {
					set := a.Labels.Map()
					delete(set, labels.AlertName)
					expected[r.Name()] = append(expected[r.Name()], expectedAlert{set, a.Annotations.Map()})
				}
			}
		}
	}
	var tests []alertTest
	for _, name := range names {
		tests = append(tests, alertTest{model.Duration(now), name, expected[name]})
	}
	return tests
}

// values are a series' samples in promtool's short form: 0+5x10 is 0 and ten more, each 5 greater.
func (s *Scenario) values(one series) string {
	var runs []string
	var first, step float64
	count := 0 // of samples in the run
	missing := 0
	flush := func() {
		switch {
		case missing > 0:
			runs = append(runs, "_x"+strconv.Itoa(missing))
		case count > 1:
			runs = append(runs, fmt.Sprintf("%s%sx%d", number(first), signed(step), count-1))
		case count == 1:
			runs = append(runs, number(first))
		}
		count, missing = 0, 0
	}
	live := false
	for at := time.Duration(0); at <= s.Length; at += s.Interval() {
		v, ok := one.at(s.Start.Add(at))
		switch {
		case !ok && live:
			flush()
			runs = append(runs, "stale")
		case !ok:
			if count > 0 {
				flush()
			}
			missing++
		case count == 1 && missing == 0:
			step = v - first
			count++
		case count > 1 && first+step*float64(count) == v:
			count++
		default:
			flush()
			first, count = v, 1
		}
		live = ok
	}
	flush()
	return strings.Join(runs, " ")
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func signed(v float64) string {
	if v < 0 {
		return number(v)
	}
	return "+" + number(v)
}
