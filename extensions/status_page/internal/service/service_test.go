// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/alert"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

var (
	now   = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	usual = names.Recorded()
)

// A source answers queries by a word that is in them, and takes note of all.
type source struct {
	matrices map[string]model.Matrix
	vectors  map[string]model.Vector
	examples []v1.ExemplarQueryResult
	asked    chan string
	err      error
}

func (s source) Instant(_ context.Context, query string) (model.Vector, error) {
	s.asked <- query
	for word, vector := range s.vectors {
		if strings.Contains(query, word) {
			return vector, s.err
		}
	}
	return nil, s.err
}

func (s source) Alerts(context.Context) ([]v1.Alert, error) { return nil, s.err }

func (s source) Exemplars(_ context.Context, query string, _ prometheus.Period) ([]v1.ExemplarQueryResult, error) {
	s.asked <- query
	return s.examples, s.err
}

func (s source) Range(_ context.Context, query string, _ prometheus.Period) (model.Matrix, error) {
	s.asked <- query
	for word, matrix := range s.matrices {
		if strings.Contains(query, word) {
			return matrix, s.err
		}
	}
	return nil, s.err
}

func ask(t *testing.T, s source, of *catalog.Service, environment string) (*Service, []string) {
	t.Helper()
	return askWith(t, usual, s, of, environment)
}

func askWith(t *testing.T, n names.Names, s source, of *catalog.Service, environment string) (*Service, []string) {
	t.Helper()
	s.asked = make(chan string, 100)
	got := Load(t.Context(), Question{
		Service: of, Catalog: &catalog.Catalog{Services: []*catalog.Service{of}}, Environment: environment, Range: time.Hour, Now: now,
		Names: n, Directory: alert.Directory{Catalog: &catalog.Catalog{}, Names: n, Runbook: func(slug, name string) string { return "/runbooks/" + slug + "/" + name }},
	}, s)
	close(s.asked)
	var queries []string
	for query := range s.asked {
		queries = append(queries, query)
	}
	return got, queries
}

func checkout() *catalog.Service {
	return &catalog.Service{
		Name: `check"out`, Namespace: "shop", Environments: []string{"production", "staging"},
		SLOs: []*catalog.SLO{
			{Name: "availability", Objective: 99.9, Window: catalog.Window{Rolling: 720 * time.Hour}, SLI: catalog.SLI{Availability: &catalog.Availability{}}},
			{Name: "legacy", Objective: 99, Window: catalog.Window{Rolling: 720 * time.Hour}, SLI: catalog.SLI{Prometheus: &catalog.Prometheus{}}},
		},
	}
}

// Every query is PromQL, whatever the names, and about one environment.
func TestQueries(t *testing.T) {
	for _, strategy := range promname.Strategies {
		for _, environment := range []string{"", "staging", `a"b\c`} {
			_, queries := askWith(t, names.New(strategy), source{}, checkout(), environment)
			require.GreaterOrEqual(t, len(queries), 15)
			for _, query := range queries {
				_, err := parser.NewParser(parser.Options{}).ParseExpr(query)
				require.NoError(t, err, query)
			}
		}
	}
	_, queries := ask(t, source{}, checkout(), "staging")
	all := strings.Join(queries, "\n")
	assert.Contains(t, all, `deployment_environment_name="staging"`)
	assert.NotContains(t, all, "production")
}

func series(begin time.Time, step time.Duration, metric model.Metric, values ...float64) *model.SampleStream {
	s := &model.SampleStream{Metric: metric}
	for i, v := range values {
		if !math.IsNaN(v) {
			s.Values = append(s.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(begin.Add(time.Duration(i) * step).UnixNano()), Value: model.SampleValue(v)})
		}
	}
	return s
}

