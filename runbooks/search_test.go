// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
)

// linked are the options of a place that has everything.
func linked() Options {
	o := configured()
	o.Grafana, o.Jaeger, o.Kibana = "https://grafana.example.com/sre/", "https://jaeger.example.com", "https://kibana.example.com/s/shop"
	o.Loki, o.Tempo = "loki-uid", "tempo-uid"
	return o
}

// ran is the query that a link runs, by the language it is in.
func ran(t *testing.T, to string) (language, query string) {
	t.Helper()
	u, err := url.Parse(to)
	require.NoError(t, err)
	switch u.Host {
	case "grafana.example.com":
		require.Equal(t, "/sre/explore", u.Path)
		require.Equal(t, "1", u.Query().Get("schemaVersion"))
		var panes map[string]struct {
			Datasource string
			Queries    []struct {
				Datasource             struct{ Type, UID string }
				QueryType, Expr, Query string
			}
			Range struct{ From, To string }
		}
		require.NoError(t, json.Unmarshal([]byte(u.Query().Get("panes")), &panes), to)
		pane := panes["a"]
		require.Len(t, pane.Queries, 1)
		q := pane.Queries[0]
		assert.Equal(t, pane.Datasource, q.Datasource.UID)
		assert.Equal(t, "now-1h", pane.Range.From)
		switch q.Datasource.Type {
		case "tempo":
			assert.Equal(t, "tempo-uid traceql", pane.Datasource+" "+q.QueryType)
			return "traceql", q.Query
		case "loki":
			assert.Equal(t, "loki-uid range", pane.Datasource+" "+q.QueryType)
			return "logql", q.Expr
		}
		assert.Fail(t, "no such data source", to)
	case "kibana.example.com":
		require.Equal(t, "/s/shop/app/discover", u.Path)
		state, rest, found := strings.Cut(u.Fragment, "query:(language:kuery,query:'")
		require.True(t, found, to)
		assert.Equal(t, "/?_g=(time:(from:now-1h,to:now))&_a=(", state)
		query, found := strings.CutSuffix(rest, "'))")
		require.True(t, found, to)
		return "kql", strings.NewReplacer("!!", "!", "!'", "'").Replace(query)
	}
	return "", ""
}

// Every search of a page, but those that wait for an ID, has a link that runs exactly it.
func TestSearchesAreClickable(t *testing.T) {
	files := examples(t)
	for _, s := range hostile {
		f, _ := alerts.Generate(hostileService(s), alerts.DefaultOptions())
		files = append(files, f)
	}
	clicked := map[string]int{}
	for _, f := range files {
		pages, _ := Generate(f, none, linked())
		for _, page := range pages {
			run := map[string][]string{}
			links, _ := Links(page.Text)
			for _, l := range links {
				language, query := ran(t, l.To)
				run[language] = append(run[language], oneLine(query))
			}
			for _, language := range []string{"traceql", "logql", "kql"} {
				for _, query := range blocksOf(page.Text, language) {
					if strings.Contains(query, "CORRELATION_ID") || strings.Contains(query, "<! --") { // kept from looking like a marker
						continue
					}
					clicked[language]++
					assert.True(t, slices.Contains(run[language], oneLine(query)), "%s: no link runs\n%s", page.Path, query)
				}
			}
		}
	}
	for _, language := range []string{"traceql", "logql", "kql"} {
		assert.Greater(t, clicked[language], 100, language)
	}
}

// Jaeger's form asks for the environment, and the tag or the duration that is bad. That it finds them, Jaeger's own code says in
// the folder test.
func TestSearchInJaeger(t *testing.T) {
	f := shopFile(t, "checkout")
	pages, _ := Generate(f, none, linked())
	asked := map[string]bool{}
	for _, page := range pages {
		links, _ := Links(page.Text)
		for _, l := range links {
			if u, err := url.Parse(l.To); err == nil && u.Host == "jaeger.example.com" {
				q := u.Query()
				assert.Equal(t, "/search checkout 1h", u.Path+" "+q.Get("service")+" "+q.Get("lookback"))
				asked[q.Get("tags")+q.Get("minDuration")] = true
			}
		}
	}
	assert.Equal(t, map[string]bool{`{"deployment.environment.name":"production","error":"true"}`: true,
		`{"deployment.environment.name":"production"}300ms`: true, `{"deployment.environment.name":"production"}`: true}, asked)
}

// Nobody's Grafana, Jaeger or Kibana: the searches are there, and lead nowhere.
func TestSearchesWithoutLinks(t *testing.T) {
	f := shopFile(t, "checkout")
	pages, _ := Generate(f, none, configured())
	for _, page := range pages {
		for _, name := range []string{"Grafana", "Jaeger", "Kibana]"} {
			assert.NotContains(t, string(page.Text), name)
		}
	}
}
