// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
)

// read is what a body says, as text and as a map.
func readChanges(t testing.TB, text string, asMap bool) ([]string, error) {
	t.Helper()
	record := plog.NewLogRecord()
	record.Body().SetStr(text)
	if asMap {
		m, err := parse(text)
		require.NoError(t, err)
		m.CopyTo(record.Body().SetEmptyMap())
	}
	found, _, err := Changes(pcommon.NewMap(), record, func(content []byte) string { return strings.Repeat("x", 1+len(content)%7) })
	var said []string
	for i := range found {
		r := &found[i]
		line := r.Sentence()
		for _, one := range [][2]string{
			{"of", r.Service.String()}, {"by", r.Actor}, {"id", r.ID}, {"url", r.URL}, {"member", r.Member},
		} {
			if one[1] != "" {
				line += " | " + one[0] + " " + one[1]
			}
		}
		if r.State {
			line += " | state"
		}
		if r.Series {
			line += " | series"
		}
		if !r.Start.IsZero() {
			line += " | " + r.Start.UTC().Format(time.RFC3339)
		}
		said = append(said, line)
	}
	return said, err
}

func TestChangesOfRealBodies(t *testing.T) {
	for file, want := range map[string]string{
		"launchdarkly":        "feature flag new-card-check: on: for everyone | of  in production | by Ada Byron | id launchdarkly-65f3a1-production | url https://app.launchdarkly.com/shop/production/features/new-card-check | 2026-11-26T10:02:00Z",
		"unleash":             "feature flag new-card-check: off | of  in production | by ada | id unleash-2213 | 2026-11-26T10:02:00Z",
		"flagd":               "feature flag new-card-check: update",
		"openfeature":         "feature flag new-card-check",
		"configmap":           "configuration ConfigMap payment: xxxxxxx | of shop/payment in production | by kubectl-edit | state | 2026-11-26T10:01:30Z",
		"configmap-kustomize": "configuration ConfigMap payment-config: 8mbdf7882g | of shop/ | state | 2026-11-26T10:01:30Z",
		"secret":              "configuration Secret card-network: xx | of shop/ | by external-secrets | state | 2026-11-26T10:01:30Z",
		"node":                "infrastructure node pool web: v1.31.2-eks-94953ac Bottlerocket OS 1.26.1 m7g.large | member ip-10-0-1-7 | state | 2026-11-26T10:01:30Z",
		"job":                 "infrastructure job payment-upgrade-114 (completed): database migration | of shop/payment | id job-77ab | 2026-11-26T10:01:00Z",
		"hpa":                 "infrastructure autoscaling payment: 9 instances | of shop/payment | series | 2026-11-26T10:01:30Z",
		"cluster-autoscaler":  "infrastructure autoscaling of nodes eks-web-4ac2: 3 nodes → 5 nodes | series | 2026-11-26T10:01:30Z",
		"flux-sync":           "configuration Kustomization shop: main@sha1:731f7eaddf | of flux-system/ | by Flux | state | 2026-11-26T10:01:30Z",
		"argocd":              "configuration Argo CD payment: 731f7eaddf | of shop/ | by ada | state | 2026-11-26T10:01:20Z",
		"incident-detected":   "incident incident-123 (started): Response time above 10ms | of payment in production | id incident-incident-123 | 2026-11-26T10:01:30Z",
		"incident-resolved":   "incident incident-123 (resolved): Response time is fine | of payment in production | id incident-incident-123 | 2026-11-26T10:09:00Z",
		"service-removed":     "business event service payment: removed | of payment in production | 2026-11-26T10:01:30Z",
	} {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", "changes", file+".json"))
			require.NoError(t, err)
			for _, asMap := range []bool{false, true} {
				said, err := readChanges(t, string(text), asMap)
				require.NoError(t, err)
				require.Equal(t, []string{want}, said, asMap)
			}
		})
	}
}

