// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestIdentify(t *testing.T) {
	checkout := Service{Name: "checkout"}
	for name, c := range map[string]struct {
		resource map[string]any
		want     Identity
	}{
		"all": {map[string]any{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "production",
			"deployment.environment": "old", "service.version": "1.0", "service.instance.id": "a", "host.name": "h", "container.image.tags": []any{"sha-1"}},
			Identity{Service: Service{Name: "checkout", Namespace: "shop", Environment: "production"}, Version: "1.0", Instance: "a"}},
		"old names": {map[string]any{"service.name": "checkout", "deployment.environment": "production", "container.image.tag": "v2"},
			Identity{Service: Service{Name: "checkout", Environment: "production"}, Version: "v2", Source: FromImage}},
		"pod": {map[string]any{"service.name": "checkout", "k8s.pod.name": "checkout-5d-x", "k8s.pod.uid": "u", "host.name": "node",
			"k8s.pod.label.pod-template-hash": "5d"}, Identity{Service: checkout, Version: "5d", Source: FromTemplate, Instance: "u"}},
		"ReplicaSet": {map[string]any{"service.name": "checkout", "host.name": "node", "k8s.deployment.name": "checkout", "k8s.replicaset.name": "checkout-5d"},
			Identity{Service: checkout, Version: "5d", Source: FromTemplate, Instance: "node"}},
		"ReplicaSet of its own": {map[string]any{"service.name": "checkout", "k8s.replicaset.name": "checkout-5d"}, Identity{Service: checkout, Version: "", Source: Unknown, Instance: ""}},
		"latest is no version":  {map[string]any{"service.name": "checkout", "container.image.tags": []any{"latest"}}, Identity{Service: checkout, Version: "", Source: Unknown, Instance: ""}},
		"a constant, and the image": {map[string]any{"service.name": "checkout", "service.version": "latest", "container.image.tags": []any{"latest", "1.1"}},
			Identity{Service: checkout, Version: "1.1", Source: FromImage}},
		"a constant, and a digest": {map[string]any{"service.name": "checkout", "service.version": "1.0.0-SNAPSHOT", "container.image.tags": []any{"latest"}, "k8s.pod.label.pod-template-hash": "5d",
			"container.image.repo_digests": []any{"reg.example.com/checkout@sha256:0123"}},
			Identity{Service: checkout, Version: "sha256:0123", Source: FromDigest, Build: Build{Digest: "sha256:0123"}}},
		"a constant, and a template": {map[string]any{"service.name": "checkout", "service.version": "dev", "k8s.pod.label.pod-template-hash": "5d"},
			Identity{Service: checkout, Version: "5d", Source: FromTemplate}},
		"StatefulSet": {map[string]any{"service.name": "checkout", "service.version": "unknown", "k8s.pod.label.controller-revision-hash": "checkout-7f"},
			Identity{Service: checkout, Version: "checkout-7f", Source: FromTemplate}},
		"configuration": {map[string]any{"service.name": "checkout", "k8s.pod.annotation.checksum/config": "9e107d9d"},
			Identity{Service: checkout, Version: "9e107d9d", Source: FromConfiguration}},
		"commit and place": {map[string]any{"service.name": "checkout", "service.version": "1.0", "vcs.ref.head.revision": "2222a22", "vcs.ref.head.name": "main",
			"k8s.cluster.name": "eu", "cloud.region": "eu-west-1", "cloud.account.id": 7},
			Identity{Service: Service{Name: "checkout", Place: Place{"eu", "eu-west-1", "7"}}, Version: "1.0", Build: Build{Revision: "2222a22", Branch: "main"}}},
		"a constant alone": {map[string]any{"service.name": "checkout", "service.version": "dev"}, Identity{Service: checkout, Source: Unknown}},
		"numbers":          {map[string]any{"service.name": "checkout", "service.version": 2, "service.instance.id": 7}, Identity{Service: checkout, Version: "2", Source: FromVersion, Instance: "7"}},
		"neither":          {map[string]any{"service.name": "checkout", "service.version": true, "service.instance.id": []any{}, "container.image.tags": "x"}, Identity{Service: checkout, Version: "", Source: Unknown, Instance: ""}},
	} {
		m := pcommon.NewMap()
		require.NoError(t, m.FromRaw(c.resource))
		got, ok := Identify(m)
		require.True(t, ok, name)
		require.Equal(t, c.want, got, name)
	}
	_, ok := Identify(pcommon.NewMap())
	require.False(t, ok)
}

func TestIdentifyDoesNotAllocate(t *testing.T) {
	m := benchmarkResource(t)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = Identify(m) }))
}

func benchmarkResource(t testing.TB) pcommon.Map {
	m := pcommon.NewMap()
	require.NoError(t, m.FromRaw(map[string]any{
		"service.name": "checkout", "service.namespace": "shop", "service.version": "1.0", "service.instance.id": "a", "deployment.environment.name": "production",
		"telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "go", "telemetry.sdk.version": "1.43.0", "host.name": "node", "host.id": "h",
		"k8s.pod.name": "checkout-5d-x", "k8s.pod.uid": "u", "k8s.deployment.name": "checkout", "k8s.replicaset.name": "checkout-5d", "k8s.node.name": "node",
	}))
	return m
}

func BenchmarkIdentify(b *testing.B) {
	m := benchmarkResource(b)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Identify(m)
	}
}
