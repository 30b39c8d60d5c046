// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package markers

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

var marked = []string{"mark", "--service", "checkout", "--version", "1.4.2", "--environment", "production", "--region", "--", "./deploy.sh", "1.4.2"}

func TestJenkinsfile(t *testing.T) {
	text, err := os.ReadFile("Jenkinsfile")
	require.NoError(t, err)
	step := regexp.MustCompile(`sh '([^']+)'`).FindSubmatch(text)
	require.Len(t, step, 2)
	s := newShell(t)
	out, err := s.run(string(step[1]), map[string]string{"VERSION": "1.4.2"})
	require.NoError(t, err, out)
	require.Equal(t, marked, s.arguments("srectl"))
	require.Contains(t, string(text), "OTEL_EXPORTER_OTLP_HEADERS = credentials(", "the token is no text in the file")
}

func TestAzurePipelines(t *testing.T) {
	step := at[map[string]any](t, documents(t, "azure-pipelines.yml")[0], "jobs", 0, "strategy", "runOnce", "deploy", "steps", 1)
	s := newShell(t)
	out, err := s.run(at[string](t, step, "bash"), map[string]string{"VERSION": "1.4.2"})
	require.NoError(t, err, out)
	require.Equal(t, marked, s.arguments("srectl"))
	require.Equal(t, "$(OTLP_HEADERS)", at[string](t, step, "env", "OTEL_EXPORTER_OTLP_HEADERS"), "a secret variable is only there if it is named")
}

func TestCloudBuild(t *testing.T) {
	build := documents(t, "cloudbuild.yaml")[0]
	require.Equal(t, "bash", at[string](t, build, "steps", 0, "entrypoint"))
	script := at[string](t, build, "steps", 0, "args", 1)
	for name, value := range map[string]string{"$TAG_NAME": "1.4.2", "$COMMIT_SHA": commit, "$BUILD_ID": "7f", "${_IMAGE}": "registry.example.com/checkout"} {
		require.Contains(t, script, name)
		script = strings.ReplaceAll(script, name, value)
	}
	s := newShell(t)
	out, err := s.run(script, nil)
	require.NoError(t, err, out)
	require.Equal(t, []string{"mark", "--service", "checkout", "--version", "1.4.2", "--revision", commit, "--environment", "production", "--run-id", "7f", "--region", "--",
		"gcloud", "run", "deploy", "checkout", "--image", "registry.example.com/checkout:1.4.2", "--region", "europe-west1"}, s.arguments("srectl"))
	secret := at[string](t, build, "availableSecrets", "secretManager", 0, "env")
	require.Equal(t, secret, at[string](t, build, "steps", 0, "secretEnv", 0))
}

// Spinnaker evaluates the expressions in the payload of a stage.
func TestSpinnakerStage(t *testing.T) {
	text, err := os.ReadFile("spinnaker-stage.json")
	require.NoError(t, err)
	values := map[string]string{
		"execution.application": "checkout", "trigger['tag'] ?: ''": "1.4.2", "execution.id": "01ABC", "trigger['hash'] ?: ''": commit, "trigger['branch'] ?: ''": "main",
		"execution.name": "Deploy to production", "execution.authentication.user": "ada", "parameters['markerToken']": "hunter2",
	}
	evaluated := regexp.MustCompile(`\$\{([^}]+)\}`).ReplaceAllStringFunc(string(text), func(expression string) string {
		value, ok := values[expression[2:len(expression)-1]]
		require.True(t, ok, expression)
		return value
	})
	var stage map[string]any
	require.NoError(t, json.Unmarshal([]byte(evaluated), &stage))
	require.Equal(t, "webhook", stage["type"])
	payload, err := json.Marshal(stage["payload"])
	require.NoError(t, err)
	got := received(t, string(payload))
	require.Equal(t, deployment.Deployment{
		Service: deployment.Service{Name: "checkout", Environment: "production"}, Version: "1.4.2", ID: "01ABC", Revision: commit, Branch: "main",
		Pipeline: "Deploy to production", RunID: "01ABC", Actor: "ada", Status: deployment.Completed, // now
	}, got)
}

// Of Secrets, only those of Helm are asked for.
func TestHelmCollector(t *testing.T) {
	config := documents(t, "helm.yaml")[0]
	object := at[map[string]any](t, config, "receivers", "k8s_objects/helm", "objects", 0)
	require.Equal(t, map[string]any{"name": "secrets", "mode": "watch", "label_selector": "owner=helm"}, object)
	require.Equal(t, map[string]any{"receivers": []any{"k8s_objects/helm"}, "exporters": []any{"deployevent"}}, at[map[string]any](t, config, "service", "pipelines", "logs/helm"))
}

// The sources of the template take the webhooks as their tools send them, and the pipeline goes to deployevent.
func TestWebhooks(t *testing.T) {
	config := documents(t, "webhooks.yaml")[0]
	require.Equal(t, map[string]any{"receivers": []any{"webhook"}, "exporters": []any{"deployevent"}}, at[map[string]any](t, config, "service", "pipelines", "logs/webhooks"))
	require.Contains(t, at[map[string]any](t, config, "receivers", "webhook", "sources"), "launchdarkly")
}
