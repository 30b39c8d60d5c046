// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// silence is what a runbook's section Silencing safely tells to run, for the first SLO of the page, and the
// command that undoes it.
func silence(t *testing.T, page string) (command, undo string) {
	t.Helper()
	text, err := os.ReadFile("../runbooks/examples/" + page)
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## Silencing safely\n")
	require.True(t, found, page)
	section, _, _ = strings.Cut(section, "\n## ")
	expire := regexp.MustCompile("`(amtool silence expire [^`]*)`").FindStringSubmatch(section)
	require.NotNil(t, expire, page)
	return fenced(section, "sh")[0], expire[1]
}

// fenced are the blocks of a language in Markdown that the generator wrote.
func fenced(markdown, language string) (blocks []string) {
	for _, found := range regexp.MustCompile("(?ms)^(`{3,})"+language+"\n(.*?)\n`{3,}$").FindAllStringSubmatch(markdown, -1) {
		blocks = append(blocks, found[2])
	}
	return blocks
}

// The commands of the pages silence, in a real Alertmanager, the alert of the page and no other one; and
// the command that undoes it does.
func TestSilencesOfRunbooksMuteOneAlert(t *testing.T) {
	t.Parallel()
	am := startAlertmanager(t, "http://127.0.0.1:1")
	amtool := installed(t, amtoolPackage)
	run := func(command string) string {
		cmd := exec.Command("bash", "-euc", strings.ReplaceAll(command, "http://localhost:9093", am.url))
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(amtool)+":"+os.Getenv("PATH"), "USER=on-call", "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", command, out)
		return strings.TrimSpace(string(out))
	}
	of := func(service string) map[string]string {
		return map[string]string{"service_name": service, "service_namespace": "shop", "slo_name": "availability", "environment": "production", "severity": "page"}
	}
	for _, test := range []struct {
		page   string
		labels map[string]string
		others []string // labels that tell another alert from it
	}{
		{"checkout/ErrorBudgetBurnCritical.md", of("checkout"), []string{"alertname", "service_name", "service_namespace", "slo_name", "environment"}},
		{"checkout/SLIMissing.md", of("checkout"), []string{"alertname", "service_name", "service_namespace", "slo_name", "environment"}},
		{"mailer/ErrorBudgetExhausted.md", of("mailer"), []string{"alertname", "service_name", "service_namespace", "slo_name", "environment"}},
		{"checkout/ServiceSilent.md", of("checkout"), []string{"alertname", "service_name", "service_namespace", "environment"}},
		{"payment/DeploymentRegression.md", of("payment"), []string{"alertname", "service_name", "service_namespace", "environment"}},
		{"otelcol-sre/CollectorDown.md", map[string]string{"instance": "collector:8888"}, []string{"alertname"}},
	} {
		t.Run(test.page, func(t *testing.T) {
			labels := maps.Clone(test.labels)
			labels["alertname"] = strings.TrimSuffix(filepath.Base(test.page), ".md")
			all := []map[string]string{labels}
			for _, label := range test.others {
				other := maps.Clone(labels)
				other[label] += "-other"
				all = append(all, other)
			}
			fire(t, am, all)
			require.Empty(t, silenced(t, am))
			command, undo := silence(t, test.page)
			id := run(command)
			assert.Equal(t, []map[string]string{labels}, silenced(t, am))
			run(strings.ReplaceAll(undo, "ID", id))
			assert.Empty(t, silenced(t, am))
		})
	}
}

func fire(t *testing.T, am *server, all []map[string]string) {
	t.Helper()
	var alerts []map[string]any
	for _, labels := range all {
		alerts = append(alerts, map[string]any{"labels": labels})
	}
	body, err := json.Marshal(alerts)
	require.NoError(t, err)
	response, err := http.Post(am.url+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}

// silenced are the labels of the alerts that a silence mutes.
func silenced(t *testing.T, am *server) (all []map[string]string) {
	t.Helper()
	response, err := http.Get(am.url + "/api/v2/alerts?active=false&inhibited=false&silenced=true")
	require.NoError(t, err)
	defer response.Body.Close()
	var alerts []struct {
		Labels map[string]string
		Status struct{ SilencedBy []string }
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&alerts))
	for _, a := range alerts {
		if len(a.Status.SilencedBy) > 0 {
			all = append(all, a.Labels)
		}
	}
	return all
}

// srectl silence mutes the alerts that it shows, in a real Alertmanager, and no others. What does not fire, or for longer than the runbook allows, it refuses.
func TestSrectlSilencesInAnAlertmanager(t *testing.T) {
	t.Parallel()
	am := startAlertmanager(t, "http://127.0.0.1:1")
	of := func(service, slo string) map[string]string {
		return map[string]string{"alertname": "ErrorBudgetBurnCritical", "slo_alert": "ErrorBudgetBurnCritical", "service_name": service, "service_namespace": "shop", "slo_name": slo, "environment": "production", "severity": "page"}
	}
	fire(t, am, []map[string]string{of("checkout", "availability"), of("checkout", "latency"), of("frontend", "availability")})
	run := func(args ...string) (code int, text string) {
		cmd := exec.Command("../bin/srectl", append([]string{"silence", "--alertmanager", am.url, "--comment", "I roll back 1.4.2"}, args...)...)
		out, err := cmd.CombinedOutput()
		var failed *exec.ExitError
		if err != nil {
			require.ErrorAs(t, err, &failed)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	for _, refused := range [][]string{{"mailer"}, {"checkout", "--for", "2d"}} {
		code, text := run(refused...)
		assert.Equal(t, 1, code, text)
		assert.Contains(t, text, "refused: ")
		assert.Empty(t, silenced(t, am))
	}
	code, text := run("checkout", "--slo", "availability", "--dry-run")
	assert.Equal(t, 0, code, text)
	assert.Empty(t, silenced(t, am))
	code, text = run("checkout", "--slo", "availability", "--match", `severity=~"page|none"`, "--ack", "--for", "30m")
	require.Equal(t, 0, code, text)
	assert.Contains(t, text, "silenced until ")
	assert.Equal(t, []map[string]string{of("checkout", "availability")}, silenced(t, am))
}
