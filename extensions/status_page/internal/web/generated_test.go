// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
)

// Rules and dashboards of the catalog in use are served as `srectl generate` writes them, with links to this page.
func TestFilesOfTheCatalog(t *testing.T) {
	c, problems := catalog.Load("../../../../examples/catalog")
	require.NoError(t, problems.Err())
	strategy := otlptranslator.UnderscoreEscapingWithSuffixes
	v := openWith(t, &http.Client{Transport: refusing}, Options{
		Source: loaded{catalog: c}, Names: names.New(strategy), Translation: strategy, Runbooks: library(""), Now: time.Now,
	})
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		v.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://sre.example.com"+path, http.NoBody))
		return w
	}
	for _, path := range []string{"/rules/checkout.yaml", "/rules/checkout.rules.yaml", "/rules/otelcol-sre.yaml"} {
		file := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(path, "/rules/"), ".yaml"), ".rules") + ".rules.yaml"
		folder := "../../../../alerts/examples/"
		want, err := os.ReadFile(folder + file)
		require.NoError(t, err)
		w := get(path)
		require.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, "application/yaml", w.Header().Get("Content-Type"))
		assert.Equal(t, strings.ReplaceAll(string(want), "http://localhost:8686", "http://sre.example.com"), w.Body.String(), path)
	}
	for _, file := range []string{"checkout.json", "fleet.json"} {
		w := get("/dashboards/" + file)
		require.Equal(t, http.StatusOK, w.Code, file)
		assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
		assert.True(t, json.Valid(w.Body.Bytes()), file)
	}
	for query, want := range map[string][2]bool{"": {true, true}, "?backends=loki,jaeger": {true, false}, "?backends=tempo&backends=jaeger": {false, true}, "?backends=": {false, false}} {
		text := get("/dashboards/checkout.json" + query).Body.String()
		assert.Equal(t, want, [2]bool{strings.Contains(text, "${loki}"), strings.Contains(text, "${tempo}")}, query)
	}
	w := get("/dashboards/checkout.json?backends=%3Cimg%20src=x%3E")
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
	for _, path := range []string{"/rules/nobody.yaml", "/rules/checkout", "/rules/", "/dashboards/nobody.json", "/dashboards/..%2fcheckout.json", "/rules/%3Cimg%20src=x%3E.yaml"} {
		w := get(path)
		assert.Equal(t, http.StatusNotFound, w.Code, path)
		assert.NotContains(t, w.Body.String(), "<img src=x", path)
	}
}
