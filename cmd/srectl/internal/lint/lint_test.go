// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/generate"
)

// lintFixture is a catalog and what was generated from it.
func lintFixture(t *testing.T) (catalog, out string) {
	t.Helper()
	catalog, out = commandtest.Catalog(t, commandtest.Service), t.TempDir()
	generateAll(t, "--catalog", catalog, "--out", out)
	return catalog, out
}

const (
	lintRulesFile = "alerts/checkout.rules.yaml"
	lintPageFile  = "runbooks/checkout/ErrorBudgetBurnCritical.md"
	lintSLOFile   = "runbooks/checkout/slo-availability.md"
	lintIndexFile = "runbooks/checkout/README.md"
)

// srectl runs lint as main does.
func srectl(args ...string) (code int, stdout, stderr string) {
	r := commandtest.Run(NewCommand(), nil, args...)
	return r.Code, r.Stdout, r.Stderr
}

// generateAll runs srectl generate.
func generateAll(t *testing.T, args ...string) {
	t.Helper()
	r := commandtest.Run(generate.NewCommand(), nil, append([]string{"generate"}, args...)...)
	require.Equal(t, exit.OK, r.Code, "%v\n%s", r.Err, r.Stderr)
}

func TestLintOfWhatWasGenerated(t *testing.T) {
	catalog, out := lintFixture(t)
	code, stdout, stderr := srectl("lint", "--catalog", catalog, "--dir", out)
	assert.Equal(t, exit.OK, code, stdout+stderr)
	assert.Regexp(t, `^\d+ alerts, \d+ pages, \d+ links, 0 errors, 0 warnings\n$`, stdout)
}

func TestLintOfTheRepository(t *testing.T) {
	code, stdout, stderr := srectl("lint", "--catalog", "../../../../examples/catalog", "--dir", "../../../../examples")
	assert.Equal(t, exit.OK, code, stdout+stderr)
	assert.Contains(t, stdout, ", 0 errors, 0 warnings\n")
}

func TestLintWithOtherBases(t *testing.T) {
	catalog, out := commandtest.Catalog(t, commandtest.Service), t.TempDir()
	bases := []string{"--runbook-url", "https://sre.example.com/books", "--dashboard-url", "https://grafana.example.com/d"}
	generateAll(t, append([]string{"--catalog", catalog, "--out", out}, bases...)...)
	code, stdout, _ := srectl(append([]string{"lint", "--catalog", catalog, "--dir", out}, bases...)...)
	assert.Equal(t, exit.OK, code, stdout)
	code, stdout, _ = srectl("lint", "--catalog", catalog, "--dir", out)
	assert.Equal(t, exit.NotOK, code)
	assert.Contains(t, stdout, "set lint's --runbook-url to the value that generate had")
}

// A base that was mistyped is one mistake, and reported once.
func TestLintTellsOfAWrongBaseOnce(t *testing.T) {
	catalog, out := lintFixture(t)
	code, stdout, _ := srectl("lint", "--catalog", catalog, "--dir", out, "--runbook-url", "https://other.example.com")
	assert.Equal(t, exit.NotOK, code)
	assert.Equal(t, 1, strings.Count(stdout, "error:"), stdout)
	assert.Regexp(t, `does not begin with https://other\.example\.com/, nor do \d+ more; set lint's --runbook-url`, stdout)
}

