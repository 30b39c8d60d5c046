// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// TestFileName is the name of the file with the unit tests of a service's rules.
func TestFileName(s *catalog.Service) string { return catalog.FileName(s.Slug()) + ".test.yaml" }

// The format of promtool's unit tests, as `promtool test rules` reads it.
type testFile struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	GroupEvalOrder     []string       `yaml:"group_eval_order"`
	Tests              []ruleTest     `yaml:"tests"`
}

type ruleTest struct {
	Name        string         `yaml:"name"`
	Interval    model.Duration `yaml:"interval"`
	Start       string         `yaml:"start_timestamp"`
	Series      []testSeries   `yaml:"input_series,omitempty"`
	Expressions []exprTest     `yaml:"promql_expr_test"`
}

type testSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type exprTest struct {
	Expr     string         `yaml:"expr"`
	At       model.Duration `yaml:"eval_time"`
	Expected []testSample   `yaml:"exp_samples,omitempty"`
}

type testSample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// WriteTests writes unit tests of the rule file for promtool: a few stories of the service, and which alerts fire
// in them and when. The expected alerts follow from the events of a story, never from the rules.
func (f File) WriteTests(w io.Writer, o Options) error {
	file := testFile{RuleFiles: []string{FileName(f.Service)}, EvaluationInterval: duration(interval)}
	for _, g := range f.Groups {
		file.GroupEvalOrder = append(file.GroupEvalOrder, g.Name)
	}
	begin, ok := start(f.Service)
	t := tester{File: f, names: newNames(o.Translation), start: begin}
	for _, s := range stories {
		if ok {
			file.Tests = append(file.Tests, t.test(s))
		}
	}
	header := f.header() + "# Run it with: promtool test rules " + TestFileName(f.Service) + "\n"
	if _, err := io.WriteString(w, header); err != nil {
		return err
	}
	return encode(w, file)
}

// start is when the stories begin: on a Monday, far from any maintenance, in which events do not count. There is none if operating hours, or
// what comes again, leave no day.
func start(s *catalog.Service) (begin time.Time, ok bool) {
	begin = time.Date(2026, time.March, 16, 0, 0, 0, 0, time.UTC)
	const weeks = 60
	for range weeks {
		if !slices.ContainsFunc(s.SLOs, func(slo *catalog.SLO) bool {
			return len(s.Schedule(slo).Spans(begin.Add(-time.Hour), begin.Add(24*time.Hour))) > 0
		}) {
			return begin, true
		}
		begin = begin.Add(week)
	}
	return begin, false
}

// inStories reports whether the stories say what becomes of the SLO: of one whose events the collector counts, and its budget does.
func inStories(slo *catalog.SLO) bool {
	return slo.SLI.Prometheus == nil && slo.Budgeting.Method == catalog.Occurrences
}

// A tester writes tests of one rule file.
type tester struct {
	File
	names names
	start time.Time
}

func (t *tester) test(s story) ruleTest {
	test := ruleTest{Name: t.Service.Name + ": " + s.name, Interval: duration(interval), Start: t.start.Format(time.RFC3339)}
	forecasts := t.forecasts(s)
	for _, at := range s.checks {
		at, ok := sureFrom(at, forecasts)
		if !ok {
			continue
		}
		s.length = max(s.length, at)
		test.Expressions = append(test.Expressions, exprTest{t.firing(), duration(at), t.firesAt(at, forecasts)})
	}
	if s.failing > 0 && s.perMinute*int(s.failing.Minutes()) >= catalog.DefaultMinimumFailures {
		test.Expressions = append(test.Expressions, t.budgets(s)...)
	}
	test.Series = t.series(s)
	return test
}

// patience is the longest delay of a check until it is certain which alerts fire.
const patience = time.Hour

// forecasts are those of all alerts, except alerts on SLIs whose queries read series that are not known, and on budgets of slices.
func (t *tester) forecasts(s story) []forecast {
	all := make([]forecast, len(t.Alerts))
	for i, a := range t.Alerts {
		if a.SLO == nil || inStories(a.SLO) {
			all[i] = s.forecast(a, slices.Max(s.checks)+patience)
		}
	}
	return all
}

// sureFrom is the first moment, not before at, at which it is sure of every alert whether it fires.
func sureFrom(at time.Duration, forecasts []forecast) (time.Duration, bool) {
	for latest := at + patience; at <= latest; at += interval {
		if !slices.ContainsFunc(forecasts, func(f forecast) bool { return f.sure != nil && !f.sure[at/interval] }) {
			return at, true
		}
	}
	return 0, false
}

