// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const eventPrefix = "deployment."

// A pipeline's run, in the semantic conventions.
const (
	pipelineAction     = "cicd.pipeline.action.name"
	pipelineResult     = "cicd.pipeline.result"
	pipelineState      = "cicd.pipeline.run.state"
	pipelineTaskType   = "cicd.pipeline.task.type"
	pipelineTaskResult = "cicd.pipeline.task.run.result"
)

// statusOf is the status that the event's name or the attributes say, if they report a deployment.
// Every log record comes by here, so it looks at each attribute once.
func statusOf(record plog.LogRecord) (deployment.Status, bool, error) {
	if name, ok := strings.CutPrefix(record.EventName(), eventPrefix); ok {
		if status, err := parseEvent(name); err == nil {
			return status, true, nil
		}
	}
	var event, status, pipeline string
	record.Attributes().Range(func(key string, v pcommon.Value) bool {
		switch key {
		case "event.name":
			event = v.Str()
		case semconv.DeploymentStatus:
			status = v.AsString()
		case pipelineResult, pipelineTaskResult, pipelineState:
			pipeline = key
		}
		return true
	})
	// The k8s_objects receiver also writes an object's name to event.name: unknown names are not ours.
	if name, ok := strings.CutPrefix(event, eventPrefix); ok && record.EventName() == "" {
		if status, err := parseEvent(name); err == nil {
			return status, true, nil
		}
	}
	switch {
	case status != "":
		parsed, err := deployment.ParseStatus(status)
		if err != nil {
			return "", true, fmt.Errorf("%s: %w", semconv.DeploymentStatus, err)
		}
		return parsed, true, nil
	case strings.HasPrefix(record.EventName(), eventPrefix):
		_, err := deployment.ParseStatus(record.EventName()[len(eventPrefix):])
		return "", true, fmt.Errorf("event name %.60q: %w", record.EventName(), err)
	case pipeline != "":
		return pipelineStatus(record.Attributes())
	}
	return "", false, nil
}

// parseEvent also takes that of a gate.
func parseEvent(name string) (deployment.Status, error) {
	if name == string(deployment.Verified) {
		return deployment.Verified, nil
	}
	return deployment.ParseStatus(name)
}

// pipelineStatus is how far a pipeline's run has come that deploys: one with a task of that type, one that syncs a
// cluster, or one that names the deployment. Any other, such as a build, reports none.
func pipelineStatus(attributes pcommon.Map) (deployment.Status, bool, error) {
	if textAt(attributes, pipelineTaskType) != "deploy" && textAt(attributes, pipelineAction) != "SYNC" &&
		textAt(attributes, semconv.DeploymentName) == "" {
		return "", false, nil
	}
	for _, key := range []string{pipelineTaskResult, pipelineResult} {
		switch result := textAt(attributes, key); result {
		case "":
		case "success":
			return deployment.Completed, true, nil
		case "failure", "error", "timeout", "cancellation":
			return deployment.Failed, true, nil
		case "skip":
			return "", false, nil
		default:
			return "", true, fmt.Errorf("%s is %.60q; use success, failure, error, timeout, cancellation or skip", key, result)
		}
	}
	switch textAt(attributes, pipelineState) {
	case "executing", "finalizing":
		return deployment.Started, true, nil
	}
	return "", false, nil
}
