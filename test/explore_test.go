// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// askFor gets JSON from an API of a tenant's.
func askFor(t *testing.T, address, tenant string, parameters map[string]string, answer any) {
	t.Helper()
	values := url.Values{}
	for name, value := range parameters {
		values.Set(name, value)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"?"+values.Encode(), http.NoBody)
	require.NoError(t, err)
	request.Header.Set("X-Scope-Orgid", tenant)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
	require.NoError(t, json.Unmarshal(body, answer), "%s", body)
}

// An exploration is what a link into Grafana's Explore asks.
type exploration struct{ source, query string }

// explorations are those of a page.
func explorations(t *testing.T, page runbookPage, grafana string) (all []exploration) {
	t.Helper()
	links, _ := runbooks.Links([]byte(page.text))
	for _, l := range links {
		if !strings.HasPrefix(l.To, grafana+"/explore?") {
			continue
		}
		to, err := url.Parse(l.To)
		require.NoError(t, err)
		var panes map[string]struct {
			Queries []struct {
				Datasource  struct{ Type, UID string }
				Expr, Query string
			}
		}
		require.NoError(t, json.Unmarshal([]byte(to.Query().Get("panes")), &panes))
		for _, pane := range panes {
			for _, q := range pane.Queries {
				all = append(all, exploration{q.Datasource.UID, q.Expr + q.Query})
			}
		}
	}
	return all
}

// The links of the pages into Grafana's Explore ask Loki and Tempo, which got the shop's telemetry by the fragments, what finds
// something there: what is bad of the page's service, and nothing else.
func TestLinksIntoExploreFind(t *testing.T) {
	t.Parallel()
	logs, traces := startLoki(t, "shop"), startTempo(t, "shop")
	logs.busy, traces.busy = 1, 1
	sink, toFile := newFileSink(t, "forward/sampled", "red")
	gateway := prepareCollector(t, "gateway", t.TempDir(), "OTELCOL_SRE_LOKI="+logs.URL, "OTELCOL_SRE_LOKI_TENANT=shop",
		"OTELCOL_SRE_TEMPO="+traces.otlp, "OTELCOL_SRE_TEMPO_INSECURE=true", "OTELCOL_SRE_TEMPO_TENANT=shop", "OTELCOL_SRE_SAMPLING_PERCENTAGE=100")
	gateway.args = append(gateway.args, "--config", "builtin:loki", "--config", "builtin:tempo", "--config", toFile, "--config", "yaml:processors::trace_sampler::wait: 1s")
	gateway.start()
	shop := exec.CommandContext(t.Context(), "../bin/shop", "--endpoint", gateway.otlpGRPC, "--rate", "25", "--duration", "4s", "--control", "", "--ports", "0",
		"--error-rate", "checkout=0.2", "--latency", "checkout=100ms")
	out, err := shop.CombinedOutput()
	require.NoError(t, err, "%s", out)

	service := func() *catalog.Service {
		loaded, problems := catalog.Load("../examples/catalog")
		require.NoError(t, problems.Err())
		i := slices.IndexFunc(loaded.Services, func(s *catalog.Service) bool { return s.Name == "checkout" })
		return loaded.Services[i]
	}()
	o := configured()
	o.Grafana, o.Loki, o.Tempo = "https://grafana.example.com", "loki-uid", "tempo-uid"
	var asked []exploration
	for _, page := range pagesOf(service, o) {
		for _, e := range explorations(t, page, o.Grafana) {
			if !slices.Contains(asked, e) {
				asked = append(asked, e)
			}
		}
	}
	require.Greater(t, len(asked), 3)
	var spans []span
	var records []logRecord
	require.Eventually(t, func() bool { // all that came out came in
		spans, records = readFile(t, sink)
		traces.mu.Lock()
		defer traces.mu.Unlock()
		logs.mu.Lock()
		defer logs.mu.Unlock()
		return len(spans) > 100 && len(traces.kept) == len(spans) && len(records) > 0 && len(logs.kept) >= len(records)
	}, patience, 200*time.Millisecond, "not everything arrives")
	gateway.stop()

	told := telemetry{spans: spans, records: records}
	queries := map[string][]string{}
	for _, e := range asked {
		merge(queries, map[string][]string{map[string]string{"loki-uid": "logql", "tempo-uid": "traceql"}[e.source]: {e.query}})
	}
	answers, something := told.ask(t, queries), 0
	for _, e := range asked {
		var want, got []string
		if e.source == "loki-uid" {
			for _, i := range answers["logql"][e.query].Found {
				want = append(want, records[i].Body().AsString())
			}
			got = logs.explore(t, e.query)
		} else {
			for _, i := range answers["traceql"][e.query].Found {
				want = append(want, spans[i].SpanID().String())
			}
			got = traces.explore(t, e.query)
		}
		assert.ElementsMatch(t, want, got, e.query)
		something += len(want)
	}
	assert.Greater(t, something, 10)
}
