// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// questions are the queries of all pages of a service, each once, without the conditions of alerts.
func questions(t *testing.T, service string) (all []string) {
	t.Helper()
	f := shopFile(t, service)
	pages, _ := Generate(f, none, configured())
	add := func(query string) {
		query = strings.TrimSpace(query)
		if query == "" || slices.Contains(all, query) {
			return
		}
		for _, a := range f.Alerts {
			if strings.TrimSpace(a.Expr) == query {
				return
			}
		}
		all = append(all, query)
	}
	for _, page := range pages {
		for _, query := range blocksOf(page.Text, "promql") {
			add(query)
		}
		links, _ := Links(page.Text)
		for _, l := range links {
			u, err := url.Parse(l.To)
			require.NoError(t, err)
			add(u.Query().Get("g0.expr"))
		}
	}
	return all
}

// slips are a query with another name of a metric, and another name or value of a label it must equal, for each there is.
func slips(t *testing.T, query string) (all []string) {
	t.Helper()
	parse := func() parser.Expr {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
		require.NoError(t, err, query)
		return expr
	}
	// change changes the nth place, and reports whether there is one.
	change := func(n int) bool {
		expr, at := parse(), 0
		here := func() bool { at++; return at-1 == n }
		changed := false
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			s, ok := node.(*parser.VectorSelector)
			if !ok {
				return nil
			}
			for i, m := range s.LabelMatchers {
				if m.Name == model.MetricNameLabel {
					if here() {
						s.Name, changed = s.Name+"x", true
						s.LabelMatchers = slices.Delete(slices.Clone(s.LabelMatchers), i, i+1)
						return nil
					}
					continue
				}
				if m.Type != labels.MatchEqual || m.Value == "" {
					continue
				}
				if here() {
					s.LabelMatchers[i], changed = labels.MustNewMatcher(m.Type, m.Name+"x", m.Value), true
				}
				if here() {
					s.LabelMatchers[i], changed = labels.MustNewMatcher(m.Type, m.Name, m.Value+"x"), true
				}
			}
			return nil
		})
		if changed {
			all = append(all, expr.String())
		}
		return changed
	}
	for n := 0; ; n++ {
		if !change(n) {
			return all
		}
	}
}

// A slip in the name of a metric, or in the name or value of a label, of any query of any page is seen: the query has no answer, or another one.
func TestSlipsInQueriesAreSeen(t *testing.T) {
	f := shopFile(t, "checkout")
	storage := promqltest.LoadedStorage(t, telemetry(f.Service))
	t.Cleanup(func() { _ = storage.Close() })
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	answer := func(query string) promql.Vector {
		q, err := engine.NewInstantQuery(context.Background(), storage, nil, query, time.Unix(minutes*60, 0))
		require.NoError(t, err, query)
		defer q.Close()
		result := q.Exec(context.Background())
		if result.Err != nil {
			return nil
		}
		vector, err := result.Vector()
		require.NoError(t, err, query)
		return slices.Clone(vector)
	}
	tried := 0
	for _, query := range questions(t, "checkout") {
		right := answer(query)
		require.NotEmpty(t, right, query)
		wrong := slips(t, query)
		require.NotEmpty(t, wrong, query)
		for _, slip := range wrong {
			tried++
			got := answer(slip)
			assert.False(t, len(got) > 0 && right.String() == got.String(), "a slip is not seen:\n%s\n%s", query, slip)
		}
	}
	assert.Greater(t, tried, 200)
}
