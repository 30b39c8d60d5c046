// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package book

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/replay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * hour
)

var now = time.Date(2026, 11, 21, 3, 0, 7, 0, time.UTC)

// A record is Prometheus' storage and its engine.
type record struct {
	t      testing.TB
	store  *replay.Storage
	replay *replay.Replay
	asked  []string
	err    error
	// examples are the exemplars of any query.
	examples []v1.ExemplarQueryResult
}

func newRecord(t testing.TB) *record {
	t.Helper()
	store, err := replay.OpenStorage()
	require.NoError(t, err)
	r, err := replay.New(t.Context(), rulefmt.RuleGroups{}, replay.Options{Storage: store})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(r.Close(), store.Close())) })
	return &record{t: t, store: store, replay: r}
}

// write writes a series: what a rule or a scrape finds every step, and the mark of its end.
func (r *record) write(set labels.Labels, from, to time.Time, step time.Duration, at func(time.Time) (float64, bool)) {
	r.t.Helper()
	w := r.store.Writer(context.Background(), set)
	for t := from; !t.After(to); t = t.Add(step) {
		v, ok := at(t)
		w.Write(t, v, ok)
	}
	require.NoError(r.t, w.Commit())
}

func (r *record) At(ctx context.Context, query string, at time.Time) (model.Value, error) {
	r.asked = append(r.asked, query)
	if r.err != nil {
		return nil, r.err
	}
	q, err := r.replay.Engine().NewInstantQuery(ctx, r.store, nil, query, at)
	require.NoError(r.t, err, query)
	defer q.Close()
	result := q.Exec(ctx)
	require.NoError(r.t, result.Err, query)
	switch v := result.Value.(type) {
	case promql.Vector:
		vector := model.Vector{}
		for _, s := range v {
			vector = append(vector, &model.Sample{Metric: metric(s.Metric), Value: model.SampleValue(s.F), Timestamp: model.Time(s.T)})
		}
		return vector, nil
	case promql.Matrix:
		return matrix(v), nil
	}
	return nil, fmt.Errorf("%s gives a %s", query, result.Value.Type())
}

func (r *record) Over(ctx context.Context, query string, over v1.Range) (model.Matrix, error) {
	r.asked = append(r.asked, query)
	found, err := r.replay.Query(ctx, query, over.Start, over.End, over.Step)
	require.NoError(r.t, err, query)
	return matrix(found), r.err
}

func (r *record) Examples(context.Context, string, time.Time, time.Time) ([]v1.ExemplarQueryResult, error) {
	return r.examples, nil
}

