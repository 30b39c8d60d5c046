// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// The events of Amazon EventBridge that report a deployment. They name no version: the report waits for the next one that is seen.
const (
	ecsChange        = "ECS Deployment State Change"
	codeDeployChange = "CodeDeploy Deployment State-change Notification"
)

func readerOfEventBridge(body pcommon.Map) reader {
	switch textAt(body, "detail-type") {
	case ecsChange:
		return readECS
	case codeDeployChange:
		return readCodeDeploy
	case apiCall:
		if textAt(body, "detail", "eventSource") == lambdaSource {
			return readLambda
		}
	}
	return nil
}

// readECS reads a deployment of an ECS service. Its name is the last part of its ARN.
func readECS(p *payload) bool {
	p.kind = ecsChange
	switch name := p.text("detail", "eventName"); name {
	case "SERVICE_DEPLOYMENT_IN_PROGRESS":
		p.said.Status = deployment.Started
	case "SERVICE_DEPLOYMENT_COMPLETED":
		p.said.Status = deployment.Completed
	case "SERVICE_DEPLOYMENT_FAILED":
		p.said.Status = deployment.Failed
	default:
		p.errs = append(p.errs, fmt.Errorf("detail.eventName is %.60q; send SERVICE_DEPLOYMENT_IN_PROGRESS, _COMPLETED or _FAILED", name))
	}
	p.at = p.time(time.RFC3339, "detail", "updatedAt")
	p.named = "resources"
	if all, ok := p.body.Get("resources"); ok && all.Type() == pcommon.ValueTypeSlice && all.Slice().Len() > 0 {
		arn := all.Slice().At(0).AsString()
		p.said.Name = arn[strings.LastIndexByte(arn, '/')+1:]
	}
	p.said.ID = p.text("detail", "deploymentId")
	p.takePlace()
	return true
}

func readCodeDeploy(p *payload) bool {
	p.kind = "CodeDeploy deployment"
	switch state := p.text("detail", "state"); state {
	case "START":
		p.said.Status = deployment.Started
	case "SUCCESS":
		p.said.Status = deployment.Completed
	case "FAILURE", "STOP":
		p.said.Status = deployment.Failed
	default: // READY: traffic may be moved
		return false
	}
	p.at = p.time(time.RFC3339, "time")
	p.named, p.said.Name = "detail.application", p.text("detail", "application")
	p.said.Environment = p.text("detail", "deploymentGroup")
	p.said.ID = p.text("detail", "deploymentId")
	p.takePlace()
	return true
}

// takePlace takes the place where an AWS event happened.
func (p *payload) takePlace() {
	p.said.Region, p.said.Account = p.text("region"), p.text("account")
}

// azurePrefix begins the types of Azure DevOps' events about releases.
const azurePrefix = "ms.vss-release."

// readAzure reads the service hooks of Azure DevOps about the deployment of a release to a stage.
func readAzure(p *payload) bool {
	p.kind = fmt.Sprintf("Azure DevOps %.60q", p.text("eventType"))
	switch p.text("eventType") {
	case "ms.vss-release.deployment-started-event":
		p.said.Status = deployment.Started
	case "ms.vss-release.deployment-completed-event":
		switch p.text("resource", "environment", "status") {
		case "succeeded":
			p.said.Status = deployment.Completed
		case "rejected", "canceled", "partiallySucceeded":
			p.said.Status = deployment.Failed
		default: // it has not begun
			return false
		}
	default:
		return false
	}
	p.at = p.time(time.RFC3339, "createdDate")
	release := []string{"resource", "release"}
	if _, ok := at(p.body, release...); !ok {
		release = []string{"resource", "environment", "release"}
	}
	definition := p.text(append(slices.Clone(release), "releaseDefinition", "name")...)
	p.named = "resource.project.name"
	p.said.Name = cmp.Or(definition, p.text("resource", "project", "name"))
	p.said.Environment = p.text("resource", "environment", "name")
	p.said.Pipeline, p.said.RunID = definition, p.text(append(slices.Clone(release), "name")...)
	p.said.RunURL = p.text(append(slices.Clone(release), "_links", "web", "href")...)
	if id := p.text("resource", "environment", "id"); id != "" {
		p.said.ID = "azure-" + id
	}
	return true
}

// spinnakerPrefix begins the types of what Spinnaker's echo posts about pipelines.
const spinnakerPrefix = "orca:pipeline:"

// readSpinnaker reads the notification of a pipeline. The service is the application.
func readSpinnaker(p *payload) bool {
	kind := p.text("details", "type")
	p.kind = fmt.Sprintf("Spinnaker %.60q", kind)
	switch strings.TrimPrefix(kind, spinnakerPrefix) {
	case "starting":
		p.said.Status = deployment.Started
	case "complete":
		p.said.Status = deployment.Completed
	case "failed":
		p.said.Status = deployment.Failed
	default:
		return false
	}
	p.named, p.said.Name = "details.application", p.text("details", "application")
	p.said.ID = p.text("content", "execution", "id")
	p.said.RunID = p.said.ID
	p.said.Pipeline = p.text("content", "execution", "name")
	p.said.Actor = p.text("content", "execution", "authentication", "user")
	p.said.Revision = p.text("content", "execution", "trigger", "hash")
	p.said.Branch = p.text("content", "execution", "trigger", "branch")
	return true
}

// readJenkins reads what the Notification plugin posts of a build that deploys: one with the parameter SERVICE. Others are no deployments.
func readJenkins(p *payload) bool {
	p.kind = "Jenkins build"
	parameter := func(name string) string { return textAt(p.body, "build", "parameters", name) }
	if parameter("SERVICE") == "" {
		return false
	}
	switch phase := p.text("build", "phase"); {
	case phase == "STARTED":
		p.said.Status = deployment.Started
	case phase != "FINALIZED": // COMPLETED comes before it, with the same
		return false
	case p.text("build", "status") == "SUCCESS":
		p.said.Status = deployment.Completed
	default:
		p.said.Status = deployment.Failed
	}
	p.named, p.said.Name = "build.parameters.SERVICE", parameter("SERVICE")
	p.said.Version, p.said.Environment = parameter("VERSION"), parameter("ENVIRONMENT")
	p.said.Revision = p.text("build", "scm", "commit")
	p.said.Branch = strings.TrimPrefix(p.text("build", "scm", "branch"), "origin/")
	p.said.Pipeline, p.said.RunID, p.said.RunURL = p.text("name"), p.text("build", "number"), p.text("build", "full_url")
	p.said.ID = p.said.Pipeline + "-" + p.said.RunID
	return true
}
