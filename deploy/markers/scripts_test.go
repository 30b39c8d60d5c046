// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package markers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A shell runs scripts with commands that only write down how they are called.
type shell struct {
	t           *testing.T
	folder, out string // of the commands, and of what they write down
}

const (
	// fakeCurl writes down its arguments and its config, and the file that it would send.
	fakeCurl = `#!/bin/sh
cat > "$OUT/config"
for argument; do
	case $argument in
	@*) cat "${argument#@}" > "$OUT/file" ;;
	esac
	printf '%s\000' "$argument"
done > "$OUT/curl"
`
	fakeSrectl = `#!/bin/sh
printf '%s\000' "$@" > "$OUT/srectl"
`
)

func newShell(t *testing.T) *shell {
	s := &shell{t, t.TempDir(), t.TempDir()}
	for name, text := range map[string]string{"curl": fakeCurl, "srectl": fakeSrectl} {
		require.NoError(t, os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o755))
	}
	return s
}

// run gives the error and what was written to the standard error.
func (s *shell) run(script string, env map[string]string) (string, error) {
	command := exec.Command("sh", "-euc", script)
	command.Env = []string{"OUT=" + s.out, "TMPDIR=" + s.t.TempDir(), "PATH=" + s.folder + string(os.PathListSeparator) + os.Getenv("PATH")}
	for key, value := range env {
		command.Env = append(command.Env, key+"="+value)
	}
	out, err := command.CombinedOutput()
	return string(out), err
}

// arguments are those that the command was called with.
func (s *shell) arguments(command string) []string {
	return strings.Split(strings.TrimSuffix(s.file(command), "\000"), "\000")
}

func (s *shell) file(name string) string {
	text, err := os.ReadFile(filepath.Join(s.out, name))
	require.NoError(s.t, err)
	return string(text)
}

// after is the argument that follows the flag.
func after(t *testing.T, arguments []string, flag string) string {
	for i, argument := range arguments {
		if argument == flag {
			return arguments[i+1]
		}
	}
	require.Fail(t, "no "+flag, "%q", arguments)
	return ""
}

func TestCurlScript(t *testing.T) {
	script, err := os.ReadFile("curl.sh")
	require.NoError(t, err)
	s := newShell(t)
	out, err := s.run(string(script), map[string]string{"STATUS": "succeeded", "SERVICE": "checkout", "VERSION": "1.4.2",
		"ENVIRONMENT": "production", "REVISION": commit, "TOKEN": "hunter2", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318"})
	require.NoError(t, err, out)
	arguments := s.arguments("curl")
	require.Equal(t, "https://collector:4318/v1/logs", arguments[len(arguments)-1])
	require.Equal(t, "header = \"Authorization: Bearer hunter2\"\n", s.file("config"))
	require.NotContains(t, s.file("curl"), "hunter2")
	got := received(t, after(t, arguments, "--data"))
	require.False(t, got.Start.IsZero())
	require.Equal(t, deployment.Deployment{Service: deployment.Service{Name: "checkout", Environment: "production"}, Version: "1.4.2",
		Revision: commit, Status: deployment.Completed, Start: got.Start, End: got.Start}, got)

	out, err = newShell(t).run(string(script), map[string]string{"STATUS": "succeeded", "VERSION": "1"})
	require.Error(t, err)
	require.Contains(t, out, "SERVICE")
}

func TestGitHubActions(t *testing.T) {
	workflow := documents(t, "github-actions.yml")[0]
	s := newShell(t)
	out, err := s.run(at[string](t, workflow, "jobs", "deploy", "steps", 1, "run"), map[string]string{"VERSION": "1.4.2"})
	require.NoError(t, err, out)
	require.Equal(t, []string{"mark", "--service", "checkout", "--version", "1.4.2", "--environment", "production",
		"--region", "--", "./deploy.sh", "1.4.2"}, s.arguments("srectl"))

	out, err = s.run(at[string](t, workflow, "jobs", "deploy", "steps", 2, "run"), map[string]string{
		"STATUS": "cancelled", "TOKEN": "hunter2", "VERSION": "1.4.2", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318",
		"GITHUB_SHA": commit, "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "shop/checkout", "GITHUB_RUN_ID": "98", "GITHUB_ACTOR": "octocat"})
	require.NoError(t, err, out)
	require.NotContains(t, s.file("curl"), "hunter2")
	got := received(t, after(t, s.arguments("curl"), "--data"))
	require.False(t, got.Start.IsZero())
	require.Equal(t, deployment.Deployment{Service: deployment.Service{Name: "checkout", Environment: "production"}, Version: "1.4.2",
		Revision: commit, Repository: "https://github.com/shop/checkout", RunID: "98", RunURL: "https://github.com/shop/checkout/actions/runs/98",
		Actor: "octocat", Status: deployment.Failed, Start: got.Start, End: got.Start}, got)
}

func TestGitHubDeploymentStatus(t *testing.T) {
	step := at[map[string]any](t, documents(t, "github-deployment-status.yml")[0], "jobs", "mark", "steps", 0)
	event, err := json.Marshal(payload(t, "github-deployment-status.json")) // the inner toJSON gives the text
	require.NoError(t, err)
	const expression = "${{ toJSON(toJSON(github.event)) }}"
	body := at[string](t, step, "env", "BODY")
	require.Contains(t, body, expression)
	s := newShell(t)
	out, err := s.run(at[string](t, step, "run"), map[string]string{"BODY": strings.Replace(body, expression, string(event), 1),
		"TOKEN": "hunter2", "ENDPOINT": "https://collector:4318"})
	require.NoError(t, err, out)
	require.NotContains(t, s.file("curl"), "hunter2")
	got := received(t, s.file("file"))
	require.Equal(t, "145988746", got.ID)
	require.Equal(t, deployment.Completed, got.Status)
}

func TestGitLabCI(t *testing.T) {
	job := documents(t, "gitlab-ci.yml")[0]
	s := newShell(t)
	out, err := s.run(at[string](t, job, "deploy", "script", 0), map[string]string{"CI_COMMIT_TAG": "1.4.2"})
	require.NoError(t, err, out)
	require.Equal(t, []string{"mark", "--service", "checkout", "--version", "1.4.2", "--region", "--", "./deploy.sh", "1.4.2"}, s.arguments("srectl"))
	require.Equal(t, "production", job["deploy"].(map[string]any)["environment"]) // becomes CI_ENVIRONMENT_NAME
}
