// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

const diffService = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout}
spec:
  owner: payments-team
  tier: 1
  environments: [production]
  description: Takes an order.
  slos:
    - name: availability
      objective: 99.9
      sli: {availability: {}}
    - name: latency
      objective: 99
      sli: {latency: {threshold: 300ms}}
`

// srectl runs diff as main does.
func srectl(args ...string) (code int, stdout, stderr string) {
	r := commandtest.Run(NewCommand(), nil, args...)
	return r.Code, r.Stdout, r.Stderr
}

func TestDiff(t *testing.T) {
	for name, test := range map[string]struct {
		old, by string
		want    []string
	}{
		"objective": {"99.9\n", "99.95\n", []string{
			"  ~ slo availability: objective 99.9 % → 99.95 % (budget 43m → 21m a month)\n",
			"  ~ alert ErrorBudgetBurnCritical (availability): fires above 1.44 % → 0.72 % bad over 1h and 5m, 14.4 times the allowed rate\n",
			"  ~ alert ErrorBudgetBurnLow (availability): fires above 0.1 % → 0.05 % bad over 3d and 6h, 1 times the allowed rate\n",
			"  ~ dashboard checkout: the same panels, with new texts and thresholds\n",
			"  ~ runbook checkout: 9 pages and the index are rewritten; notes stay\n",
		}},
		"objective that clamps": {"99.9\n", "90\n", []string{
			"bad over 1h and 5m, 14.4 → 9.9 times the allowed rate; the factor was adjusted to one that can be reached\n",
		}},
		"window": {"99.9\n", "99.9\n      window: 7d\n", []string{
			"  ~ slo availability: window 30d → 7d (budget 43m a month → 10m in 7d); the remaining budget is computed again\n",
			"  ~ alert ErrorBudgetBurnCritical (availability): fires above 1.44 % → 0.336 % bad over 1h and 5m, 14.4 → 3.36 times the allowed rate\n",
		}},
		"calendar": {"99.9\n", "99.9\n      calendar: {unit: month, timeZone: Europe/Madrid}\n", []string{"window 30d → month in Europe/Madrid (budget 43m → 43m a month)"}},
		"SLI":      {"300ms", "200ms", []string{"  ~ slo latency: counts other events from now on; events counted so far stay in the budget\n"}},
		"rename": {"name: latency", "name: speed", []string{
			"  + slo speed: 99 % over 30d (budget 7h12m a month); the budget is full when counting begins. It counts the same events as latency: a new name is a new SLO",
			"  - slo latency: 99 % over 30d: the SLO no longer exists. It counts the same events as speed",
			"  + alert speed: 6 alerts added: ErrorBudgetBurnCritical, ErrorBudgetBurnHigh,",
			"  - alert latency: 6 alerts removed: ErrorBudgetBurnCritical,",
			"  ~ dashboard checkout: panels for speed are added; those of latency are removed\n",
		}},
		"owner": {"payments-team", "shop-team", []string{
			"  ~ service owner: payments-team → shop-team: alerts are routed by it\n",
			"  ~ label owner: payments-team → shop-team on 15 alerts: for Prometheus and Alertmanager these are different alerts. " +
				"A pending or firing alert resolves, and fires again after its full duration; routes and silences for the old value do not match any more\n",
		}},
		"no owner": {"  owner: payments-team\n", "", []string{"  ~ service owner: payments-team → nothing:"}},
		"tier": {"tier: 1", "tier: 2", []string{
			"  ~ alert ServiceSilent: page → ticket: its notifications are routed differently\n", "  ~ label tier: 1 → 2 on 15 alerts",
		}},
		"environments": {"[production]", "[production, staging]", []string{"  ~ service environments: production → production, staging: SLOs are computed"}},
		"description":  {"Takes an order.", "Takes\u200b orders \u2066<b>.", []string{"  ~ service description: Takes an order. → Takes"}},
		"last span SLOs": {"sli: {availability: {}}", "sli: {prometheus: {errorRatio: 'avg_over_time(x[{{.window}}])'}}", []string{
			"  ~ slo availability: counts other events",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, diffService, test.old)
			before := commandtest.Folder(t, map[string]string{"a.yaml": diffService})
			after := commandtest.Folder(t, map[string]string{"b.yaml": strings.Replace(diffService, test.old, test.by, 1)})
			code, stdout, stderr := srectl("diff", before, after)
			assert.Equal(t, exit.OK, code, stderr)
			assert.True(t, strings.HasPrefix(stdout, "checkout\n"), stdout)
			for _, want := range test.want {
				assert.Contains(t, stdout, want)
			}
			code, _, _ = srectl("diff", before, after, "--exit-code")
			assert.Equal(t, exit.NotOK, code)
		})
	}
}

func TestDiffOfServices(t *testing.T) {
	one := commandtest.Folder(t, map[string]string{"a.yaml": diffService})
	two := commandtest.Folder(t, map[string]string{"a.yaml": diffService, "b.yaml": strings.Replace(diffService, "{name: checkout}", "{name: payment, namespace: shop}", 1)})
	_, stdout, _ := srectl("diff", one, two)
	assert.Equal(t, `shop/payment
  + service shop/payment: 2 SLOs, 15 alerts
  + rules payment.rules.yaml: a new file: load it into Prometheus
  + dashboard payment: a new dashboard
  + runbook payment: 9 pages and an index
