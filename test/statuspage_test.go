// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/npm"
)

// hostileName is a name that the catalog and telemetry let through.
const hostileName = `"><img src=x onerror=alert(1)>`

// Somebody who is paged looks at the pages in a browser: a deployment of payment has made it burn, and a service with a
// hostile name fails too.
func TestStatusPageInABrowser(t *testing.T) {
	t.Parallel()
	const browser = "browser"
	require.NoError(t, npm.Install(browser))
	c := prepareIncident(t)
	c.start()
	shop, _ := startShop(t, c)
	change(t, shop, "/settings/mailer", `{"errorRate": 0}`) // the incident begins with payment
	change(t, shop, "/load", `{"rate": 20}`)
	defer sendHostile(t, c)()

	seen := func(labels ...string) {
		require.Eventually(t, func() bool {
			_, found := sum(c.scrape(), "deployment_info", append(labels, "service_name", "payment")...)
			return found
		}, patience, 100*time.Millisecond, "%s", labels)
	}
	seen("service_version", "1.0.0")
	change(t, shop, "/settings/payment", `{"version": "1.1.0", "errorRate": 0.4}`)
	seen("service_version", "1.1.0", "deployment_status", "completed")
	mark := exec.CommandContext(t.Context(), "../bin/srectl", "mark", "--service", "payment", "--namespace", "shop", "--environment", "production", "--version", "1.1.0", "--status", "completed",
		"--revision", "02c9b5d4490234a6f3cbf8ac47cbbdb0b4ebcdee", "--repository", "https://git.example.com/shop/payment", "--compare", "https://git.example.com/compare", "--actor", "ada")
	mark.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+c.otlpHTTP)
	marked, err := mark.CombinedOutput()
	require.NoError(t, err, "%s", marked)
	for _, service := range []model.LabelValue{"payment", hostileName} {
		require.Eventually(t, func() bool { return c.fires("ErrorBudgetBurnCritical", service) }, patience, 100*time.Millisecond, "%s", service)
	}
	change(t, shop, "/settings/mailer", `{"errorRate": 0.2}`)

	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	visit := exec.CommandContext(ctx, needs(t, "node", "nodejs"), "--test-reporter=spec", "statuspage.test.mjs")
	visit.Dir = browser
	visit.Env = append(os.Environ(), "CHROMIUM="+needs(t, "chromium", "chromium"), "PAGE=http://"+c.page, "HOSTILE="+hostileName)
	out, err := visit.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
}

// prepareIncident prepares a collector that notices in seconds what takes minutes: it has the generated rules and runbooks of
// the demo shop and of the service with the hostile name.
func prepareIncident(t *testing.T) *collector {
	t.Helper()
	catalog, generated := t.TempDir(), t.TempDir()
	require.NoError(t, os.CopyFS(catalog, os.DirFS("../examples/catalog")))
	replaceFile(t, filepath.Join(catalog, "hostile.yaml"), fmt.Sprintf(`
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: %[1]q, namespace: %[1]q}
spec:
  owner: %[1]q
  description: %[1]q
  tier: 1
  environments: [%[1]q]
  dependsOn: [payment]
  escalation: {chat: %[1]q}
  slos: [{name: availability, description: %[1]q, objective: 99.9, sli: {availability: {}}}]
`, hostileName))
	rules := filepath.Join(generated, "alerts")
	c := prepareCollector(t, "standalone", catalog, "OTELCOL_SRE_RULES="+rules, "OTELCOL_SRE_RUNBOOKS="+filepath.Join(generated, "runbooks"))
	c.args = append(c.args, "--config", "yaml:"+quickly, "--config", "yaml:connectors: {red: {flush_interval: 1s}}")

	generate := exec.Command("../bin/srectl", "generate", "alerts", "runbooks", "--catalog", catalog, "--out", generated,
		"--runbook-url", "http://"+c.page+"/runbooks", "--dashboard-url", "http://"+c.page+"/services", "--incident-url", "http://"+c.page+"/incidents")
	out, err := generate.CombinedOutput()
	require.NoError(t, err, "%s", out)
	files, err := filepath.Glob(filepath.Join(rules, "*.rules.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		replaceFile(t, file, waits.ReplaceAllString(string(text), "${1}${2}1s"))
	}
	return c
}

// waits are for how long the burn of an hour goes on before it alerts, and how often that is looked at.
var waits = regexp.MustCompile(`(?m)^( +for: )2m$|^( +interval: )1m$`)

// fires reports whether the service's alert fires.
func (c *collector) fires(name, service model.LabelValue) bool {
	found, _ := c.prometheusAPI().Alerts(c.t.Context())
	return slices.ContainsFunc(found.Alerts, func(a v1.Alert) bool {
		return a.Labels[model.AlertNameLabel] == name && a.Labels["service_name"] == service && a.State == v1.AlertStateFiring
	})
}

// sendHostile sends spans that fail, and log records, twice a second, of a service whose every name and text is hostile.
func sendHostile(t *testing.T, c *collector) (stop func()) {
	t.Helper()
	name, err := json.Marshal(hostileName)
	require.NoError(t, err)
	send := func(signal, format string, values ...any) {
		body := strings.ReplaceAll(fmt.Sprintf(format, values...), "RESOURCE", hostileResource)
		response, err := http.Post("http://"+c.otlpHTTP+"/v1/"+signal, "application/json", strings.NewReader(strings.ReplaceAll(body, "HOSTILE", string(name))))
		if err == nil {
			_ = response.Body.Close()
		}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case now := <-tick.C:
				began, at := now.Add(-time.Millisecond).UnixNano(), now.UnixNano()
				send("traces", hostileSpan, n, n, began, at, at)
				send("logs", hostileLog, n, n, at)
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

const (
	hostileResource = `{"attributes":[
		{"key":"service.name","value":{"stringValue":HOSTILE}}, {"key":"service.namespace","value":{"stringValue":HOSTILE}},
		{"key":"service.version","value":{"stringValue":HOSTILE}}, {"key":"service.instance.id","value":{"stringValue":HOSTILE}},
		{"key":"deployment.environment.name","value":{"stringValue":HOSTILE}}, {"key":"vcs.ref.head.revision","value":{"stringValue":HOSTILE}}]}`
	hostileSpan = `{"resourceSpans":[{"resource":RESOURCE,"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","name":HOSTILE,"kind":2,
		"startTimeUnixNano":"%d","endTimeUnixNano":"%d","status":{"code":2,"message":HOSTILE},"attributes":[{"key":HOSTILE,"value":{"stringValue":HOSTILE}}],
		"events":[{"timeUnixNano":"%d","name":HOSTILE,"attributes":[{"key":"exception.message","value":{"stringValue":HOSTILE}}]}]}]}]}]}`
	hostileLog = `{"resourceLogs":[{"resource":RESOURCE,"scopeLogs":[{"logRecords":[{"traceId":"%032x","spanId":"%016x","timeUnixNano":"%d",
		"severityText":HOSTILE,"eventName":HOSTILE,"body":{"stringValue":HOSTILE},"attributes":[{"key":HOSTILE,"value":{"stringValue":HOSTILE}}]}]}]}]}`
)
