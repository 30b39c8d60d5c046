// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// fillFromCI fills empty fields from the variables of the pipeline.
func fillFromCI(d *deployment.Deployment, env func(string) string) {
	switch {
	case env("GITHUB_ACTIONS") != "":
		d.Merge(gitHubActions(env))
	case env("GITLAB_CI") != "":
		d.Environment = cmp.Or(d.Environment, env("CI_ENVIRONMENT_NAME"))
		d.Merge(gitLabCI(env))
	case env("JENKINS_URL") != "":
		d.Merge(jenkins(env))
	case env("TF_BUILD") != "":
		d.Merge(azurePipelines(env))
	}
}

func gitHubActions(env func(string) string) *deployment.Deployment {
	d := &deployment.Deployment{
		Revision: env("GITHUB_SHA"),
		// Of a pull request, GITHUB_REF_NAME is 17/merge.
		Branch:   cmp.Or(env("GITHUB_HEAD_REF"), env("GITHUB_REF_NAME")),
		Pipeline: env("GITHUB_WORKFLOW"),
		RunID:    env("GITHUB_RUN_ID"),
		Actor:    env("GITHUB_ACTOR"),
	}
	if server, repository := env("GITHUB_SERVER_URL"), env("GITHUB_REPOSITORY"); server != "" && repository != "" {
		d.Repository = server + "/" + repository
		if d.RunID != "" {
			d.RunURL = d.Repository + "/actions/runs/" + d.RunID
		}
	}
	if change, ok := strings.CutPrefix(env("GITHUB_REF"), "refs/pull/"); ok {
		d.Change, _, _ = strings.Cut(change, "/")
	}
	return d
}

func gitLabCI(env func(string) string) *deployment.Deployment {
	committed, _ := time.Parse(time.RFC3339, env("CI_COMMIT_TIMESTAMP")) // zero without: not known
	return &deployment.Deployment{
		Revision:   env("CI_COMMIT_SHA"),
		Committed:  committed,
		Branch:     env("CI_COMMIT_REF_NAME"),
		Repository: env("CI_PROJECT_URL"),
		Change:     env("CI_MERGE_REQUEST_IID"),
		Pipeline:   env("CI_PIPELINE_NAME"),
		RunID:      env("CI_PIPELINE_ID"),
		RunURL:     env("CI_PIPELINE_URL"),
		Actor:      env("GITLAB_USER_LOGIN"),
	}
}

func jenkins(env func(string) string) *deployment.Deployment {
	return &deployment.Deployment{
		Revision:   env("GIT_COMMIT"),
		Branch:     strings.TrimPrefix(env("GIT_BRANCH"), "origin/"),
		Repository: env("GIT_URL"),
		Change:     env("CHANGE_ID"),
		Pipeline:   env("JOB_NAME"),
		RunID:      env("BUILD_NUMBER"),
		RunURL:     env("BUILD_URL"),
		Actor:      env("BUILD_USER_ID"),
	}
}

func azurePipelines(env func(string) string) *deployment.Deployment {
	d := &deployment.Deployment{
		Revision:   env("BUILD_SOURCEVERSION"),
		Branch:     strings.TrimPrefix(strings.TrimPrefix(env("BUILD_SOURCEBRANCH"), "refs/heads/"), "refs/tags/"),
		Repository: env("BUILD_REPOSITORY_URI"),
		Change:     cmp.Or(env("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER"), env("SYSTEM_PULLREQUEST_PULLREQUESTID")),
		Pipeline:   env("BUILD_DEFINITIONNAME"),
		RunID:      env("BUILD_BUILDID"),
		Actor:      env("BUILD_REQUESTEDFOR"),
	}
	if collection, project := env("SYSTEM_COLLECTIONURI"), env("SYSTEM_TEAMPROJECT"); collection != "" && project != "" && d.RunID != "" {
		d.RunURL = strings.TrimSuffix(collection, "/") + "/" + url.PathEscape(project) + "/_build/results?buildId=" + url.QueryEscape(d.RunID)
	}
	return d
}
