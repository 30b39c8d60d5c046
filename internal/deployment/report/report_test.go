// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

const (
	commit = "279484c09fbe69ededfced8c1bb6e6d24616b468"
	gitHub = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"
)

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

func payloadFile(t testing.TB, name string) string {
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return string(text)
}

// records has the text as a body of both kinds.
func records(t testing.TB, text string) map[string]plog.LogRecord {
	var raw any
	require.NoError(t, json.Unmarshal([]byte(text), &raw))
	asMap, asText := plog.NewLogRecord(), plog.NewLogRecord()
	require.NoError(t, asMap.Body().FromRaw(raw))
	asText.Body().SetStr(text)
	return map[string]plog.LogRecord{"map": asMap, "string": asText}
}

func TestPayloads(t *testing.T) {
	at := instant("2026-11-20T14:02:00Z")
	for name, want := range map[string]*deployment.Deployment{
		"cdevents-deployed": {
			Service: deployment.Service{Name: "checkout", Environment: "production"}, Version: "1.4.2",
			Status: deployment.Completed, Start: instant("2026-11-20T14:27:05.315384Z"), End: instant("2026-11-20T14:27:05.315384Z"),
		},
		"cdevents-rolledback-cloudevent": {
			Service: deployment.Service{Name: "checkout", Environment: "production"}, Version: "v1.4.1",
			Status: deployment.RolledBack, Start: instant("2026-11-20T15:00:00Z"), End: instant("2026-11-20T15:00:00Z"),
		},
		"kubernetes-deployment": {
			Service: deployment.Service{Name: "checkout", Namespace: "shop"}, Version: "1.4.2", Configuration: "6",
			Status: deployment.Completed, Start: instant("2026-11-20T14:02:10Z"), End: instant("2026-11-20T14:02:10Z"),
		},
		"kubernetes-deployment-watch": {
			Service: deployment.Service{Name: "checkout-api", Namespace: "store", Environment: "production"}, Version: "1.4.3",
			Configuration: "7", Revision: commit, Status: deployment.Started, Start: instant("2026-11-20T14:01:00Z"),
		},
		"kubernetes-event-scaling": nil,
		"flux-helmrelease": {
			Service: deployment.Service{Name: "checkout", Namespace: "shop", Environment: "production"}, Version: "1.4.2",
			Configuration: "6.6.1+0cc9a8446c95", Status: deployment.Completed, Start: at, End: at,
		},
		"flux-kubernetes-event": {
			Service:       deployment.Service{Name: "checkout-api", Namespace: "shop"},
			Configuration: "main@sha1:731f7eaddfb6af01cb2173e18f0f75b0ba780ef1",
			Status:        deployment.Failed, Start: at.Add(time.Minute), End: at.Add(time.Minute),
		},
		"github-deployment-status": {
			Service: deployment.Service{Name: "checkout", Environment: "production"}, Version: "v1.4.2", ID: "145988746",
			Revision: gitHub, Branch: "v1.4.2", Repository: "https://github.com/shop/checkout", Actor: "octocat",
			Pipeline: "deploy", RunID: "9876543210", RunURL: "https://github.com/shop/checkout/actions/runs/9876543210",
			Status: deployment.Completed, Start: instant("2026-11-20T14:00:53Z"), End: instant("2026-11-20T14:05:55Z"),
		},
		"github-deployment": {
			Service: deployment.Service{Name: "payment", Environment: "staging"}, Version: "2.0.1", ID: "145988747",
			Revision: gitHub, Branch: "main", Repository: "https://github.com/shop/shop", Actor: "octocat",
			Status: deployment.Started, Start: instant("2026-11-20T14:00:53Z"),
		},
		"gitlab-deployment": {
			Service: deployment.Service{Name: "checkout", Environment: "production"}, Version: "1.4.2", ID: "15",
			Revision: commit, Branch: "1.4.2", Repository: "https://gitlab.example.com/shop/checkout", Actor: "priya",
			RunURL: "https://gitlab.example.com/shop/checkout/-/jobs/796",
			Status: deployment.Failed, Start: instant("2026-11-20T13:50:00Z"), End: instant("2026-11-20T13:50:00Z"),
		},
	} {
		for kind, record := range records(t, payloadFile(t, name)) {
			got, ok, err := Read(pcommon.NewMap(), record)
			require.NoError(t, err, "%s as %s", name, kind)
			require.Equal(t, want != nil, ok, "%s as %s", name, kind)
			require.Equal(t, want, got, "%s as %s", name, kind)
		}
	}
}

