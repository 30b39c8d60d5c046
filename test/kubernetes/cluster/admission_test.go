// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/kubernetes"
)

// shared is the cluster of all tests; each leaves it as it found it.
var shared *Cluster

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "cluster")
	if err != nil {
		panic(err)
	}
	if shared, err = Start(folder); err != nil {
		panic(err)
	}
	code := 1
	if err := shared.installCRDs(); err == nil {
		code = m.Run()
	} else {
		println(err.Error())
	}
	if err := shared.Stop(); err != nil {
		panic(err)
	}
	if code == 0 {
		_ = os.RemoveAll(folder) // the logs of a failure stay
	} else {
		println("logs are in " + folder)
	}
	os.Exit(code)
}

func (c *Cluster) installCRDs() error {
	texts, err := kubernetes.CRDs()
	if err != nil {
		return err
	}
	_, err = c.Kubectl(texts, "apply", "--server-side", "-f", "-")
	if err != nil {
		return err
	}
	_, err = c.Kubectl(nil, "wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
	return err
}

func run(t *testing.T, input []byte, args ...string) string {
	t.Helper()
	out, err := shared.Kubectl(input, args...)
	require.NoError(t, err)
	return string(out)
}

// namespace makes the namespace that manifests are for, at a level of Pod Security, and removes it with what is in it.
func namespace(t *testing.T, level string) {
	run(t, nil, "create", "namespace", kubernetes.Namespace)
	run(t, nil, "label", "namespace", kubernetes.Namespace, "pod-security.kubernetes.io/enforce="+level)
	t.Cleanup(func() { run(t, nil, "delete", "namespace", kubernetes.Namespace, "--wait", "--ignore-not-found") })
}

// levels of Pod Security that the pods of a choice need: restricted, but where an agent mounts folders of its node.
func level(choice kubernetes.Choice) string {
	switch choice.Name {
	case "agent", "kubelet-limits", "stage", "prod":
		return "privileged"
	default:
		return "restricted"
	}
}

// TestKustomize: the API server takes every object by server-side apply with strict fields, and the pods run.
func TestKustomize(t *testing.T) {
	for _, choice := range kubernetes.Choices {
		t.Run(choice.Name, func(t *testing.T) {
			manifests, err := choice.Kustomize()
			require.NoError(t, err)
			namespace(t, level(choice))
			t.Cleanup(func() { run(t, manifests, "delete", "--ignore-not-found", "-f", "-") })
			admitted(t, manifests)
			rolledOut(t)
		})
	}
}

// admitted applies manifests as a user does, and wants no warning.
func admitted(t *testing.T, manifests []byte, args ...string) {
	out := run(t, manifests, append([]string{"apply", "--server-side", "--validate=strict", "--warnings-as-errors", "-f", "-"}, args...)...)
	require.NotContains(t, out, "Warning")
}

// rolledOut waits until every workload's pods are ready.
func rolledOut(t *testing.T) {
	workloads := strings.Fields(run(t, nil, "get", "statefulset,daemonset,deployment", "-n", kubernetes.Namespace, "-o", "name"))
	require.NotEmpty(t, workloads)
	for _, workload := range workloads {
		run(t, nil, "rollout", "status", workload, "-n", kubernetes.Namespace, "--timeout=90s")
	}
}

// TestNodesNeedPrivileged: at the level restricted, no pod comes of an agent that mounts folders of its node.
func TestNodesNeedPrivileged(t *testing.T) {
	manifests, err := kubernetes.Choices[1].Kustomize()
	require.NoError(t, err)
	objects, err := kubernetes.Objects(manifests)
	require.NoError(t, err)
	namespace(t, "restricted")
	run(t, nil, "create", "serviceaccount", "otelcol-sre-agent", "-n", kubernetes.Namespace)
	var refused string
	for _, o := range objects {
		if o.At("kind") != "DaemonSet" {
			continue
		}
		pod := kubernetes.Object{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "agent", "namespace": kubernetes.Namespace}, "spec": o.At("spec", "template", "spec")}
		_, err := shared.Kubectl(pod.JSON(), "apply", "--server-side", "-f", "-")
		require.Error(t, err)
		refused = err.Error()
	}
	for _, reason := range []string{`restricted volume type "hostPath"`, "runAsNonRoot != true", "runAsUser=0"} {
		require.Contains(t, refused, reason)
	}
}

// TestNamespaceOnly: who may do everything in a namespace and nothing elsewhere can install it there.
func TestNamespaceOnly(t *testing.T) {
	namespace(t, "restricted")
	run(t, nil, "create", "rolebinding", "tenant", "--clusterrole=admin", "--user=tenant", "-n", kubernetes.Namespace)
	rendered, err := kubernetes.Kustomize.Run("build", "deploy/kustomize/overlays/namespace-only")
	require.NoError(t, err)
	require.NotContains(t, string(rendered), "ClusterRole")
	admitted(t, rendered, "--as=tenant")
	rolledOut(t)
}
