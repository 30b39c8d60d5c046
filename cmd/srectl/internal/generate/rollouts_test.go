// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

const inKubernetes = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout}
spec:
  deployment: {kubernetes: {namespace: shop, kind: Deployment, name: checkout}}
  slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]
`

func TestRollouts(t *testing.T) {
	out, dir := t.TempDir(), commandtest.Catalog(t, inKubernetes)
	generate(t, exit.OK, "all", "--catalog", dir, "--out", out)
	assert.NoDirExists(t, filepath.Join(out, "rollouts"), "they have to be named")
	generate(t, exit.OK, "rollouts", "--catalog", dir, "--out", out, "--gate-url", "https://sre.example.com/", "--gate-secret", "sre", "--srectl-image", "example.com/a:1", "--service-port", "8080")
	text := func(name string) string {
		b, err := os.ReadFile(filepath.Join(out, "rollouts/checkout", name))
		require.NoError(t, err)
		return string(b)
	}
	assert.Contains(t, text("argo-rollouts.yaml"), "url: https://sre.example.com/gate/checkout?version={{args.version}}")
	assert.Contains(t, text("argo-rollouts.yaml"), "name: sre")
	assert.Contains(t, text("flagger.yaml"), "port: 8080")
	assert.Contains(t, text("job.yaml"), "image: example.com/a:1")
	for _, name := range []string{"argocd-hook.yaml", "github-action.yaml", "gitlab-ci.yaml", "codedeploy-appspec.yaml", "codedeploy-hook.sh", "verify.sh"} {
		text(name)
	}
	before, err := os.Stat(filepath.Join(out, "rollouts/checkout/job.yaml"))
	require.NoError(t, err)
	generate(t, exit.OK, "rollouts", "--catalog", dir, "--out", out, "--gate-url", "https://sre.example.com/", "--gate-secret", "sre", "--srectl-image", "example.com/a:1", "--service-port", "8080")
	after, err := os.Stat(filepath.Join(out, "rollouts/checkout/job.yaml"))
	require.NoError(t, err)
	assert.Equal(t, before.ModTime(), after.ModTime())

	other := commandtest.Catalog(t, commandtest.Service)
	commandtest.Edit(t, filepath.Join(other, "checkout.yaml"), "{name: checkout}", "{name: moved}")
	said := generate(t, exit.OK, "rollouts", "--catalog", other, "--out", out)
	assert.Contains(t, said, "rollouts/checkout/verify.sh: warning: its service is not in the catalog; --prune removes it")
	generate(t, exit.OK, "rollouts", "--catalog", other, "--out", out, "--prune")
	assert.NoFileExists(t, filepath.Join(out, "rollouts/checkout/verify.sh"))
	assert.FileExists(t, filepath.Join(out, "rollouts/moved/codedeploy-hook.sh"), "it does not run in Kubernetes")
	assert.NoFileExists(t, filepath.Join(out, "rollouts/moved/argo-rollouts.yaml"))
	uncounted := commandtest.Catalog(t, strings.ReplaceAll(inKubernetes, "availability: {}", "prometheus: {errors: 'sum(rate(a[{{.window}}]))', total: 'sum(rate(b[{{.window}}]))'}"))
	assert.Contains(t, generate(t, exit.OK, "rollouts", "--catalog", uncounted, "--out", t.TempDir()), "there is no rollout to write")
}

func TestMistakesInRollouts(t *testing.T) {
	dir := commandtest.Catalog(t, inKubernetes)
	for says, args := range map[string][]string{
		"--gate-url is empty":                {"--gate-url", ""},
		"--gate-url contains a password":     {"--gate-url", "https://a:b@sre.example.com"},
		"is not an address for links":        {"--gate-url", "sre"},
		"is not an image":                    {"--srectl-image", "a b"},
		"is not the name of a Secret":        {"--gate-secret", "a: b"},
		"--service-port is 0: must be 1 to ": {"--service-port", "0"},
	} {
		assert.Contains(t, generate(t, exit.Usage, append([]string{"rollouts", "--catalog", dir, "--out", t.TempDir()}, args...)...), says)
	}
}