func TestRecordsThatAreNoChange(t *testing.T) {
	for name, body := range map[string]string{
		"a flag's description": `{"kind": "flag", "accesses": [{"action": "updateName", "resource": "proj/a:env/*:flag/b"}]}`,
		"another resource":     `{"kind": "member", "accesses": [{"action": "updateRole", "resource": "member/a"}]}`,
		"a new flag":           `{"type": "feature-created", "featureName": "a"}`,
		"the CA of a cluster":  `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"}}`,
		"a leader's lease":     `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lock", "annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}}`,
		"a token":              `{"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token", "metadata": {"name": "t"}}`,
		"a job":                `{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "report-27"}, "status": {"startTime": "2026-11-26T10:01:00Z"}}`,
		"a job to come":        `{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}}`,
		"a sync that runs":     `{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"}, "status": {"operationState": {"phase": "Running"}}}`,
		"a log line":           `{"level": "info", "msg": "featureName is \"a\""}`,
		"no JSON":              `{"accesses" `,
		"an order":             `{"type": "order", "items": []}`,
	} {
		t.Run(name, func(t *testing.T) {
			said, err := readChanges(t, body, false)
			require.NoError(t, err)
			require.Empty(t, said)
		})
	}
}

func TestReportsOfChangesThatAreWrongNameTheField(t *testing.T) {
	for body, problem := range map[string]string{
		`{"type": "feature-environment-enabled", "featureName": ""}`:                                                             "featureName is missing; say what has changed",
		`{"type": "feature-environment-enabled", "featureName": "a", "createdAt": "yesterday"}`:                                  `Unleash "feature-environment-enabled": createdAt is "yesterday"; write it as 2006-01-02T15:04:05Z07:00`,
		`{"context": {"type": "dev.cdevents.incident.detected.0.2.0"}, "subject": {"content": {"environment": {"id": "prod"}}}}`: "subject.id is missing; say what has changed",
	} {
		_, err := readChanges(t, body, false)
		require.EqualError(t, err, problem)
	}
}

// What somebody sends as an event of its own needs no vendor: an event name, and what has changed.
func TestChangeEvent(t *testing.T) {
	record := plog.NewLogRecord()
	record.SetEventName("change.business")
	record.Attributes().PutStr("change.name", "black friday\x1b[31m")
	record.Attributes().PutStr("change.url", "javascript:alert(1)")
	resource := pcommon.NewMap()
	resource.PutStr("deployment.environment.name", "production")
	found, ok, err := Changes(resource, record, nil)
	require.NoError(t, err)
	require.True(t, ok)
	require.Len(t, found, 1)
	assert.Equal(t, change.Business, found[0].Kind)
	assert.Equal(t, "black friday[31m", found[0].Change.Name)
	assert.Equal(t, "production", found[0].Environment)
	assert.Empty(t, found[0].URL)

	record.Attributes().Remove("change.name")
	_, ok, err = Changes(resource, record, nil)
	require.True(t, ok)
	require.EqualError(t, err, "change.name is missing; say what has changed")
}

// The record's attributes come before the body: a forwarder names the service.
func TestAttributesComeBeforeTheBodyOfAChange(t *testing.T) {
	record := plog.NewLogRecord()
	record.Body().SetStr(`{"type": "feature-environment-enabled", "featureName": "a", "environment": "prod"}`)
	record.Attributes().PutStr("service.name", "payment")
	record.Attributes().PutStr("deployment.environment.name", "production")
	found, _, err := Changes(pcommon.NewMap(), record, nil)
	require.NoError(t, err)
	assert.Equal(t, "payment in production", found[0].Service.String())
}

// A Secret's content is nowhere in what is reported of it.
func TestContentsStaySecret(t *testing.T) {
	text, err := os.ReadFile("testdata/changes/secret.json")
	require.NoError(t, err)
	said, err := readChanges(t, string(text), true)
	require.NoError(t, err)
	assert.NotContains(t, strings.Join(said, ""), "aHVudGVyMg")
}

func FuzzChanges(f *testing.F) {
	files, err := filepath.Glob("testdata/changes/*.json")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		record := plog.NewLogRecord()
		record.Body().SetStr(text)
		found, ok, err := Changes(pcommon.NewMap(), record, func([]byte) string { return "0" })
		if err != nil {
			require.True(t, ok)
			return
		}
		require.LessOrEqual(t, len(found), mostChanges)
		for i := range found {
			found[i].Bound()
			require.LessOrEqual(t, len(found[i].Sentence()), 2000)
		}
	})
}
