package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// generate runs srectl generate and gives what it said.
func generate(t *testing.T, wantExit int, args ...string) string {
	t.Helper()
	root := newRootCommand()
	var said bytes.Buffer
	root.SetOut(&said)
	root.SetErr(&said)
	root.SetArgs(append([]string{"generate"}, args...))
	err := root.Execute()
	require.Equal(t, wantExit, exitCode(err), "%v\n%s", err, said.String())
	if err != nil {
		said.WriteString(err.Error())
	}
	return said.String()
}

const oneService = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout}
spec: {slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
`

func oneCatalog(t *testing.T, text string) string {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkout.yaml"), []byte(text), 0o644))
	return dir
}

func TestGenerateWritesEachKind(t *testing.T) {
	out := t.TempDir()
	generate(t, exitOK, "--catalog", oneCatalog(t, oneService), "--out", out)
	for _, name := range []string{
		"alerts/checkout.rules.yaml", "alerts/otelcol-sre.rules.yaml", "alerts/alertmanager-inhibit.yaml",
		"runbooks/checkout/README.md", "runbooks/checkout/ErrorBudgetBurnCritical.md", "runbooks/otelcol-sre/CollectorDown.md",
		"dashboards/checkout.json", "dashboards/fleet.json",
	} {
		assert.FileExists(t, filepath.Join(out, name))
	}
	leftovers, err := filepath.Glob(filepath.Join(out, "alerts", ".srectl-*"))
	require.NoError(t, err)
	assert.Empty(t, leftovers)
}

func TestGenerateAgainChangesNothing(t *testing.T) {
	out, dir := t.TempDir(), oneCatalog(t, oneService)
	generate(t, exitOK, "alerts", "--catalog", dir, "--out", out)
	before, err := os.Stat(filepath.Join(out, "alerts/checkout.rules.yaml"))
	require.NoError(t, err)
	generate(t, exitOK, "alerts", "--catalog", dir, "--out", out)
	after, err := os.Stat(filepath.Join(out, "alerts/checkout.rules.yaml"))
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "the file was replaced")
}

func TestGenerateKeepsDashboardsOfOthers(t *testing.T) {
	out, dir := t.TempDir(), oneCatalog(t, oneService)
	generate(t, exitOK, "dashboards", "--catalog", dir, "--out", out)
	folder := filepath.Join(out, "dashboards")
	gone, mine := filepath.Join(folder, "gone.json"), filepath.Join(folder, "mine.json")
	require.NoError(t, os.Rename(filepath.Join(folder, "checkout.json"), gone))
	require.NoError(t, os.WriteFile(mine, []byte(`{"uid": "mine"}`), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkout.json"), []byte(`{"uid": "own"}`), 0o644))

	said := generate(t, exitNotOK, "dashboards", "--catalog", dir, "--out", out, "--prune")
	assert.Contains(t, said, "checkout.json: error: is there and was not generated; move it away")
	assert.Contains(t, said, gone+": removed")
	assert.FileExists(t, mine)
}

func TestGeneratePrunesOnlyWhatItWrote(t *testing.T) {
	out, dir := t.TempDir(), oneCatalog(t, oneService)
	generate(t, exitOK, "alerts", "--catalog", dir, "--out", out)
	alerts := filepath.Join(out, "alerts")
	gone, mine := filepath.Join(alerts, "gone.rules.yaml"), filepath.Join(alerts, "mine.rules.yaml")
	require.NoError(t, os.Rename(filepath.Join(alerts, "checkout.rules.yaml"), gone))
	require.NoError(t, os.WriteFile(mine, []byte("groups: []\n"), 0o644))

	said := generate(t, exitOK, "alerts", "--catalog", dir, "--out", out)
	assert.Contains(t, said, gone+": warning: its service is not in the catalog; --prune removes it")
	assert.NotContains(t, said, mine)
	assert.FileExists(t, gone)

	generate(t, exitOK, "alerts", "--catalog", dir, "--out", out, "--prune")
	assert.NoFileExists(t, gone)
	assert.FileExists(t, mine)
}

func TestGenerateKeepsWhatSomebodyWrote(t *testing.T) {
	out, dir := t.TempDir(), oneCatalog(t, oneService)
	mine := filepath.Join(out, "alerts", "checkout.rules.yaml")
	require.NoError(t, os.MkdirAll(filepath.Dir(mine), 0o755))
	require.NoError(t, os.WriteFile(mine, []byte("groups: []\n"), 0o644))
	assert.Contains(t, generate(t, exitNotOK, "alerts", "--catalog", dir, "--out", out), "was not generated")
	text, err := os.ReadFile(mine)
	require.NoError(t, err)
	assert.Equal(t, "groups: []\n", string(text))
}

func TestGenerateWritesNothingOfABrokenCatalog(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	said := generate(t, exitNotOK, "--catalog", oneCatalog(t, oneService+"unknown: 1\n"), "--out", out)
	assert.Contains(t, said, "checkout.yaml:5")
	assert.NoDirExists(t, out)
}

func TestGenerateServicesOfOneName(t *testing.T) {
	out, dir := filepath.Join(t.TempDir(), "out"), oneCatalog(t, oneService)
	other := bytes.Replace([]byte(oneService), []byte("{name: checkout}"), []byte("{name: checkout, namespace: b}"), 1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other.yaml"), other, 0o644))
	assert.Contains(t, generate(t, exitNotOK, "--catalog", dir, "--out", out), `another service "checkout"`)
	assert.NoDirExists(t, out)
}

func TestGenerateCannotBeAsked(t *testing.T) {
	dir := oneCatalog(t, oneService)
	for name, args := range map[string][]string{
		"no catalog":      {"--out", "x"},
		"no such catalog": {"--catalog", filepath.Join(dir, "none"), "--out", "x"},
		"unknown kind":    {"poems", "--catalog", dir, "--out", "x"},
		"format":          {"--catalog", dir, "--out", "x", "--format", "json"},
		"translation":     {"--catalog", dir, "--out", "x", "--translation", "none"},
		"runbook URL":     {"--catalog", dir, "--out", "x", "--runbook-url", "javascript:alert(1)"},
	} {
		t.Run(name, func(t *testing.T) { generate(t, exitUsage, args...) })
	}
}
