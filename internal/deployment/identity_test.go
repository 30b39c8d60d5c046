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
			Identity{Service{"checkout", "shop", "production"}, "1.0", FromVersion, "a"}},
		"old names": {map[string]any{"service.name": "checkout", "deployment.environment": "production", "container.image.tag": "v2"},
			Identity{Service: Service{Name: "checkout", Environment: "production"}, Version: "v2", Source: FromImage}},
		"pod": {map[string]any{"service.name": "checkout", "k8s.pod.name": "checkout-5d-x", "k8s.pod.uid": "u", "host.name": "node",
			"k8s.pod.label.pod-template-hash": "5d"}, Identity{checkout, "5d", FromTemplate, "u"}},
		"ReplicaSet": {map[string]any{"service.name": "checkout", "host.name": "node", "k8s.deployment.name": "checkout", "k8s.replicaset.name": "checkout-5d"},
			Identity{checkout, "5d", FromTemplate, "node"}},
		"ReplicaSet of its own": {map[string]any{"service.name": "checkout", "k8s.replicaset.name": "checkout-5d"}, Identity{checkout, "", Unknown, ""}},
		"latest is no version":  {map[string]any{"service.name": "checkout", "container.image.tags": []any{"latest"}}, Identity{checkout, "", Unknown, ""}},
		"numbers":               {map[string]any{"service.name": "checkout", "service.version": 2, "service.instance.id": 7}, Identity{checkout, "2", FromVersion, "7"}},
		"neither":               {map[string]any{"service.name": "checkout", "service.version": true, "service.instance.id": []any{}, "container.image.tags": "x"}, Identity{checkout, "", Unknown, ""}},
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
