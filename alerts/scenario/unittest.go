package scenario

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"go.yaml.in/yaml/v3"
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

// WriteUnitTest writes the scenario as a unit test for promtool: which alerts of the rule file fire at
// the given times, as they did in the playback, and that the error ratio recorded for the SLO's period is
// within 1 % of the truth at the last of them. Choose times that are some minutes away from any change:
// promtool evaluates all groups together, Prometheus spreads them over their interval.
func (p *Playback) WriteUnitTest(w io.Writer, ruleFile string, at ...time.Duration) error {
	test := unitTest{
		Name: p.Name, Interval: model.Duration(p.scrape()), Start: p.Start.UTC().Format(time.RFC3339),
	}
	for _, one := range p.series() {
		test.Series = append(test.Series, unitTestSeries{one.labels.String(), p.values(one)})
	}
	file := unitTestFile{RuleFiles: []string{ruleFile}, EvaluationInterval: model.Duration(defaultInterval)}
	for _, g := range p.groups {
		file.GroupEvalOrder = append(file.GroupEvalOrder, g.Name())
	}
	for _, moment := range at {
		for _, name := range p.alertNames() {
			test.Alerts = append(test.Alerts, alertTest{model.Duration(moment), name, p.expected(name, moment)})
		}
	}
	if len(at) > 0 {
		last := slices.Max(at)
		truth := strconv.FormatFloat(Truth{p.Scenario}.PeriodErrorRatio(last), 'f', -1, 64)
		test.Expressions = append(test.Expressions, expressionTest{
			Expr: fmt.Sprintf("count(abs(slo:sli_error:ratio_rate%s{sloth_service=%q, sloth_slo=%q} - %s) <= 0.01 * %[4]s)",
				p.SLO.Window, p.Service.Name, p.SLO.Name, truth),
			At: model.Duration(last), Expected: []expectedSample{{"{}", 1}},
		})
	}
	file.Tests = []unitTest{test}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(file); err != nil {
		return err
	}
	return encoder.Close()
}

// alertNames are the names of all alerting rules, each once.
func (p *Playback) alertNames() []string {
	var names []string
	for _, g := range p.groups {
		for _, r := range g.AlertingRules() {
			if !slices.Contains(names, r.Name()) {
				names = append(names, r.Name())
			}
		}
	}
	return names
}

func (p *Playback) expected(alert string, at time.Duration) []expectedAlert {
	var all []expectedAlert
	for _, e := range p.Fired(alert) {
		if e.Firing <= at && (e.Resolved == 0 || at < e.Resolved) {
			set := e.Labels.Map()
			delete(set, labels.AlertName)
			all = append(all, expectedAlert{set, e.Annotations.Map()})
		}
	}
	return all
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
	for at := time.Duration(0); at <= s.Length; at += s.scrape() {
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
