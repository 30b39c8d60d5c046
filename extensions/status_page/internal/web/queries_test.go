// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// A listener gives every question the same answer, and takes note of the questions.
type listener struct {
	mu      sync.Mutex
	queries map[string]bool
}

func (l *listener) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	if query := r.Form.Get("query"); query != "" {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.queries[query] = true
	}
	data := `{"alerts": []}`
	switch filepath.Base(r.URL.Path) {
	case "query":
		data = `{"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}]}`
		if strings.HasSuffix(r.Form.Get("query"), "]") {
			data = `{"resultType": "matrix", "result": []}`
		}
	case "query_range":
		data = `{"resultType": "matrix", "result": []}`
	case "query_exemplars":
		data = `[]`
	}
	w := httptest.NewRecorder()
	_, err := fmt.Fprintf(w, `{"status": "success", "data": %s}`, data)
	return w.Result(), err
}

// questions are all that all pages ask.
func questions(t *testing.T, strategy otlptranslator.TranslationStrategyOption) []string {
	l := &listener{queries: map[string]bool{}}
	now := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	c := parse(t, document("checkout", "payments-team", 1, checkoutSLOs))
	v := openWith(t, &http.Client{Transport: l}, Options{
		Source: loaded{catalog: c}, Names: names.New(strategy), Translation: strategy, Now: func() time.Time { return now },
	})
	telemetry{now, v.recent}.span("checkout", orderTrace, 1, 0, 0, 1, nil) // requests are asked for that can be searched
	for _, page := range []string{"/", "/services/checkout", "/alerts", "/incidents", "/deployments", "/collector", "/services?history=7d", "/map?environment=production", "/doctor", "/gate/checkout?version=2"} {
		v.page(page)
	}
	return slices.Sorted(maps.Keys(l.queries))
}

// Every question is PromQL, and the questions to a Prometheus with the default translation are those of the file.
func TestQuestions(t *testing.T) {
	const file = "testdata/queries.txt"
	usual := questions(t, promname.Strategies[0])
	golden.Equal(t, file, []byte(strings.Join(usual, "\n")+"\n"))
	for _, strategy := range promname.Strategies {
		all := questions(t, strategy)
		assert.Len(t, all, len(usual), strategy)
		for _, query := range all {
			_, err := parser.NewParser(parser.Options{}).ParseExpr(query)
			require.NoError(t, err, query)
		}
	}
}

// What was sent to a Prometheus is found there, whatever it makes of names.
func TestEveryTranslationShowsTheSame(t *testing.T) {
	const recorded = `groups:
- name: shop
  rules:
  - {record: "slo:period_error_budget_remaining:ratio", expr: vector(0.25), labels: {service_name: checkout, service_namespace: shop, slo_name: legacy}}
  - {record: "slo:sli_error:ratio_rate1h", expr: vector(0.02), labels: {service_name: checkout, service_namespace: shop, slo_name: legacy}}
  - {alert: Burns, expr: "slo:sli_error:ratio_rate1h > 0.01", labels: {severity: page}}
`
	now := time.Now().Truncate(time.Second)
	drawn := now.Add(-10 * time.Minute) // what rules record from now on is in no picture
	var pages []map[string]any
	for _, strategy := range promname.Strategies {
		s := startStoreWith(t, recorded, strategy)
		for ago := time.Hour; ago >= 0; ago -= time.Minute {
			trouble(now, ago).push(t, s)
		}
		v := openWith(t, s.client, Options{
			Source: loaded{catalog: parse(t, document("checkout", "payments-team", 1, checkoutSLOs))},
			Names:  names.New(strategy), Translation: strategy, Now: func() time.Time { return drawn },
		})
		s.waitForAlert(t, "Burns")
		var fleet, service, deployments map[string]any
		require.Nil(t, v.answer("/", "/", &fleet))
		require.Nil(t, v.answer("/services/checkout?range=1h", "/services/{slug}", &service))
		require.Nil(t, v.answer("/deployments", "/deployments", &deployments))
		delete(deployments, "changes") // figures that take long on a busy machine come with a later look
		for _, firing := range service["alerts"].([]any) {
			delete(firing.(map[string]any), "since") // when the store found it
		}
		pages = append(pages, map[string]any{"fleet": fleet["slos"], "service": service, "deployments": deployments})
	}
	for i, shown := range pages {
		assert.Len(t, shown["fleet"], 5)
		assert.Equal(t, pages[0], shown, promname.Strategies[i])
	}
}
