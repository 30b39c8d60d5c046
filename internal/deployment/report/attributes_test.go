// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func TestOwnRecordsAreRead(t *testing.T) {
	for _, status := range deployment.Statuses {
		want := deployment.Deployment{Service: deployment.Service{Name: "checkout", Environment: "production"}, Version: "1.4.2",
			ID: "1", Status: status, Start: instant("2026-11-20T14:00:00Z")}
		if status.Over() {
			want.End = instant("2026-11-20T14:05:00Z")
		}
		record := plog.NewLogRecord()
		want.Write(record, instant("2026-11-20T14:05:00Z"))
		got, ok, err := Read(pcommon.NewMap(), record)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, want, *got)
	}
}

func TestAttributes(t *testing.T) {
	type attributes map[string]any
	for name, test := range map[string]struct {
		event      string
		attributes attributes
		want       string // status, "" for no report, or an error
	}{
		"event":                    {"deployment.started", attributes{"service.name": "checkout"}, "started"},
		"event by another name":    {"deployment.succeeded", attributes{"service.name": "checkout"}, "completed"},
		"event as an attribute":    {"", attributes{"event.name": "deployment.canary", "service.name": "checkout"}, "canary"},
		"verdict of a gate":        {"deployment.verified", attributes{"service.name": "checkout", "deployment.gate.verdict": "pass"}, "verified"},
		"verdict as an attribute":  {"", attributes{"event.name": "deployment.verified", "service.name": "checkout", "deployment.gate.verdict": "pass"}, "verified"},
		"unknown verdict":          {"deployment.verified", attributes{"service.name": "checkout", "deployment.gate.verdict": "good"}, `deployment.gate.verdict is "good"; use one of`},
		"status alone":             {"", attributes{"deployment.status": "failed", "service.name": "checkout"}, "failed"},
		"status of another event":  {"release", attributes{"deployment.status": "succeeded", "service.name": "checkout"}, "completed"},
		"name of an object":        {"", attributes{"event.name": "deployment.apps"}, ""},
		"ordinary":                 {"", attributes{"service.name": "checkout", "deployment.id": "1"}, ""},
		"other event":              {"user.login", nil, ""},
		"no service":               {"deployment.started", nil, "service.name is missing; say what is deployed"},
		"wrong type":               {"deployment.started", attributes{"service.name": "checkout", "service.version": 2}, "service.version is Int; make it a string"},
		"unknown event":            {"deployment.paused", attributes{"service.name": "checkout"}, `event name "deployment.paused": status "paused" is not known; use one of`},
		"unknown status":           {"", attributes{"deployment.status": "shiny"}, `deployment.status: status "shiny" is not known`},
		"pipeline deploys":         {"", attributes{"cicd.pipeline.result": "success", "cicd.pipeline.task.type": "deploy", "service.name": "checkout"}, "completed"},
		"pipeline syncs":           {"", attributes{"cicd.pipeline.run.state": "executing", "cicd.pipeline.action.name": "SYNC", "service.name": "checkout"}, "started"},
		"pipeline names":           {"", attributes{"cicd.pipeline.result": "timeout", "deployment.name": "checkout to production", "service.name": "checkout"}, "failed"},
		"pipeline's task first":    {"", attributes{"cicd.pipeline.task.run.result": "failure", "cicd.pipeline.result": "success", "cicd.pipeline.task.type": "deploy", "service.name": "checkout"}, "failed"},
		"pipeline skips":           {"", attributes{"cicd.pipeline.result": "skip", "cicd.pipeline.task.type": "deploy"}, ""},
		"pipeline waits":           {"", attributes{"cicd.pipeline.run.state": "pending", "cicd.pipeline.task.type": "deploy"}, ""},
		"pipeline builds":          {"", attributes{"cicd.pipeline.result": "success", "cicd.pipeline.action.name": "BUILD", "service.name": "ci"}, ""},
		"pipeline's unknown end":   {"", attributes{"cicd.pipeline.result": "odd", "cicd.pipeline.task.type": "deploy"}, `cicd.pipeline.result is "odd"; use success`},
		"pipeline without service": {"", attributes{"cicd.pipeline.result": "success", "cicd.pipeline.task.type": "deploy"}, "service.name is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			record := plog.NewLogRecord()
			record.SetEventName(test.event)
			require.NoError(t, record.Attributes().FromRaw(test.attributes))
			before := plog.NewLogRecord()
			record.CopyTo(before)
			got, ok, err := Read(pcommon.NewMap(), record)
			require.Equal(t, before, record, "records are not ours to change")
			switch {
			case err != nil:
				require.True(t, ok)
				require.NotEmpty(t, test.want)
				require.ErrorContains(t, err, test.want)
			case !ok:
				require.Empty(t, test.want)
			default:
				require.Equal(t, test.want, string(got.Status))
			}
		})
	}
}

func TestDeprecatedEnvironment(t *testing.T) {
	for name, set := range map[string]func(resource, attributes pcommon.Map){
		"resource":   func(resource, _ pcommon.Map) { resource.PutStr(semconv.DeprecatedEnvironment, "production") },
		"attributes": func(_, attributes pcommon.Map) { attributes.PutStr(semconv.DeprecatedEnvironment, "production") },
		"the new name first": func(resource, attributes pcommon.Map) {
			resource.PutStr(semconv.DeprecatedEnvironment, "old")
			attributes.PutStr(semconv.DeprecatedEnvironment, "old")
			attributes.PutStr(semconv.Environment, "production")
		},
	} {
		resource, record := pcommon.NewMap(), plog.NewLogRecord()
		record.SetEventName("deployment.started")
		record.Attributes().PutStr("service.name", "checkout")
		set(resource, record.Attributes())
		got, _, err := Read(resource, record)
		require.NoError(t, err)
		require.Equal(t, "production", got.Environment, name)
	}
}
