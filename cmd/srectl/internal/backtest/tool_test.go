// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
)

// What the tool answers is what the command prints, of the history that a collector's own processor has kept.
func TestToolAnswersAsTheCommand(t *testing.T) {
	s := lately(t)
	folder := commandtest.Catalog(t, catalogText(99.9, "window: 7d, sli: "+counted))
	page := followed(t, s, folder)
	here, there := mcp.NewInMemoryTransports()
	server := mcp.NewServer(&mcp.Implementation{Name: "test"}, nil)
	AddTool(server, folder, page)
	session, err := server.Connect(t.Context(), here, nil)
	require.NoError(t, err)
	client, err := mcp.NewClient(&mcp.Implementation{Name: "test"}, nil).Connect(t.Context(), there, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Close())
		require.NoError(t, session.Wait())
	})
	tools, err := client.ListTools(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, tools.Tools, 1)
	assert.True(t, tools.Tools[0].Annotations.ReadOnlyHint)
	call := func(arguments map[string]any) (string, bool) {
		result, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: "backtest", Arguments: arguments})
		require.NoError(t, err)
		return result.Content[0].(*mcp.TextContent).Text, result.IsError
	}

	from, to := s.Start.Add(s.Watch.Begin).Format(time.RFC3339), s.Start.Add(s.Length).Format(time.RFC3339)
	text, failed := call(map[string]any{"service": "checkout", "from": from, "to": to})
	require.False(t, failed, text)
	want, printed := askHistory(t, s, page, folder, "--service", "checkout")
	require.Len(t, want.SLOs, 1)
	require.NotEmpty(t, want.Alerts)
	assert.JSONEq(t, printed.Stdout, text)

	only, got := askHistory(t, s, page, folder, "--slo", "availability")
	require.NotEmpty(t, only.Alerts, "%v", got.Err)
	for _, alert := range only.Alerts {
		assert.Equal(t, "availability", alert.SLO)
		assert.Contains(t, want.Alerts, alert)
	}
	assert.Equal(t, want.Pages, only.Pages)

	// The page replays the rules of its own catalog, which is the same.
	of := func(text string) string {
		var r map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &r))
		delete(r, "catalog")
		delete(r, "collector")
		again, err := json.Marshal(r)
		require.NoError(t, err)
		return string(again)
	}
	remote, err := mcp.NewClient(&mcp.Implementation{Name: "test"}, nil).Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: page + "/mcp", DisableStandaloneSSE: true}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remote.Close()) })
	result, err := remote.CallTool(t.Context(), &mcp.CallToolParams{Name: "backtest", Arguments: map[string]any{"service": "checkout", "from": from, "to": to}})
	require.NoError(t, err)
	fromPage := result.Content[0].(*mcp.TextContent).Text
	require.False(t, result.IsError, fromPage)
	assert.JSONEq(t, of(printed.Stdout), of(fromPage))
	assert.NotContains(t, fromPage, folder, "where its catalog is")
	response, err := http.Get(page + "/backtest?" + url.Values{"service": {"shop/checkout"}, "from": {from}, "to": {to}}.Encode())
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var answer struct{ Data json.RawMessage }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	assert.JSONEq(t, fromPage, string(answer.Data))

	for _, wrong := range []map[string]any{{"service": "none"}, {"last": "yesterday"}, {"service": "checkout", "slo": "none"}} {
		text, failed = call(wrong)
		assert.True(t, failed, text)
		assert.NotEmpty(t, text)
	}
}
