// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A verdict is announced when it is certain and when it is another, and is kept over a restart. None is taken from outside.
func TestVerdictsOnChanges(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	followed := New(Default(), clock)
	said := change.Change{Service: deployment.Service{Name: "checkout"}, Kind: change.FeatureFlag, Name: "dark", Value: "on", Start: now, Gate: change.Gate{Verdict: "pass"}}
	followed.Take(Report{Change: said})
	due := func() (verdicts []string) {
		all := followed.Due()
		for _, c := range all {
			verdicts = append(verdicts, c.Gate.Verdict)
		}
		followed.Announced(all)
		return verdicts
	}
	require.Equal(t, []string{""}, due(), "it is new, and a reported verdict is none")
	id := followed.Recent()[0].ID
	judge := func(verdict, reason string) []string {
		followed.Judge(id, change.Gate{Verdict: verdict, Reason: reason, Evidence: "variants", At: now})
		return due()
	}
	require.Empty(t, judge("inconclusive", "3 events"), "it says nothing yet")
	assert.Equal(t, "3 events", followed.Recent()[0].Gate.Reason)
	now = now.Add(time.Minute)
	require.Empty(t, judge("inconclusive", "4 events"))
	assert.Equal(t, "3 events", followed.Recent()[0].Gate.Reason, "not each minute")
	require.Equal(t, []string{"fail"}, judge("fail", "bad\x1b[31m"))
	assert.Equal(t, "bad[31m", followed.Recent()[0].Gate.Reason)
	require.Empty(t, judge("fail", "worse"))
	now = now.Add(judgedAgain)
	require.Empty(t, judge("fail", "worse"), "the same verdict")
	assert.Equal(t, "worse", followed.Recent()[0].Gate.Reason)
	require.Equal(t, []string{"inconclusive"}, judge("inconclusive", ""))
	require.Empty(t, judge("moon", ""))

	record, err := followed.Save(true)
	require.NoError(t, err)
	restored := New(Default(), clock)
	require.NoError(t, restored.Restore(record))
	assert.Equal(t, followed.Recent(), restored.Recent())
	followed.Judge("another", change.Gate{Verdict: "pass", At: now})
	require.Empty(t, due())
}