func (t *tester) firesAt(at time.Duration, forecasts []forecast) []testSample {
	var fires []testSample
	for i, f := range forecasts {
		if f.fires != nil && f.fires[at/interval] {
			fires = append(fires, testSample{alertLabels(t.Alerts[i]), 1})
		}
	}
	return fires
}

func alertLabels(a Alert) string {
	set := map[string]string{labels.AlertName: a.AlertName(), "severity": a.Labels["severity"]}
	if a.SLO != nil {
		set["slo_alert"] = a.Name
		set[label(semconv.SLOName)] = clean(a.SLO.Name)
	}
	return labels.FromMap(set).String()
}

// firing is a query for the firing alerts that have a forecast.
func (t *tester) firing() string {
	matchers := []matcher{equal("alertstate", "firing")}
	var queried []string
	for _, slo := range t.Service.SLOs {
		if !inStories(slo) {
			queried = append(queried, regexp.QuoteMeta(clean(slo.Name)))
		}
	}
	if len(queried) > 0 {
		matchers = append(matchers, matcher{labels.MatchNotRegexp, label(semconv.SLOName), strings.Join(queried, "|")})
	}
	return "count by (alertname, severity, slo_alert, " + label(semconv.SLOName) + ") (" + selector("ALERTS", matchers...) + ")"
}

// budgets are tests that each recorded budget is correct within 1 %.
func (t *tester) budgets(s story) []exprTest {
	var tests []exprTest
	for _, slo := range t.counted() {
		if budgetByCollector(t.Service, slo) || !inStories(slo) {
			continue
		}
		// The first evaluation is at 0, and the last one at the end.
		spent := s.spent(slo, s.length) * float64(s.length+interval) / float64(s.length) / complete
		tests = append(tests, exprTest{
			Expr: fmt.Sprintf("sum by (%s) (abs((1 - %s) / %s - 1) < bool 0.01)", label(semconv.SLOName),
				selector(recordRemaining, equal(label(semconv.SLOName), slo.Name)), decimal(spent)),
			At:       duration(s.length),
			Expected: []testSample{{labels.FromStrings(label(semconv.SLOName), clean(slo.Name)).String(), 1}},
		})
	}
	return tests
}

// counted are the SLOs that the collector counts.
func (t *tester) counted() []*catalog.SLO {
	return slices.DeleteFunc(slices.Clone(t.Service.SLOs), func(s *catalog.SLO) bool { return s.SLI.Prometheus != nil })
}

// series are the series of a scrape of the collector during a story.
func (t *tester) series(s story) []testSeries {
	var all []testSeries
	add := func(metric, values string, pairs ...string) {
		b := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, metric, "job", collectorName, "instance", "collector-0"))
		environment := ""
		if len(t.Service.Environments) > 0 {
			environment = t.Service.Environments[0]
		}
		pairs = append(pairs, semconv.ServiceName, t.Service.Name, semconv.ServiceNamespace, t.Service.Namespace, semconv.Environment, environment)
		for i := 0; i < len(pairs); i += 2 {
			b.Set(t.names.Attribute(pairs[i]), clean(pairs[i+1]))
		}
		all = append(all, testSeries{b.Labels().String(), values})
	}
	for _, slo := range t.counted() {
		if s.uncounted {
			break
		}
		good, bad := s.counters()
		add(t.names.Metric(semconv.SLOEvents.Metric), good, semconv.SLOName, slo.Name, semconv.SLOOutcome, "good", semconv.ServiceVersion, "1.0.0")
		add(t.names.Metric(semconv.SLOEvents.Metric), bad, semconv.SLOName, slo.Name, semconv.SLOOutcome, "bad", semconv.ServiceVersion, "1.0.0")
		if budgetByCollector(t.Service, slo) {
			end := s.failAt + s.failing
			left := 1 - s.spent(slo, end)
			add(t.names.Metric(semconv.SLORemaining.Metric), line(1, 0, end, true)+line(left, 0, s.length-end, false), semconv.SLOName, slo.Name)
		}
	}
	seen := line(float64(t.start.Unix()), 60, s.alive(), true) + line(float64(t.start.Add(s.alive()).Unix()), 0, s.length-s.alive(), false)
	add(t.names.Metric(semconv.LastSeen.Metric), seen)
	return all
}

// line writes a sample a minute in promtool's short form, the value growing by step each time. The first line of a
// series begins with its first value, one that goes on with the value after it.
func line(from, step float64, length time.Duration, first bool) string {
	n := int(length / interval)
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	switch {
	case first:
		return fmt.Sprintf("%s+%sx%d", number(from), number(step), n)
	case n <= 0:
		return ""
	}
	return fmt.Sprintf(" %s+%sx%d", number(from+step), number(step), n-1)
}