func metric(set labels.Labels) model.Metric {
	m := model.Metric{}
	set.Range(func(l labels.Label) { m[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
	return m
}

func matrix(found promql.Matrix) model.Matrix {
	all := model.Matrix{}
	for _, s := range found {
		one := &model.SampleStream{Metric: metric(s.Metric)}
		for _, p := range s.Floats {
			one.Values = append(one.Values, model.SamplePair{Timestamp: model.Time(p.T), Value: model.SampleValue(p.F)})
		}
		all = append(all, one)
	}
	return all
}

var shop = &catalog.Catalog{Services: []*catalog.Service{
	{Name: "checkout", Namespace: "shop", DependsOn: []string{"payment"}}, {Name: "payment", Namespace: "shop"},
}}

func bookOf(r *record, clock *time.Time) *Book {
	return New(Options{Source: r, Catalog: func() *catalog.Catalog { return shop }, Names: promname.New(otlptranslator.UnderscoreEscapingWithSuffixes), Now: func() time.Time { return *clock }})
}

func alertLabels(alert, service string, more ...string) labels.Labels {
	return labels.FromStrings(append([]string{
		"__name__", "ALERTS", "alertstate", "firing", "alertname", alert, "severity", "page", "service_name", service, "service_namespace", "shop",
		"deployment_environment_name", "production", "environment", "production",
	}, more...)...)
}

// life is when an alert fired, and how often its rule is evaluated.
type life struct {
	alert string
	step  time.Duration
	times [][2]time.Time
}

// said are those that were not over before a time.
func (l life) said(since time.Time) (all []string) {
	for _, s := range l.times {
		if !s[1].Before(since) {
			all = append(all, fmt.Sprint(l.alert, " ", s[0].Format(time.RFC3339), " ", s[1].Format(time.RFC3339)))
		}
	}
	return all
}

func lives(random *rand.Rand) (all []life) {
	for n, step := range []time.Duration{15 * time.Second, 30 * time.Second, minute, 2 * minute} {
		l := life{fmt.Sprint("Alert", n), step, nil}
		at := now.Add(-31 * day).Truncate(step).Add(3 * time.Second) // where in its interval a group is evaluated
		for {
			pause := time.Duration(2+random.IntN(4000)*random.IntN(2)) * step
			length := time.Duration(random.IntN(300)*random.IntN(2)) * step
			at = at.Add(pause)
			if !at.Add(length).Before(now) {
				break
			}
			l.times = append(l.times, [2]time.Time{at, at.Add(length)})
			at = at.Add(length)
		}
		all = append(all, l)
	}
	return all
}

func (r *record) fires(l life) {
	r.write(alertLabels(l.alert, "checkout"), now.Add(-31*day).Truncate(l.step).Add(3*time.Second), now, l.step, func(t time.Time) (float64, bool) {
		return 1, slices.ContainsFunc(l.times, func(s [2]time.Time) bool { return !t.Before(s[0]) && !t.After(s[1]) })
	})
}

func spellsSaid(all []incident.Spell) (text []string) {
	for _, s := range all {
		text = append(text, fmt.Sprint(s.Alert, " ", s.From.Format(time.RFC3339), " ", s.To.Format(time.RFC3339)))
	}
	slices.Sort(text)
	return text
}

// The history is what Prometheus recorded, whatever range is looked at: read at once, or followed as time goes on, with a restart.
func TestHistoryIsTheRecord(t *testing.T) {
	ranges := []time.Duration{15 * minute, 6 * hour, 7 * day, 30 * day}
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 1))
		all := lives(random)
		r := newRecord(t)
		for _, l := range all {
			r.fires(l)
		}
		clock := now
		at := func(b *Book) {
			h := b.History(t.Context(), 0)
			require.NoError(t, h.Err)
			assert.False(t, h.Since.After(clock.Add(-Length)))
			for _, length := range ranges {
				since := clock.Add(-length)
				var want []string
				for _, l := range all {
					want = append(want, l.said(since)...)
				}
				slices.Sort(want)
				assert.Equal(t, want, spellsSaid(h.Fired(since, func(*incident.Spell) bool { return true })), "the last %s", length)
			}
		}
		at(bookOf(r, &clock))

		clock = now.Add(-3 * day)
		followed := bookOf(r, &clock)
		for clock.Before(now) {
			require.NoError(t, followed.Refresh(t.Context()))
			if clock = clock.Add(time.Duration(1+random.IntN(600)) * minute); random.IntN(4) == 0 {
				saved, err := followed.Save()
				require.NoError(t, err)
				followed = bookOf(r, &clock)
				require.NoError(t, followed.Restore(saved))
			}
		}
		clock = now
		at(followed)
	}
}

// An interval that was changed, and an evaluation that is missing, end nothing; what Prometheus marked as an end does.
func TestEvaluationsThatAreMissing(t *testing.T) {
	r := newRecord(t)
	slowly, quickly := now.Add(-5*hour).Truncate(minute), now.Add(-hour).Truncate(minute)
	w := r.store.Writer(t.Context(), alertLabels("Alert", "checkout"))
	for at := slowly; at.Before(slowly.Add(20 * minute)); at = at.Add(minute) {
		w.Write(at, 1, at != slowly.Add(5*minute))
	}
	w.Write(slowly.Add(20*minute), 1, false)
	for at := quickly; at.Before(quickly.Add(20 * minute)); at = at.Add(30 * time.Second) {
		if at != quickly.Add(5*minute) && at != quickly.Add(10*minute) {
			w.Write(at, 1, true)
		}
		if at.Equal(quickly.Add(10 * minute)) {
			w.Write(at, 1, false)
		}
	}
	require.NoError(t, w.Commit())
	clock := now
	h := bookOf(r, &clock).History(t.Context(), 0)
	require.NoError(t, h.Err)
	said := life{alert: "Alert", times: [][2]time.Time{
		{slowly, slowly.Add(4 * minute)}, {slowly.Add(6 * minute), slowly.Add(19 * minute)},
		{quickly, quickly.Add(9*minute + 30*time.Second)}, {quickly.Add(10*minute + 30*time.Second), quickly.Add(19*minute + 30*time.Second)},
	}}.said(time.Time{})
	assert.Equal(t, said, spellsSaid(h.Spells))
	assert.Len(t, h.Incidents, 2)
}

