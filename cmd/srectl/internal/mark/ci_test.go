// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

func TestFillFromCI(t *testing.T) {
	type env map[string]string
	for name, test := range map[string]struct {
		env  env
		want deployment.Deployment
	}{
		"none": {env{"GITHUB_SHA": "1"}, deployment.Deployment{}},
		"GitHub Actions": {
			env{"GITHUB_ACTIONS": "true", "GITHUB_SHA": "f95f852b", "GITHUB_REF_NAME": "main", "GITHUB_REF": "refs/heads/main",
				"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "shop/checkout", "GITHUB_RUN_ID": "98",
				"GITHUB_ACTOR": "octocat", "GITHUB_WORKFLOW": "deploy"},
			deployment.Deployment{Revision: "f95f852b", Branch: "main", Repository: "https://github.com/shop/checkout", RunID: "98",
				RunURL: "https://github.com/shop/checkout/actions/runs/98", Actor: "octocat", Pipeline: "deploy"},
		},
		"GitHub Actions, of a pull request": {
			env{"GITHUB_ACTIONS": "true", "GITHUB_REF_NAME": "17/merge", "GITHUB_HEAD_REF": "feature", "GITHUB_REF": "refs/pull/17/merge"},
			deployment.Deployment{Branch: "feature", Change: "17"},
		},
		"GitLab CI": {
			env{"GITLAB_CI": "true", "CI_COMMIT_SHA": "279484c0", "CI_COMMIT_TIMESTAMP": "2026-11-20T14:00:00Z", "CI_COMMIT_REF_NAME": "main", "CI_PROJECT_URL": "https://gitlab.com/shop/checkout",
				"CI_PIPELINE_ID": "12", "CI_PIPELINE_URL": "https://gitlab.com/shop/checkout/-/pipelines/12", "CI_PIPELINE_NAME": "deploy",
				"GITLAB_USER_LOGIN": "priya", "CI_ENVIRONMENT_NAME": "production", "CI_MERGE_REQUEST_IID": "4"},
			deployment.Deployment{Service: deployment.Service{Environment: "production"}, Revision: "279484c0", Branch: "main",
				Repository: "https://gitlab.com/shop/checkout", RunID: "12", RunURL: "https://gitlab.com/shop/checkout/-/pipelines/12",
				Pipeline: "deploy", Actor: "priya", Change: "4", Committed: time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)},
		},
		"Jenkins": {
			env{"JENKINS_URL": "https://ci.example.com/", "GIT_COMMIT": "a1", "GIT_BRANCH": "origin/main", "GIT_URL": "https://git.example.com/shop/checkout.git",
				"BUILD_NUMBER": "7", "BUILD_URL": "https://ci.example.com/job/deploy/7/", "JOB_NAME": "deploy", "BUILD_USER_ID": "priya", "CHANGE_ID": "4"},
			deployment.Deployment{Revision: "a1", Branch: "main", Repository: "https://git.example.com/shop/checkout.git", RunID: "7",
				RunURL: "https://ci.example.com/job/deploy/7/", Pipeline: "deploy", Actor: "priya", Change: "4"},
		},
		"Azure Pipelines": {
			env{"TF_BUILD": "True", "BUILD_SOURCEVERSION": "a1", "BUILD_SOURCEBRANCH": "refs/heads/main", "BUILD_REPOSITORY_URI": "https://dev.azure.com/shop/_git/checkout",
				"BUILD_BUILDID": "7", "BUILD_DEFINITIONNAME": "deploy", "BUILD_REQUESTEDFOR": "Priya Shah", "SYSTEM_PULLREQUEST_PULLREQUESTID": "4",
				"SYSTEM_COLLECTIONURI": "https://dev.azure.com/shop/", "SYSTEM_TEAMPROJECT": "web shop"},
			deployment.Deployment{Revision: "a1", Branch: "main", Repository: "https://dev.azure.com/shop/_git/checkout", RunID: "7",
				RunURL: "https://dev.azure.com/shop/web%20shop/_build/results?buildId=7", Pipeline: "deploy", Actor: "Priya Shah", Change: "4"},
		},
	} {
		var d deployment.Deployment
		fillFromCI(&d, func(name string) string { return test.env[name] })
		require.Equal(t, test.want, d, name)
	}
}

func TestFlagsComeBeforeCI(t *testing.T) {
	d := deployment.Deployment{Service: deployment.Service{Environment: "own"}, Revision: "own"}
	fillFromCI(&d, func(name string) string { return name })
	require.Equal(t, "own", d.Revision)
	require.Equal(t, "GITHUB_WORKFLOW", d.Pipeline)
	d = deployment.Deployment{Service: deployment.Service{Environment: "own"}}
	fillFromCI(&d, func(name string) string {
		return map[string]string{"GITLAB_CI": "true", "CI_ENVIRONMENT_NAME": "theirs"}[name]
	})
	require.Equal(t, "own", d.Environment)
}
