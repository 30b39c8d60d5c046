// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/kubernetes"
)

// TestOthers: the API server takes what is for the OpenTelemetry Operator, Argo CD, Flux, Sealed Secrets and External Secrets,
// and what a team's repository makes of its catalog; the lint Job's pod is admitted and ends.
func TestOthers(t *testing.T) {
	others, err := kubernetes.Others(t.TempDir())
	require.NoError(t, err)
	for _, name := range []string{"argocd", "flux-system"} {
		run(t, nil, "create", "namespace", name)
		t.Cleanup(func() { run(t, nil, "delete", "namespace", name, "--wait=false") })
	}
	for name, manifests := range others {
		t.Run(name, func(t *testing.T) {
			namespace(t, "restricted")
			t.Cleanup(func() { run(t, manifests, "delete", "--ignore-not-found", "-f", "-") })
			admitted(t, manifests)
			switch {
			case strings.HasSuffix(name, "lint"):
				run(t, nil, "wait", "job/lint-otelcol-sre", "-n", kubernetes.Namespace, "--for=condition=Complete", "--timeout=60s")
			case strings.HasSuffix(name, "standalone"):
				rolledOut(t)
			}
		})
	}
}
