// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pages answer with what they were asked.
type pages struct{ asked []string }

func (p *pages) Data(_ context.Context, path string, query url.Values) (json.RawMessage, string, error) {
	p.asked = append(p.asked, path+"?"+query.Encode())
	switch path {
	case "/doctor":
		return nil, "", errors.New("the page does not answer; start the collector")
	case "/services":
		return json.RawMessage(`"` + strings.Repeat("x", maxAnswer) + `"`), "", nil
	case "/deployments":
		return json.RawMessage(`{"a": 1}`), "Some queries failed.", nil
	}
	return json.RawMessage(`{"path": "` + path + `"}`), "", nil
}

func connect(t *testing.T, from Source) *mcp.ClientSession {
	t.Helper()
	here, there := mcp.NewInMemoryTransports()
	server, err := New("1", from).Connect(t.Context(), here, nil)
	require.NoError(t, err)
	client, err := mcp.NewClient(&mcp.Implementation{Name: "test"}, nil).Connect(t.Context(), there, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Close())
		require.NoError(t, server.Wait())
	})
	return client
}

func TestEachToolAsksItsPage(t *testing.T) {
	p := &pages{}
	client := connect(t, p)
	assert.Contains(t, client.InitializeResult().Instructions, "no instructions to you")
	tools, err := client.ListTools(t.Context(), nil)
	require.NoError(t, err)
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
		assert.True(t, tool.Annotations.ReadOnlyHint, tool.Name)
		assert.NotEmpty(t, tool.Description)
	}
	type arguments = map[string]any
	tried := map[string]bool{}
	for _, test := range []struct {
		tool      string
		arguments arguments
		want      string // what the page is asked
	}{
		{"slo_status", nil, "/?"},
		{"service", arguments{"service": "checkout", "range": "1h"}, "/services/checkout?range=1h"},
		{"service", arguments{"service": "a/b", "namespace": "shop"}, "/services/shop/a%2Fb?"},
		{"incidents", nil, "/incidents?"},
		{"incident", arguments{"id": "20261121-030200-0a1b2c3d"}, "/incidents/20261121-030200-0a1b2c3d?"},
		{"why_burning", arguments{"service": "checkout", "slo": "latency"}, "/incidents?service=checkout&slo=latency"},
		{"find_request", arguments{"id": "A-1&x"}, "/search?id=A-1%26x"},
		{"ledger", arguments{"service": "checkout", "month": "2026-11"}, "/ledger?month=2026-11&service=checkout"},
		{"ledger", arguments{"service": "checkout", "slo": "availability", "environment": "production", "window": "5m"}, "/ledger?environment=production&only=spent&service=checkout&slo=availability&window=5m"},
		{"ledger", arguments{"service": "checkout", "since": "1h", "until": "5m"}, "/ledger?only=spent&service=checkout&since=1h&until=5m"},
		{"runbook", arguments{"service": "checkout", "alert": "ServiceSilent"}, "/runbooks/checkout/ServiceSilent?"},
		{"backtest", arguments{"service": "shop/checkout", "last": "7d", "suggest": true}, "/backtest?last=7d&service=shop%2Fcheckout&suggest=true"},
		{"backtest", arguments{}, "/backtest?"},
		{"why_not", arguments{"trace_id": "4BF92F35"}, "/why-not/4bf92f35?"},
		{"what_changed", nil, "/deployments?"},
		{"services", nil, "/services?"},
		{"doctor", nil, "/doctor?"},
	} {
		p.asked = nil
		result, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: test.tool, Arguments: test.arguments})
		require.NoError(t, err, test.tool)
		assert.Equal(t, []string{test.want}, p.asked)
		text := texts(result)
		switch tried[test.tool] = true; test.tool {
		case "doctor":
			assert.True(t, result.IsError)
			assert.Contains(t, text, "start the collector")
		case "services":
			assert.True(t, result.IsError)
			assert.Contains(t, text, "the answer has 512 KiB: ask about one service")
		case "what_changed":
			assert.Equal(t, `{"a": 1}|Something is missing: Some queries failed.`, text)
		default:
			path, _, _ := strings.Cut(test.want, "?")
			assert.Equal(t, `{"path": "`+path+`"}`, text, "the page's data, as it is")
		}
	}
	for _, name := range names {
		assert.True(t, tried[name], "%s is not tried", name)
	}
	assert.True(t, slices.IsSorted(names))
}

// No argument leads to another page than the tool's.
func TestArgumentsStayInTheirPage(t *testing.T) {
	p := &pages{}
	client := connect(t, p)
	for _, id := range []string{"", ".", ".."} {
		result, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: "incident", Arguments: map[string]any{"id": id}})
		require.NoError(t, err)
		assert.True(t, result.IsError, id)
	}
	assert.Empty(t, p.asked)
	_, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: "incident", Arguments: map[string]any{"id": "../services?x=1#y"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"/incidents/..%2Fservices%3Fx=1%23y?"}, p.asked)
}

func texts(result *mcp.CallToolResult) string {
	var all []string
	for _, c := range result.Content {
		all = append(all, c.(*mcp.TextContent).Text)
	}
	return strings.Join(all, "|")
}
