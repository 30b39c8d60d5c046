// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// A notification is what Alertmanager sends to a webhook.
type notification struct {
	Receiver, Status string
	GroupLabels      map[string]string
	Alerts           []struct {
		Labels, Annotations map[string]string
	}
}

type notifications struct {
	mu  sync.Mutex
	all []notification
}

func (n *notifications) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var one notification
	if err := json.NewDecoder(r.Body).Decode(&one); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, one)
}

// pages are those of the pager.
func (n *notifications) pages() (pages []notification) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.all {
		if one.Receiver == "pager" {
			pages = append(pages, one)
		}
	}
	return pages
}

// startRoutedAlertmanager starts a real one with the generated routes and inhibition rules, whose receivers are a webhook.
func startRoutedAlertmanager(t *testing.T, webhook string) *server {
	t.Helper()
	program := installed(t, alertmanagerPackage)
	var config map[string]any
	for _, name := range []string{"route", "inhibit"} {
		text, err := os.ReadFile("../alerts/examples/alertmanager-" + name + ".yaml")
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, &config))
	}
	for _, receiver := range config["receivers"].([]any) {
		receiver.(map[string]any)["webhook_configs"] = []any{map[string]any{"url": webhook}}
	}
	text, err := yaml.Marshal(config)
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	address := freeAddress(t)
	return startServer(t, "http://"+address, exec.Command(program, "--config.file="+file, "--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address="))
}

// A bad version of payment makes payment, checkout and frontend burn. People get one page: of payment, with the version, its commit, and the
// version before.
func TestABadDeployIsOneNotification(t *testing.T) {
	t.Parallel()
	var told notifications
	hook := httptest.NewServer(&told)
	t.Cleanup(hook.Close)
	am := startRoutedAlertmanager(t, hook.URL)
	c := newCollector(t, "standalone", "../examples/catalog", "OTELCOL_SRE_ALERTMANAGER="+am.url, "OTELCOL_SRE_FLUSH_INTERVAL=1s")
	shop, _ := startShop(t, c)
	change(t, shop, "/settings/mailer", `{"errorRate": 0}`)
	change(t, shop, "/load", `{"rate": 20}`)
	runs := func(version string) func() bool {
		return func() bool {
			_, found := sum(c.scrape(), "deployment_info", "service_name", "payment", "service_version", version)
			return found
		}
	}
	require.Eventually(t, runs("1.0.0"), time.Minute, 100*time.Millisecond)
	mark := exec.CommandContext(t.Context(), "../bin/srectl", "mark", "--service", "payment", "--namespace", "shop", "--environment", "production",
		"--version", "1.1.0", "--status", "started", "--revision", "02c9b5d4490234a6f3cbf8ac47cbbdb0b4ebcdee")
	mark.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+c.otlpHTTP)
	out, err := mark.CombinedOutput()
	require.NoError(t, err, "%s", out)
	change(t, shop, "/settings/payment", `{"version": "1.1.0", "errorRate": 0.5}`)
	require.Eventually(t, runs("1.1.0"), time.Minute, 100*time.Millisecond)

	burning := func(service string, state string) bool {
		response, err := http.Get(am.url + "/api/v2/alerts?inhibited=true&active=" + fmt.Sprint(state == "active"))
		require.NoError(t, err)
		defer response.Body.Close()
		var all []struct {
			Labels map[string]string
			Status struct{ InhibitedBy []string }
		}
		require.NoError(t, json.NewDecoder(response.Body).Decode(&all))
		for _, a := range all {
			if a.Labels["service_name"] == service && a.Labels["slo_alert"] == "ErrorBudgetBurnCritical" && (len(a.Status.InhibitedBy) > 0) == (state == "inhibited") {
				return true
			}
		}
		return false
	}
	require.Eventually(t, func() bool {
		return len(told.pages()) > 0 && burning("checkout", "inhibited") && burning("frontend", "inhibited")
	}, 8*time.Minute, time.Second, "one page, and the other services' are muted")
	pages := told.pages()
	require.Len(t, pages, 1)
	assert.Equal(t, map[string]string{"service_name": "payment", "service_namespace": "shop", "environment": "production"}, pages[0].GroupLabels)
	var texts []string
	for _, a := range pages[0].Alerts {
		texts = append(texts, a.Annotations["description"])
	}
	assert.Regexp(t, `Newest version: 1\.1\.0 \(commit 02c9b5d44902\), first seen \d.* ago, after 1\.0\.0\.`, strings.Join(texts, "\n"))
}