// outage is an hour in which all requests of checkout fail, and the page about it, which fires until shortly before now.
func outage(r *record, end time.Duration) time.Time {
	start := now.Add(-hour).Truncate(minute)
	during := func(t time.Time) bool { return !t.Before(start) && t.Before(now.Add(-end)) }
	r.write(alertLabels("ErrorBudgetBurnCritical", "checkout", "slo_name", "availability", "slo_alert", "ErrorBudgetBurnCritical"), start.Add(2*minute), now, 30*time.Second, func(t time.Time) (float64, bool) {
		return 1, t.Before(now.Add(-end).Add(5 * minute))
	})
	of := []string{"service_name", "checkout", "service_namespace", "shop", "deployment_environment_name", "production", "slo_name", "availability"}
	series := func(name string, more ...string) labels.Labels {
		return labels.FromStrings(append(append([]string{"__name__", name}, of...), more...)...)
	}
	r.write(series("slo_burn_rate_ratio", "slo_window", "5m"), now.Add(-3*hour), now, 15*time.Second, func(t time.Time) (float64, bool) {
		if during(t) || during(t.Add(-5*minute)) {
			return 900, true
		}
		return 0.1, true
	})
	for outcome, bad := range map[string]bool{"bad": true, "good": false} {
		total := 0.0
		r.write(series("slo_events_total", "slo_outcome", outcome), now.Add(-3*hour), now, 15*time.Second, func(t time.Time) (float64, bool) {
			if during(t) == bad {
				total += 150
			}
			return total, true
		})
	}
	return start
}

