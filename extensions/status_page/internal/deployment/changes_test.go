// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// story is what services went through in six hours. quiet: 2 replaced 1 after an hour, in 6 minutes, 56 after its commit.
// broken: 2 came and burned 20 minutes later for an hour; 1 came back meanwhile: that is no deployment. vanished: 2 was
// rolled back. spent: nothing was deployed, and an SLO without a budget lost more for half an hour.
const story = `load 1m
  deployment_start_time_seconds{service_name="quiet", deployment_environment_name="p", service_version="1", deployment_id="q1", deployment_status="completed"} 0x65 stale
  deployment_start_time_seconds{service_name="quiet", deployment_environment_name="p", service_version="2", deployment_id="q2", deployment_status="started"} _x61 3600x4 stale
  deployment_start_time_seconds{service_name="quiet", deployment_environment_name="p", service_version="2", deployment_id="q2", deployment_status="completed"} _x66 3600x300
  deployment_info{service_name="quiet", deployment_environment_name="p", service_version="2", deployment_id="q2", deployment_status="completed"} _x66 1x300
  deployment_commit_time_seconds{service_name="quiet", deployment_environment_name="p", service_version="2", deployment_id="q2", deployment_status="completed"} _x66 600x300
  slo_state{service_name="quiet", deployment_environment_name="p", slo_name="a", slo_state="ok"} 1x400
  deployment_start_time_seconds{service_name="broken", deployment_environment_name="p", service_version="1", deployment_id="b1", deployment_status="completed"} 0x65 stale
  deployment_start_time_seconds{service_name="broken", deployment_environment_name="p", service_version="2", deployment_id="b2", deployment_status="completed"} _x61 3600x60 stale
  deployment_start_time_seconds{service_name="broken", deployment_environment_name="p", service_version="1", deployment_id="b3", deployment_status="completed", deployment_rollback="true"} _x121 7200x300
  deployment_info{service_name="broken", deployment_environment_name="p", service_version="1", deployment_id="b3", deployment_status="completed", deployment_rollback="true"} _x121 1x300
  slo_state{service_name="broken", deployment_environment_name="p", slo_name="a", slo_state="burning_fast"} 0x80 1x60 0x260
  slo_burn_rate_ratio{service_name="broken", deployment_environment_name="p", slo_name="a", slo_window="5m"} 0x80 9x60 0x260
  deployment_start_time_seconds{service_name="vanished", deployment_environment_name="p", service_version="1", deployment_id="v1", deployment_status="completed"} 0x400
  deployment_start_time_seconds{service_name="vanished", deployment_environment_name="p", service_version="2", deployment_id="v2", deployment_status="rolled_back"} _x82 3600x30 stale
  deployment_info{service_name="vanished", deployment_environment_name="p", service_version="1", deployment_id="v1", deployment_status="completed"} 1x400
  slo_state{service_name="spent", deployment_environment_name="p", slo_name="a", slo_state="exhausted"} 1x400
  slo_burn_rate_ratio{service_name="spent", deployment_environment_name="p", slo_name="a", slo_window="5m"} 0x200 9x30 0x200
`

// An engine is Prometheus' own, six hours after the story began.
type engine struct {
	*promql.Engine
	storage.Queryable
	at time.Duration // since the story began; 0 is six hours
}

func tell(t *testing.T, series string) engine {
	t.Helper()
	s := promqltest.LoadedStorage(t, series)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return engine{promqltest.NewTestEngine(t, false, 5*time.Minute, 50_000_000), s, 0}
}