`, stdout)
	_, stdout, _ = srectl("diff", two, one)
	assert.Equal(t, `shop/payment
  - service shop/payment: no events are counted and no alerts fire any more: 2 SLOs, 15 alerts
  - rules payment.rules.yaml: delete the file where it is loaded, or its alerts keep firing
  - dashboard payment: delete it; links to it break
  - runbook payment: the folder stays until you delete it: it may have notes
`, stdout)
}

func TestDiffOfNothing(t *testing.T) {
	before := commandtest.Folder(t, map[string]string{"a.yaml": diffService})
	after := commandtest.Folder(t, map[string]string{"other.yaml": "# moved, and with a comment\n" + diffService})
	for format, want := range map[string]string{"text": "no change\n", "markdown": "no change\n", "json": "{\n  \"changes\": []\n}\n"} {
		code, stdout, _ := srectl("diff", before, after, "--exit-code", "--format", format)
		assert.Equal(t, exit.OK, code)
		assert.Equal(t, want, stdout)
	}
}

func TestDiffAsMarkdownIsInert(t *testing.T) {
	before := commandtest.Folder(t, map[string]string{"a.yaml": diffService})
	after := commandtest.Folder(t, map[string]string{"a.yaml": strings.Replace(diffService, "Takes an order.", `"<img src=x> | [x](http://evil.example) www.evil.example\n# x"`, 1)})
	code, stdout, _ := srectl("diff", before, after, "--format", "markdown")
	assert.Equal(t, exit.OK, code)
	links, anchors := runbooks.Links([]byte(stdout))
	assert.Empty(t, links)
	assert.Equal(t, map[string]bool{"checkout": true}, anchors)
	var html strings.Builder
	require.NoError(t, runbooks.Markdown.Convert([]byte(stdout), &html))
	assert.NotContains(t, html.String(), "<img")
	assert.Equal(t, strings.Count(html.String(), "<tr>"), strings.Count(stdout, "\n| changed")+1, "the head, and one row a change")
}

func TestDiffAsJSON(t *testing.T) {
	before := commandtest.Folder(t, map[string]string{"a.yaml": diffService})
	after := commandtest.Folder(t, map[string]string{"a.yaml": strings.Replace(diffService, "300ms", "200ms", 1)})
	_, stdout, _ := srectl("diff", before, after, "--format", "json")
	var got struct{ Changes []change }
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	assert.Equal(t, change{"checkout", "slo", "changed", "latency", "counts other events from now on; events counted so far stay in the budget"}, got.Changes[0])
}

func TestDiffWithARevision(t *testing.T) {
	repository := t.TempDir()
	inRepository := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-C", repository, "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	folder := filepath.Join(repository, "deep", "catalog")
	file := filepath.Join(folder, "team a", "ä.yaml")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(diffService), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "README.md"), []byte("none of it\n"), 0o644))
	inRepository("init", "-q")
	inRepository("add", ".")
	inRepository("commit", "-q", "-m", "one")

	_, stdout, stderr := srectl("diff", "--git", "HEAD", folder)
	assert.Equal(t, "no change\n", stdout, stderr)
	commandtest.Edit(t, file, "99.9\n", "99.95\n")
	for _, path := range []string{folder, file} {
		_, stdout, stderr = srectl("diff", "--git", "HEAD", path)
		assert.Contains(t, stdout, "objective 99.9 % → 99.95 %", stderr)
	}
	inRepository("commit", "-q", "-a", "-m", "two")
	_, stdout, _ = srectl("diff", "--git", "HEAD~1", folder)
	assert.Contains(t, stdout, "objective 99.9 % → 99.95 %")

	commandtest.Edit(t, file, "99.95\n", "101\n")
	inRepository("commit", "-q", "-a", "-m", "three")
	commandtest.Edit(t, file, "101\n", "99\n")
	code, _, stderr := srectl("diff", "--git", "HEAD", folder)
	assert.Equal(t, exit.NotOK, code)
	assert.Contains(t, stderr, "HEAD:"+filepath.Join(folder, "team a", "ä.yaml")+":11:")

	for _, revision := range []string{"nowhere", "--output=x", "HEAD:x"} {
		code, _, _ := srectl("diff", "--git="+revision, folder)
		assert.Equal(t, exit.Usage, code, revision)
	}
}

func TestDiffCannotBeAsked(t *testing.T) {
	folder := commandtest.Folder(t, map[string]string{"a.yaml": diffService})
	broken := commandtest.Folder(t, map[string]string{"a.yaml": "apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: payment}\nspec: {teir: 1}\n"})
	for want, lines := range map[int][][]string{
		exit.Usage: {{"diff"}, {"diff", folder}, {"diff", folder, filepath.Join(folder, "none")}, {"diff", folder, folder, folder}, {"diff", folder, folder, "--format", "xml"}, {"diff", "--git", "HEAD", folder, folder}},
		exit.NotOK: {{"diff", folder, broken}, {"diff", broken, folder}},
	} {
		for _, args := range lines {
			code, stdout, _ := srectl(args...)
			assert.Equal(t, want, code, args)
			assert.Empty(t, stdout)
		}
	}
}
