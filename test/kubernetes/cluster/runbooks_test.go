// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/runbooks"
	"github.com/otelcol-sre/otelcol-sre/test/kubernetes"
)

// runsAs is what a command of a runbook is about, and runsIn where it is.
var (
	runsAs = regexp.MustCompile(`deployment/([a-z-]+)`)
	runsIn = regexp.MustCompile(` -n ([a-z-]+)`)
)

// aimedAt is what commands are about; a namespace that they do not name is that of kubectl.
func aimedAt(commands string) (name, namespace string) {
	namespace = "default"
	if in := runsIn.FindStringSubmatch(commands); in != nil {
		namespace = in[1]
	}
	return runsAs.FindStringSubmatch(commands)[1], namespace
}

// kubectlBlocks are the blocks of commands in all runbooks that kubectl runs, each once, by the page that has it. Those that read logs are left out:
// no container runs in this cluster.
func kubectlBlocks(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(kubernetes.Root("runbooks", "examples", "*", "*.md"))
	require.NoError(t, err)
	blocks := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, c := range runbooks.Commands(text) {
			if c.Language == "sh" && strings.Contains(c.Text, "kubectl ") && !strings.Contains(c.Text, "kubectl logs") {
				blocks[c.Text] = filepath.Base(file)
			}
		}
	}
	return blocks
}

// deployedTwice makes a workload whose second version is rolled out.
func deployedTwice(t *testing.T, name, namespace string) {
	t.Helper()
	manifest := fmt.Appendf(nil, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: %[1]s, namespace: %[2]s},
spec: {replicas: 2, selector: {matchLabels: {app: %[1]s}}, template: {metadata: {labels: {app: %[1]s}}, spec: {containers: [{name: %[1]s, image: "shop/%[1]s:1"}]}}}}`, name, namespace)
	run(t, manifest, "apply", "-f", "-")
	run(t, nil, "rollout", "status", "deployment/"+name, "-n", namespace, "--timeout=60s")
	run(t, nil, "set", "image", "deployment/"+name, name+"=shop/"+name+":2", "-n", namespace)
	run(t, nil, "rollout", "status", "deployment/"+name, "-n", namespace, "--timeout=60s")
}

// inShell runs commands as somebody on call does.
func inShell(t *testing.T, commands string) error {
	t.Helper()
	path, err := kubectl.Path()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euc", commands)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+shared.kubeconfig, "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// effect says what is wrong after the commands ran; nil if they did what the page says.
func effect(t *testing.T, original, ran string) error {
	t.Helper()
	if err := inShell(t, ran); err != nil {
		return err
	}
	name, namespace := aimedAt(original)
	is := func(path, want string) error {
		if got := run(t, nil, "get", "deployment", name, "-n", namespace, "-o", "jsonpath="+path); got != want {
			return fmt.Errorf("%s is %q", path, got)
		}
		return nil
	}
	switch {
	case strings.Contains(original, "rollout undo"):
		return is("{.spec.template.spec.containers[0].image}", "shop/"+name+":1")
	case strings.Contains(original, "kubectl scale"):
		return is("{.spec.replicas}", "4")
	case strings.Contains(original, "rollout restart"):
		if run(t, nil, "get", "deployment", name, "-n", namespace, "-o", `jsonpath={.spec.template.metadata.annotations.kubectl\.kubernetes\.io/restartedAt}`) == "" {
			return fmt.Errorf("%s was not restarted", name)
		}
		return nil
	case strings.Contains(original, "rollout history"), strings.Contains(original, "describe"):
		return nil // they show what there is
	}
	return errors.New("no check knows these commands: add one here")
}

// TestRunbooks: every block of kubectl's commands in the runbooks does what its page says, and with a mistake in it, it does not.
func TestRunbooks(t *testing.T) {
	blocks := kubectlBlocks(t)
	require.Greater(t, len(blocks), 10)
	run(t, nil, "create", "namespace", "shop")
	t.Cleanup(func() { run(t, nil, "delete", "namespace", "shop", "--wait=false") })
	try := func(original, ran string) error {
		name, namespace := aimedAt(original)
		deployedTwice(t, name, namespace)
		defer run(t, nil, "delete", "deployment", name, "-n", namespace, "--wait")
		return effect(t, original, ran)
	}
	seen := map[[2]string]bool{}
	for _, block := range slices.Sorted(maps.Keys(blocks)) {
		require.Regexp(t, runsAs, block)
		require.NoError(t, try(block, block), "%s:\n%s", blocks[block], block)
		if !strings.Contains(block, "deployment/checkout") {
			continue
		}
		for _, mistake := range [][2]string{{"rollout undo", "rollout history"}, {"rollout restart", "rollout resume"}, {"-n shop", "-n default"}, {"--replicas", "--replica"}, {"deployment/", "daemonset/"}} {
			if wrong := strings.ReplaceAll(block, mistake[0], mistake[1]); wrong != block {
				seen[mistake] = true
				assert.Error(t, try(block, wrong), wrong)
			}
		}
	}
	assert.Len(t, seen, 5, "a mistake is in no block")
}
