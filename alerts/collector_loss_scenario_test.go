// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// A process is one life of a collector, as its port 8888 shows it.
type process struct {
	life scenario.Span
	// counts are when its counter grows, and by how much.
	counts []count
	// present tells that the counter is there from the process's beginning, and not from the first count.
	present bool
}

type count struct {
	at time.Duration
	n  float64
}

const (
	// before is long before the scenario.
	before = -30 * day
	middle = 25 * minute
	length = 75 * minute
)

// old is a process that lost something long ago.
func old(counts ...count) process {
	return process{life: scenario.Span{Begin: before}, counts: append([]count{{before + hour, 777}}, counts...)}
}

// scraped is what a scrape of the process at a time finds of the counter.
func (p process) scraped(at time.Duration) (v float64, ok bool) {
	ok = p.present
	for _, c := range p.counts {
		if c.at <= at {
			v, ok = v+c.n, true
		}
	}
	return v, ok
}

// An exposure is a metric of collectors, each by its instance; processes of one instance follow each other.
type exposure struct {
	metric     string
	labels     []string
	collectors map[string][]process
	// unreachable is when scrapes fail, down when Prometheus does not run.
	unreachable, down []scenario.Span
	// relabeled is when the target gets one more label, if it does.
	relabeled time.Duration
}

func within(spans []scenario.Span, at time.Duration) bool {
	return slices.ContainsFunc(spans, func(s scenario.Span) bool { return at >= s.Begin && (s.End == 0 || at < s.End) })
}

func (f exposure) series() (all []scenario.Other) {
	for instance, processes := range f.collectors {
		alive := func(at time.Duration) (process, bool) {
			i := slices.IndexFunc(processes, func(p process) bool { return within([]scenario.Span{p.life}, at) })
			if i < 0 || within(f.unreachable, at) {
				return process{}, false
			}
			return processes[i], true
		}
		add := func(name string, more []string, value func(p process, at time.Duration) (float64, bool)) {
			pairs := append([]string{model.MetricNameLabel, name, "job", "otelcol-sre", "instance", instance}, more...)
			scraped := func(at time.Duration) (float64, bool) {
				if p, ok := alive(at); ok {
					return value(p, at)
				}
				return 0, name == "up"
			}
			first := func(at time.Duration) (float64, bool) {
				v, ok := scraped(at)
				return v, ok && (f.relabeled == 0 || at < f.relabeled)
			}
			then := func(at time.Duration) (float64, bool) {
				v, ok := scraped(at)
				return v, ok && f.relabeled != 0 && at >= f.relabeled
			}
			all = append(all, scenario.Other{Labels: labels.FromStrings(pairs...), At: first},
				scenario.Other{Labels: labels.FromStrings(append(slices.Clip(pairs), "pod", "a-0")...), At: then})
		}
		add(f.metric, f.labels, process.scraped)
		add("otelcol_process_uptime", nil, func(p process, at time.Duration) (float64, bool) { return (at - p.life.Begin).Seconds(), true })
		add("up", nil, func(process, time.Duration) (float64, bool) { return 1, true })
	}
	return all
}