func (e engine) Kept(ctx context.Context, query string, _ time.Duration) (model.Vector, error) {
	q, err := e.NewInstantQuery(ctx, e.Queryable, nil, query, time.Unix(0, 0).Add(cmp.Or(e.at, 6*time.Hour)))
	if err != nil {
		return nil, err
	}
	defer q.Close()
	samples, err := q.Exec(ctx).Vector()
	var answer model.Vector
	for _, s := range samples {
		m := model.Metric{}
		s.Metric.Range(func(l labels.Label) { m[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
		answer = append(answer, &model.Sample{Metric: m, Value: model.SampleValue(s.F)})
	}
	return answer, err
}

func (f Figures) String() string {
	return fmt.Sprintf("%.4g deployments, %.4g a day, %.4g failed, lead %.4g s, %.4g incidents, restored in %.4g s",
		float64(f.Deployments), float64(f.PerDay), float64(f.FailureRate), float64(f.LeadTime), float64(f.Incidents), float64(f.TimeToRestore))
}

// load is LoadChanges on a machine that takes no time: a slow one would show less.
func load(t *testing.T, c *catalog.Catalog, n names.Names, source Keeper) (changes Changes, err error) {
	synctest.Test(t, func(t *testing.T) { changes, err = LoadChanges(t.Context(), c, n, source) })
	return changes, err
}

func TestChanges(t *testing.T) {
	for _, strategy := range promname.Strategies {
		t.Run(string(strategy), func(t *testing.T) { testChanges(t, names.New(strategy)) })
	}
}

// translated is the story as a Prometheus with other names has it.
func translated(n names.Names) string {
	var pairs []string
	for _, m := range [][2]names.Metric{
		{usual.Start, n.Start}, {usual.Info, n.Info}, {usual.Commit, n.Commit}, {usual.States, n.States}, {usual.BurnRate, n.BurnRate},
	} {
		begin, _ := strings.CutSuffix(m[1].With(""), "}") // with a comma before the first label, if the name is inside
		pairs = append(pairs, " "+string(m[0])+"{", " "+begin)
	}
	for _, l := range [][2]names.Label{
		{usual.Service, n.Service}, {usual.Environment, n.Environment}, {usual.SLO, n.SLO}, {usual.State, n.State}, {usual.Window, n.Window},
		{usual.Version, n.Version}, {usual.Deployment, n.Deployment}, {usual.Status, n.Status}, {usual.Rollback, n.Rollback},
	} {
		pairs = append(pairs, l[0].String()+"=", l[1].String()+"=")
	}
	return strings.NewReplacer(pairs...).Replace(story)
}

func testChanges(t *testing.T, n names.Names) {
	c, err := load(t, &catalog.Catalog{Services: []*catalog.Service{{Name: "quiet"}}}, n, tell(t, translated(n)))
	require.NoError(t, err)
	assert.True(t, c.Complete)
	assert.False(t, c.Pending)
	assert.Equal(t, "3 deployments, NaN a day, 0.6667 failed, lead 3360 s, 2 incidents, restored in 2700 s", c.Overall.String())
	got := map[string]string{}
	var order []string
	for _, s := range c.Services {
		got[s.Service+s.Page] = s.String()
		order = append(order, s.Service)
	}
	assert.Equal(t, map[string]string{
		"vanished":             "1 deployments, NaN a day, 1 failed, lead NaN s, 0 incidents, restored in NaN s",
		"broken":               "1 deployments, NaN a day, 1 failed, lead NaN s, 1 incidents, restored in 3600 s",
		"quiet/services/quiet": "1 deployments, NaN a day, 0 failed, lead 3360 s, 0 incidents, restored in NaN s",
		"spent":                "0 deployments, NaN a day, NaN failed, lead NaN s, 1 incidents, restored in 1800 s",
	}, got)
	assert.Equal(t, []string{"broken", "vanished", "quiet", "spent"}, order)
}

// Grafana's dashboard says the same of the same.
func TestChangesAreThoseOfTheDashboard(t *testing.T) {
	text, err := os.ReadFile("../../../../dashboards/examples/deployments.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	e := tell(t, story)
	c, err := load(t, &catalog.Catalog{}, usual, e)
	require.NoError(t, err)
	want := map[string]fleet.Number{
		"Change failure rate": c.Overall.FailureRate,
		"Lead time":           c.Overall.LeadTime, "Time to restore": c.Overall.TimeToRestore,
	}
	chosen := strings.NewReplacer("$__range_s", "2592000", "$__range", lately, "$environment", ".*", "$namespace", ".*", "$service", ".*")
	for _, panel := range dashboard.Panels {
		figure, ok := want[panel.Title]
		if !ok {
			continue
		}
		delete(want, panel.Title)
		answer, err := e.Kept(t.Context(), chosen.Replace(panel.Targets[0].Expr), 0)
		require.NoError(t, err)
		require.Len(t, answer, 1, panel.Title)
		assert.InDelta(t, float64(answer[0].Value), float64(figure), 1e-9, panel.Title)
	}
	assert.Empty(t, want, "panels that the dashboard does not have")
}

// An incident that is not over has not been restored, and rates need a week.
func TestChangesOfTenDays(t *testing.T) {
	series := "load 5m\n" +
		"  deployment_start_time_seconds{service_name=\"a\", deployment_environment_name=\"p\", service_version=\"1\", deployment_id=\"a1\", deployment_status=\"completed\"} 0x100 stale\n" +
		"  deployment_start_time_seconds{service_name=\"a\", deployment_environment_name=\"p\", service_version=\"2\", deployment_id=\"a2\", deployment_status=\"completed\"} _x96 28800x2784\n" +
		"  slo_state{service_name=\"a\", deployment_environment_name=\"p\", slo_name=\"s\", slo_state=\"burning_fast\"} 0x1000 1x11 0x1700 1x200\n" +
		"  slo_burn_rate_ratio{service_name=\"a\", deployment_environment_name=\"p\", slo_name=\"s\", slo_window=\"5m\"} 0x1000 9x11 0x1700 9x200\n"
	e := tell(t, series)
	e.at = 10 * 24 * time.Hour
	r := computation{context: t.Context(), source: e, names: usual, services: map[[2]string]*tally{}}
	r.askAll()
	require.NoError(t, r.err)
	assert.InDelta(t, 10, r.days, 0.05)
	assert.Equal(t, "1 deployments, 0.1 a day, 0 failed, lead NaN s, 1 incidents, restored in 3600 s", r.figures(*r.services[[2]string{"", "a"}]).String())
}

func TestNothingHasChangedYet(t *testing.T) {
	c, err := load(t, &catalog.Catalog{}, usual, tell(t, "load 1m\n  deployment_start_time_seconds{service_name=\"a\", service_version=\"1\"} 0x400\n"))
	require.NoError(t, err)
	assert.True(t, c.Complete)
	assert.Equal(t, "0 deployments, NaN a day, NaN failed, lead NaN s, 0 incidents, restored in NaN s", c.Overall.String())
	assert.NotNil(t, c.Services, "a list in JSON")
	assert.Empty(t, c.Services)
}

// answers are given by a function.
type answers func(ctx context.Context, query string) (model.Vector, error)

func (a answers) Kept(ctx context.Context, query string, _ time.Duration) (model.Vector, error) {
	return a(ctx, query)
}

// What Prometheus refuses to answer is not known; it is not nothing.
func TestChangesThatAreNotKnown(t *testing.T) {
	e := tell(t, story)
	c, err := load(t, &catalog.Catalog{}, usual, answers(func(ctx context.Context, query string) (model.Vector, error) {
		if strings.Contains(query, string(usual.States)) {
			return nil, errors.New("too many samples")
		}
		return e.Kept(ctx, query, 0)
	}))
	require.EqualError(t, err, "too many samples")
	assert.False(t, c.Complete)
	assert.Equal(t, "3 deployments, NaN a day, NaN failed, lead 3360 s, NaN incidents, restored in NaN s", c.Overall.String())
}

// A page does not wait long for figures; what was answered is there.
func TestChangesThatTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c, err := LoadChanges(t.Context(), &catalog.Catalog{}, usual, answers(func(ctx context.Context, query string) (model.Vector, error) {
			if strings.HasPrefix(query, "count") && !strings.Contains(query, string(usual.States)) {
				return model.Vector{{Metric: model.Metric{"service_name": "a"}, Value: 3}}, nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}))
		require.NoError(t, err)
		assert.Equal(t, patience, time.Since(began))
		assert.Equal(t, []bool{false, true}, []bool{c.Complete, c.Pending})
		assert.InDelta(t, 3, float64(c.Overall.Deployments), 0)
		assert.True(t, math.IsNaN(float64(c.Overall.FailureRate)))
		time.Sleep(longest) // the queries go on until then
	})
}

func TestServicesWithChangesAreBounded(t *testing.T) {
	c, err := LoadChanges(t.Context(), &catalog.Catalog{}, usual, answers(func(context.Context, string) (v model.Vector, _ error) {
		for i := range maxServices + 7 {
			v = append(v, &model.Sample{Metric: model.Metric{"service_name": model.LabelValue(strconv.Itoa(i))}, Value: 1})
		}
		return v, nil
	}))
	require.NoError(t, err)
	assert.Equal(t, []int{maxServices, 7}, []int{len(c.Services), c.More})
	assert.InDelta(t, maxServices+7, float64(c.Overall.Deployments), 0, "all count")
}
