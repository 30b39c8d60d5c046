// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/lint"
)

// generate runs srectl generate and gives what it said.
func generate(t *testing.T, wantExit int, args ...string) string {
	t.Helper()
	r := commandtest.Run(NewCommand(), nil, append([]string{"generate"}, args...)...)
	said := r.Stderr
	require.Equal(t, wantExit, r.Code, "%v\n%s", r.Err, said)
	if r.Err != nil {
		said += r.Err.Error()
	}
	return said
}

// linted runs srectl lint.
func linted(args ...string) (code int, stdout string) {
	r := commandtest.Run(lint.NewCommand(), nil, append([]string{"lint"}, args...)...)
	return r.Code, r.Stdout
}

func TestGenerateWritesEachKind(t *testing.T) {
	out := t.TempDir()
	generate(t, exit.OK, "--catalog", commandtest.Catalog(t, commandtest.Service), "--out", out)
	for _, name := range []string{
		"alerts/checkout.rules.yaml", "alerts/otelcol-sre.rules.yaml", "alerts/alertmanager-inhibit.yaml", "alerts/alertmanager-route.yaml", "alerts/checkout.test.yaml",
		"runbooks/checkout/README.md", "runbooks/checkout/ErrorBudgetBurnCritical.md", "runbooks/otelcol-sre/CollectorDown.md",
		"dashboards/checkout.json", "dashboards/fleet.json",
	} {
		assert.FileExists(t, filepath.Join(out, name))
	}
	leftovers, err := filepath.Glob(filepath.Join(out, "alerts", ".srectl-*"))
	require.NoError(t, err)
	assert.Empty(t, leftovers)
}

// The last line has the number of files that are there.
func TestGenerateSaysWhatItWrote(t *testing.T) {
	out, dir := t.TempDir(), commandtest.Catalog(t, commandtest.Service)
	said := func() string {
		r := commandtest.Run(NewCommand(), nil, "generate", "--catalog", dir, "--out", out)
		require.NoError(t, r.Err)
		return r.Stdout
	}
	first := said()
	files := 0
	require.NoError(t, filepath.WalkDir(out, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files++
		}
		return err
	}))
	assert.Equal(t, fmt.Sprintf("%d files below %s: %[1]d written, 0 unchanged\n", files, out), first)
	require.NoError(t, os.Remove(filepath.Join(out, "alerts/checkout.rules.yaml")))
	assert.Equal(t, fmt.Sprintf("%d files below %s: 1 written, %d unchanged\n", files, out, files-1), said())
}

func TestGenerateAgainChangesNothing(t *testing.T) {
	out, dir := t.TempDir(), commandtest.Catalog(t, commandtest.Service)
	generate(t, exit.OK, "alerts", "--catalog", dir, "--out", out)
	before, err := os.Stat(filepath.Join(out, "alerts/checkout.rules.yaml"))
	require.NoError(t, err)
	generate(t, exit.OK, "alerts", "--catalog", dir, "--out", out)
	after, err := os.Stat(filepath.Join(out, "alerts/checkout.rules.yaml"))
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "the file was replaced")
}

