// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/exporters/grafana_annotations/grafanatest"
)

// quickly makes the tracker decide in seconds.
const quickly = "extensions: {deployment_tracker: {confirm: 1s, settle: 4s, canary_after: 5s, instance_timeout: 6s}}"

// startMarking starts a standalone collector that annotates Grafana, and the shop with some load.
func startMarking(t *testing.T, grafana *grafanatest.Grafana) (c *collector, shop *server) {
	t.Helper()
	api := httptest.NewServer(grafana)
	t.Cleanup(api.Close)
	c = prepareCollector(t, "standalone", t.TempDir(), "OTELCOL_SRE_GRAFANA="+api.URL, "OTELCOL_SRE_GRAFANA_TOKEN="+grafana.Token)
	c.args = append(c.args, "--config", "yaml:"+quickly,
		"--config", "yaml:exporters: {grafana_annotations: {retry_on_failure: {initial_interval: 100ms, max_interval: 1s}}}")
	c.start()
	shop, _ = startShop(t, c)
	change(t, shop, "/load", `{"rate": 20}`)
	require.Eventually(t, func() bool {
		families := c.scrape()
		for _, service := range []string{"frontend", "checkout", "payment", "inventory", "mailer"} {
			if _, found := sum(families, "deployment_info", "service_name", service, "service_version", "1.0.0"); !found {
				return false
			}
		}
		return true
	}, patience, 100*time.Millisecond, "all services are seen")
	require.Empty(t, grafana.Annotations(), "what is there at first sight is no deployment")
	return c, shop
}

// change puts the JSON to the shop's control server.
func change(t *testing.T, shop *server, path, settings string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, shop.url+path, strings.NewReader(settings))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", answer)
}

// waitForStatus waits until the service's annotation of the version has the status.
func waitForStatus(t *testing.T, grafana *grafanatest.Grafana, service, version, status string) grafanatest.Annotation {
	t.Helper()
	var found grafanatest.Annotation
	require.Eventually(t, func() bool {
		for _, a := range grafana.Annotations() {
			if a.Has("service:"+service) && a.Has("version:"+version) && a.Has("status:"+status) {
				found = a
				return true
			}
		}
		return false
	}, patience, 100*time.Millisecond, "%s %s %s", service, version, status)
	return found
}

// Three deploys of the shop are three annotations, with the right start and end, although Grafana limits the rate, loses
// answers and fails, and the collector is restarted in the middle.
func TestThreeDeploysAreThreeAnnotations(t *testing.T) {
	t.Parallel()
	grafana := grafanatest.New("secret")
	c, shop := startMarking(t, grafana)
	var asked atomic.Int64
	grafana.Intercept(func(*http.Request) *grafanatest.Fault {
		switch asked.Add(1) % 4 {
		case 1:
			return &grafanatest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}}}
		case 2:
			return &grafanatest.Fault{Status: http.StatusInternalServerError, Late: true}
		case 3:
			return &grafanatest.Fault{Status: http.StatusBadGateway}
		}
		return nil
	})

	began := map[string]time.Time{}
	deploy := func(service, version string) {
		began[service+version] = time.Now()
		change(t, shop, "/settings/"+service, fmt.Sprintf(`{"version": %q}`, version))
	}
	deploy("payment", "1.1.0")
	deploy("checkout", "2.0.0")
	// The collector goes down with events on their way, and Grafana is down when it comes back.
	require.Eventually(t, func() bool {
		_, found := sum(c.scrape(), "deployment_info", "service_name", "checkout", "service_version", "2.0.0")
		return found
	}, patience, 50*time.Millisecond)
	grafana.Intercept(func(*http.Request) *grafanatest.Fault { return &grafanatest.Fault{} })
	c.stop()
	c.start()
	grafana.Intercept(nil)
	waitForStatus(t, grafana, "payment", "1.1.0", "completed")
	waitForStatus(t, grafana, "checkout", "2.0.0", "completed")
	deploy("payment", "1.2.0")
	waitForStatus(t, grafana, "payment", "1.2.0", "completed")

	annotations := grafana.Annotations()
	require.Len(t, annotations, 3)
	for _, a := range annotations {
		service, version := tagOf(t, a, "service"), tagOf(t, a, "version")
		started := began[service+version]
		require.False(t, started.IsZero(), "%+v", a)
		assert.WithinDuration(t, started, a.Start(), 3*time.Second, "%s %s", service, version)
		assert.False(t, a.End().Before(a.Start()))
		assert.WithinDuration(t, a.Start(), a.End(), 6*time.Second, "an instance is replaced at once")
		assert.True(t, a.Has("deploy") && a.Has("environment:production") && a.Has("namespace:shop"), a.Tags)
	}
	families := c.scrape()
	for service, version := range map[string]string{"payment": "1.2.0", "checkout": "2.0.0", "frontend": "1.0.0"} {
		n, _ := sum(families, "deployment_instances", "service_name", service, "service_version", version)
		assert.InDelta(t, 1, n, 0, service)
		began, found := sum(families, "deployment_start_time_seconds", "service_name", service, "service_version", version)
		assert.True(t, found)
		assert.InDelta(t, float64(time.Now().Unix()), began, 120)
	}
	_, found := sum(families, "deployment_info", "service_name", "payment", "service_version", "1.0.0")
	assert.False(t, found, "a version that has gone has no series any more")
	shop.stop()
}

func tagOf(t *testing.T, a grafanatest.Annotation, key string) string {
	for _, tag := range a.Tags {
		if value, ok := strings.CutPrefix(tag, key+":"); ok {
			return value
		}
	}
	require.Fail(t, "no such tag", "%s in %q", key, a.Tags)
	return ""
}

