// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/view"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func row(name, state string, remaining, burn Number, owner string, tier int) *Row {
	return &Row{Key: Key{Service: name, SLO: "availability", Environment: "production"}, State: semconv.State(state), Remaining: remaining, Burn: burn, Exhaustion: unknown, Objective: 0.99, Owner: owner, Tier: tier}
}

var some = Fleet{Rows: []*Row{
	row("a", "ok", 0.9, 0.1, "red", 1),
	row("b", "exhausted", -0.2, 0.5, "red", 2),
	row("c", "burning_fast", 0.4, 20, "blue", 1),
	row("d", "burning_fast", 0.3, 40, "", 3),
	row("e", "unknown", unknown, unknown, "blue", 1),
	row("f", "idle", 1, 0, "red", 4),
	row("g", "exhausted", -0.1, 30, "red", 0),
}}

func services(rows []*Row) string {
	var all []string
	for _, r := range rows {
		all = append(all, r.Service)
	}
	return strings.Join(all, " ")
}

func usual() view.Fleet {
	return view.Fleet{Sort: view.Sort{Key: view.Worst}, Page: 1, Size: view.PageSize}
}

func TestOrders(t *testing.T) {
	for order, want := range map[view.Sort]string{
		{Key: view.Worst}:                  "d c g b e a f",
		{Key: view.Worst, Reverse: true}:   "f a e b g c d",
		{Key: view.Service, Reverse: true}: "g f e d c b a",
		{Key: view.Budget}:                 "b g d c a f e",
		{Key: view.Budget, Reverse: true}:  "f a c d g b e",
		{Key: view.Burn}:                   "d g c b a f e",
		{Key: view.Burn, Reverse: true}:    "f a b c g d e",
		{Key: view.Owner}:                  "d c e a b f g",
	} {
		v := usual()
		v.Sort = order
		assert.Equal(t, want, services(some.Select(v).Rows), order)
	}
}

func TestFilters(t *testing.T) {
	for want, change := range map[string]func(*view.Fleet){
		"g b a f": func(v *view.Fleet) { v.Owner = "red" },
		"d":       func(v *view.Fleet) { v.Owner = view.None },
		"g b":     func(v *view.Fleet) { v.Owner, v.State = "red", "exhausted" },
		"c e a":   func(v *view.Fleet) { v.Tier = 1 },
		"c e":     func(v *view.Fleet) { v.Text = "BLU" },
		"":        func(v *view.Fleet) { v.Environment = "moon" },
	} {
		v := usual()
		change(&v)
		s := some.Select(v)
		assert.Equal(t, want, services(s.Rows))
		assert.Equal(t, len(strings.Fields(want)), s.Matching)
		assert.Equal(t, 7, s.Total)
	}
}

// A filter offers what there would be with all the others as they are.
func TestFacets(t *testing.T) {
	v := usual()
	v.Owner = "blue"
	facets := map[string]string{}
	for _, f := range some.Select(v).Facets {
		facets[f.Key] = fmt.Sprint(f.Values)
	}
	assert.Equal(t, map[string]string{
		"state": "[{burning_fast 1} {unknown 1}]", "owner": "[{(none) 1} {blue 2} {red 4}]", "tier": "[{1 2}]", "environment": "[{production 2}]",
	}, facets)
	v.State = "no_data"
	for _, f := range some.Select(v).Facets {
		if f.Key == "state" {
			assert.Contains(t, f.Values, FacetValue{"no_data", 0}, "what is chosen can be unset")
		}
	}
	var many Fleet
	for i := range 300 {
		many.Rows = append(many.Rows, row(strconv.Itoa(i), "ok", 1, 0, fmt.Sprint("team-", i), 1))
	}
	owners := many.Select(usual()).Facets[1]
	assert.Equal(t, []int{maxFacetValues, 200}, []int{len(owners.Values), owners.More})
}

func TestPages(t *testing.T) {
	v := usual()
	v.Size, v.Page = 3, 3
	s := some.Select(v)
	assert.Equal(t, "f", services(s.Rows))
	assert.Equal(t, []int{3, 3}, []int{s.Page, s.Pages})
	v.Page = 1_000_000
	assert.Equal(t, 3, some.Select(v).Page)
	assert.Equal(t, 1, Fleet{}.Select(v).Pages)
}

// A source answers by what a query is about.
type source struct {
	answers map[string]model.Vector
	alerts  []v1.Alert
	err     error
}

func (s source) Instant(_ context.Context, query string) (model.Vector, error) {
	return s.answers[query], s.err
}
func (s source) Alerts(context.Context) ([]v1.Alert, error) { return s.alerts, s.err }

func sample(value float64, pairs ...string) *model.Sample {
	m := model.Metric{}
	for i := 0; i < len(pairs); i += 2 {
		m[model.LabelName(pairs[i])] = model.LabelValue(pairs[i+1])
	}
	return &model.Sample{Metric: m, Value: model.SampleValue(value)}
}

var (
	usualNames = names.Recorded()
	asked      = questionsTo(usualNames)
)

