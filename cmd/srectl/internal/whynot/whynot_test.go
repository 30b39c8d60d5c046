// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package whynot

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

func span(service, kind, status string) string {
	return `{"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "` + service + `"}}]}, "scopeSpans": [{"spans": [{"traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
 "spanId": "00f067aa0ba902b7", "name": "POST /orders", "kind": ` + kind + `, "status": {"code": ` + status + `}}]}]}]}`
}

func whyNot(stdin string, args ...string) commandtest.Result {
	return commandtest.Run(NewCommand(), strings.NewReader(stdin), append([]string{"why-not"}, args...)...)
}

func TestOneSpan(t *testing.T) {
	catalog := commandtest.Catalog(t, commandtest.Service)
	file := filepath.Join(t.TempDir(), "span.json")
	require.NoError(t, os.WriteFile(file, []byte(span("checkout", "2", "2")), 0o600))
	got := whyNot("", "--catalog", catalog, file)
	assert.Equal(t, exit.OK, got.Code, got.Err)
	assert.Equal(t, "span POST /orders (SERVER) of checkout\nSLO           VERDICT  WHY\navailability  bad      it failed: status ERROR\n", got.Stdout)

	got = whyNot(span("checkout", "1", "0"), "--catalog", catalog, "-")
	assert.Equal(t, exit.NotOK, got.Code)
	assert.Contains(t, got.Stdout, "availability  not counted  its kind is INTERNAL, and the SLO counts SERVER and CONSUMER")

	got = whyNot(span("chekout", "2", "0"), "--catalog", catalog, "-", "-o", "wide")
	assert.Equal(t, exit.NotOK, got.Code)
	assert.Contains(t, got.Stdout, "of chekout, trace 4bf92f3577b34da6a3ce929d0e0e4736, span 00f067aa0ba902b7\nno SLO counts it: the catalog has no service chekout; it has checkout; set OTEL_SERVICE_NAME=checkout")

	// A line for each document, as the collector writes it.
	lines := strings.ReplaceAll(span("checkout", "2", "0"), "\n", " ")
	got = whyNot(lines+"\n"+lines+"\n", "--catalog", catalog, "-", "-o", "json")
	var answers []struct{ SLOs []struct{ Verdict string } }
	require.NoError(t, json.Unmarshal([]byte(got.Stdout), &answers))
	require.Len(t, answers, 2)
	assert.Equal(t, "good", answers[1].SLOs[0].Verdict)
}

func TestATrace(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/why-not/4bf92f3577b34da6a3ce929d0e0e4736" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"problem": {"what": "The trace is not here.", "fix": "Send it."}}`))
			return
		}
		_, _ = w.Write([]byte(`{"data": {"answers": [{"signal": "log", "name": "paid\u001b[31m", "service": "checkout", "slos": [{"slo": "paid", "verdict": "good", "why": "good holds"}]}]}}`))
	}))
	t.Cleanup(page.Close)
	got := whyNot("", "--url", page.URL, "4BF92F3577B34DA6A3CE929D0E0E4736")
	assert.Equal(t, exit.OK, got.Code, got.Err)
	assert.Equal(t, "log paid\uFFFD[31m of checkout\nSLO   VERDICT  WHY\npaid  good     good holds\n", got.Stdout)
	got = whyNot("", "--url", page.URL, strings.Repeat("0a", 16))
	assert.Equal(t, exit.Usage, got.Code)
	require.ErrorContains(t, got.Err, "The trace is not here. Send it.")
}

func TestCannotJudge(t *testing.T) {
	catalog := commandtest.Catalog(t, commandtest.Service)
	for want, args := range map[string][]string{
		"write one file":                        {},
		"there is no such folder":               {"--catalog", filepath.Join(catalog, "absent"), "-"},
		"the catalog has errors":                {"--catalog", commandtest.Catalog(t, "kind: Service\n"), "-"},
		"cannot be read":                        {"--catalog", catalog, "absent.json"},
		"no span and no log record":             {"--catalog", catalog, "-"},
		"judges a trace by the catalog that it": {"--catalog", catalog, strings.Repeat("0a", 16)},
		"write table, wide, json or yaml":       {"-o", "xml", "-"},
	} {
		got := whyNot("{}", args...)
		assert.Equal(t, exit.Usage, got.Code, want)
		require.ErrorContains(t, got.Err, want)
	}
}
