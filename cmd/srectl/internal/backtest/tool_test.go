// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
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

	for _, wrong := range []map[string]any{{"service": "none"}, {"last": "yesterday"}, {"service": "checkout", "slo": "none"}} {
		text, failed = call(wrong)
		assert.True(t, failed, text)
		assert.NotEmpty(t, text)
	}
}