// watch lives through it with the alerts that read the metric.
func (f exposure) watch(t *testing.T, scrape time.Duration) *scenario.Playback {
	t.Helper()
	groups := slices.Clone(alerts.Collector(alerts.DefaultOptions()).Groups)
	for i := range groups {
		groups[i].Rules = slices.DeleteFunc(slices.Clone(groups[i].Rules), func(r rulefmt.Rule) bool { return !strings.Contains(r.Expr, f.metric) })
	}
	s := &scenario.Scenario{Name: t.Name(), Start: monday, Length: length, Scrape: scrape, Others: f.series(), Down: f.down}
	p, err := scenario.Run(t.Context(), s, rulefmt.RuleGroups{Groups: groups}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

// A loss is a counter of what is lost for good, and the alert that tells it.
type loss struct {
	alert, metric string
	labels        []string
}

var losses = []loss{
	{"CollectorExportFailing", "otelcol_exporter_send_failed_spans", []string{"exporter", "otlp_grpc", "error_type", "Unavailable", "error_permanent", "false"}},
	{"CollectorExportFailing", "otelcol_exporter_send_failed_log_records", []string{"exporter", "otlp_grpc", "error_type", "_OTHER", "error_permanent", "true"}},
	{"CollectorRefusedData", "otelcol_receiver_refused_spans", []string{"receiver", "otlp", "transport", "grpc"}},
	{"CollectorDroppingData", "otelcol_exporter_enqueue_failed_spans", []string{"exporter", "otlp_grpc"}},
	{"CollectorDroppingData", "otelcol_exporter_enqueue_failed_metric_points", []string{"exporter", "otlp_grpc"}},
	{"CollectorDroppingData", "otelcol_connector_deployevent_dropped", []string{"reason", "too_many_services"}},
	{"CollectorDroppingData", "otelcol_processor_slo_points", []string{"verdict", "overflow"}},
	{"CollectorDroppingData", "otelcol_processor_correlation_wait_refused", nil},
	{"CollectorMemoryLimited", "otelcol_processor_memory_limiter_refused_spans", []string{"processor", "memory_limiter"}},
	{"CollectorCannotJudge", "otelcol_connector_sli_events_dropped", []string{"reason", "condition_error", "service", "shop/checkout", "slo", "availability"}},
	{"CollectorCheckpointFailing", "otelcol_processor_slo_checkpoint_damaged", nil},
	{"CollectorCheckpointFailing", "otelcol_connector_sli_flush_failures", []string{"stage", "restore"}},
}

// oneOfEach are losses with different alerts.
var oneOfEach = slices.CompactFunc(slices.Clone(losses), func(a, b loss) bool { return a.alert == b.alert })

// scrapes are the times between two scrapes.
func scrapes(t *testing.T) []time.Duration {
	t.Helper()
	if testing.Short() {
		return []time.Duration{minute}
	}
	return []time.Duration{15 * time.Second, minute}
}

// What is lost in one burst fires its alert at the next evaluation, with the exact amount, and not again.
func TestOneBurstOfLossAlerts(t *testing.T) {
	const burst = middle + 20*time.Second
	for _, loss := range losses {
		for name, p := range map[string]process{
			"counter from 0":             {life: scenario.Span{Begin: before}, counts: []count{{burst, 500_000}}, present: true},
			"counter begins with it":     {life: scenario.Span{Begin: before}, counts: []count{{burst, 500_000}}},
			"counter with an old loss":   old(count{burst, 500_000}),
			"process began with it":      {life: scenario.Span{Begin: burst}, counts: []count{{burst, 500_000}}},
			"process began shortly ago":  {life: scenario.Span{Begin: burst - 5*minute}, counts: []count{{burst, 500_000}}},
			"it was the process's last":  {life: scenario.Span{Begin: before, End: burst + 90*time.Second}, counts: []count{{burst, 500_000}}, present: true},
			"the same again, after that": {life: scenario.Span{Begin: before}, counts: []count{{burst, 500_000}, {burst + 4*minute, 1}}},
		} {
			for _, scrape := range scrapes(t) {
				t.Run(loss.metric+", "+name+", "+scrape.String(), func(t *testing.T) {
					t.Parallel()
					collectors := map[string][]process{"a:8888": {p}, "b:8888": {old()}} // b has lost nothing lately
					played := exposure{metric: loss.metric, labels: loss.labels, collectors: collectors}.watch(t, scrape)
					fired := played.Fired(loss.alert)
					require.Len(t, fired, 1, "%v", played.Episodes)
					assert.Equal(t, "a:8888", fired[0].Labels.Get("instance"))
					assert.LessOrEqual(t, fired[0].Firing, burst+scrape+minute)
					assert.InDelta(t, (burst + 15*minute).Minutes(), fired[0].Resolved.Minutes(), 5.5, "%s", fired[0])
					if loss.alert != "CollectorCheckpointFailing" {
						assert.Contains(t, fired[0].Annotations.Get("description"), "500k")
					}
					assert.Equal(t, []string{loss.alert}, played.Alerts())
				})
			}
		}
	}
}

// A collector whose first scrape takes a while is not down, not even for a moment. One that ends is, after five minutes.
func TestCollectorDown(t *testing.T) {
	f := exposure{metric: "otelcol_process_uptime", collectors: map[string][]process{"a": {{life: scenario.Span{Begin: 50 * time.Second, End: middle}}}}}
	groups := alerts.Collector(alerts.DefaultOptions()).Groups
	s := &scenario.Scenario{Name: t.Name(), Start: monday, Length: length, Scrape: 15 * time.Second, Others: slices.DeleteFunc(f.series(), func(o scenario.Other) bool { return o.Labels.Get("__name__") == "up" })}
	p, err := scenario.Run(t.Context(), s, rulefmt.RuleGroups{Groups: groups}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	_, pending, err := p.Query(t.Context(), middle, `count(last_over_time(ALERTS{alertname="CollectorDown"}[1h]))`)
	require.NoError(t, err)
	assert.False(t, pending, "it is pending while the first scrape has not been")
	require.Equal(t, []string{"CollectorDown"}, p.Alerts())
	fired := p.Fired("CollectorDown")
	require.Len(t, fired, 1)
	assert.InDelta(t, (middle + 5*minute).Minutes(), fired[0].Firing.Minutes(), 1.5)
}

// A counter that is old, for whatever reason it is seen again, is no loss.
func TestNoLossNoAlert(t *testing.T) {
	restart := []process{old(), {life: scenario.Span{Begin: middle + 40*time.Second}}}
	restart[0].life.End = middle
	restartPresent := []process{restart[0], {life: restart[1].life, present: true}}
	gap := []scenario.Span{{Begin: middle, End: middle + 12*minute}}
	fromThen := []scenario.Span{{End: middle}}
	for name, f := range map[string]exposure{
		"nothing was ever lost":          {collectors: map[string][]process{"a": {{life: scenario.Span{Begin: before}}}, "b": {{life: scenario.Span{Begin: before}, present: true}}}},
		"old losses":                     {collectors: map[string][]process{"a": {old()}, "b": {old()}}},
		"restart":                        {collectors: map[string][]process{"a": restart}},
		"restart, counter from 0":        {collectors: map[string][]process{"a": restartPresent}},
		"a new collector":                {collectors: map[string][]process{"a": {old()}, "b": {{life: scenario.Span{Begin: middle}, present: true}}}},
		"scrapes fail":                   {collectors: map[string][]process{"a": {old()}}, unreachable: gap},
		"Prometheus restarts":            {collectors: map[string][]process{"a": {old()}}, down: gap},
		"Prometheus is new":              {collectors: map[string][]process{"a": {old()}}, down: fromThen},
		"both restart":                   {collectors: map[string][]process{"a": restart}, down: gap},
		"a target gets one more label":   {collectors: map[string][]process{"a": {old()}}, relabeled: middle},
		"a restart while scrapes failed": {collectors: map[string][]process{"a": restartPresent}, unreachable: gap},
	} {
		for _, loss := range oneOfEach {
			for _, scrape := range scrapes(t) {
				t.Run(name+", "+loss.metric+", "+scrape.String(), func(t *testing.T) {
					t.Parallel()
					f.metric, f.labels = loss.metric, loss.labels
					assert.Empty(t, f.watch(t, scrape).Alerts())
				})
			}
		}
	}
}

// Losses are found across restarts and gaps.
func TestLossAcrossRestartsAndGaps(t *testing.T) {
	gap := []scenario.Span{{Begin: middle, End: middle + 12*minute}}
	ended := old()
	ended.life.End = middle
	after := func(n float64, at time.Duration) []process {
		return []process{ended, {life: scenario.Span{Begin: middle + 20*time.Second}, counts: []count{{at, n}}}}
	}
	fresh := process{life: scenario.Span{Begin: before}, counts: []count{{middle + 2*minute, 500_000}}}
	last := process{life: scenario.Span{Begin: before, End: middle}, counts: []count{{middle - 50*time.Second, 500_000}}, present: true}
	for name, test := range map[string]struct {
		exposure
		by     time.Duration
		amount string
	}{
		"lost just before a restart":    {exposure{collectors: map[string][]process{"a": {last, {life: scenario.Span{Begin: middle + 20*time.Second}, present: true}}}}, middle + minute, "500k"},
		"as much again after a restart": {exposure{collectors: map[string][]process{"a": after(777, middle+5*minute)}}, middle + 6*minute + 15*time.Second, "777"},
		"less after a restart":          {exposure{collectors: map[string][]process{"a": after(5, middle+5*minute)}}, middle + 6*minute + 15*time.Second, "5 "},
		"in a gap of scrapes":           {exposure{collectors: map[string][]process{"a": {fresh}}, unreachable: gap}, middle + 13*minute + 15*time.Second, "500k"},
		"in a gap of scrapes, old":      {exposure{collectors: map[string][]process{"a": {old(fresh.counts...)}}, unreachable: gap}, middle + 13*minute + 15*time.Second, "500k"},
		"while Prometheus is down":      {exposure{collectors: map[string][]process{"a": {fresh}}, down: gap}, middle + 13*minute + 15*time.Second, "500k"},
		"Prometheus is new":             {exposure{collectors: map[string][]process{"a": {fresh}}, down: []scenario.Span{{End: middle}}}, middle + 3*minute + 15*time.Second, "500k"},
	} {
		for _, loss := range oneOfEach[:2] {
			t.Run(name+", "+loss.metric, func(t *testing.T) {
				t.Parallel()
				test.metric, test.labels = loss.metric, loss.labels
				played := test.watch(t, 15*time.Second)
				fired := played.Fired(loss.alert)
				require.Len(t, fired, 1, "%v", played.Episodes)
				assert.LessOrEqual(t, fired[0].Firing, test.by)
				assert.Contains(t, fired[0].Annotations.Get("description"), test.amount)
			})
		}
	}
}

// A trickle is one episode, as long as it goes on.
func TestTrickleOfLossIsOneEpisode(t *testing.T) {
	var trickle []count
	for at := middle; at < hour; at += 6 * minute {
		trickle = append(trickle, count{at, 1})
	}
	for _, loss := range losses {
		t.Run(loss.metric, func(t *testing.T) {
			t.Parallel()
			f := exposure{metric: loss.metric, labels: loss.labels, collectors: map[string][]process{"a": {{life: scenario.Span{Begin: before}, counts: trickle}}}}
			fired := f.watch(t, 30*time.Second).Fired(loss.alert)
			require.Len(t, fired, 1)
			assert.GreaterOrEqual(t, fired[0].Resolved, hour)
			assert.LessOrEqual(t, fired[0].Firing, middle+2*minute)
		})
	}
}

// What may come again fires when it goes on, steadily or every few minutes, and not when it was once.
func TestWhatGoesOnAlerts(t *testing.T) {
	every := func(gap, long time.Duration) (counts []count) {
		for at := middle; at < middle+long; at += gap {
			counts = append(counts, count{at, 10})
		}
		return counts
	}
	for _, kind := range []struct {
		alert, metric string
		labels        []string
	}{
		{"CollectorRefusingData", "otelcol_receiver_refused_spans", []string{"receiver", "otlp", "transport", "grpc"}},
		{"CollectorRefusingData", "otelcol_receiver_refused_log_records", []string{"receiver", "otlp", "transport", "http"}},
		{"CollectorCannotJudge", "otelcol_processor_slo_points", []string{"verdict", "unknown_slo"}},
		{"CollectorCannotJudge", "otelcol_connector_sli_events_adjusted", []string{"reason", "good_exceeds_total"}},
		{"CollectorCheckpointFailing", "otelcol_processor_slo_checkpoint_failures", nil},
		{"CollectorCheckpointFailing", "otelcol_connector_deployevent_failures", []string{"stage", "save"}},
		{"CollectorCredentialsUnreadable", "otelcol_extension_bearertokenauth_reloads", []string{"outcome", "failed"}},
		{"CollectorCredentialsUnreadable", "otelcol_extension_mtls_reloads", []string{"outcome", "failed"}},
		{"CollectorSamplingEarly", "otelcol_processor_trace_sampler_early", nil},
		{"CollectorCannotFindGateways", "otelcol_exporter_gateways_lookups_failed", []string{"data_type", "traces"}},
		{"CollectorClockSkew", "otelcol_processor_slo_points", []string{"verdict", "clock_skew"}},
	} {
		for name, test := range map[string]struct {
			counts []count
			by     time.Duration
		}{
			"once":             {[]count{{middle, 500_000}}, 0},
			"steadily":         {every(15*time.Second, 30*minute), middle + 9*minute},
			"every 6 minutes":  {every(6*minute, 30*minute), middle + 14*minute},
			"every 12 minutes": {every(12*minute, 40*minute), middle + 26*minute},
		} {
			t.Run(kind.metric+", "+name, func(t *testing.T) {
				t.Parallel()
				f := exposure{metric: kind.metric, labels: kind.labels, collectors: map[string][]process{"a": {{life: scenario.Span{Begin: before}, counts: test.counts}}, "b": {old()}}}
				played := f.watch(t, 30*time.Second)
				if test.by == 0 {
					assert.NotContains(t, played.Alerts(), kind.alert)
					return
				}
				require.Contains(t, played.Alerts(), kind.alert)
				fired := played.Fired(kind.alert)
				assert.LessOrEqual(t, fired[0].Firing, test.by)
				if name != "every 12 minutes" {
					assert.Len(t, fired, 1, "it came and went")
				}
			})
		}
	}
}

// An alert that waits for as long as its windows are, or longer, never reports an event that happens once: so it would be if one
// asked for rate(x[5m]) > 0 for 5 minutes.
func TestNoAlertOfTheCollectorWaitsOutItsWindows(t *testing.T) {
	windows := 0
	for _, a := range alerts.Collector(alerts.DefaultOptions()).Alerts {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(a.Expr)
		require.NoError(t, err, a.Expr)
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if m, ok := node.(*parser.MatrixSelector); ok {
				windows++
				assert.Greater(t, m.Range, a.For+2*minute, "%s: %s", a.Name, m)
			}
			return nil
		})
		assert.NotContains(t, strings.ReplaceAll(a.Expr, " ", ""), "rate(", a.Name)
	}
	assert.Greater(t, windows, 50)
}
