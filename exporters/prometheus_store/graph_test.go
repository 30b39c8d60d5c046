// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A link of a runbook is answered with what Prometheus would show.
func TestLinksOfRunbooksAreAnswered(t *testing.T) {
	s := start(t, configured(t))
	require.NoError(t, s.push(t.Context(), gauge("queue.depth", 42, time.Now(), nil)))
	follow := func(path string, values url.Values) (asked *url.URL, status int, body string) {
		response, err := http.Get("http://" + s.server.Address.String() + path + "?" + values.Encode())
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.Request.URL, response.StatusCode, string(text)
	}
	for _, path := range []string{"/graph", "/query"} {
		asked, status, body := follow(path, url.Values{"g0.expr": {`queue_depth > 1`}, "g0.tab": {"1"}})
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "/api/v1/query", asked.Path)
		require.Contains(t, body, `"42"`)

		asked, status, body = follow(path, url.Values{"g0.expr": {`queue_depth`}, "g0.tab": {"0"}, "g0.range_input": {"6h"}})
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "/api/v1/query_range", asked.Path)
		require.Equal(t, "86", asked.Query().Get("step"))
		require.Contains(t, body, `"matrix"`)

		_, status, body = follow(path, nil)
		require.Equal(t, http.StatusNotFound, status)
		require.Contains(t, body, "/api/v1/")
	}
	// Nothing that is asked leads elsewhere.
	asked, status, _ := follow("/graph", url.Values{"g0.expr": {"//example.com/\r\nX: y"}, "g0.tab": {"0"}, "g0.range_input": {"-1"}})
	require.Equal(t, s.server.Address.String(), asked.Host)
	require.Equal(t, http.StatusBadRequest, status)
}
