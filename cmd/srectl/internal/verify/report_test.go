// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/gate"
)

// A taker takes OTLP logs by HTTP.
type taker struct {
	mu  sync.Mutex
	got []deployment.Deployment
}

func (c *taker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request := plogotlp.NewExportRequest()
	if err != nil || request.UnmarshalProto(body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.Logs().ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				d, err := deployment.Read(pcommon.NewMap(), record)
				if err != nil {
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				c.got = append(c.got, *d)
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func TestTheVerdictIsReported(t *testing.T) {
	for _, name := range []string{"ENDPOINT", "PROTOCOL", "HEADERS", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
		t.Setenv("OTEL_EXPORTER_OTLP_"+name, "")
		t.Setenv("OTEL_EXPORTER_OTLP_LOGS_"+name, "")
	}
	var asked string
	plain := strings.NewReplacer(`\u001b[2J<b>2|`, "2", `pro\u001b[31mduction`, "production").Replace(hostile)
	server := page(t, http.StatusOK, plain, &asked)
	to := &taker{}
	collector := httptest.NewServer(to)
	t.Cleanup(collector.Close)
	got := commandtest.Run(NewCommand(), nil, "verify", "--service", "shop/checkout", "--version", "2", "--for", "0", "--url", server.URL, "-o", "json", "--report", "--endpoint", collector.URL)
	assert.Equal(t, 1, got.Code, "%v", got.Err)
	assert.True(t, strings.HasPrefix(got.Stdout, "{"), "the standard output is the verdict alone: %s", got.Stdout)
	assert.Contains(t, got.Stderr, "accepted: deployment of checkout")
	require.Len(t, to.got, 1)
	d := to.got[0]
	assert.Equal(t, deployment.Verified, d.Status)
	assert.Equal(t, "2", d.Version)
	assert.Equal(t, "production", d.Environment, "the only one with events")
	assert.Equal(t, "fail", d.Gate.Verdict)
	assert.Contains(t, d.Gate.Reason, "failed")
	assert.NotContains(t, d.Gate.Reason, "\u202e")
	assert.False(t, d.Gate.At.IsZero())

	refusing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refusing.Close)
	got = commandtest.Run(NewCommand(), nil, "verify", "--service", "shop/checkout", "--version", "2", "--for", "0", "--url", server.URL, "--report", "--endpoint", refusing.URL)
	assert.Equal(t, 1, got.Code, "the verdict stays what it is")
	require.ErrorIs(t, got.Err, exit.ErrNotOK)
	assert.Contains(t, got.Stderr, "not accepted: ")

	got = commandtest.Run(NewCommand(), nil, "verify", "--service", "checkout", "--for", "0", "--endpoint", collector.URL)
	require.ErrorContains(t, got.Err, "add --report")
}

func TestEventsOfAVerdict(t *testing.T) {
	r := gate.Result{Service: "checkout", Namespace: "shop", Version: "2", Verdict: gate.Pass, SLOs: []gate.SLO{
		{Environment: "production"}, {Environment: "staging"}, {Environment: "production"}, {Environment: "old", Idle: true},
	}}
	var environments []string
	for _, d := range events(&r) {
		environments = append(environments, d.Environment)
	}
	assert.Equal(t, []string{"production", "staging"}, environments)
	r.Environment = "staging"
	assert.Len(t, events(&r), 1)
	assert.Len(t, events(&gate.Result{Service: "checkout", Version: "2"}), 1)
}
