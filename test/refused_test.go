// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who has no right token is refused and counted, and what they call themselves makes no series.
func TestWhoIsRefusedIsCounted(t *testing.T) {
	t.Parallel()
	tokens := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(tokens, []byte("right\n"), 0o600))
	c := prepareCollector(t, "gateway", t.TempDir(), "OTELCOL_SRE_BEARER_FILE="+tokens)
	c.args = append(c.args, "--config", "builtin:bearer")
	c.start()
	for _, attempt := range []struct {
		host, token string
		want        int
	}{{"a.example.com", "", 401}, {"b.example.com", "Bearer wrong", 401}, {"c.example.com", "Bearer right", 200}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+c.otlpHTTP+"/v1/traces", bytes.NewBufferString("{}"))
		require.NoError(t, err)
		request.Host = attempt.host
		request.Header.Set("Content-Type", "application/json")
		if attempt.token != "" {
			request.Header.Set("Authorization", attempt.token)
		}
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, attempt.want, response.StatusCode, attempt.host)
	}
	own := c.own()
	family := own["http_server_request_duration"]
	require.NotNil(t, family)
	counted := map[string]uint64{}
	for _, m := range family.GetMetric() {
		counted[label(m, "http_response_status_code")] = m.GetHistogram().GetSampleCount()
	}
	assert.Equal(t, map[string]uint64{"200": 1, "401": 2}, counted)
	assert.Len(t, family.GetMetric(), 2, "one for each status, whatever the host")
}
