// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package rollback

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/event"
)

const document = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  deployment:
    kubernetes: {namespace: shop, kind: Deployment, name: checkout}
    rollback: {perDay: 2}
    migrations: [{version: 1.2.0, reason: orders have two keys}]
`

// A world is a status page, a collector that takes OTLP, and a kubectl that writes down what it is asked.
type world struct {
	page, otlp, folder, state, log string

	mu      sync.Mutex
	changes []change.Change
}

func newWorld(t *testing.T) *world {
	t.Helper()
	for _, name := range []string{"ENDPOINT", "PROTOCOL", "HEADERS", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
		t.Setenv("OTEL_EXPORTER_OTLP_"+name, "")
		t.Setenv("OTEL_EXPORTER_OTLP_LOGS_"+name, "")
	}
	w := &world{folder: commandtest.Catalog(t, document), state: filepath.Join(t.TempDir(), "state", "rollbacks.json"), log: filepath.Join(t.TempDir(), "log")}
	page := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		answers := map[string]string{
			"/services/checkout": `{"versions": [{"version": "1.4.0", "status": "completed", "previous": "1.3.0"}, {"version": "1.3.0", "status": "completed", "return_to": true}]}`,
			"/incidents/i1":      `{"state": "open", "services": [{"service": "checkout", "namespace": "shop"}], "change": {"kind": "deployment", "service": "checkout", "version": "1.4.0", "probability": 0.93}}`,
			"/incidents/i2":      `{"state": "open", "services": [], "change": null}`,
			"/incidents/i3":      `{"state": "open", "services": [], "change": {"kind": "feature_flag", "service": "checkout", "text": "feature flag fast"}}`,
			"/incidents/i4":      `{"state": "resolved", "services": []}`,
		}
		data, ok := answers[r.URL.Path]
		if !ok {
			out.WriteHeader(http.StatusNotFound)
			data = `null, "problem": {"what": "There is no such incident.", "fix": "Look."}`
		}
		_, _ = fmt.Fprintf(out, `{"data": %s}`, data)
	}))
	t.Cleanup(page.Close)
	collector := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		request := plogotlp.NewExportRequest()
		if request.UnmarshalProto(body) != nil {
			out.WriteHeader(http.StatusBadRequest)
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, rl := range request.Logs().ResourceLogs().All() {
			c, err := change.Read(rl.Resource().Attributes(), rl.ScopeLogs().At(0).LogRecords().At(0))
			if err != nil {
				out.WriteHeader(http.StatusBadRequest)
				return
			}
			w.changes = append(w.changes, *c)
		}
		out.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(collector.Close)
	w.page, w.otlp = page.URL, collector.URL
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "kubectl"), []byte("#!/bin/sh\necho \"$@\" >> "+w.log+"\necho rolled back\nexit ${KUBECTL_EXIT:-0}\n"), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return w
}

func (w *world) rollback(stdin string, args ...string) commandtest.Result {
	return commandtest.Run(NewCommand(), strings.NewReader(stdin), append([]string{"rollback", "--catalog", w.folder, "--url", w.page, "--state", w.state, "--endpoint", w.otlp}, args...)...)
}

func (w *world) asked() string {
	text, _ := os.ReadFile(w.log)
	return string(text)
}

func TestADryRunDoesNothing(t *testing.T) {
	w := newWorld(t)
	got := w.rollback("", "--service", "shop/checkout", "--version", "1.4.0")
	require.NoError(t, got.Err)
	assert.Equal(t, "from shop/checkout 1.4.0 to 1.3.0, because it was asked for:\n  kubectl rollout undo deployment/checkout -n shop\nIt was not run: add --yes.\n", got.Stdout)
	assert.Empty(t, w.asked())
	assert.NoFileExists(t, w.state)
	assert.Empty(t, w.changes)
}

func TestARollback(t *testing.T) {
	w := newWorld(t)
	got := w.rollback("", "--incident", "https://sre.example.com/incidents/i1", "--yes")
	require.NoError(t, got.Err, got.Stderr)
	assert.Contains(t, got.Stdout, "it caused incident i1 with a probability of 93 %")
	assert.Contains(t, got.Stdout, "rolled back\n")
	assert.Equal(t, "rollout undo deployment/checkout -n shop\n", w.asked())
	require.Len(t, w.changes, 2)
	assert.Equal(t, []string{"started", "completed"}, []string{w.changes[0].Status, w.changes[1].Status})
	assert.Equal(t, w.changes[0].ID, w.changes[1].ID)
	assert.Equal(t, "infrastructure rollback of checkout: 1.4.0 → 1.3.0 (started): srectl rollback, because it caused incident i1 with a probability of 93 %", w.changes[0].Sentence())
	assert.False(t, w.changes[1].End.IsZero())

	got = w.rollback("", "--incident", "https://sre.example.com/incidents/i1", "--yes")
	assert.Equal(t, 1, got.Code, "kubectl rollout undo, made twice, brings the bad version back")
	assert.Contains(t, got.Stderr, "refused: a rollback of shop/checkout from 1.4.0 to 1.3.0 began at ")
	assert.Equal(t, 1, strings.Count(w.asked(), "\n"))

	t.Setenv("KUBECTL_EXIT", "3")
	got = w.rollback("", "--service", "checkout", "--version", "1.4.0", "--yes", "--again")
	assert.Equal(t, 1, got.Code)
	assert.Contains(t, got.Stderr, "the command failed: exit status 3")
	assert.Equal(t, "failed", w.changes[3].Status)

	var kept journal
	text, err := os.ReadFile(w.state)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &kept))
	require.Len(t, kept.Entries, 2)
	assert.Equal(t, []string{"completed", "failed"}, []string{kept.Entries[0].Result, kept.Entries[1].Result})
	assert.Equal(t, "1.4.0 1.3.0", kept.Entries[0].From+" "+kept.Entries[0].To)

	got = w.rollback("", "--service", "checkout", "--version", "1.4.0", "--yes", "--again")
	assert.Equal(t, 1, got.Code)
	assert.Contains(t, got.Stderr, "had 2 rollbacks within 24 hours, and the catalog allows 2")
	assert.Equal(t, 2, strings.Count(w.asked(), "\n"))
	for i := range kept.Entries {
		kept.Entries[i].Time = time.Now().Add(-25 * time.Hour)
	}
	text, err = json.Marshal(kept)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(w.state, text, 0o600))
	got = w.rollback("", "--service", "checkout", "--version", "1.4.0")
	require.NoError(t, got.Err, "a day later")
}

// What failed is tried again, and what was done in one environment is not done in another one.
func TestARollbackIsMadeOnce(t *testing.T) {
	now := time.Now()
	j := &journal{Entries: []entry{
		{Service: "shop/checkout", Environment: "staging", From: "2", Result: change.Completed, Time: now.Add(-time.Hour)},
		{Service: "shop/checkout", Environment: "production", From: "2", Result: change.Failed, Time: now.Add(-time.Minute)},
		{Service: "shop/checkout", Environment: "production", From: "1", Result: change.Completed, Time: now.Add(-25 * time.Hour)},
		{Service: "shop/checkout", Environment: "production", From: "3", Result: change.Started, Time: now},
	}}
	for _, environment := range []string{"staging", "production"} {
		for from, want := range map[string]bool{"1": false, "2": environment == "staging", "3": environment == "production"} {
			assert.Equal(t, want, j.left("shop/checkout", environment, from, now) != nil, "%s %s", environment, from)
		}
	}
	assert.Nil(t, j.left("shop/payment", "staging", "2", now))
}

// Without a collector, the way back is the same.
func TestNobodyTakesTheAudit(t *testing.T) {
	w := newWorld(t)
	got := w.rollback("", "--service", "checkout", "--version", "1.4.0", "--yes", "--endpoint", w.page)
	require.NoError(t, got.Err)
	assert.Contains(t, got.Stderr, "not accepted: ")
	assert.NotEmpty(t, w.asked())
	assert.FileExists(t, w.state)
}

func TestWebhooks(t *testing.T) {
	w := newWorld(t)
	alert := func(status, version string) string {
		return fmt.Sprintf(`{"status": %q, "labels": {"alertname": "DeploymentRegression", "service_name": "checkout", "service_namespace": "shop", "service_version": %q}}`, status, version)
	}
	started := func(state incident.State) string {
		logs := event.Logs([]event.Event{{ID: "i1", Name: event.Started, State: state, Page: true, Origin: incident.Service{Name: "checkout"}, Services: []string{"checkout"}, Start: time.Now(), At: time.Now()}}, pcommon.NewInstrumentationScope(), time.Now())
		text, err := (&plog.JSONMarshaler{}).MarshalLogs(logs)
		require.NoError(t, err)
		return string(text)
	}
	for name, c := range map[string]struct {
		body string
		code int
		says string
	}{
		"an alert":           {`{"alerts": [` + alert("firing", "1.4.0") + `, ` + alert("firing", "1.4.0") + `, ` + alert("resolved", "1.0.0") + `, {"status": "firing", "labels": {}}]}`, 0, "because the alert DeploymentRegression fires"},
		"several versions":   {`{"alerts": [` + alert("firing", "1.4.0") + `, ` + alert("firing", "1.3.0") + `]}`, 1, "several versions"},
		"resolved":           {`{"alerts": [` + alert("resolved", "1.4.0") + `]}`, 1, "no alert that fires names a version"},
		"a version long ago": {`{"alerts": [` + alert("firing", "1.0.0") + `]}`, 1, "is not what was deployed last"},
		"an incident":        {started(incident.Open), 0, "incident i1"},
		"one that is over":   {started(incident.Resolved), 1, "the incident is over"},
		"something else":     {`{"hello": 1}`, 2, "neither a webhook"},
		"no JSON":            {`hello`, 2, "neither a webhook"},
		"too much":           {strings.Repeat(" ", maxWebhook+1), 2, "larger than 4 MiB"},
	} {
		got := w.rollback(c.body, "--webhook")
		assert.Equal(t, c.code, got.Code, "%s: %v %s", name, got.Err, got.Stderr)
		assert.Contains(t, got.Stdout+got.Stderr+fmt.Sprint(got.Err), c.says, name)
	}
	assert.Empty(t, w.asked())
}

func TestRefusedAndWrong(t *testing.T) {
	w := newWorld(t)
	locked := newWorld(t)
	require.NoError(t, os.MkdirAll(filepath.Dir(locked.state), 0o755))
	require.NoError(t, os.WriteFile(locked.state+".lock", nil, 0o600))
	broken := filepath.Join(t.TempDir(), "broken")
	require.NoError(t, os.WriteFile(broken, []byte("{"), 0o600))
	of := []string{"--service", "checkout", "--version", "1.4.0"}
	for says, c := range map[string]struct {
		args []string
		code int
	}{
		"no change is likely":            {[]string{"--incident", "i2"}, 1},
		"is no deployment":               {[]string{"--incident", "i3"}, 1},
		"the incident is over":           {[]string{"--incident", "i4"}, 1},
		"There is no such incident":      {[]string{"--incident", "i9"}, 2},
		"neither an ID nor":              {[]string{"--incident", "a/b"}, 2},
		"say once what to go back from":  {[]string{"--webhook", "--incident", "i1"}, 2},
		"are needed together":            {[]string{"--service", "checkout"}, 2},
		"is not in the catalog":          {[]string{"--service", "none", "--version", "1"}, 2},
		"the catalog has errors":         {append(of, "--catalog", broken), 2},
		"cannot be read, so that nobody": {append(of, "--state", broken), 2},
		"set --to":                       {append(of, "--url", ""), 2},
		"--timeout is 0s":                {append(of, "--timeout", "0"), 2},
		"does not answer":                {append(of, "--url", "http://127.0.0.1:1"), 2},
		"another rollback is under way":  {append(of, "--yes", "--state", locked.state), 2},
	} {
		got := w.rollback("", c.args...)
		assert.Equal(t, c.code, got.Code, "%s: %v %s", says, got.Err, got.Stderr)
		assert.Contains(t, got.Stderr+fmt.Sprint(got.Err), says)
	}
	assert.Empty(t, w.asked())
}

func TestTheJournalIsBounded(t *testing.T) {
	j := &journal{path: filepath.Join(t.TempDir(), "j")}
	for i := range maxEntries + 10 {
		j.Entries = append(j.Entries, entry{ID: strconv.Itoa(i)})
	}
	require.NoError(t, j.put(&entry{ID: "new", Service: "a", Time: time.Now()}))
	again, err := openJournal(j.path)
	require.NoError(t, err)
	assert.Len(t, again.Entries, maxEntries)
	assert.Equal(t, 1, again.spent("a", time.Now()))
	assert.Equal(t, 0, again.spent("b", time.Now()))
}

// Another one may have gone back, with a journal of its own: the page shows it.
func TestARollbackByAnother(t *testing.T) {
	deployed := time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)
	of := &catalog.Service{Name: "checkout", Namespace: "shop"}
	for name, test := range map[string]struct {
		changes string
		refused bool
	}{
		"made":                 {`{"kind": "infrastructure", "name": "rollback of checkout", "previous": "1.4.0", "value": "1.3.0", "status": "completed", "actor": "bob", "at": "2026-11-30T03:14:00Z"}`, true},
		"begun":                {`{"kind": "infrastructure", "name": "rollback of checkout", "previous": "1.4.0", "value": "1.3.0", "status": "started", "at": "2026-11-30T03:14:00Z"}`, true},
		"failed":               {`{"kind": "infrastructure", "name": "rollback of checkout", "previous": "1.4.0", "value": "1.3.0", "status": "failed", "at": "2026-11-30T03:14:00Z"}`, false},
		"from another version": {`{"kind": "infrastructure", "name": "rollback of checkout", "previous": "1.3.9", "value": "1.3.0", "status": "completed", "at": "2026-11-30T03:14:00Z"}`, false},
		"before it was there":  {`{"kind": "infrastructure", "name": "rollback of checkout", "previous": "1.4.0", "value": "1.3.0", "status": "completed", "at": "2026-11-30T02:14:00Z"}`, false},
		"another kind":         {`{"kind": "business", "name": "rollback of checkout", "previous": "1.4.0", "value": "1.3.0", "at": "2026-11-30T03:14:00Z"}`, false},
		"of something else":    {`{"kind": "infrastructure", "name": "node pool", "previous": "1.4.0", "value": "1.3.0", "at": "2026-11-30T03:14:00Z"}`, false},
	} {
		var found shown
		require.NoError(t, json.Unmarshal([]byte(`{"versions": [{"version": "1.4.0", "since": "`+deployed.Format(time.RFC3339)+`"}], "changes": [`+test.changes+`]}`), &found))
		assert.Equal(t, "1.4.0", found.Versions[0].Version)
		err := found.made(of, "1.4.0")
		assert.Equal(t, test.refused, err != nil, name)
		if err != nil {
			assert.ErrorContains(t, err, "a rollback of shop/checkout from 1.4.0 to 1.3.0 began at 2026-11-30T03:14:00Z, by ", name)
		}
	}
}