// An alert wants both of its windows above the line: what is drawn is the lower one.
func TestBurnIsThatOfBothWindows(t *testing.T) {
	burn := func(window string, values ...float64) *model.SampleStream {
		return series(now.Add(-50*time.Minute), 30*time.Second, model.Metric{"slo_name": "availability", "slo_window": model.LabelValue(window)}, values...)
	}
	ratio := func(window string, values ...float64) *model.SampleStream {
		return series(now.Add(-50*time.Minute), 30*time.Second, model.Metric{"slo_name": "legacy", "__name__": model.LabelValue(string(names.RecordedRatio) + window)}, values...)
	}
	got, _ := ask(t, source{matrices: map[string]model.Matrix{
		string(usual.BurnRate) + "{": {burn("1h", 1, 2, 30, 30), burn("5m", 9, 9, 9, math.NaN())},
		`__name__=~"slo:sli_`:        {ratio("1h", 0.2, 0.2), ratio("5m", 0.1, 0.3)},
	}}, checkout(), "production")
	lines := map[string]string{}
	for _, o := range got.Objectives {
		assert.Len(t, o.Burn.Levels, 4)
		lines[o.SLO] = fmt.Sprint(values(o.Burn.Lines[0].Points))
		assert.True(t, strings.HasPrefix(o.Burn.Lines[0].Name, "1h and 5m: a page above 14.4×"))
	}
	assert.Equal(t, map[string]string{"availability": "[1 2 9 NaN]", "legacy": "[10 20]"}, lines)
	assert.Equal(t, "9× now, from 1× to 9× in the time shown", got.Objectives[0].Burn.Summary)
}

// The SLI is the share of good events of what is counted, and of a query what the rules record; without events there is none.
func TestSLIAndTraffic(t *testing.T) {
	rate := func(outcome string, values ...float64) *model.SampleStream {
		return series(now.Add(-50*time.Minute), 30*time.Second, model.Metric{"slo_name": "availability", "slo_outcome": model.LabelValue(outcome)}, values...)
	}
	ratio := series(now.Add(-50*time.Minute), 30*time.Second, model.Metric{"slo_name": "legacy", "__name__": model.LabelValue(string(names.RecordedRatio) + "5m")}, 0.1, 0.3)
	got, _ := ask(t, source{matrices: map[string]model.Matrix{
		string(usual.Events) + "{": {rate("good", 9, 10, 0, 3), rate("bad", 1, math.NaN(), 0, 1)}, `__name__=~"slo:sli_`: {ratio},
	}}, checkout(), "production")
	good, events := map[string]string{}, map[string]string{}
	for _, o := range got.Objectives {
		good[o.SLO], events[o.SLO] = fmt.Sprint(values(o.SLI.Lines[0].Points)), fmt.Sprint(values(o.Traffic.Lines[0].Points))
		assert.InDelta(t, o.Promise.Objective/100, o.SLI.Levels[0].Value, 1e-9)
	}
	assert.Equal(t, map[string]string{"availability": "[0.9 1 NaN 0.75]", "legacy": "[0.9 0.7]"}, good)
	assert.Equal(t, map[string]string{"availability": "[10 10 0 4]", "legacy": "[]"}, events)
}

// What changed in a dependency is on the plots; what another service of that name did is not.
func TestMarkersOfDependencies(t *testing.T) {
	of := &catalog.Service{Name: "checkout", Namespace: "shop", DependsOn: []string{"ledger"}}
	ledger := &catalog.Service{Name: "ledger", Namespace: "shop"}
	at := func(minutes int) model.SampleValue {
		return model.SampleValue(now.Add(time.Duration(minutes) * time.Minute).Unix())
	}
	deployed := func(namespace, version model.LabelValue, minutes int) *model.Sample {
		return &model.Sample{Metric: model.Metric{"service_namespace": namespace, "service_name": "ledger", "service_version": version}, Value: at(minutes)}
	}
	flag := &model.Sample{Metric: model.Metric{"service_namespace": "shop", "service_name": "ledger", "change_kind": "feature_flag", "change_name": "fast"}, Value: at(-3)}
	s := source{asked: make(chan string, 100), vectors: map[string]model.Vector{
		string(usual.Start) + "{":   {deployed("shop", "1", -60), deployed("shop", "2", -5), deployed("bank", "9", -4)},
		string(usual.Changed) + "{": {flag},
	}}
	l := loader{context: t.Context(), source: s, names: usual, service: &Service{Service: of, Environment: "production"}, needs: needed(&catalog.Catalog{Services: []*catalog.Service{of, ledger}}, of)}
	markers, err := l.askAround()
	require.NoError(t, err)
	var texts []string
	for _, m := range markers {
		texts = append(texts, m.At.Sub(now).String()+" "+m.Text())
	}
	assert.Equal(t, []string{"-5m0s ledger: 2", "-3m0s ledger: feature flag fast"}, texts)
}

