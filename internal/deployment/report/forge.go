// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// readGitHub reads the webhooks deployment and deployment_status.
func readGitHub(p *payload) bool {
	p.kind = "GitHub deployment"
	p.said.Start = p.time(time.RFC3339, "deployment", "created_at")
	p.at = p.said.Start
	if _, ok := p.body.Get("deployment_status"); ok {
		p.kind = "GitHub deployment_status"
		// What waits has not begun; inactive is the deployment before.
		if !p.status([]string{"queued", "pending", "waiting", "inactive"}, "deployment_status", "state") {
			return false
		}
		p.at = p.time(time.RFC3339, "deployment_status", "created_at")
	} else {
		p.said.Status = deployment.Started
	}
	// payload is free: a pipeline that deploys several services from one repository names the service there.
	p.named, p.said.Name = "repository.name", cmp.Or(textAt(p.body, "deployment", "payload", "service"), p.text("repository", "name"))
	p.said.ID = p.text("deployment", "id")
	p.said.Environment = p.text("deployment", "environment")
	p.said.Revision = p.text("deployment", "sha")
	p.said.Branch = p.text("deployment", "ref")
	p.said.Version = cmp.Or(textAt(p.body, "deployment", "payload", "version"), versionOf(p.said.Branch))
	p.said.Repository = p.text("repository", "html_url")
	p.said.Actor = p.text("deployment", "creator", "login")
	p.said.Pipeline = cmp.Or(textAt(p.body, "workflow", "name"), textAt(p.body, "workflow_run", "name"))
	if _, ok := at(p.body, "workflow_run", "id"); ok {
		p.said.RunID = p.text("workflow_run", "id")
	}
	p.said.RunURL = cmp.Or(textAt(p.body, "workflow_run", "html_url"),
		p.text("deployment_status", "log_url"), p.text("deployment_status", "target_url"))
	return true
}

// gitLabTime is how GitLab writes status_changed_at.
const gitLabTime = "2006-01-02 15:04:05 -0700"

// readGitLab reads the deployment webhook.
func readGitLab(p *payload) bool {
	p.kind = "GitLab deployment"
	if !p.status([]string{"created", "blocked", "skipped", "manual"}, "status") {
		return false
	}
	p.at = p.time(gitLabTime, "status_changed_at")
	project := p.text("project", "path_with_namespace")
	p.named = "project.path_with_namespace"
	p.said.Name = cmp.Or(project[strings.LastIndexByte(project, '/')+1:], p.text("project", "name"))
	p.said.ID = p.text("deployment_id")
	p.said.Environment = p.text("environment")
	commit := p.text("commit_url")
	p.said.Revision = cmp.Or(commit[strings.LastIndexByte(commit, '/')+1:], p.text("short_sha"))
	p.said.Branch = p.text("ref")
	p.said.Version = versionOf(p.said.Branch)
	p.said.Repository = p.text("project", "web_url")
	p.said.Actor = p.text("user", "username")
	p.said.RunURL = p.text("deployable_url")
	return true
}

// versionOf is the version that a tag names. A branch or a commit names none: no service reports it as its own.
func versionOf(ref string) string {
	tag := strings.TrimPrefix(ref, "refs/tags/")
	number := strings.TrimPrefix(tag, "v")
	if number == "" || number[0] < '0' || number[0] > '9' || !strings.Contains(number, ".") {
		return ""
	}
	return tag
}
