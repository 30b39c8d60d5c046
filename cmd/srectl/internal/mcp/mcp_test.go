// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mcp

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

// A client on the standard input and output gets the data of the page; the command ends with its input.
func TestAClientOnTheStandardInput(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/sre/services/checkout" || r.URL.RawQuery != "range=1h" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"problem": {"what": "There is no such page.", "fix": "Look for the service among all SLOs."}}`)
			return
		}
		_, _ = io.WriteString(w, `{"problem": {"what": "Some queries failed.", "fix": "Wait."}, "data": {"name": "checkout"}}`)
	}))
	defer page.Close()
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		root := commandtest.Root(NewCommand("1.2.3"))
		root.SetArgs([]string{"mcp", "--url", page.URL + "/sre"})
		root.SetIn(in)
		root.SetOut(out)
		ended <- root.ExecuteContext(t.Context())
	}()
	client, err := sdk.NewClient(&sdk.Implementation{Name: "test"}, nil).Connect(t.Context(), &sdk.IOTransport{Reader: fromServer, Writer: toServer}, nil)
	require.NoError(t, err)
	assert.Equal(t, "1.2.3", client.InitializeResult().ServerInfo.Version)
	result, err := client.CallTool(t.Context(), &sdk.CallToolParams{Name: "service", Arguments: map[string]any{"service": "checkout", "range": "1h"}})
	require.NoError(t, err)
	require.False(t, result.IsError)
	assert.JSONEq(t, `{"name": "checkout"}`, result.Content[0].(*sdk.TextContent).Text)
	assert.Equal(t, "Something is missing: Some queries failed. Wait.", result.Content[1].(*sdk.TextContent).Text)
	result, err = client.CallTool(t.Context(), &sdk.CallToolParams{Name: "service", Arguments: map[string]any{"service": "other"}})
	require.NoError(t, err)
	assert.True(t, result.IsError)
	assert.Contains(t, result.Content[0].(*sdk.TextContent).Text, "There is no such page.")
	require.NoError(t, client.Close())
	require.NoError(t, <-ended)
}

func TestAddress(t *testing.T) {
	r := commandtest.Run(NewCommand("1"), nil, "mcp", "--url", "ftp://example.com")
	assert.Equal(t, exit.Usage, r.Code)
	require.ErrorContains(t, r.Err, "is not an address")
}
