// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// What a tool answers is what the page says, also if the page is elsewhere.
func TestToolsAnswerAsThePagesDo(t *testing.T) {
	v, _, _ := outage(t, func(o *Options) {
		k := eaten(o.Now())
		o.Explainers = func() []attribution.Keeper { return []attribution.Keeper{k} }
	})
	server := httptest.NewServer(v.handler)
	defer server.Close()
	client, err := mcp.NewClient(&mcp.Implementation{Name: "test"}, nil).Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: server.URL + "/mcp", HTTPClient: server.Client(), DisableStandaloneSSE: true}, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	call := func(tool string, arguments map[string]any) (string, bool) {
		result, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
		require.NoError(t, err)
		return result.Content[0].(*mcp.TextContent).Text, result.IsError
	}
	of := func(path string) string {
		var answer struct{ Data json.RawMessage }
		resp := v.do(http.MethodGet, path, "Accept", "application/json")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
		return string(answer.Data)
	}
	var incidents struct{ Incidents []struct{ ID string } }
	text, failed := call("incidents", nil)
	require.False(t, failed, text)
	require.NoError(t, json.Unmarshal([]byte(text), &incidents))
	id := incidents.Incidents[0].ID
	require.Eventually(t, func() bool { return strings.Contains(of("/deployments"), `"pending": false`) }, time.Minute, 50*time.Millisecond, "the figures of a month")
	for _, test := range []struct {
		tool, path string
		arguments  map[string]any
	}{
		{"slo_status", "/", nil},
		{"services", "/services", nil},
		{"incidents", "/incidents", nil},
		{"incident", "/incidents/" + id, map[string]any{"id": id}},
		{"why_burning", "/incidents/" + id, map[string]any{"service": "payment"}},
		{"what_changed", "/deployments", nil},
		{"runbook", "/runbooks/payment/slo-availability", map[string]any{"service": "payment", "alert": "slo-availability"}},
		{"runbook", "/runbooks/payment/ErrorBudgetBurnCritical", map[string]any{"service": "payment", "alert": "ErrorBudgetBurnCritical"}},
		{"doctor", "/doctor", nil},
		{"ledger", "/ledger?service=payment&slo=availability&window=5m&only=spent", map[string]any{"service": "payment", "slo": "availability", "window": "5m"}},
	} {
		text, failed := call(test.tool, test.arguments)
		assert.False(t, failed, text)
		assert.JSONEq(t, of(test.path), text, test.tool)
	}
	text, failed = call("incident", map[string]any{"id": "none"})
	assert.True(t, failed)
	assert.Contains(t, text, "There is no such incident. Incidents are kept for 30 days")
}

// Other methods, origins and sizes are turned away.
func TestToolsAreGuarded(t *testing.T) {
	v, _, _ := outage(t, nil)
	server := httptest.NewServer(v.handler)
	defer server.Close()
	const initialize = `{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}`
	status := func(method, path, body string, header ...string) int {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "application/json, text/event-stream")
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		resp, err := server.Client().Do(request)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	assert.Equal(t, http.StatusOK, status(http.MethodPost, "/mcp", initialize))
	assert.Equal(t, http.StatusForbidden, status(http.MethodPost, "/mcp", initialize, "Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site"))
	assert.Equal(t, http.StatusMethodNotAllowed, status(http.MethodPost, "/services", initialize))
	assert.Equal(t, http.StatusMethodNotAllowed, status(http.MethodDelete, "/mcp", ""))
	assert.GreaterOrEqual(t, status(http.MethodPost, "/mcp", `{"jsonrpc": "2.0", "x": "`+strings.Repeat("x", maxQuestion)+`"}`), 400)
}
