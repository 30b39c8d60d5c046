// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/kubernetes"
)

func helm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := shared.Helm(append(args, "--namespace", kubernetes.Namespace)...)
	require.NoError(t, err)
	return string(out)
}

// TestHelm: each example is installed, and uninstalling leaves the volumes only. That the pods of these objects become ready,
// TestKustomize has seen.
func TestHelm(t *testing.T) {
	for _, choice := range kubernetes.Choices {
		t.Run(choice.Name, func(t *testing.T) {
			namespace(t, level(choice))
			helm(t, "install", kubernetes.Release, kubernetes.Chart, "--values", choice.Values)
			agents := slices.Contains([]string{"agent", "kubelet-limits"}, choice.Name) // which claim no volume
			if !agents {
				require.NoError(t, Within(time.Minute, claimed))
			}
			helm(t, "uninstall", kubernetes.Release, "--wait")
			left := run(t, nil, "get", "all,configmap,secret,networkpolicy,pdb,hpa,role,rolebinding,clusterrole,clusterrolebinding,priorityclass", "-n", kubernetes.Namespace,
				"-l", "app.kubernetes.io/managed-by=Helm", "-o", "name")
			assert.Empty(t, left)
			if !agents {
				assert.NoError(t, claimed(), "budgets outlive the release")
			}
		})
	}
}

// claimed says if no pod has claimed a volume.
func claimed() error {
	volumes, err := shared.Kubectl(nil, "get", "pvc", "-n", kubernetes.Namespace, "-o", "name")
	if err == nil && len(volumes) == 0 {
		err = errors.New("no volume is claimed")
	}
	return err
}

// TestUpgradeAndRollback: pods are replaced one at a time on the volumes that they had.
func TestUpgradeAndRollback(t *testing.T) {
	namespace(t, "restricted")
	values := kubernetes.Chart + "/examples/namespace-only.yaml"
	args := func(image string) string {
		return run(t, nil, "get", "pods", "-n", kubernetes.Namespace, "-l", "app.kubernetes.io/component=gateway",
			"-o", "jsonpath={range .items[?(@.spec.containers[0].image==\""+image+"\")]}{.metadata.name} {.spec.volumes[0].persistentVolumeClaim.claimName}{\"\\n\"}{end}")
	}
	const first, second = "example.com/otelcol-sre:0.1.0", "example.com/otelcol-sre:0.2.0"
	const pods = "otelcol-sre-gateway-0 state-otelcol-sre-gateway-0\notelcol-sre-gateway-1 state-otelcol-sre-gateway-1\n"

	helm(t, "install", kubernetes.Release, kubernetes.Chart, "--values", values, "--wait", "--timeout", "2m")
	require.Equal(t, pods, args(first))
	helm(t, "upgrade", kubernetes.Release, kubernetes.Chart, "--values", values, "--set", "image.tag=0.2.0", "--wait", "--timeout", "3m")
	rolledOut(t)
	require.Equal(t, pods, args(second))
	helm(t, "rollback", kubernetes.Release, "1", "--wait", "--timeout", "3m")
	rolledOut(t)
	require.Equal(t, pods, args(first))
}

// TestDrain: gateways are on different nodes, and the budget lets one gateway go at a time, and none while another is away.
func TestDrain(t *testing.T) {
	namespace(t, "restricted")
	helm(t, "install", kubernetes.Release, kubernetes.Chart, "--values", kubernetes.Chart+"/examples/namespace-only.yaml", "--wait", "--timeout", "2m")
	spread := strings.Fields(run(t, nil, "get", "pods", "-n", kubernetes.Namespace, "-l", "app.kubernetes.io/component=gateway", "-o", "jsonpath={.items[*].spec.nodeName}"))
	require.Len(t, spread, 2)
	assert.NotEqual(t, spread[0], spread[1], "gateways are on different nodes")

	evict := func(pod string) error {
		eviction := `{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"` + pod + `","namespace":"` + kubernetes.Namespace + `"}}`
		_, err := shared.Kubectl([]byte(eviction), "create", "--raw", "/api/v1/namespaces/"+kubernetes.Namespace+"/pods/"+pod+"/eviction", "-f", "-")
		return err
	}
	run(t, nil, "cordon", "node-0", "node-1", "node-2") // the one that goes does not come back at once
	require.NoError(t, evict("otelcol-sre-gateway-0"))
	assert.ErrorContains(t, evict("otelcol-sre-gateway-1"), "disruption budget")
	run(t, nil, "uncordon", "node-0", "node-1", "node-2")
	rolledOut(t)
}