func promises(environments ...string) *catalog.Catalog {
	return &catalog.Catalog{Services: []*catalog.Service{{
		Name: "checkout", Environments: environments, Owner: "red",
		SLOs: []*catalog.SLO{
			{Name: "availability", Objective: 99.9, Window: catalog.Window{Rolling: 720 * time.Hour}, SLI: catalog.SLI{Availability: &catalog.Availability{}}},
			{Name: "legacy", Objective: 99, Window: catalog.Window{Rolling: 720 * time.Hour}, SLI: catalog.SLI{Prometheus: &catalog.Prometheus{}}},
		},
	}}}
}

func lines(f Fleet) []string {
	var all []string
	for _, r := range f.Rows {
		all = append(all, fmt.Sprintf("%s/%s@%s %s", r.Service, r.SLO, r.Environment, r.State))
	}
	return all
}

func TestRowsAreThoseOfTheCatalogAndThoseSeen(t *testing.T) {
	state := func(slo, environment, state string) *model.Sample {
		return sample(1, "service_name", "checkout", "slo_name", slo, "deployment_environment_name", environment, "slo_state", state)
	}
	for name, test := range map[string]struct {
		catalog *catalog.Catalog
		states  model.Vector
		want    []string
	}{
		"nothing seen, nothing listed": {promises(), nil, []string{"checkout/availability@ unknown", "checkout/legacy@ unknown"}},
		"listed":                       {promises("p", "s"), nil, []string{"checkout/availability@p unknown", "checkout/availability@s unknown", "checkout/legacy@p unknown", "checkout/legacy@s unknown"}},
		"seen": {promises(), model.Vector{state("availability", "p", "ok"), state("availability", "q", "idle")},
			[]string{"checkout/availability@p ok", "checkout/availability@q idle", "checkout/legacy@ unknown"}},
		"two collectors disagree": {promises("p"), model.Vector{state("availability", "p", "ok"), state("availability", "p", "no_data")},
			[]string{"checkout/availability@p no_data", "checkout/legacy@p unknown"}},
		"no word of ours": {promises("p"), model.Vector{state("availability", "p", `<b>`)}, []string{"checkout/availability@p unknown", "checkout/legacy@p unknown"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Load(t.Context(), test.catalog, usualNames, time.Now(), source{answers: map[string]model.Vector{asked.state: test.states}})
			assert.Equal(t, test.want, lines(got))
			require.NoError(t, got.Err)
		})
	}
}

// What rules record of a query has no environment: it belongs to the only one there is.
func TestRecordedSLIs(t *testing.T) {
	legacy := []string{"service_name", "checkout", "slo_name", "legacy"}
	burning := v1.Alert{State: v1.AlertStateFiring, Labels: model.LabelSet{"service_name": "checkout", "slo_name": "legacy", "severity": "page"}}
	got := Load(t.Context(), promises("p"), usualNames, time.Now(), source{
		answers: map[string]model.Vector{
			asked.recordedRemaining: {sample(0.5, legacy...)}, asked.recordedRatio: {sample(0.2, legacy...)},
		},
		alerts: []v1.Alert{burning, {State: v1.AlertStatePending, Labels: burning.Labels}},
	})
	assert.Equal(t, []string{"checkout/availability@p unknown", "checkout/legacy@p burning_fast"}, lines(got))
	r := got.Rows[1]
	assert.InDelta(t, 20, float64(r.Burn), 1e-9)
	assert.InDelta(t, 18*3600, float64(r.Exhaustion), 1e-6, "half of 30 days, twenty times too fast")
	assert.Equal(t, 1, r.Firing, "what is pending does not fire")

	spent := Load(t.Context(), promises("p"), usualNames, time.Now(), source{answers: map[string]model.Vector{asked.recordedRemaining: {sample(-0.1, legacy...)}}})
	assert.Equal(t, semconv.StateExhausted, spent.Rows[1].State)
}

// A query with results and no event in the period has no budget: it is not healthy.
func TestAQueryWithoutEventsWasNeverSeen(t *testing.T) {
	got := Load(t.Context(), promises("p"), usualNames, time.Now(), source{answers: map[string]model.Vector{asked.recordedRatio: {sample(0, "service_name", "checkout", "slo_name", "legacy")}}})
	assert.Equal(t, semconv.StateNeverSeen, got.Rows[1].State)
	assert.False(t, got.Rows[1].Remaining.Known())
	assert.False(t, got.Rows[1].Burn.Known())
}

func TestWithoutAnAnswerThereIsTheCatalog(t *testing.T) {
	got := Load(t.Context(), promises("p"), usualNames, time.Now(), source{err: errors.New("down")})
	require.EqualError(t, got.Err, "down")
	assert.Len(t, got.Rows, 2)
}

func TestNumbersAsJSON(t *testing.T) {
	text, err := json.Marshal([]Number{0.5, unknown, Number(1) / 3})
	require.NoError(t, err)
	assert.JSONEq(t, "[0.5, null, 0.3333333333333333]", string(text))
}
