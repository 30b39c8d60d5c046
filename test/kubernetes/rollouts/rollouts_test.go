// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package rollouts

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/gate"
	"github.com/otelcol-sre/otelcol-sre/test/gotool"
	"github.com/otelcol-sre/otelcol-sre/test/kubernetes"
)

// A world has a gate, which answers as the status page does, and a Prometheus with the evidence of the rules.
type world struct {
	verdict  gate.Verdict // "" is a gate that cannot answer
	evidence string
	asked    []*http.Request
}

func (w *world) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		out.WriteHeader(http.StatusBadRequest)
		return
	}
	w.asked = append(w.asked, r)
	switch want := gate.Verdict(r.Form.Get("want")); {
	case r.URL.Path == "/api/v1/query":
		out.Header().Set("Content-Type", "application/json")
		_, _ = out.Write([]byte(`{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "` + w.evidence + `"]}]}}`))
	case r.URL.Path != "/gate/shop/checkout":
		http.NotFound(out, r)
	case w.verdict == "":
		out.WriteHeader(http.StatusServiceUnavailable)
	default:
		if want != "" && want != w.verdict {
			out.WriteHeader(http.StatusPreconditionFailed)
		}
		_ = json.NewEncoder(out).Encode(map[string]any{"data": gate.Result{Version: r.Form.Get("version"), Verdict: w.verdict}})
	}
}

// generated is a file that srectl writes for the service.
func generated(t *testing.T, address, name string) []byte {
	folder := t.TempDir()
	catalog := filepath.Join(folder, "checkout.yaml")
	require.NoError(t, os.WriteFile(catalog, []byte(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  deployment: {kubernetes: {namespace: shop, kind: Deployment, name: checkout}}
  slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]
`), 0o600))
	cmd := exec.CommandContext(t.Context(), kubernetes.Root("bin/srectl"), "generate", "rollouts", "--catalog", catalog, "--out", folder, "--gate-url", address, "--prometheus-url", address, "--gate-secret", "gate")
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
	text, err := os.ReadFile(filepath.Join(folder, "rollouts", "checkout", name))
	require.NoError(t, err)
	return text
}

// The projects whose code evaluates what is generated for them.
var (
	argoRollouts = gotool.Module{
		Path: "github.com/argoproj/argo-rollouts", Version: "v1.10.2",
		Sum: "h1:sEPWsY+HUvnXj3Vh0ejb+GDTceQ/palqhFo2FVQJMk0=", GoModSum: "h1:ZwfKrf0Vcl2meb8V1Aq4P05lT8LlIGiuhanmAttYbVo=",
	}
	flagger = gotool.Module{
		Path: "github.com/fluxcd/flagger", Version: "v1.36.1",
		Sum: "h1:X2PumtNwZz9YSGaOtZLFm2zAKLgHhFkbNv8beg7ifyc=", GoModSum: "h1:qmtLsxheVDTI8XeCaXUxW5UCmfcSKnY9fizG9NmW/Fk=",
	}
)

// answer is what the program prints about the documents.
func answer(t *testing.T, program string, documents []byte, args ...string) string {
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin = bytes.NewReader(documents)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, said.String())
	return string(bytes.TrimSpace(out))
}

// TestArgoRollouts: Argo Rollouts' own providers and conditions take the answers of the gate, and the evidence in Prometheus, for what they are.
func TestArgoRollouts(t *testing.T) {
	program, err := gotool.BuildWith(argoRollouts, "testdata/argo")
	require.NoError(t, err)
	w := &world{}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	text := generated(t, server.URL, "argo-rollouts.yaml")
	measure := func(template string) string {
		w.asked = nil
		said := answer(t, program, text, "checkout-"+template, `{"version": "1.4.0", "authorization": "Bearer secret"}`)
		require.NotEmpty(t, w.asked)
		return strings.Join(strings.Fields(said)[:2], " ")
	}
	for verdict, want := range map[gate.Verdict][2]string{
		gate.Pass:         {"gate Successful", "watch Successful"},
		gate.Fail:         {"gate Failed", "watch Failed"},
		gate.Inconclusive: {"gate Inconclusive", "watch Successful"},
		"":                {"gate Error", "watch Error"},
	} {
		w.verdict = verdict
		for i, template := range []string{"gate", "watch"} {
			assert.Equal(t, want[i], measure(template), "%s for %q", template, verdict)
			assert.Equal(t, "1.4.0", w.asked[0].Form.Get("version"))
			assert.Equal(t, "Bearer secret", w.asked[0].Header.Get("Authorization"))
		}
	}
	for evidence, want := range map[string]string{"0": "worse Successful", "100": "worse Successful", "100.5": "worse Failed", "+Inf": "worse Failed"} {
		w.evidence = evidence
		assert.Equal(t, want, measure("prometheus"), evidence)
		assert.Contains(t, w.asked[0].Form.Get("query"), `service_name="checkout",service_namespace="shop",service_version="1.4.0"`)
	}
}

// TestFlagger: Flagger's own calls of webhooks and queries do.
func TestFlagger(t *testing.T) {
	program, err := gotool.BuildWith(flagger, "testdata/flagger")
	require.NoError(t, err)
	w := &world{evidence: "0"}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	text := generated(t, server.URL, "flagger.yaml")
	answers := func() string { return answer(t, program, text) }
	for verdict, want := range map[gate.Verdict]string{
		gate.Pass:         "gate confirm-traffic-increase confirmed\nfailed rollback refused",
		gate.Fail:         "gate confirm-traffic-increase refused\nfailed rollback confirmed",
		gate.Inconclusive: "gate confirm-traffic-increase refused\nfailed rollback refused",
		"":                "gate confirm-traffic-increase refused\nfailed rollback refused",
	} {
		w.verdict = verdict
		assert.Equal(t, "worse good\n"+want, answers(), "%q", verdict)
	}
	for evidence, want := range map[string]string{"100": "worse good\n", "100.5": "worse halted\n"} {
		w.evidence = evidence
		assert.Contains(t, answers(), want, evidence)
	}
}