func TestIncidentOfARecord(t *testing.T) {
	r := newRecord(t)
	start := outage(r, 0)
	version := func(version string, at time.Time) {
		r.write(labels.FromStrings("__name__", "deployment_start_time_seconds", "service_name", "checkout", "service_namespace", "shop", "deployment_environment_name", "production", "service_version", version),
			at, now, minute, func(time.Time) (float64, bool) { return float64(at.Unix()), true })
	}
	version("1", now.Add(-20*day))
	version("2", start.Add(-minute))
	r.write(labels.FromStrings("__name__", "traces_service_graph_request_total", "client", "web", "server", "checkout", "server_service_namespace", "shop"), now.Add(-hour), now, minute, func(time.Time) (float64, bool) { return 1, true })
	trace := strings.Repeat("ab", 16)
	r.examples = []v1.ExemplarQueryResult{{Exemplars: []v1.Exemplar{
		{Labels: model.LabelSet{"trace_id": "no trace"}}, {Labels: model.LabelSet{"trace_id": model.LabelValue(trace)}, Timestamp: model.TimeFromUnix(start.Unix() + 5)},
	}}}
	clock := now
	b := bookOf(r, &clock)
	h := b.History(t.Context(), 0)
	require.NoError(t, h.Err)
	require.Len(t, h.Incidents, 1)
	one := &h.Incidents[0]
	assert.Equal(t, incident.Open, one.State)
	assert.WithinDuration(t, start, one.Start, 15*time.Second)
	assert.Equal(t, start.Add(2*minute), one.Alerted)
	require.NotNil(t, one.Change)
	assert.Equal(t, "2", one.Change.Version)
	assert.Greater(t, one.Change.Probability, 0.9)
	d := h.Details(one)
	require.Len(t, d.Failed, 1)
	assert.InEpsilon(t, 600*60, d.Failed[0].Failed, 0.02)
	assert.InEpsilon(t, 600*60, d.Failed[0].Events, 0.02)
	assert.Equal(t, []Request{{"checkout", trace, start.Add(5 * time.Second)}}, d.Requests)
	assert.Zero(t, d.BurnEnd)
	assert.Same(t, one, h.Find(one.ID))
	assert.Nil(t, h.Find("other"))
	down, up := h.Graph.Neighbors(one.Origin().Service)
	assert.Equal(t, []incident.Service{{Namespace: "shop", Name: "payment", Environment: "production"}}, down)
	assert.Equal(t, []incident.Service{{Name: "web", Environment: "production"}}, up)

	// What else was changed is a suspect too, once per change, whatever became known of it later. An incident that somebody opened is none.
	changed := func(id, kind, name string, more ...string) {
		r.write(labels.FromStrings(append([]string{"__name__", "change_time_seconds", "change_id", id, "change_kind", kind, "change_name", name, "deployment_environment_name", "production"}, more...)...),
			start.Add(-10*time.Second), now, 15*time.Second, func(time.Time) (float64, bool) { return float64(start.Unix() - 10), true })
	}
	changed("a", "feature_flag", "fast", "service_name", "checkout", "service_namespace", "shop", "change_value", "on")
	changed("a", "feature_flag", "fast", "service_name", "checkout", "service_namespace", "shop", "change_previous", "off", "change_value", "on")
	changed("b", "incident", "INC-1", "service_name", "checkout", "service_namespace", "shop")
	changed("c", "configuration", "all of them")
	clock = clock.Add(time.Minute)
	h = b.History(t.Context(), 0)
	require.NoError(t, h.Err)
	var suspects []string
	for _, s := range h.Incidents[0].Suspects {
		suspects = append(suspects, s.String())
	}
	slices.Sort(suspects)
	assert.Equal(t, []string{"checkout 2", "configuration all of them", "feature flag fast: off → on"}, suspects)
	one = &h.Incidents[0]
	d = h.Details(one)

	// After a restart, without Prometheus, it is what it was.
	saved, err := b.Save()
	require.NoError(t, err)
	r.err = errors.New("down")
	again := bookOf(r, &clock)
	require.NoError(t, again.Restore(saved))
	h2 := again.History(t.Context(), 0)
	require.EqualError(t, h2.Err, "down")
	require.Len(t, h2.Incidents, 1)
	assert.Equal(t, []string{one.ID, one.Start.String()}, []string{h2.Incidents[0].ID, h2.Incidents[0].Start.String()})
	assert.Equal(t, d.Failed, h2.Details(&h2.Incidents[0]).Failed)
}

// Who opens the page in the moment in which the incident begins sees what was done a minute before, such as a rollback: changes that were asked for shortly before the
// alert are not enough.
func TestAlertAsksWhatWasDone(t *testing.T) {
	r := newRecord(t)
	of := []string{"service_name", "checkout", "service_namespace", "shop", "deployment_environment_name", "production"}
	write := func(name string, from time.Time, value float64, more ...string) {
		r.write(labels.FromStrings(append(append([]string{"__name__", name}, of...), more...)...), from, now, 5*time.Second, func(time.Time) (float64, bool) { return value, true })
	}
	deployed, back, alerted := now.Add(-3*minute), now.Add(-30*time.Second), now.Add(-20*time.Second)
	write("deployment_start_time_seconds", now.Add(-2*hour), float64(now.Add(-2*hour).Unix()), "service_version", "1")
	write("deployment_start_time_seconds", deployed, float64(deployed.Unix()), "service_version", "2")
	write("slo_burn_rate_ratio", deployed.Add(minute), 900, "slo_name", "availability", "slo_window", "5m")
	write("change_time_seconds", back, float64(back.Unix()), "change_id", "r1", "change_kind", "infrastructure", "change_name", "rollback of checkout", "change_previous", "2", "change_value", "1", "change_status", "completed")
	r.write(alertLabels("ErrorBudgetBurnCritical", "checkout", "slo_name", "availability", "slo_alert", "ErrorBudgetBurnCritical"), alerted, now, 5*time.Second, func(time.Time) (float64, bool) { return 1, true })
	clock := now.Add(-45 * time.Second)
	b := bookOf(r, &clock)
	require.NoError(t, b.Refresh(t.Context()))
	clock = now
	h := b.History(t.Context(), 0)
	require.NoError(t, h.Err)
	require.Len(t, h.Incidents, 1)
	require.NotNil(t, h.Incidents[0].Change)
	assert.Equal(t, "checkout 2", h.Incidents[0].Change.String())
	assert.True(t, slices.ContainsFunc(h.Changes, func(c incident.Change) bool {
		return c.Return && c.Previous == "2" && c.Value == "1" && c.At.Equal(back.Truncate(time.Second))
	}), "%v", h.Changes)
	r.asked = nil
	clock = clock.Add(10 * time.Second)
	require.NoError(t, b.Refresh(t.Context()))
	assert.False(t, slices.ContainsFunc(r.asked, func(q string) bool { return strings.Contains(q, "change_time_seconds") }), "nothing has begun since: %v", r.asked)
}

