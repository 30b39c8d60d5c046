// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// Every command of docs/backtest.md answers, of a month that has passed.
func TestBacktestAndReport(t *testing.T) {
	if withRaceDetector {
		t.Skip("make test-unit runs it without the race detector")
	}
	const objective, stricter = "objective: 99", "objective: 99.5"
	const text = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout}
spec: {slos: [{name: availability, objective: 99, window: 7d, sli: {availability: {}}}]}
`
	page, err := os.ReadFile("../../docs/backtest.md")
	require.NoError(t, err)
	c, problems := catalog.Parse("checkout.yaml", []byte(text))
	require.NoError(t, problems.Err())
	const day = 24 * time.Hour
	start := time.Date(2024, time.February, 29, 0, 0, 0, 0, time.UTC)
	p, err := scenario.Run(t.Context(), &scenario.Scenario{
		Name: t.Name(), Service: c.Services[0], SLO: c.Services[0].SLOs[0], Environment: "production", Start: start, Length: 33 * day, Scrape: 2 * time.Minute,
		Streams: []scenario.Stream{{Version: "1", Traffic: []scenario.Phase{{For: 25 * day, PerMinute: 30, Bad: 0.001}, {For: 30 * time.Minute, PerMinute: 30, Bad: 0.5}, {For: 20 * day, PerMinute: 30, Bad: 0.001}}}},
	}, rulefmt.RuleGroups{}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)

	t.Chdir(t.TempDir())
	git := func(args ...string) {
		out, err := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"}, args...)...).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	require.NoError(t, os.Mkdir("catalog", 0o755))
	require.NoError(t, os.WriteFile("catalog/checkout.yaml", []byte(text), 0o600))
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	require.NoError(t, os.WriteFile("catalog/checkout.yaml", []byte(strings.Replace(text, objective, stricter, 1)), 0o600))

	commands := 0
	for _, block := range fence.FindAllStringSubmatch(string(page), -1) {
		for line := range strings.SplitSeq(strings.TrimSpace(block[2]), "\n") {
			if strings.Contains(line, " --url ") {
				continue // TestHistoryEqualsPrometheus of package backtest asks a collector
			}
			words := strings.Fields(strings.ReplaceAll(line, "2026-10", "2024-03"))
			require.Equal(t, "srectl", words[0], line)
			if words[1] == "backtest" {
				words = append(words, "--to", "2024-03-29")
			}
			code, out := srectl(append(words[1:], "--prometheus", server.URL)...)
			assert.Equal(t, exit.OK, code, line)
			assert.Contains(t, out, "checkout", line)
			if strings.Contains(line, "--against") {
				assert.Contains(t, out, "99 % → 99.5 %", strings.ReplaceAll(line, `\`, ""))
			}
			commands++
		}
	}
	assert.GreaterOrEqual(t, commands, 9)
}
