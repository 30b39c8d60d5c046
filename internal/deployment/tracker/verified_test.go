// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// What a gate said is announced with the deployment, which does not move on by it.
func TestVerified(t *testing.T) {
	b := newBench(Default())
	b.settle(checkout, "v1", "a")
	say := func(version, verdict string, at time.Time) error {
		return b.Report(deployment.Deployment{Service: deployment.Service{Name: checkout.Name}, Version: version, Status: deployment.Verified, Gate: deployment.Gate{Verdict: verdict, Reason: "because", At: at}})
	}
	require.NoError(t, say("v1", "pass", b.at), "it is deployed, and no deployment")
	require.Empty(t, b.Due())
	for range 3 {
		b.settle(checkout, "v2", "b")
	}
	b.Due()
	b.at = b.at.Add(2 * time.Second)
	at := b.at
	require.NoError(t, say("v2", "inconclusive", at))
	due := b.Due()
	require.Len(t, due, 1)
	require.Equal(t, deployment.Gate{Verdict: "inconclusive", Reason: "because", At: at}, due[0].Gate)
	require.NotEqual(t, deployment.Verified, due[0].Status)
	status := due[0].Status
	require.NoError(t, say("v2", "inconclusive", at))
	require.Empty(t, b.Due(), "the same again is nothing new")

	b.at = b.at.Add(2 * time.Second)
	require.NoError(t, say("v2", "pass", time.Time{}))
	require.NoError(t, say("v2", "fail", at.Add(-time.Minute)), "it was said before")
	due = b.Due()
	require.Len(t, due, 1)
	require.Equal(t, "pass", due[0].Gate.Verdict)
	require.Equal(t, status, due[0].Status)

	saved := records(t, b.Tracker, true)
	again := New(b.config, b.now)
	for n, record := range saved {
		require.NoError(t, again.Restore(n, record))
	}
	require.Equal(t, saved, records(t, again, true))
	var kept []string
	again.Running(func(d *deployment.Deployment, _ int) { kept = append(kept, d.Version+" "+d.Gate.String()) })
	require.Equal(t, []string{"v2 verified: pass (because)"}, kept)

	require.ErrorContains(t, say("v9", "pass", b.at), `no deployment of version "v9" of checkout is known`)
	require.ErrorContains(t, say("", "pass", b.at), "is missing")
	require.ErrorContains(t, say("v2", "", b.at), "is missing")
	require.Empty(t, b.Due())
}