// What is over has the times of the record, and is asked about no more.
func TestIncidentThatIsOver(t *testing.T) {
	r := newRecord(t)
	outage(r, 30*minute)
	clock := now
	b := bookOf(r, &clock)
	h := b.History(t.Context(), 0)
	require.NoError(t, h.Err)
	require.Len(t, h.Incidents, 1)
	one := &h.Incidents[0]
	assert.Equal(t, incident.Resolved, one.State)
	assert.WithinDuration(t, now.Add(-25*minute), one.End, 30*time.Second)
	assert.WithinDuration(t, now.Add(-30*minute), h.Details(one).BurnEnd, 30*time.Second)
	assert.True(t, h.Details(one).Final)
	r.asked = nil
	require.NoError(t, b.Refresh(t.Context()))
	assert.Len(t, r.asked, 2, "what is new, and what fires: %v", r.asked)
}

// What was saved and did not happen, as Prometheus knows, is forgotten; what Prometheus does not know any more is kept.
func TestTheRecordCounts(t *testing.T) {
	r := newRecord(t)
	outage(r, 30*minute)
	clock := now
	b := bookOf(r, &clock)
	require.NoError(t, b.Refresh(t.Context()))
	for _, s := range b.series {
		lie, old := s.spells[0], s.spells[0]
		lie.From, lie.To = now.Add(-5*hour), now.Add(-4*hour)
		old.From, old.To = now.Add(-20*day), now.Add(-20*day+hour)
		s.spells = append(s.spells, lie, old)
	}
	saved, err := b.Save()
	require.NoError(t, err)
	again := bookOf(r, &clock)
	require.NoError(t, again.Restore(saved))
	h := again.History(t.Context(), 0)
	require.NoError(t, h.Err)
	require.Len(t, h.Incidents, 2)
	assert.Equal(t, now.Add(-20*day), h.Incidents[1].Alerted)
}

func TestDamagedBook(t *testing.T) {
	clock := now
	for _, text := range []string{"", "{", `{"series": [{"metric": {}, "step": -1}]}`, `{"series": [{"metric": {}, "step": 1, "spells": [{"from": "2026-11-21T03:00:00Z", "to": "2026-11-20T03:00:00Z"}]}]}`} {
		b := bookOf(newRecord(t), &clock)
		require.Error(t, b.Restore([]byte(text)), text)
		assert.Empty(t, b.series)
	}
}

// Names from outside are bounded, and printable.
func TestHostileLabels(t *testing.T) {
	r := newRecord(t)
	long := strings.Repeat("x", 1000)
	r.write(alertLabels("Bad\x1b[31m", long, "slo_name", `"} or vector(1) #`), now.Add(-hour), now, minute, func(time.Time) (float64, bool) { return 1, true })
	clock := now
	h := bookOf(r, &clock).History(t.Context(), 0)
	require.NoError(t, h.Err)
	require.Len(t, h.Incidents, 1)
	assert.Len(t, []rune(h.Incidents[0].Origin().Name), maxText)
	assert.NotContains(t, h.Incidents[0].Spells[0].Alert, "\x1b")
}

func TestChance(t *testing.T) {
	for _, test := range []struct{ events, expected, want float64 }{
		{0, 5, 1}, {5, 5, 1}, {1, 0, 0}, {6, 4.32, 0.26667}, {10, 4.32, 0.01329}, {20, 4.32, 0}, {1100, 1000, 0.00098}, {1e6, 1e5, 0},
	} {
		assert.InDelta(t, test.want, atLeast(test.events, test.expected), 0.001, "%v of %v", test.events, test.expected)
	}
}
