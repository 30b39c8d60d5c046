// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

// pint is Cloudflare's linter of rules, under the Apache License 2.0.
var pint = gotool.Module{
	Path: "github.com/cloudflare/pint", Version: "v0.80.0",
	Sum: "h1:A9KS0dm+PFxodybkxJry/F7QHS2eVYmG8tTjoMm09cc=", GoModSum: "h1:TGIVPgkvrejHtKWqTwJmmie+MlyZWqD9h7jZHzD0LuU=",
}

var buildPint = sync.OnceValues(func() (string, error) { return gotool.BuildOf(pint, "cmd/pint") })

// A finding is what pint has to say of a rule.
type finding struct {
	Path, Reporter, Problem, Details, Severity string
	Lines                                      []int
}

func (f finding) String() string {
	return fmt.Sprintf("%s:%v: %s: %s (%s) %s", f.Path, f.Lines, f.Severity, f.Problem, f.Reporter, f.Details)
}

// runPint lints rule files; config is its configuration, if it may ask a Prometheus.
func runPint(ctx context.Context, t *testing.T, config string, paths ...string) (findings []finding) {
	t.Helper()
	program, err := buildPint()
	require.NoError(t, err)
	folder := t.TempDir()
	report, file := filepath.Join(folder, "report.json"), filepath.Join(folder, "pint.hcl")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	args := []string{"--no-color", "--show-duplicates", "--config", file}
	if config == "" {
		args = append(args, "--offline")
	}
	said, err := exec.CommandContext(ctx, program, append(append(args, "lint", "--fail-on=info", "--min-severity=info", "--json="+report), paths...)...).CombinedOutput()
	text, missing := os.ReadFile(report)
	require.NoError(t, missing, "%s", said)
	require.NoError(t, json.Unmarshal(text, &findings))
	if len(findings) == 0 {
		require.NoError(t, err, "%s", said)
	}
	return findings
}

// pint has nothing to say of the rules: neither of those that are committed, nor of those of other catalogs in any translation,
// nor of names that try to leave the strings they stand in.
func TestPintPassesTheRules(t *testing.T) {
	t.Parallel()
	committed, err := filepath.Glob("../alerts/examples/*.rules.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, committed)
	assert.Empty(t, runPint(t.Context(), t, "", committed...))

	services := hostileServices()
	for _, folder := range []string{"../examples/catalog", "../catalog/testdata", "../catalog/testdata/openslo", "../catalog/testdata/sloth", "../extensions/service_catalog/testdata/catalog"} {
		loaded, _ := catalog.Load(folder)
		require.NotNil(t, loaded, folder)
		services = append(services, loaded.Services...)
	}
	for _, strategy := range promname.Strategies {
		t.Run(string(strategy), func(t *testing.T) {
			options, folder := alerts.DefaultOptions(), t.TempDir()
			options.Translation, options.GoldenSignals = strategy, true
			files := []alerts.File{alerts.Collector(options)}
			for _, service := range services {
				file, _ := alerts.Generate(service, options)
				files = append(files, file)
			}
			for i, file := range files {
				var text bytes.Buffer
				require.NoError(t, file.WriteRules(&text))
				require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.rules.yaml", i)), text.Bytes(), 0o600))
			}
			for _, f := range runPint(t.Context(), t, "", folder) {
				t.Error(f)
			}
		})
	}
}

// What pint would find is found: a rule as it is not to be.
func TestPintFinds(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.rules.yaml")
	const rule = `groups:
  - name: a
    rules:
      - {alert: A, expr: 'sum by (job) (rate(errors_total[5m])) > 0', annotations: {summary: "{{ $labels.instance }}"}}
`
	require.NoError(t, os.WriteFile(file, []byte(rule), 0o600))
	findings := runPint(t.Context(), t, "", file)
	require.Len(t, findings, 1)
	assert.Equal(t, "alerts/template", findings[0].Reporter)
}

// Beside a running collector pint asks its store whether there is what the rules read, under the labels that they name and of the
// type that they take it for.
func TestPintFindsWhatTheRulesReadInTheStore(t *testing.T) {
	t.Parallel()
	c := newCollector(t, "standalone", "../examples/catalog", "OTELCOL_SRE_RULES="+absolute(t, "../alerts/examples"))
	out, err := exec.CommandContext(t.Context(), "../bin/shop", "--endpoint", c.otlpGRPC, "--rate", "25", "--duration", "20s", "--control", "", "--ports", "0").CombinedOutput()
	require.NoError(t, err, "%s", out)
	config := fmt.Sprintf("prometheus \"store\" {\n  uri = \"http://%s\"\n  timeout = \"30s\"\n}\n", c.api)
	files, err := filepath.Glob("../alerts/examples/*.rules.yaml")
	require.NoError(t, err)
	var found []string
	assert.Eventually(t, func() bool {
		found = nil
		for _, f := range runPint(t.Context(), t, config, files...) {
			if f.Severity == "Information" { // it takes days to record
				continue
			}
			found = append(found, f.String())
		}
		return len(found) == 0
	}, patience, 2*time.Second)
	assert.Empty(t, found)
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	return path
}
