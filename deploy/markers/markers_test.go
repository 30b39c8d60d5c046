// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package markers tests the templates beside it: what each sends is a deployment to the collector.
package markers

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/report"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
)

var now = time.Date(2026, 11, 20, 14, 2, 0, 0, time.UTC)

const commit = "731f7eaddfb6af01cb2173e18f0f75b0ba780ef1"

// received is the deployment that the collector makes of a request's body.
func received(t *testing.T, body string) deployment.Deployment {
	t.Helper()
	var unmarshaler plog.JSONUnmarshaler
	logs, err := unmarshaler.UnmarshalLogs([]byte(body))
	require.NoError(t, err, body)
	require.Equal(t, 1, logs.LogRecordCount(), body)
	resource := logs.ResourceLogs().At(0)
	d, ok, err := report.Read(resource.Resource().Attributes(), resource.ScopeLogs().At(0).LogRecords().At(0))
	require.NoError(t, err, body)
	require.True(t, ok, body)
	gives(t, *d)
	return *d
}

// gives checks that the deployment gives a marker. Without a version it says more of one that is known.
func gives(t *testing.T, d deployment.Deployment) {
	t.Helper()
	clock := d.Start
	if d.End.After(clock) {
		clock = d.End
	}
	known := tracker.New(tracker.Default(), func() time.Time { return clock })
	if d.Version == "" {
		require.NoError(t, known.Report(deployment.Deployment{Service: d.Service, Version: "v1", Status: deployment.Started, Start: d.Start}))
	}
	require.NoError(t, known.Report(d))
	due := known.Due()
	require.NotEmpty(t, due)
	require.Equal(t, d.Status, due[len(due)-1].Status)
	for i := range due {
		require.Equal(t, due[0].ID, due[i].ID, "one marker")
	}
}

// documents are those of a YAML file.
func documents(t *testing.T, name string) (all []map[string]any) {
	t.Helper()
	file, err := os.Open(name)
	require.NoError(t, err)
	defer file.Close()
	for decoder := yaml.NewDecoder(file); ; {
		var document map[string]any
		err := decoder.Decode(&document)
		if err == io.EOF { //nolint:errorlint // the decoder gives it bare
			return all
		}
		require.NoError(t, err, name)
		all = append(all, document)
	}
}

// at is the value at the path.
func at[T any](t *testing.T, value any, path ...any) T {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			require.Contains(t, value, step)
			value = value.(map[string]any)[step]
		case int:
			value = value.([]any)[step]
		}
	}
	require.IsType(t, *new(T), value, "%v", path)
	return value.(T)
}

// functions are those of Sprig that the templates call, as they are there.
var functions = template.FuncMap{
	"now":       func() time.Time { return now },
	"unixEpoch": func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) },
	"toJson":    func(v any) string { text, _ := json.Marshal(v); return string(text) },
	"list":      func(v ...any) []any { return v },
	"has":       func(needle any, list []any) bool { return slices.Contains(list, needle) },
	"contains":  func(part, text string) bool { return strings.Contains(text, part) },
	"regexReplaceAll": func(pattern, text, replacement string) string {
		return regexp.MustCompile(pattern).ReplaceAllString(text, replacement)
	},
	"dig": func(path ...any) any {
		keys, fallback, value := path[:len(path)-2], path[len(path)-2], path[len(path)-1]
		for _, key := range keys {
			next, ok := value.(map[string]any)[key.(string)]
			if !ok {
				return fallback
			}
			value = next
		}
		return value
	},
}

// webhookBody renders the body of a template of Argo's notifications engine.
func webhookBody(t *testing.T, config map[string]any, name string, values map[string]any) string {
	t.Helper()
	var parsed map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(at[string](t, config, "data", "template."+name)), &parsed))
	require.Equal(t, "/v1/logs", at[string](t, parsed, "webhook", "otelcol-sre", "path"))
	body, err := template.New(name).Funcs(functions).Parse(at[string](t, parsed, "webhook", "otelcol-sre", "body"))
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, body.Execute(&b, values))
	return b.String()
}