func TestEveryPayloadIsTested(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.Len(t, files, 10)
}

// TestVariants edits a payload: old and new are one replacement, and want is the status, "" for no report, or an error.
func TestVariants(t *testing.T) {
	for _, test := range []struct{ file, old, new, want string }{
		{"cdevents-deployed", "service.deployed.0.2.0", "service.upgraded.0.1.1", "completed"},
		{"cdevents-deployed", "service.deployed.0.2.0", "service.published.0.1.1", "completed"},
		{"cdevents-deployed", "service.deployed.0.2.0", "service.removed.0.1.1", ""},
		{"cdevents-deployed", "service.deployed.0.2.0", "environment.created.0.1.1", ""},
		{"cdevents-deployed", `"id": "service/checkout"`, `"name": "checkout"`, `CDEvent "dev.cdevents.service.deployed.0.2.0": subject.id is missing; say what is deployed`},
		{"cdevents-deployed", `"id": "service/checkout"`, `"id": ["checkout"]`, `subject.id is Slice; make it a string`},
		{"cdevents-deployed", `"id": "service/checkout"`, `"id": "a\u001b[2J"`, `service.name is "a\x1b[2J"; leave out control characters`},
		{"cdevents-deployed", "2026-11-20T14:27:05.315384Z", "yesterday", `context.timestamp is "yesterday"; write it as 2006-01-02T15:04:05Z07:00`},
		{"cdevents-deployed", "pkg:oci/checkout", "checkout", `subject.content.artifactId is "checkout@sha256`},
		{"cdevents-rolledback-cloudevent", `"data": {`, `"payload": {`, "CloudEvent: data is missing; put the CDEvent there, as JSON"},
		{"kubernetes-deployment", `"observedGeneration": 7`, `"observedGeneration": 6`, ""},
		{"kubernetes-deployment", `"observedGeneration": 7,`, ``, ""},
		{"kubernetes-deployment", "NewReplicaSetAvailable", "ProgressDeadlineExceeded", "failed"},
		{"kubernetes-deployment", "NewReplicaSetAvailable", "FoundNewReplicaSet", "started"},
		{"kubernetes-deployment", "NewReplicaSetAvailable", "DeploymentPaused", ""},
		{"kubernetes-deployment", `"conditions"`, `"before"`, ""},
		{"kubernetes-deployment", "apps/v1", "example.com/v1", ""},
		{"kubernetes-deployment-watch", "MODIFIED", "ADDED", "started"},
		{"kubernetes-deployment-watch", "MODIFIED", "DELETED", ""},
		{"flux-helmrelease", "UpgradeSucceeded", "InstallFailed", "failed"},
		{"flux-helmrelease", "UpgradeSucceeded", "RollbackSucceeded", "rolled_back"},
		{"flux-helmrelease", "UpgradeSucceeded", "DependencyNotReady", ""},
		{"flux-helmrelease", `"name": "checkout"`, `"name": ""`, `Flux event "UpgradeSucceeded": involvedObject.name is missing`},
		{"flux-kubernetes-event", "involvedObject", "regarding", "failed"},
		{"flux-kubernetes-event", "HealthCheckFailed", "ReconciliationSucceeded", "completed"},
		{"github-deployment-status", `"state": "success"`, `"state": "in_progress"`, "started"},
		{"github-deployment-status", `"state": "success"`, `"state": "error"`, "failed"},
		{"github-deployment-status", `"state": "success"`, `"state": "inactive"`, ""},
		{"github-deployment-status", `"state": "success"`, `"state": "queued"`, ""},
		{"github-deployment-status", `"state": "success"`, `"state": "shiny"`, `GitHub deployment_status: deployment_status.state: status "shiny" is not known`},
		{"github-deployment-status", `"name": "checkout", "full_name"`, `"full_name"`, `repository.name is missing; say what is deployed`},
		{"gitlab-deployment", `"failed"`, `"running"`, "started"},
		{"gitlab-deployment", `"failed"`, `"canceled"`, "failed"},
		{"gitlab-deployment", `"failed"`, `"created"`, ""},
		{"gitlab-deployment", `"object_kind": "deployment"`, `"object_kind": "pipeline"`, ""},
		{"gitlab-deployment", `shop/checkout",
    "default_branch"`, `",
    "default_branch"`, "failed"}, // its name stands in
	} {
		text := payloadFile(t, test.file)
		require.Contains(t, text, test.old)
		for kind, record := range records(t, strings.Replace(text, test.old, test.new, 1)) {
			got, ok, err := Read(pcommon.NewMap(), record)
			switch {
			case err != nil:
				require.ErrorContains(t, err, test.want, "%s as %s: %s", test.file, kind, test.new)
				require.True(t, ok)
				require.NotEmpty(t, test.want, "%s as %s: %s: %v", test.file, kind, test.new, err)
			case !ok:
				require.Empty(t, test.want, "%s as %s: %s", test.file, kind, test.new)
			default:
				require.Equal(t, test.want, string(got.Status), "%s as %s: %s", test.file, kind, test.new)
			}
		}
	}
}