// The command of the README gives a marker, and so does srectl mark; a report that makes no sense is counted and logged, with the field
// that is wrong.
func TestReportsGiveMarkers(t *testing.T) {
	t.Parallel()
	grafana := grafanatest.New("secret")
	c, shop := startMarking(t, grafana)
	readme, err := os.ReadFile("../connectors/deployevent/README.md")
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(readme), "-d '")
	body, _, found := strings.Cut(body, "'\n")
	require.True(t, found)
	post := func(body string) {
		response, err := http.Post("http://"+c.otlpHTTP+"/v1/logs", "application/json", bytes.NewReader([]byte(body)))
		require.NoError(t, err)
		defer response.Body.Close()
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	post(body)
	marker := waitForStatus(t, grafana, "checkout", "1.4.2", "completed")
	assert.Contains(t, marker.Text, "02c9b5d44902")

	post(strings.Replace(body, `{"stringValue": "1.4.2"}`, `{"intValue": "142"}`, 1))
	require.Eventually(t, func() bool {
		n, _ := sum(c.own(), "otelcol_connector_deployevent_reports", "result", "rejected")
		return n == 1
	}, patience, 50*time.Millisecond)
	log, err := os.ReadFile(c.log)
	require.NoError(t, err)
	assert.Contains(t, string(log), "service.version is Int; make it a string")
	require.Len(t, grafana.Annotations(), 1)

	mark := exec.Command("../bin/srectl", "mark", "--service", "payment", "--namespace", "shop", "--environment", "production",
		"--version", "3.0.0", "--revision", "731f7ea", "--region", "--", "true")
	mark.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+c.otlpHTTP)
	out, err := mark.CombinedOutput()
	require.NoError(t, err, "%s", out)
	marker = waitForStatus(t, grafana, "payment", "3.0.0", "completed")
	assert.Contains(t, marker.Text, "731f7ea")
	require.Len(t, grafana.Annotations(), 2)
	shop.stop()
}

// Telemetry says which deployment it is of, and for a while that the deployment is recent. It uses the deprecated keys, from when the
// connector owned the tracker.
func TestTelemetryIsStamped(t *testing.T) {
	t.Parallel()
	const deprecatedKeys = "connectors: {deployevent: {confirm: 1s, settle: 4s, canary_after: 5s, instance_timeout: 6s}}\nprocessors: {deploymarker: {deployevent: deployevent}}"
	sink, toFile := newFileSink(t, "red")
	c := prepareCollector(t, "gateway", t.TempDir())
	overlay := filepath.Join(t.TempDir(), "overlay.yaml")
	require.NoError(t, os.WriteFile(overlay, []byte(deprecatedKeys+"\nservice: {pipelines: {traces: {exporters: [deployevent, file, red]}, logs: {exporters: [deployevent, file]}}}\n"), 0o600))
	c.args = append(c.args, "--config", toFile, "--config", overlay)
	c.start()
	shop, _ := startShop(t, c)
	change(t, shop, "/load", `{"rate": 20}`)
	stamped := func(version string) (recent any) {
		var id string
		require.Eventually(t, func() bool {
			for _, a := range sink.read(t) {
				if a.service() == "payment" && attr(a.resource, "service.version") == version && attr(a.resource, "deployment.id") != "" {
					id, recent = attr(a.resource, "deployment.id"), a.resource["deployment.recent"]
					return true
				}
			}
			return false
		}, patience, 100*time.Millisecond, version)
		require.Len(t, id, 16)
		return recent
	}
	assert.Nil(t, stamped("1.0.0"), "nobody knows when it was deployed")
	change(t, shop, "/settings/payment", `{"version": "1.1.0"}`)
	assert.Equal(t, true, stamped("1.1.0"))
	log, err := os.ReadFile(c.log)
	require.NoError(t, err)
	assert.Contains(t, string(log), `"found": "connectors::deployevent::confirm", "instead": "extensions::deployment_tracker::confirm"`)
	shop.stop()
}

// A rolling update, a canary that is aborted and a rollback each leave the markers that a person would set.
func TestRollingCanaryAndRollback(t *testing.T) {
	t.Parallel()
	grafana := grafanatest.New("secret")
	_, shop := startMarking(t, grafana)
	change(t, shop, "/settings/payment", `{"instances": 3, "rolloutPause": "3s"}`)

	rolling := time.Now()
	change(t, shop, "/settings/payment", `{"version": "1.1.0"}`)
	marker := waitForStatus(t, grafana, "payment", "1.1.0", "completed")
	assert.WithinDuration(t, rolling, marker.Start(), 3*time.Second)
	assert.Greater(t, marker.End().Sub(marker.Start()), 2*time.Second, "until the last old instance has gone")
	require.Len(t, grafana.Annotations(), 1)

	change(t, shop, "/settings/payment", `{"canary": {"version": "1.2.0", "share": 0.2}}`)
	waitForStatus(t, grafana, "payment", "1.2.0", "canary")
	change(t, shop, "/settings/payment", `{"canary": null}`)
	waitForStatus(t, grafana, "payment", "1.2.0", "rolled_back")
	require.Len(t, grafana.Annotations(), 2)

	change(t, shop, "/settings/payment", `{"version": "1.0.0"}`)
	waitForStatus(t, grafana, "payment", "1.0.0", "completed")
	waitForStatus(t, grafana, "payment", "1.1.0", "rolled_back")
	require.Len(t, grafana.Annotations(), 3)
	shop.stop()
}