// triggers are all of a config, and the templates that each sends: one that is there.
func triggers(t *testing.T, config map[string]any) map[string]string {
	t.Helper()
	found := map[string]string{}
	for key := range at[map[string]any](t, config, "data") {
		name, ok := strings.CutPrefix(key, "trigger.")
		if !ok {
			continue
		}
		var parsed []any
		require.NoError(t, yaml.Unmarshal([]byte(at[string](t, config, "data", key)), &parsed))
		found[name] = at[string](t, parsed, 0, "send", 0)
		require.Contains(t, config["data"], "template."+found[name])
	}
	return found
}

func TestArgoCD(t *testing.T) {
	config := documents(t, "argo-cd-notifications.yaml")[0]
	require.Equal(t, map[string]string{"on-sync-running": "deployment-marker", "on-deployed": "deployment-marker",
		"on-sync-failed": "deployment-marker", "on-health-degraded": "deployment-marker"}, triggers(t, config))
	want := deployment.Deployment{
		Service: deployment.Service{Name: "checkout", Namespace: "shop", Environment: "production"}, Version: "1.4.2",
		Start: time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC), Configuration: commit, Pipeline: "Argo CD",
		RunURL: "https://argocd.example.com/applications/checkout", Actor: `priya "the pager" shah`,
	}
	for _, test := range []struct {
		phase, health string
		want          deployment.Status
	}{
		{"Running", "Healthy", deployment.Started}, {"Running", "Degraded", deployment.Started},
		{"Succeeded", "Healthy", deployment.Completed}, {"Succeeded", "Degraded", deployment.Failed},
		{"Failed", "Healthy", deployment.Failed}, {"Error", "Missing", deployment.Failed},
	} {
		app := documents(t, "testdata/argo-cd-application.yaml")[0]
		at[map[string]any](t, app, "status", "operationState")["phase"] = test.phase
		at[map[string]any](t, app, "status", "health")["status"] = test.health
		got := received(t, webhookBody(t, config, "deployment-marker", map[string]any{
			"app": app, "context": map[string]any{"argocdUrl": "https://argocd.example.com"}}))
		want.Status, want.End = test.want, time.Time{}
		if test.want.Over() {
			want.End = now
		}
		require.Equal(t, want, got)
	}
}

func TestArgoCDWithLittle(t *testing.T) {
	app := documents(t, "testdata/argo-cd-application.yaml")[0]
	at[map[string]any](t, app, "metadata")["annotations"] = map[string]any{"otelcol-sre.dev/image": "envoy"}
	at[map[string]any](t, app, "status", "operationState")["operation"] = map[string]any{"initiatedBy": map[string]any{"automated": true}}
	delete(at[map[string]any](t, app, "status", "sync"), "revision")
	render := func() deployment.Deployment {
		return received(t, webhookBody(t, documents(t, "argo-cd-notifications.yaml")[0], "deployment-marker",
			map[string]any{"app": app, "context": map[string]any{"argocdUrl": "https://argocd.example.com"}}))
	}
	got := render()
	require.Equal(t, "1.34", got.Version)
	require.Empty(t, got.Environment+got.Actor+got.Configuration)
	delete(at[map[string]any](t, app, "status"), "summary")
	require.Empty(t, render().Version)
}