func TestLintFindsPlantedDefects(t *testing.T) {
	remove := func(file string) func(*testing.T, string, string) {
		return func(t *testing.T, _, out string) { require.NoError(t, os.Remove(filepath.Join(out, file))) }
	}
	change := func(file, old, by string) func(*testing.T, string, string) {
		return func(t *testing.T, _, out string) { commandtest.Edit(t, filepath.Join(out, file), old, by) }
	}
	note := func(text string) func(*testing.T, string, string) {
		return change(lintPageFile, "<!-- notes:begin known-causes -->\n", "<!-- notes:begin known-causes -->\n"+text+"\n")
	}
	for name, test := range map[string]struct {
		plant func(t *testing.T, catalog, out string)
		// want is a pattern of a line, after the folder.
		want string
	}{
		"page gone":         {remove(lintSLOFile), lintRulesFile + `:\d+: error: the runbook of alert "ErrorBudgetBurnCritical", ` + lintSLOFile + `, does not exist; run`},
		"alert's page gone": {remove(lintPageFile), lintSLOFile + `:\d+: error: the link "ErrorBudgetBurnCritical\.md" leads to a page that does not exist; `},
		"index gone":        {remove(lintIndexFile), lintIndexFile + `: error: the index of service "checkout" is missing; run`},
		"rules gone":        {remove(lintRulesFile), lintRulesFile + `: error: the rules of service "checkout" are missing; run`},
		"runbook moved":     {change(lintRulesFile, "runbooks/checkout/slo-availability", "runbooks/checkout/Moved"), lintRulesFile + `:\d+: error: the runbook of alert .*Moved\.md, does not exist; run`},
		"no such heading":   {change(lintRulesFile, "/slo-availability\n", "/slo-availability#nowhere\n"), lintRulesFile + `:\d+: error: .* has no heading #nowhere; `},
		"runbook elsewhere": {change(lintRulesFile, "localhost:8686/runbooks", "localhost:1/runbooks"), lintRulesFile + `:\d+: error: runbook_url .* does not begin with http://localhost:8686/runbooks/; set`},
		"runbook no URL":    {change(lintRulesFile, "http://localhost:8686/runbooks", "localhost"), lintRulesFile + `:\d+: error: runbook_url .* is not a web address; `},
		"no runbook":        {change(lintRulesFile, "runbook_url:", "runbook:"), lintRulesFile + `:\d+: error: alert "\w+" has no runbook_url; `},
		"dashboard shape":   {change(lintRulesFile, "services/checkout", "services/a/b/c"), lintRulesFile + `:\d+: error: dashboard_url .* does not lead to BASE/SERVICE; `},
		"dashboard of none": {change(lintRulesFile, "services/checkout", "services/nobody"), lintRulesFile + `:\d+: error: the dashboard of alert .* is of service "nobody", which`},
		"rules broken":      {change(lintRulesFile, "expr: ", "expr: sum by ("), lintRulesFile + `:\d+: error: Prometheus rejects it: .*; run`},
		"rules no YAML":     {change(lintRulesFile, "groups:", "groups: ["), lintRulesFile + `:\d+: error: Prometheus rejects it: .*; run`},
		"note's dead page":  {note("See [that](../payment/README.md)."), lintPageFile + `:\d+: error: the link "\.\./payment/README\.md" leads to a page that does not exist; `},
		"note's heading":    {note("See [that](README.md#nothing)."), lintPageFile + `:\d+: error: the link "README\.md#nothing" leads to a heading that does not exist; `},
		"note's own":        {note("See [that](#nothing)."), lintPageFile + `:\d+: error: the link "#nothing" leads to a heading`},
		"note leads out":    {note("See [that](../../../etc/passwd)."), lintPageFile + `:\d+: error: the link .* leads out of the folder; `},
		"note's script":     {note("See [that](javascript:alert)."), lintPageFile + `:\d+: error: the link .* is not a web address; `},
		"marker broken":     {change(lintPageFile, "<!-- notes:end -->", ""), lintPageFile + `:\d+: error: the block "known-causes" does not end; write`},
		"hash stale":        {change(lintPageFile, "<!-- input: ", "<!-- input: 0"), lintPageFile + `:2: error: was generated from another state of the catalog, or by another version; run`},
		"orphan": {func(t *testing.T, _, out string) {
			text, err := os.ReadFile(filepath.Join(out, lintPageFile))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(out, "runbooks/checkout/Gone.md"), text, 0o644))
		}, `runbooks/checkout/Gone\.md:1: error: no alert links to this page; run`},
		"index lost a page": {change(lintIndexFile, "](ErrorBudgetBurnCritical.md)", "](ErrorBudgetBurnHigh.md)"), lintIndexFile + `: error: does not link to ErrorBudgetBurnCritical\.md; run`},
		"catalog changed": {func(t *testing.T, catalog, _ string) {
			commandtest.Edit(t, filepath.Join(catalog, "checkout.yaml"), "99.9", "99.5")
		}, lintRulesFile + `:\d+: error: was generated from another state of the catalog; run`},
	} {
		t.Run(name, func(t *testing.T) {
			catalog, out := lintFixture(t)
			test.plant(t, catalog, out)
			code, stdout, stderr := srectl("lint", "--catalog", catalog, "--dir", out)
			assert.Equal(t, exit.NotOK, code, stderr)
			assert.Regexp(t, `(?m)^`+out+`/`+test.want, stdout)
		})
	}
}

func TestLintOfABrokenCatalog(t *testing.T) {
	catalog, out := lintFixture(t)
	commandtest.Edit(t, filepath.Join(catalog, "checkout.yaml"), "objective: 99.9", "objective: 101")
	code, stdout, _ := srectl("lint", "--catalog", catalog, "--dir", out)
	assert.Equal(t, exit.NotOK, code)
	assert.Contains(t, stdout, filepath.Join(catalog, "checkout.yaml")+":4:")
}

func TestLintOfAServiceThatIsGone(t *testing.T) {
	catalog, out := lintFixture(t)
	require.NoError(t, os.Remove(filepath.Join(catalog, "checkout.yaml")))
	code, stdout, _ := srectl("lint", "--catalog", catalog, "--dir", out)
	assert.Equal(t, exit.NotOK, code, "its dashboards are dead")
	assert.Contains(t, stdout, lintRulesFile+": warning: no service of the catalog has these rules")
	assert.Contains(t, stdout, lintIndexFile+":1: warning: the service of this page is not in the catalog")
}

func TestLintAsJSON(t *testing.T) {
	catalog, out := lintFixture(t)
	code, stdout, _ := srectl("lint", "--catalog", catalog, "--dir", out, "--format", "json")
	assert.Equal(t, exit.OK, code)
	var got lintSummary
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	assert.Positive(t, got.Links)
	assert.NotNil(t, got.Problems)
}

func TestLintCannotBeAsked(t *testing.T) {
	catalog, out := lintFixture(t)
	for _, args := range [][]string{
		{"lint", "--dir", out},
		{"lint", "--catalog", filepath.Join(catalog, "none"), "--dir", out},
		{"lint", "--catalog", catalog, "--dir", filepath.Join(out, "none")},
		{"lint", "--catalog", catalog, "--dir", out, "--format", "xml"},
		{"lint", "--catalog", catalog, out},
	} {
		code, stdout, _ := srectl(args...)
		assert.Equal(t, exit.Usage, code, args)
		assert.Empty(t, stdout)
	}
}
