// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/request/requesttest"
)

// Each ID of a request finds the same on the status page and with srectl find, with the correlation processor and without it.
func TestEachIDFindsTheSame(t *testing.T) {
	t.Parallel()
	for _, processors := range []string{"", "correlation"} {
		for _, c := range requesttest.Cases() {
			t.Run(processors+"/"+c.Name, func(t *testing.T) {
				page, file := collectCase(t, c, processors)
				for _, r := range c.Requests {
					for _, id := range r.IDs {
						onPage, inFile := onStatusPage(t, page, id), inTelemetry(t, file, id)
						assert.ElementsMatch(t, onPage, inFile, id)
						switch {
						case processors == "":
							assert.ElementsMatch(t, r.Finds, onPage, id)
						case r.Shared == 0: // the processor makes one request of some
							assert.Subset(t, onPage, r.Finds, id)
						}
					}
				}
			})
		}
	}
}

// collectCase sends the case to a collector. The returned page and file have all of it.
func collectCase(t *testing.T, c requesttest.Case, processors string) (page, file string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "telemetry.json")
	collector := prepareCollector(t, "standalone", t.TempDir())
	config := filepath.Join(dir, "config.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
receivers: {otlp: {protocols: {http: {endpoint: %s}}}}
processors: {correlation: {}}
exporters: {status_page: {}, file: {path: %q, flush_interval: 10ms}}
extensions: {health_check: {endpoint: %s}, status_page: {endpoint: %s}}
service:
  extensions: [health_check, status_page]
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], processors: [%s], exporters: [status_page, file]}
    logs: {receivers: [otlp], processors: [%[5]s], exporters: [status_page, file]}
`, collector.otlpHTTP, file, collector.health, collector.page, processors), 0o600))
	collector.args = []string{"--config", config}
	collector.start()
	send := func(path string, body []byte, err error) {
		require.NoError(t, err)
		response, err := http.Post("http://"+collector.otlpHTTP+path, "application/json", bytes.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	for _, d := range c.Documents() {
		if d.Traces.SpanCount() > 0 {
			body, err := (&ptrace.JSONMarshaler{}).MarshalTraces(d.Traces)
			send("/v1/traces", body, err)
		} else {
			body, err := (&plog.JSONMarshaler{}).MarshalLogs(d.Logs)
			send("/v1/logs", body, err)
		}
	}
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(file)
		return err == nil && bytes.Count(content, []byte("\n")) == len(c.Records)
	}, patience, 10*time.Millisecond)
	return "http://" + collector.page, file
}

// onStatusPage are the names of the spans, and the texts of the log records, that the page finds.
func onStatusPage(t *testing.T, page, id string) (names []string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page+"/search?id="+url.QueryEscape(id), http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Accept", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Items []struct{ Signal, Name, Body string }
		}
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	for _, item := range answer.Data.Items {
		if item.Signal != "event" {
			names = append(names, item.Name+item.Body)
		}
	}
	return names
}

// inTelemetry are those that srectl finds in the file.
func inTelemetry(t *testing.T, file, id string) (names []string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "../bin/srectl", "find", id, file, "-o", "json").Output()
	require.NoError(t, err)
	var answer struct {
		Items []struct {
			Name string
			Body any
		}
	}
	require.NoError(t, json.Unmarshal(out, &answer))
	for _, item := range answer.Items {
		text, isText := item.Body.(string)
		if !isText && item.Body != nil {
			compact, err := json.Marshal(item.Body)
			require.NoError(t, err)
			text = string(compact)
		}
		names = append(names, item.Name+text)
	}
	return names
}
