// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/kubernetes"
)

const gatedCatalog = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  environments: [production]
  deployment: {kubernetes: {namespace: otelcol-sre, kind: Deployment, name: checkout}}
  slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]
---
apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: search, namespace: shop}
spec:
  deployment: {kubernetes: {namespace: otelcol-sre, kind: Rollout, name: search}}
  slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]
`

// catalogFile has it.
func catalogFile(t *testing.T) string {
	file := filepath.Join(t.TempDir(), "shop.yaml")
	require.NoError(t, os.WriteFile(file, []byte(gatedCatalog), 0o600))
	return file
}

// installRolloutCRDs installs the definitions of Argo Rollouts and Flagger, as the projects publish them.
func installRolloutCRDs(t *testing.T) {
	files, err := filepath.Glob(kubernetes.Root("cmd/srectl/internal/rollouts/testdata/crds/*.gz"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		opened, err := os.Open(file)
		require.NoError(t, err)
		reader, err := gzip.NewReader(opened)
		require.NoError(t, err)
		text, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.NoError(t, opened.Close())
		run(t, text, "apply", "--server-side", "-f", "-")
		t.Cleanup(func() { run(t, text, "delete", "--ignore-not-found", "-f", "-") })
	}
	run(t, nil, "wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
}

// TestRolloutObjects: the API server takes every object that srectl generates for rollout tools, by server-side apply with strict fields and the projects' own
// definitions, in a namespace of the level restricted; and it refuses them with a field too much.
func TestRolloutObjects(t *testing.T) {
	installRolloutCRDs(t)
	namespace(t, "restricted")
	out := t.TempDir()
	generate := exec.CommandContext(t.Context(), kubernetes.Root("bin/srectl"), "generate", "rollouts", "--catalog", catalogFile(t), "--out", out, "--gate-secret", "gate")
	said, err := generate.CombinedOutput()
	require.NoError(t, err, "%s", said)
	files, err := filepath.Glob(filepath.Join(out, "rollouts", "*", "*.yaml"))
	require.NoError(t, err)
	taken := map[string]int{}
	for _, file := range files {
		name := filepath.Base(file)
		switch name {
		case "github-action.yaml", "gitlab-ci.yaml", "codedeploy-appspec.yaml":
			continue // of others
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if name == "argocd-hook.yaml" {
			run(t, nil, "delete", "job", "--all", "-n", kubernetes.Namespace) // it has the name of the plain Job
		}
		admitted(t, text)
		taken[name]++
	}
	require.Equal(t, map[string]int{"argo-rollouts.yaml": 2, "flagger.yaml": 1, "job.yaml": 2, "argocd-hook.yaml": 2}, taken)
	for kind, names := range map[string]string{
		"analysistemplates": "checkout-gate checkout-prometheus checkout-watch search-gate search-prometheus search-watch",
		"rollouts":          "checkout search", "canaries": "checkout", "metrictemplates": "checkout-worse",
	} {
		require.Equal(t, names, run(t, nil, "get", kind, "-n", kubernetes.Namespace, "-o", "jsonpath={.items[*].metadata.name}"), kind)
	}
	_, err = shared.Kubectl([]byte(`{apiVersion: argoproj.io/v1alpha1, kind: AnalysisTemplate, metadata: {name: wrong, namespace: otelcol-sre}, spec: {metrics: [], metric: []}}`),
		"apply", "--server-side", "--validate=strict", "-f", "-")
	require.ErrorContains(t, err, "metric")
}
