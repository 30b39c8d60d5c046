// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

const gatedCatalog = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  deployment: {kubernetes: {namespace: shop, kind: Deployment, name: checkout}, rollback: {perDay: 9}}
  slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]
`

// gatedWorld is a status page, and a collector that takes OTLP, of a service whose version 1.4.0 is good.
func gatedWorld(w http.ResponseWriter, r *http.Request) {
	data := ""
	switch path := r.URL.Path; {
	case path == "/v1/logs":
		w.Header().Set("Content-Type", "application/x-protobuf")
		return
	case path == "/":
		data = `{"slos": [{"namespace": "shop", "service": "checkout", "slo": "availability", "environment": "production", "page": "/services/checkout", "state": "ok", "error_budget_remaining": 0.9, "burn_rate": 0}], "pages": 1}`
	case path == "/gate/shop/checkout":
		data = `{"service": "checkout", "namespace": "shop", "version": "1.4.0", "since": "2026-11-30T11:50:00Z", "until": "2026-11-30T12:00:00Z", "verdict": "pass", "reason": "It is good.", "slos": []}`
	case path == "/services/checkout":
		data = `{"versions": [{"version": "1.4.0", "status": "completed", "previous": "1.3.9"}, {"version": "1.3.9", "status": "completed", "return_to": true}]}`
	case strings.HasPrefix(path, "/incidents/"):
		data = `{"state": "open", "services": [], "change": {"kind": "deployment", "service": "checkout", "version": "1.4.0", "probability": 0.9}}`
	default:
		w.WriteHeader(http.StatusNotFound)
		data = `null, "problem": {"what": "There is no such page.", "fix": ""}`
	}
	_, _ = fmt.Fprintf(w, `{"time": "2026-11-30T12:00:00Z", "data": %s}`, data)
}

var quotedWords = regexp.MustCompile(`'[^']*'|\S+`)

// Every command of docs/gates.md runs. That verdicts are right is for TestCanariesAtTheGate.
func TestGates(t *testing.T) {
	page, err := os.ReadFile("../../docs/gates.md")
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(gatedWorld))
	t.Cleanup(server.Close)
	for _, name := range []string{"ENDPOINT", "PROTOCOL", "HEADERS", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
		t.Setenv("OTEL_EXPORTER_OTLP_"+name, "")
		t.Setenv("OTEL_EXPORTER_OTLP_LOGS_"+name, "")
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("OTELCOL_SRE_CATALOG", "catalog")
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "kubectl"), []byte("#!/bin/sh\necho \"$@\"\n"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("catalog", 0o755))
	require.NoError(t, os.WriteFile("catalog/checkout.yaml", []byte(gatedCatalog), 0o600))
	require.NoError(t, os.WriteFile("alertmanager.json", []byte(`{"alerts": [{"status": "firing", "labels": {"alertname": "DeploymentRegression", "service_name": "checkout", "service_version": "1.4.0"}}]}`), 0o600))

	ran := map[string]int{}
	for _, block := range fence.FindAllStringSubmatch(string(page), -1) {
		for line := range strings.SplitSeq(strings.TrimSpace(block[2]), "\n") {
			line, _, _ = strings.Cut(line, "   #")
			for _, address := range []string{"http://localhost:8686", "http://localhost:4318", "http://prometheus:9090"} {
				line = strings.ReplaceAll(line, address, server.URL)
			}
			line, input, _ := strings.Cut(line, " < ")
			words := quotedWords.FindAllString(strings.TrimSpace(line), -1)
			for i := range words {
				words[i] = strings.Trim(words[i], "'")
			}
			if words[0] == "curl" {
				method := http.MethodGet
				if strings.Contains(line, "-X POST") {
					method = http.MethodPost
				}
				address := words[len(words)-1]
				for _, word := range words {
					if strings.HasPrefix(word, server.URL) {
						address = word
					}
				}
				request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
				require.NoError(t, err)
				response, err := http.DefaultClient.Do(request)
				require.NoError(t, err, line)
				text, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				assert.Equal(t, http.StatusOK, response.StatusCode, line)
				assert.Contains(t, string(text), `"reason"`, line)
				ran["curl"]++
				continue
			}
			require.Equal(t, "srectl", words[0], line)
			if !strings.Contains(line, "--url") && (words[1] == "verify" || words[1] == "budget" || words[1] == "rollback") {
				words = append(words, "--url", server.URL)
			}
			t.Setenv("XDG_STATE_HOME", t.TempDir()) // each is about a release of its own
			var out, log bytes.Buffer
			root := newRootCommand()
			root.SetArgs(words[1:])
			root.SetOut(&out)
			root.SetErr(&log)
			if input = strings.TrimSpace(input); input != "" {
				text, err := os.ReadFile(input)
				require.NoError(t, err, line)
				root.SetIn(bytes.NewReader(text))
			}
			assert.Equal(t, exit.OK, exit.Code(root.Execute(), &log), "%s: %s", line, log.String())
			if words[1] != "generate" { // whose files are looked at below
				assert.Contains(t, out.String(), "checkout", line)
			}
			if strings.Contains(line, "--yes") {
				assert.Contains(t, out.String(), "rollout undo deployment/checkout -n shop", line)
			}
			if strings.Contains(line, "--report") {
				assert.Contains(t, log.String(), "accepted: deployment of shop/checkout 1.4.0", line)
			}
			ran[words[1]]++
		}
	}
	assert.Equal(t, map[string]int{"verify": 6, "curl": 2, "generate": 1, "budget": 2, "rollback": 4}, ran)
	assert.FileExists(t, "rollouts/checkout/argo-rollouts.yaml")
}