// What ran when the collector first heard of the service was not deployed then; what came after it was, also when what ran
// first is gone.
func TestMarkersAreDeployments(t *testing.T) {
	at := func(minutes int) model.SampleValue {
		return model.SampleValue(now.Add(time.Duration(minutes) * time.Minute).Unix())
	}
	version := func(name model.LabelValue, minutes int) *model.Sample {
		return &model.Sample{Metric: model.Metric{"service_version": name}, Value: at(minutes)}
	}
	for name, test := range map[string]struct {
		live []*model.Sample
		want []string
	}{
		"nothing yet":   {nil, nil},
		"the first":     {[]*model.Sample{version("1", 0)}, nil},
		"all":           {[]*model.Sample{version("1", 0), version("3", 2), version("2", 1)}, []string{"2", "3"}},
		"first is gone": {[]*model.Sample{version("2", 1)}, []string{"2"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := source{asked: make(chan string, 100), vectors: map[string]model.Vector{"max by": test.live, "min_over_time": {{Value: at(0)}}}}
			l := loader{context: t.Context(), source: s, names: usual, service: &Service{Service: &catalog.Service{Name: "checkout"}}}
			var err error
			l.versions, err = l.askVersions()
			require.NoError(t, err)
			var names []string
			for _, m := range l.markers() {
				names = append(names, m.Name)
			}
			assert.Equal(t, test.want, names)
		})
	}
}

// Of the requests that failed, those are shown that can be found, each once.
func TestFailedRequests(t *testing.T) {
	example := func(trace string, minutes int) v1.Exemplar {
		return v1.Exemplar{Labels: model.LabelSet{"trace_id": model.LabelValue(trace)}, Timestamp: model.TimeFromUnix(now.Add(time.Duration(minutes) * time.Minute).Unix())}
	}
	trace := func(n int) string { return fmt.Sprintf("%032x", n) }
	s := source{asked: make(chan string, 100), examples: []v1.ExemplarQueryResult{
		{Exemplars: []v1.Exemplar{example(trace(1), -20), example(trace(2), -4), example(trace(3), -2)}},
		{Exemplars: []v1.Exemplar{example(trace(3), -2), example("<script>", -1), example("", -1), example(trace(4), -3)}},
	}}
	l := loader{context: t.Context(), source: s, names: usual, service: &Service{Service: &catalog.Service{Name: "checkout"}, Period: prometheus.Period{End: now}}}
	assert.Empty(t, l.askFailed(), "nothing can be searched")
	assert.Empty(t, s.asked)
	l.recent = now.Add(-5 * time.Minute)
	assert.Equal(t, []Failed{{trace(3), now.Add(-2 * time.Minute)}, {trace(4), now.Add(-3 * time.Minute)}, {trace(2), now.Add(-4 * time.Minute)}}, l.askFailed())
	for i := range 20 {
		s.examples[0].Exemplars = append(s.examples[0].Exemplars, example(trace(100+i), 0))
	}
	l.source = s
	assert.Len(t, l.askFailed(), maxFailed)
	s.err = errors.New("no exemplars here")
	l.source = s
	assert.Empty(t, l.askFailed())
}

func values(points []chart.Point) (all []float64) {
	for _, p := range points {
		all = append(all, math.Round(p.Value*1e6)/1e6)
	}
	return all
}

