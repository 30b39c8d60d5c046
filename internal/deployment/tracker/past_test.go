// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// Who watches a cluster is told at its start of all that is there, however old. That is no deployment, but what it
// says is known from then on.
func TestReportsOfLongAgo(t *testing.T) {
	now := epoch
	known := New(Default(), func() time.Time { return now })
	checkout := deployment.Service{Name: "checkout"}
	for range 30 {
		known.See(Sighting{Service: checkout, Version: "v1", Instance: "a", Time: now})
		now = now.Add(time.Second)
	}
	require.Empty(t, known.Due())
	old := func(service, version, revision string) deployment.Deployment {
		at := now.Add(-40 * 24 * time.Hour)
		return deployment.Deployment{Service: deployment.Service{Name: service}, Version: version, Revision: revision,
			Status: deployment.Completed, Start: at, End: at.Add(time.Minute)}
	}
	for range 2 {
		require.NoError(t, known.Report(old("checkout", "v1", "abc")))
		require.NoError(t, known.Report(old("checkout", "v0", "old")))
		require.NoError(t, known.Report(old("checkout", "", "")))
		require.NoError(t, known.Report(old("payment", "v1", "abc")))
		require.Empty(t, known.Due())
	}
	stamp, ok := known.Stamp(checkout, "v1")
	require.True(t, ok)
	require.Equal(t, Stamp{ID: deployment.NewID(checkout, "v1", 0), Revision: "abc"}, stamp)
	require.EqualValues(t, 1, known.Stats().Services)
	known.Running(func(d *deployment.Deployment, _ int) { require.Equal(t, "v1", d.Version) })

	// One that is on its way can be ended late.
	require.NoError(t, known.Report(deployment.Deployment{Service: checkout, Version: "v2", Status: deployment.Started, Start: now}))
	now = now.Add(2 * time.Hour)
	require.NoError(t, known.Report(deployment.Deployment{Service: checkout, Version: "v2", Status: deployment.Failed, End: now.Add(-time.Hour), Start: now.Add(-time.Hour)}))
	var got []deployment.Status
	for _, d := range known.Due() {
		got = append(got, d.Status)
	}
	require.Equal(t, []deployment.Status{deployment.Started, deployment.Failed}, got)
}

// A reporter may not know the namespace, or call the Kubernetes namespace so.
func TestReportsThatNameTheServiceInPart(t *testing.T) {
	now := epoch
	known := New(Default(), func() time.Time { return now })
	for _, s := range []deployment.Service{
		{Name: "cart", Environment: "production"},
		{Name: "checkout", Namespace: "shop", Environment: "production"},
		{Name: "payment", Namespace: "shop", Environment: "production"},
		{Name: "payment", Namespace: "shop", Environment: "staging"},
	} {
		for n := range 15 {
			known.See(Sighting{Service: s, Version: "v1", Instance: "a", Time: now.Add(time.Duration(n) * time.Second)})
		}
	}
	now = now.Add(15 * time.Second)
	require.Empty(t, known.Due())
	for _, c := range []struct{ told, meant deployment.Service }{
		{deployment.Service{Name: "cart", Namespace: "shop-prod", Environment: "production"}, deployment.Service{Name: "cart", Environment: "production"}},
		{deployment.Service{Name: "checkout"}, deployment.Service{Name: "checkout", Namespace: "shop", Environment: "production"}},
		{deployment.Service{Name: "checkout", Namespace: "other"}, deployment.Service{Name: "checkout", Namespace: "other"}},
		{deployment.Service{Name: "payment", Environment: "staging"}, deployment.Service{Name: "payment", Namespace: "shop", Environment: "staging"}},
		{deployment.Service{Name: "payment"}, deployment.Service{Name: "payment"}},
	} {
		require.NoError(t, known.Report(deployment.Deployment{Service: c.told, Version: "v2", Status: deployment.Started, Start: now}))
		due := known.Due()
		require.Len(t, due, 1)
		require.Equal(t, c.meant, due[0].Service)
	}
}
