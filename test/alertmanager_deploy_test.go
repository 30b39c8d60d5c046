// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/exporters/grafana_annotations/grafanatest"
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

// startRoutedAlertmanager starts a real one with the generated routes and inhibition rules, whose receivers are a webhook. Pages wait for
// others as long as given.
func startRoutedAlertmanager(t *testing.T, webhook, wait string) *server {
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
	for _, route := range config["route"].(map[string]any)["routes"].([]any) {
		route.(map[string]any)["group_wait"], route.(map[string]any)["group_interval"] = wait, "4s"
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
	am := startRoutedAlertmanager(t, hook.URL, "75s") // the rules of a new collector read events that are recorded each minute
	grafana := grafanatest.New("secret")
	api := httptest.NewServer(grafana)
	t.Cleanup(api.Close)
	c := newCollector(t, "standalone", "../examples/catalog", "OTELCOL_SRE_ALERTMANAGER="+am.url, "OTELCOL_SRE_FLUSH_INTERVAL=1s",
		"OTELCOL_SRE_GRAFANA="+api.URL, "OTELCOL_SRE_GRAFANA_TOKEN="+grafana.Token, "OTELCOL_SRE_PAGE_URL=https://sre.example.com")
	shop, _ := startShop(t, c)
	change(t, shop, "/settings/mailer", `{"errorRate": 0}`)
	change(t, shop, "/load", `{"rate": 20}`)
	runs := func(version string) func() bool {
		return func() bool {
			_, found := sum(c.scrape(), "deployment_info", "service_name", "payment", "service_version", version)
			return found
		}
	}
	require.Eventually(t, runs("1.0.0"), patience, 100*time.Millisecond)
	mark := exec.CommandContext(t.Context(), "../bin/srectl", "mark", "--service", "payment", "--namespace", "shop", "--environment", "production",
		"--version", "1.1.0", "--status", "started", "--revision", "02c9b5d4490234a6f3cbf8ac47cbbdb0b4ebcdee")
	mark.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+c.otlpHTTP)
	out, err := mark.CombinedOutput()
	require.NoError(t, err, "%s", out)
	change(t, shop, "/settings/payment", `{"version": "1.1.0", "errorRate": 0.5}`)
	require.Eventually(t, runs("1.1.0"), patience, 100*time.Millisecond)

	burning := func(service string, state string) bool {
		response, err := http.Get(am.url + "/api/v2/alerts?inhibited=true&active=" + strconv.FormatBool(state == "active"))
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

	var incident grafanatest.Annotation
	require.Eventually(t, func() bool {
		for _, a := range grafana.Annotations() {
			if a.Has("incident") && a.Has("service:payment") && a.Has("state:open") && strings.Contains(a.Text, "likely change: payment 1.1.0 (") {
				incident = a
				return true
			}
		}
		return false
	}, patience, time.Second, "%+v", grafana.Annotations())
	assert.True(t, incident.Has("severity:page") && incident.Has("environment:production"), incident.Tags)
	assert.Contains(t, incident.Text, `<a href="https://sre.example.com/incidents/`)
	regions := 0
	for _, a := range grafana.Annotations() {
		if a.Has("incident") && a.Has("state:open") && a.Has("severity:page") {
			regions++
		}
	}
	assert.Equal(t, 1, regions, "%+v", grafana.Annotations())

	// Somebody takes it, and the page says so: what else fires is muted because of it.
	ack := exec.CommandContext(t.Context(), "../bin/srectl", "silence", "payment", "--alertmanager", am.url, "--ack", "--for", "30m", "--comment", "I roll back 1.1.0")
	out, err = ack.CombinedOutput()
	require.NoError(t, err, "%s", out)
	_, id, _ := strings.Cut(incident.Text, "https://sre.example.com/incidents/")
	id, _, _ = strings.Cut(id, `"`)
	var page struct {
		Data struct {
			Silence *struct {
				Comment      string
				Acknowledged bool
			}
			SilenceProblem string `json:"silence_problem"`
		}
	}
	require.Eventually(t, func() bool {
		page.Data.Silence = nil
		readPage(t, c, "/incidents/"+id, &page)
		return page.Data.Silence != nil
	}, patience, time.Second, "%+v", page)
	assert.True(t, page.Data.Silence.Acknowledged)
	assert.Contains(t, page.Data.Silence.Comment, "I roll back 1.1.0")
}

// What fires for one bad deploy is one notification to the pager, and one when it is over: of the service at fault. Its callers, which it mutes, are
// in neither.
func TestAnIncidentIsToldAndResolvedOnce(t *testing.T) {
	t.Parallel()
	var told notifications
	hook := httptest.NewServer(&told)
	t.Cleanup(hook.Close)
	am := startRoutedAlertmanager(t, hook.URL, "2s")
	var all []map[string]any
	alert := func(service, name, slo string) {
		labels := map[string]string{"alertname": name, "service_name": service, "service_namespace": "shop", "environment": "production", "severity": "page", "tier": "2"}
		if slo != "" {
			labels["slo_name"], labels["slo_alert"], labels["sloth_severity"] = slo, name, "page"
		}
		all = append(all, map[string]any{"labels": labels})
	}
	for _, service := range []string{"payment", "checkout", "frontend"} {
		alert(service, "ErrorBudgetBurnCritical", "availability")
		alert(service, "ErrorBudgetBurnHigh", "availability")
		alert(service, "ErrorBudgetBurnCritical", "latency")
	}
	alert("payment", "DeploymentRegression", "")
	send := func() {
		body, err := json.Marshal(all)
		require.NoError(t, err)
		response, err := http.Post(am.url+"/api/v2/alerts", "application/json", bytes.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	send()
	require.Eventually(t, func() bool { return len(told.pages()) > 0 }, patience, 50*time.Millisecond)
	for _, a := range all {
		a["startsAt"], a["endsAt"] = time.Now().Add(-time.Minute), time.Now()
	}
	send()
	require.Eventually(t, func() bool { return len(told.pages()) > 1 }, patience, 50*time.Millisecond)
	pages := told.pages()
	require.Len(t, pages, 2)
	for i, status := range []string{"firing", "resolved"} {
		assert.Equal(t, status, pages[i].Status)
		assert.Equal(t, "payment", pages[i].GroupLabels["service_name"])
		var names []string
		for _, a := range pages[i].Alerts {
			names = append(names, a.Labels["alertname"]+a.Labels["slo_name"])
		}
		slices.Sort(names)
		names = slices.DeleteFunc(names, func(name string) bool { return status == "resolved" && name == "ErrorBudgetBurnHighavailability" }) // what muted it is over, too
		assert.Equal(t, []string{"DeploymentRegression", "ErrorBudgetBurnCriticalavailability", "ErrorBudgetBurnCriticallatency"}, names)
	}
}