func TestGenerateKeepsDashboardsOfOthers(t *testing.T) {
	out, dir := t.TempDir(), commandtest.Catalog(t, commandtest.Service)
	generate(t, exit.OK, "dashboards", "--catalog", dir, "--out", out)
	folder := filepath.Join(out, "dashboards")
	gone, mine := filepath.Join(folder, "gone.json"), filepath.Join(folder, "mine.json")
	require.NoError(t, os.Rename(filepath.Join(folder, "checkout.json"), gone))
	require.NoError(t, os.WriteFile(mine, []byte(`{"uid": "mine"}`), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkout.json"), []byte(`{"uid": "own"}`), 0o644))

	said := generate(t, exit.NotOK, "dashboards", "--catalog", dir, "--out", out, "--prune")
	assert.Contains(t, said, "checkout.json: error: exists and was not generated; move it away")
	assert.Contains(t, said, gone+": removed")
	assert.FileExists(t, mine)
}

func TestGeneratePrunesOnlyWhatItWrote(t *testing.T) {
	out, dir := t.TempDir(), commandtest.Catalog(t, commandtest.Service)
	generate(t, exit.OK, "alerts", "--catalog", dir, "--out", out)
	alerts := filepath.Join(out, "alerts")
	gone, mine := filepath.Join(alerts, "gone.rules.yaml"), filepath.Join(alerts, "mine.rules.yaml")
	require.NoError(t, os.Rename(filepath.Join(alerts, "checkout.rules.yaml"), gone))
	require.NoError(t, os.WriteFile(mine, []byte("groups: []\n"), 0o644))

	said := generate(t, exit.OK, "alerts", "--catalog", dir, "--out", out)
	assert.Contains(t, said, gone+": warning: its service is not in the catalog; --prune removes it")
	assert.NotContains(t, said, mine)
	assert.FileExists(t, gone)

	generate(t, exit.OK, "alerts", "--catalog", dir, "--out", out, "--prune")
	assert.NoFileExists(t, gone)
	assert.FileExists(t, mine)
}

// Tests and rules share a folder: neither takes the files of the other for those of a service that is gone.
func TestGeneratePrunesTestsByThemselves(t *testing.T) {
	out, dir := t.TempDir(), commandtest.Catalog(t, commandtest.Service)
	generate(t, exit.OK, "--catalog", dir, "--out", out)
	folder := filepath.Join(out, "alerts")
	gone, mine := filepath.Join(folder, "gone.test.yaml"), filepath.Join(folder, "mine.test.yaml")
	text, err := os.ReadFile(filepath.Join(folder, "checkout.test.yaml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(gone, text, 0o644))
	require.NoError(t, os.WriteFile(mine, []byte("tests: []\n"), 0o644))

	assert.Empty(t, generate(t, exit.OK, "alerts", "--catalog", dir, "--out", out, "--prune"))
	assert.Contains(t, generate(t, exit.OK, "tests", "--catalog", dir, "--out", out), gone+": warning: its service is not in the catalog")
	code, stdout := linted("--catalog", dir, "--dir", out)
	assert.Equal(t, exit.OK, code)
	assert.Contains(t, stdout, gone+": warning: no service of the catalog has these tests")
	assert.NotContains(t, stdout, mine)
	generate(t, exit.OK, "tests", "--catalog", dir, "--out", out, "--prune")
	assert.NoFileExists(t, gone)
	assert.FileExists(t, mine)

	commandtest.Edit(t, filepath.Join(dir, "checkout.yaml"), "99.9", "99")
	generate(t, exit.OK, "alerts", "runbooks", "--catalog", dir, "--out", out)
	code, stdout = linted("--catalog", dir, "--dir", out)
	assert.Equal(t, exit.NotOK, code)
	assert.Contains(t, stdout, "checkout.test.yaml:2: error: was generated from another state of the catalog; run srectl generate alerts tests")
}

// promtool reads rule files only.
func TestGenerateTestsOfRuleFilesOnly(t *testing.T) {
	out, dir := t.TempDir(), commandtest.Catalog(t, commandtest.Service)
	assert.Contains(t, generate(t, exit.Usage, "tests", "--catalog", dir, "--out", out, "--format", "mimir"), "remove --format")
	generate(t, exit.OK, "--catalog", dir, "--out", out, "--format", "mimir")
	assert.NoFileExists(t, filepath.Join(out, "alerts", "checkout.test.yaml"))
}

// A page tells how to make it again, and leads to where its readers look.
func TestGenerateWritesItsCommandAndAddresses(t *testing.T) {
	dir := commandtest.Catalog(t, commandtest.Service)
	t.Chdir(dir)
	generate(t, exit.OK, "runbooks", "--catalog", filepath.Join(dir, "checkout.yaml"), "--out", "it's out", "--prune",
		"--prometheus-url", "https://prometheus.example.com/", "--alertmanager-url", "https://alerts.example.com", "--golden-signals")
	index, err := os.ReadFile(filepath.Join("it's out", "runbooks/checkout/README.md"))
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join("it's out", "runbooks/checkout/ErrorBudgetBurnCritical.md"))
	require.NoError(t, err)
	assert.Contains(t, string(index), "- Regenerate: `srectl generate runbooks --alertmanager-url https://alerts.example.com --catalog checkout.yaml --golden-signals=true "+
		`--out 'it'\''s out' --prometheus-url https://prometheus.example.com/`+"`\n")
	assert.Contains(t, string(page), "](https://prometheus.example.com/graph?")
	assert.Contains(t, string(page), "--alertmanager.url=https://alerts.example.com ")
	assert.NotContains(t, string(page), dir)

	generate(t, exit.OK, "runbooks", "--catalog", dir, "--out", t.TempDir())
	out := t.TempDir()
	generate(t, exit.OK, "--catalog", ".", "--out", out)
	index, err = os.ReadFile(filepath.Join(out, "runbooks/checkout/README.md"))
	require.NoError(t, err)
	assert.Contains(t, string(index), "- Regenerate: `srectl generate --catalog . --out OUT`\n")
}

func TestGenerateKeepsWhatSomebodyWrote(t *testing.T) {
	out, dir := t.TempDir(), commandtest.Catalog(t, commandtest.Service)
	mine := filepath.Join(out, "alerts", "checkout.rules.yaml")
	require.NoError(t, os.MkdirAll(filepath.Dir(mine), 0o755))
	require.NoError(t, os.WriteFile(mine, []byte("groups: []\n"), 0o644))
	assert.Contains(t, generate(t, exit.NotOK, "alerts", "--catalog", dir, "--out", out), "was not generated")
	text, err := os.ReadFile(mine)
	require.NoError(t, err)
	assert.Equal(t, "groups: []\n", string(text))
}

func TestGenerateWritesNothingOfABrokenCatalog(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	said := generate(t, exit.NotOK, "--catalog", commandtest.Catalog(t, commandtest.Service+"unknown: 1\n"), "--out", out)
	assert.Contains(t, said, "checkout.yaml:5")
	assert.NoDirExists(t, out)
}

func TestGenerateServicesOfOneName(t *testing.T) {
	out, dir := filepath.Join(t.TempDir(), "out"), commandtest.Catalog(t, commandtest.Service)
	other := bytes.Replace([]byte(commandtest.Service), []byte("{name: checkout}"), []byte("{name: checkout, namespace: b}"), 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other.yaml"), other, 0o644))
	third := bytes.Replace([]byte(commandtest.Service), []byte("{name: checkout}"), []byte("{name: checkout, namespace: c}"), 1)
	third = bytes.Replace(third, []byte("spec: {"), []byte("spec: {dependsOn: [b/checkout], "), 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "third.yaml"), third, 0o644))
	generate(t, exit.OK, "--catalog", dir, "--out", out)
	for _, slug := range []string{"checkout", "b.checkout", "c.checkout"} {
		rules, err := os.ReadFile(filepath.Join(out, "alerts", slug+".rules.yaml"))
		require.NoError(t, err)
		assert.Contains(t, string(rules), "/runbooks/"+slug+"/slo-availability")
		assert.FileExists(t, filepath.Join(out, "runbooks", slug, "slo-availability.md"))
		assert.FileExists(t, filepath.Join(out, "runbooks", slug, "ErrorBudgetBurnCritical.md"))
	}
	page, err := os.ReadFile(filepath.Join(out, "runbooks", "c.checkout", "slo-availability.md"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "(../b.checkout/README.md)")
	code, said := linted("--catalog", dir, "--dir", out)
	assert.Equal(t, exit.OK, code, said)
}

func TestGenerateCannotBeAsked(t *testing.T) {
	dir := commandtest.Catalog(t, commandtest.Service)
	for name, args := range map[string][]string{
		"no catalog":      {"--out", "x"},
		"no such catalog": {"--catalog", filepath.Join(dir, "none"), "--out", "x"},
		"unknown kind":    {"poems", "--catalog", dir, "--out", "x"},
		"format":          {"--catalog", dir, "--out", "x", "--format", "json"},
		"translation":     {"--catalog", dir, "--out", "x", "--translation", "none"},
		"runbook URL":     {"--catalog", dir, "--out", "x", "--runbook-url", "javascript:alert(1)"},
		"brace":           {"--catalog", dir, "--out", "x", "--runbook-url", "https://example.com/{uid}"},
		"other brace":     {"--catalog", dir, "--out", "x", "--dashboard-url", "https://example.com/d/{uuid}"},
		"no runbooks":     {"--catalog", dir, "--out", "x", "--runbook-url", ""},
		"files":           {"--catalog", dir, "--out", "x", "--telemetry-files", "/tmp/x; rm -rf /"},
		"password":        {"--catalog", dir, "--out", "x", "--grafana-url", "https://a:b@grafana.example.com"},
		"UID":             {"--catalog", dir, "--out", "x", "--loki-uid", "a/b"},
	} {
		t.Run(name, func(t *testing.T) { generate(t, exit.Usage, args...) })
	}
}