func TestArgoRollouts(t *testing.T) {
	all := documents(t, "argo-rollouts.yaml")
	metric := at[map[string]any](t, all[0], "spec", "metrics", 0)
	require.Equal(t, "len(result) == 0 || isNaN(result[0]) || result[0] < {{args.max-burn-rate}}", metric["successCondition"])
	require.Contains(t, at[string](t, metric, "provider", "prometheus", "query"), "max(slo_burn_rate_ratio{service_name=")

	sent := triggers(t, all[1])
	require.Len(t, sent, 4)
	for trigger, status := range map[string]deployment.Status{"on-rollout-updated": deployment.Started, "on-rollout-paused": deployment.Canary,
		"on-rollout-completed": deployment.Completed, "on-rollout-aborted": deployment.RolledBack} {
		got := received(t, webhookBody(t, all[1], sent[trigger], map[string]any{"rollout": documents(t, "testdata/argo-rollout.yaml")[0]}))
		want := deployment.Deployment{Service: deployment.Service{Name: "checkout", Namespace: "shop"}, Version: "1.4.2",
			Configuration: "7", Status: status, Start: now}
		if status.Over() {
			want.End = now
		}
		require.Equal(t, want, got, trigger)
	}
}

// payload is one of those that package report is tested with.
func payload(t *testing.T, name string) string {
	text, err := os.ReadFile(filepath.Join("../../internal/deployment/report/testdata", name))
	require.NoError(t, err)
	return string(text)
}

func TestGitLabWebhook(t *testing.T) {
	text, err := os.ReadFile("gitlab-webhook.json")
	require.NoError(t, err)
	var event any
	require.NoError(t, json.Unmarshal([]byte(payload(t, "gitlab-deployment.json")), &event))
	body := regexp.MustCompile(`{{([a-z_.]+)}}`).ReplaceAllStringFunc(string(text), func(field string) string {
		value := event
		for key := range strings.SplitSeq(strings.Trim(field, "{}"), ".") {
			require.Contains(t, value, key)
			value = value.(map[string]any)[key]
		}
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		return strings.Trim(string(encoded), `"`)
	})
	got := received(t, body)
	require.Equal(t, deployment.Deployment{
		Service: deployment.Service{Name: "checkout", Environment: "production"}, Version: "1.4.2", ID: "15",
		Revision: "279484c09fbe69ededfced8c1bb6e6d24616b468", Branch: "1.4.2", Repository: "https://gitlab.example.com/shop/checkout",
		Actor: "priya", RunURL: "https://gitlab.example.com/shop/checkout/-/jobs/796",
		Status: deployment.Failed, Start: time.Date(2026, 11, 20, 13, 50, 0, 0, time.UTC), End: time.Date(2026, 11, 20, 13, 50, 0, 0, time.UTC),
	}, got)
}

// TestFluxCollector checks the parts that the collector's own validation cannot: what the receivers read is a report.
func TestFluxCollector(t *testing.T) {
	for name, receiver := range map[string]string{"flux.yaml": "k8s_objects/flux", "kubernetes.yaml": "k8s_objects/deployments"} {
		config := documents(t, name)[0]
		require.Equal(t, "watch", at[string](t, config, "receivers", receiver, "objects", 0, "mode"))
		for _, pipeline := range at[map[string]any](t, config, "service", "pipelines") {
			require.Equal(t, map[string]any{"receivers": []any{receiver}, "exporters": []any{"deployevent"}}, pipeline)
		}
	}
}

// TestFluxEventIsNoOTLP is why flux-alert.yaml needs a wrapper.
func TestFluxEventIsNoOTLP(t *testing.T) {
	request := plogotlp.NewExportRequest()
	require.NoError(t, request.UnmarshalJSON([]byte(payload(t, "flux-helmrelease.json"))))
	require.Zero(t, request.Logs().LogRecordCount())

	all := documents(t, "flux-alert.yaml")
	require.Equal(t, "generic", at[string](t, all[0], "spec", "type"))
	require.Equal(t, all[0]["metadata"].(map[string]any)["name"], at[string](t, all[1], "spec", "providerRef", "name"))

	wrapped, err := json.Marshal(payload(t, "flux-helmrelease.json"))
	require.NoError(t, err)
	require.Equal(t, "1.4.2", received(t, `{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": `+string(wrapped)+`}}]}]}]}`).Version)
}