func TestAttributesComeBeforeTheBody(t *testing.T) {
	resource := pcommon.NewMap()
	resource.PutStr("service.name", "the forwarder")
	resource.PutStr("deployment.environment", "eu-1")
	for _, record := range records(t, payloadFile(t, "github-deployment-status")) {
		record.Attributes().PutStr("service.name", "checkout-api")
		record.Attributes().PutStr("service.version", "1.4.2")
		record.Attributes().PutStr("cloud.region", "eu")
		got, _, err := Read(resource, record)
		require.NoError(t, err)
		require.Equal(t, deployment.Service{Name: "checkout-api", Environment: "production", Place: deployment.Place{Region: "eu"}}, got.Service)
		require.Equal(t, "1.4.2", got.Version)
	}
	for _, record := range records(t, payloadFile(t, "kubernetes-deployment")) {
		got, _, err := Read(resource, record)
		require.NoError(t, err)
		require.Equal(t, deployment.Service{Name: "checkout", Namespace: "shop", Environment: "eu-1"}, got.Service)
	}
}

func TestPayloadWithoutATimeHasTheRecords(t *testing.T) {
	for _, record := range records(t, strings.Replace(payloadFile(t, "gitlab-deployment"), "status_changed_at", "changed", 1)) {
		record.SetObservedTimestamp(pcommon.NewTimestampFromTime(instant("2026-11-20T14:00:00Z")))
		got, _, err := Read(pcommon.NewMap(), record)
		require.NoError(t, err)
		require.Equal(t, instant("2026-11-20T14:00:00Z"), got.End)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	event := payloadFile(t, "cdevents-deployed")
	for want, text := range map[string]string{
		"body has 262":                  event + strings.Repeat(" ", maxBody),
		"body is nested 1003 deep":      strings.Replace(event, `"production"`, strings.Repeat("[", 999)+strings.Repeat("]", 999), 1),
		"body is not JSON: unexpected ": event[:len(event)-3],
	} {
		record := plog.NewLogRecord()
		record.Body().SetStr(text)
		_, ok, err := Read(pcommon.NewMap(), record)
		require.True(t, ok)
		require.ErrorContains(t, err, want)
	}
}

func TestPurls(t *testing.T) {
	for purl, want := range map[string]string{
		"pkg:oci/checkout@sha256%3A0b31?tag=1.2":      "1.2",
		"pkg:oci/checkout@sha256%3A0b31":              "sha256:0b31",
		"pkg:npm/%40shop/checkout@1.2.3#lib":          "1.2.3",
		"pkg:golang/git.example.com/shop/checkout":    "",
		"pkg:deb/debian/checkout@1%3A2.0-1?arch=i386": "1:2.0-1",
	} {
		got, err := purlVersion(purl)
		require.NoError(t, err)
		require.Equal(t, want, got, purl)
	}
	for _, purl := range []string{"checkout:1.2", "pkg:oci/checkout@%zz"} {
		_, err := purlVersion(purl)
		require.ErrorContains(t, err, purl)
	}
}

func TestVersionsOfRefs(t *testing.T) {
	for ref, want := range map[string]string{"1.4.2": "1.4.2", "v1.4": "v1.4", "refs/tags/v1.4": "v1.4", "main": "", "": "", "v": "", "1a2b3c4": "", "release-1.4": ""} {
		require.Equal(t, want, versionOf(ref), ref)
	}
}
