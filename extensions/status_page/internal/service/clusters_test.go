// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
)

// counted answers one query, and keeps it.
type counted struct {
	Source
	events model.Vector
	asked  *string
}

func (c counted) Instant(_ context.Context, query string) (model.Vector, error) {
	*c.asked = query
	return c.events, nil
}

// SLOs with events of several clusters have each of them; what names no cluster is one of them.
func TestClusters(t *testing.T) {
	now := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	var asked string
	events := func(value float64, slo, outcome string, place ...string) *model.Sample {
		return sample(value, append([]string{"slo_name", slo, "slo_outcome", outcome}, place...)...)
	}
	source := counted{asked: &asked, events: model.Vector{
		events(90, "availability", "good", "k8s_cluster_name", "east"), events(10, "availability", "bad", "k8s_cluster_name", "east"),
		events(50, "availability", "good", "k8s_cluster_name", "west", "cloud_region", "eu-1"), events(50, "availability", "bad", "k8s_cluster_name", "west", "cloud_region", "eu-1"),
		events(7, "availability", "good"), events(0, "idle", "good", "k8s_cluster_name", "east"), events(0, "idle", "good", "k8s_cluster_name", "west"),
		events(100, "latency", "good", "k8s_cluster_name", "east"),
	}}
	l := &loader{context: t.Context(), source: source, names: usual, service: &Service{
		Service: &catalog.Service{Name: "checkout", Namespace: "shop"}, Environment: "production", Period: prometheus.LastOf(7*24*time.Hour, points, now),
	}}
	found, err := l.askClusters()
	require.NoError(t, err)
	assert.Equal(t, []Cluster{
		{"availability", "west, eu-1", 100, 50}, {"availability", "east", 100, 10}, {"availability", "", 7, 0}, {"idle", "east", 0, 0}, {"idle", "west", 0, 0},
	}, found)
	assert.InDelta(t, 0.5, float64(found[0].Share()), 0)
	assert.False(t, found[3].Share().Known())
	assert.Contains(t, asked, `slo_events_total{service_name="checkout", service_namespace="shop", deployment_environment_name="production"}[86400000ms]`, "a day at most")
}