// Past alerts are those of the service and the environment that were not over before the time that is shown, with their own times.
func TestPastAlerts(t *testing.T) {
	spell := func(alert, service string, from, to time.Duration, change ...func(*incident.Spell)) incident.Spell {
		one := incident.Spell{Alert: alert, Kind: "Burn", Page: true, Service: incident.Service{Namespace: "shop", Name: service, Environment: "production"}, SLO: "availability", From: now.Add(-from), To: now.Add(-to)}
		for _, f := range change {
			f(&one)
		}
		return one
	}
	all := book.History{Spells: []incident.Spell{
		spell("Firing", `check"out`, time.Minute, 0, func(s *incident.Spell) { s.Firing = true }), spell("New", `check"out`, time.Minute, time.Minute),
		spell("Other", "payment", time.Minute, time.Minute), spell("Staging", `check"out`, time.Minute, time.Minute, func(s *incident.Spell) { s.Environment = "staging" }),
		spell("Long", `check"out`, 7*24*time.Hour, 14*time.Minute), spell("Old", `check"out`, 20*24*time.Hour, 19*24*time.Hour, func(s *incident.Spell) { s.Page = false }),
	}}
	of := &Service{Service: checkout(), Environment: "production"}
	names := func(length time.Duration) (found []string) {
		past, more := of.past(all, now.Add(-length), time.Time{}, alert.Directory{Runbook: func(slug, name string) string { return slug + "/" + name }})
		assert.Zero(t, more)
		for _, one := range past {
			found = append(found, one.Name)
		}
		return found
	}
	assert.Equal(t, []string{"New", "Long"}, names(15*time.Minute))
	assert.Equal(t, []string{"New", "Long"}, names(7*24*time.Hour))
	assert.Equal(t, []string{"New", "Long", "Old"}, names(30*24*time.Hour))
	ended, _ := of.past(all, now.Add(-21*24*time.Hour), now.Add(-14*24*time.Hour), alert.Directory{Runbook: func(string, string) string { return "" }})
	require.Len(t, ended, 1, "neither what began later nor what was over before")
	assert.Equal(t, "Old", ended[0].Name)
	past, _ := of.past(all, now.Add(-30*24*time.Hour), time.Time{}, alert.Directory{Runbook: func(slug, name string) string { return slug + "/" + name }})
	assert.Equal(t, Past{"Old", "ticket", "availability", now.Add(-20 * 24 * time.Hour), now.Add(-19 * 24 * time.Hour), of.Slug() + "/Burn"}, past[2])
	all.Spells = slices.Repeat(all.Spells[1:2], maxPast+3)
	past, more := of.past(all, now.Add(-time.Hour), time.Time{}, alert.Directory{Runbook: func(string, string) string { return "" }})
	assert.Equal(t, []int{maxPast, 3}, []int{len(past), more})
}

func TestWithoutAnAnswerThereIsTheCatalog(t *testing.T) {
	got, _ := ask(t, source{err: errors.New("down")}, checkout(), "")
	require.EqualError(t, got.Err, "down")
	assert.Equal(t, []string{"production", "staging"}, got.Places)
	assert.Len(t, got.Objectives, 2)
	assert.True(t, got.Objectives[0].Burn.Empty())
	assert.Empty(t, got.Requests)
}

func TestNeighborsAmongNamesakes(t *testing.T) {
	bank, mall := &catalog.Service{Name: "ledger", Namespace: "bank"}, &catalog.Service{Name: "ledger", Namespace: "mall"}
	till := &catalog.Service{Name: "till", Namespace: "mall", DependsOn: []string{"mall/ledger", "gone"}}
	vault := &catalog.Service{Name: "vault", Namespace: "bank", DependsOn: []string{"ledger"}}
	c := &catalog.Catalog{Services: []*catalog.Service{bank, vault, mall, till}}
	neighbors := func(of *catalog.Service) (needs, neededBy []string) {
		s := &Service{Service: of}
		s.neighbors(c, fleet.Fleet{Rows: []*fleet.Row{{Of: mall, State: semconv.StateBurningFast}}})
		for _, n := range s.Needs {
			needs = append(needs, n.Name+" "+string(n.State))
		}
		for _, n := range s.NeededBy {
			neededBy = append(neededBy, n.Name+" "+string(n.State))
		}
		return needs, neededBy
	}
	needs, neededBy := neighbors(till)
	assert.Equal(t, []string{"ledger burning_fast", "gone unknown"}, needs)
	assert.Empty(t, neededBy)
	needs, _ = neighbors(vault)
	assert.Equal(t, []string{"ledger unknown"}, needs)
	_, neededBy = neighbors(mall)
	assert.Equal(t, []string{"till unknown"}, neededBy)
	_, neededBy = neighbors(bank)
	assert.Equal(t, []string{"vault unknown"}, neededBy)
}
