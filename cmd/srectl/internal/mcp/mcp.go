// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package mcp is `srectl mcp`: what a status page knows, for programs that speak the Model Context Protocol on the standard input and output.
package mcp

import (
	"context"
	"encoding/json"
	"io"
	"net/url"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/backtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/internal/assistant"
)

// NewCommand is `srectl mcp`.
func NewCommand(version string) *cobra.Command {
	var address, catalog string
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Let a program that speaks the Model Context Protocol ask a running collector",
		Long: `mcp is a server of the Model Context Protocol (https://modelcontextprotocol.io) on the standard input and output. Its tools only read, and each answer is the
data of a page of the status page: slo_status, services, service, incidents, incident, why_burning, what_changed, find_request, ledger, runbook, backtest,
doctor and why_not. With --catalog, backtest replays the rules of that catalog instead of the collector's: its answer is that of srectl backtest, over the
collector's minute history.

Answers have texts as services sent them. The tools say so to the model; still, give a model that reads them no way to change anything by itself.`,
		Example: `  srectl mcp --url http://localhost:8686`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			page, err := collector.NewPage("--url", address)
			if err != nil {
				return err
			}
			server := assistant.New(version, source{page})
			if catalog != "" {
				backtest.AddTool(server, catalog, address)
			}
			return server.Run(cmd.Context(), &sdk.IOTransport{Reader: io.NopCloser(cmd.InOrStdin()), Writer: open{cmd.OutOrStdout()}})
		},
	}
	cmd.Flags().StringVar(&address, "url", collector.DefaultPage, "the collector's status page")
	cmd.Flags().StringVar(&catalog, "catalog", "", "catalog folder or file for backtest, such as one with a change; empty: the collector's own")
	return cmd
}

// open is a writer that is not ours to close.
type open struct{ io.Writer }

func (open) Close() error { return nil }

// A source asks a status page.
type source struct{ page *collector.Page }

func (s source) Data(ctx context.Context, path string, query url.Values) (data json.RawMessage, problem string, err error) {
	problem, err = s.page.Ask(ctx, path, query, &data)
	return data, problem, err
}
