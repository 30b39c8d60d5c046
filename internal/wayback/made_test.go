// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package wayback

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func TestAfterTheWayBack(t *testing.T) {
	of := func(k *catalog.KubernetesWorkload) *catalog.Service {
		return &catalog.Service{Name: "checkout", Deployment: catalog.Deployment{Kubernetes: k}}
	}
	for _, test := range []struct {
		k              *catalog.KubernetesWorkload
		onward, toggle []string
	}{
		{nil, nil, nil},
		{&catalog.KubernetesWorkload{Namespace: "shop", Kind: "Deployment", Name: "checkout"}, []string{"kubectl rollout status deployment/checkout -n shop"}, []string{"kubectl rollout undo deployment/checkout -n shop"}},
		{&catalog.KubernetesWorkload{Kind: "StatefulSet", Name: "db"}, []string{"kubectl rollout status statefulset/db"}, []string{"kubectl rollout undo statefulset/db"}},
		{&catalog.KubernetesWorkload{Namespace: "shop", Kind: "Rollout", Name: "checkout"}, []string{"kubectl argo rollouts status checkout -n shop"}, []string{"kubectl argo rollouts undo checkout -n shop"}},
		{&catalog.KubernetesWorkload{Kind: "Deployment", Name: "-x"}, nil, []string{"kubectl rollout undo deployment/-x"}},
		{&catalog.KubernetesWorkload{Kind: "Deployment", Name: "x; rm"}, []string{"kubectl rollout status 'deployment/x; rm'"}, []string{"kubectl rollout undo 'deployment/x; rm'"}},
	} {
		assert.Equal(t, test.onward, Onward(of(test.k)))
		assert.Equal(t, test.toggle, Toggles(of(test.k)))
	}
}
