// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each defect is found by srectl validate with its place and its fix, and by the collector,
// which goes on with the services that are right.
func TestBrokenCatalogFilesAreReportedAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	good := service("checkout", slos...)
	dir := writeCatalog(t, map[string]string{"checkout": good})
	standalone := newCollector(t, "standalone", dir)

	for name, c := range map[string]struct{ text, says string }{
		"broken YAML":           {"apiVersion: catalog.otelcol-sre.dev/v1\nkind: [Service\n", "bad.yaml:"},
		"two files":             {service("checkout", slos[0]), "checkout.yaml:"},
		"objective 100":         {service("bad", "{name: a, objective: 100, sli: {availability: {}}}"), "bad.yaml:7:"},
		"unknown OTTL function": {service("bad", `{name: a, objective: 99, sli: {spans: {good: 'Nonsense(attributes["x"])'}}}`), "Nonsense"},
		"unknown field":         {strings.Replace(service("bad", slos[0]), "owner:", "ownr:", 1), "owner"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := filepath.Join(dir, "bad.yaml")
			replaceFile(t, broken, c.text)
			defer func() { require.NoError(t, os.Remove(broken)) }()

			out, err := exec.Command("../bin/srectl", "validate", dir).CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "%v: %s", err, out)
			assert.Equal(t, 1, exit.ExitCode())
			assert.Contains(t, string(out), c.says)
			assert.Contains(t, string(out), "bad.yaml:")

			// A collector that starts with it counts for the service that is right.
			other := newCollector(t, "standalone", dir)
			sent := send(t, other, "grpc", "checkout", "1.0.0", 100, 1)
			if name != "two files" { // there neither file is right
				assert.EventuallyWithT(t, func(collect *assert.CollectT) { compareCounts(collect, other, sent) }, patience, 100*time.Millisecond)
			}
			log, err := os.ReadFile(other.log)
			require.NoError(t, err)
			assert.Contains(t, string(log), "bad.yaml")
		})
	}

	sent := send(t, standalone, "grpc", "checkout", "1.0.0", 100, 2)
	assert.EventuallyWithT(t, func(collect *assert.CollectT) { compareCounts(collect, standalone, sent) }, patience, 100*time.Millisecond)
}

func TestCatalogFolderGoneAtRunTime(t *testing.T) {
	t.Parallel()
	dir := writeCatalog(t, map[string]string{"checkout": service("checkout", slos...)})
	c := newCollector(t, "standalone", dir)
	sent := send(t, c, "http/protobuf", "checkout", "1.0.0", 500, 3)
	require.NoError(t, os.RemoveAll(dir))
	require.Eventually(t, func() bool {
		log, err := os.ReadFile(c.log)
		return err == nil && strings.Contains(string(log), "last good")
	}, patience, 100*time.Millisecond, "the log says that the last good catalog is kept")
	sent.add(send(t, c, "http/json", "checkout", "1.0.0", 500, 4))
	assert.EventuallyWithT(t, func(collect *assert.CollectT) { compareCounts(collect, c, sent) }, patience, 100*time.Millisecond)
}

func TestHostileTelemetryIsRefusedOrBoundedAndNothingElseIsLost(t *testing.T) {
	t.Parallel()
	dir := writeCatalog(t, map[string]string{"checkout": service("checkout", slos...)})
	c := newCollector(t, "standalone", dir)

	post := func(path, contentType string, body []byte) int {
		response, err := http.Post("http://"+c.otlpHTTP+path, contentType, bytes.NewReader(body))
		require.NoError(t, err)
		defer response.Body.Close()
		return response.StatusCode
	}
	for _, path := range []string{"/v1/traces", "/v1/metrics", "/v1/logs"} {
		assert.Equal(t, http.StatusOK, post(path, "application/x-protobuf", nil), "empty")
		assert.Equal(t, http.StatusOK, post(path, "application/json", []byte("{}")), "empty")
		assert.Equal(t, http.StatusBadRequest, post(path, "application/x-protobuf", []byte("\xff\xff\xff\xffnot protobuf")))
		assert.Equal(t, http.StatusBadRequest, post(path, "application/json", []byte(`{"resourceSpans": [`)))
	}
	span := `{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"x","kind":2,"startTimeUnixNano":"%s","endTimeUnixNano":"%s"}`
	resource := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"checkout"}},{"key":"service.version","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[%s]}]}]}`
	const now = "1700000000000000000"
	for _, body := range []string{
		fmt.Sprintf(resource, strings.Repeat("v", 1<<20), fmt.Sprintf(span, now, now)),
		fmt.Sprintf(resource, "evil{}\\n<script>", fmt.Sprintf(span, now, "1")),
		fmt.Sprintf(resource, "", fmt.Sprintf(span, "0", "18446744073709551615")),
		`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"arrayValue":{}}}]},"scopeSpans":[{"spans":[{}]}]},{}]}`,
	} {
		assert.Equal(t, http.StatusOK, post("/v1/traces", "application/json", []byte(body)))
	}
	points := `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"slo.events","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"asDouble":%s,"timeUnixNano":"1","attributes":[{"key":"slo.name","value":{"stringValue":"availability"}}]}]}}]}]}]}`
	for _, value := range []string{"-1", "1e308", `"NaN"`, `"Infinity"`} {
		assert.Less(t, post("/v1/metrics", "application/json", fmt.Appendf(nil, points, value)), 500)
	}

	sent := send(t, c, "grpc", "checkout", "2.0.0", 500, 5)
	assert.EventuallyWithT(t, func(collect *assert.CollectT) {
		families := c.scrape()
		for key, want := range sent {
			got, _ := sum(families, "slo_events_total", "service_name", key[0], "slo_name", key[1], "slo_outcome", key[2], "service_version", "2.0.0")
			assert.Equal(collect, want, got, "%v", key)
		}
	}, patience, 100*time.Millisecond)
	for _, m := range c.scrape()["slo_events_total"].GetMetric() {
		assert.LessOrEqual(t, len(label(m, "service_version")), 1024, "a label value from outside is bounded")
	}
}
