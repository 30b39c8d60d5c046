// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

// maxAnswer bounds an answer of the tool, in bytes.
const maxAnswer = 512 << 10

// arguments are those of the tool. The catalog and the collector are named by the flags of the server, not by its client.
type arguments struct {
	Service string `json:"service,omitempty" jsonschema:"only this service: service.name, or NAMESPACE/NAME"`
	SLO     string `json:"slo,omitempty" jsonschema:"only SLOs of this name"`
	Last    string `json:"last,omitempty" jsonschema:"how far back, such as 7d or 30d; default: 7d"`
	From    string `json:"from,omitempty" jsonschema:"the beginning, instead of last: a date, or a time such as 2026-10-01T08:00:00Z"`
	To      string `json:"to,omitempty" jsonschema:"the end; default: now"`
	Suggest bool   `json:"suggest,omitempty" jsonschema:"also find the objective that each SLO would have kept"`
}

// AddTool adds the tool backtest, which replays the rules of the catalog over the minute history of the collector with the status page. Its answer is what the
// command prints as JSON.
func AddTool(server *mcp.Server, catalog, page string) {
	closed := false
	tool := &mcp.Tool{
		Name:        "backtest",
		Description: "What the rules of the catalog would have done over a time that has passed: budgets at its end, each alert with start, end and time to detect, pages per week, false pages; and with suggest, objectives that would have been kept.",
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &closed},
	}
	mcp.AddTool(server, tool, func(ctx context.Context, _ *mcp.CallToolRequest, a arguments) (*mcp.CallToolResult, any, error) {
		text, err := a.answer(ctx, catalog, page)
		if err != nil {
			return nil, nil, err
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, nil, nil
	})
}

func (a arguments) answer(ctx context.Context, catalog, page string) (string, error) {
	args := []string{"--catalog=" + catalog, "--url=" + page, "-o", "json"}
	for flag, value := range map[string]string{"service": a.Service, "slo": a.SLO, "last": a.Last, "from": a.From, "to": a.To} {
		if value != "" {
			args = append(args, "--"+flag+"="+value)
		}
	}
	if a.Suggest {
		args = append(args, "--suggest")
	}
	var out, log bytes.Buffer
	cmd := NewCommand()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&log)
	err := cmd.ExecuteContext(ctx)
	switch {
	case err != nil && !errors.Is(err, exit.ErrNotOK): // a budget that is spent is an answer
		return "", err
	case out.Len() > maxAnswer:
		return "", fmt.Errorf("the answer has %d KiB: ask about one service, or a shorter time", out.Len()>>10)
	}
	return out.String(), nil
}
