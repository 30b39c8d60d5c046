// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

func TestVerdictsOfGates(t *testing.T) {
	d := Deployment{Service: Service{Name: "checkout"}, Version: "2", Status: Verified, Start: start, Gate: Gate{Verdict: "pass", Reason: "1 of 5000 events failed", At: start}}
	record := plog.NewLogRecord()
	d.Write(record, start)
	require.False(t, IsEvent(record), "it says nothing of how far the deployment has come")
	require.Equal(t, "deployment.verified", record.EventName())
	require.Equal(t, "deployment of checkout 2; verified: pass (1 of 5000 events failed)", record.Body().Str())
	_, hasStatus := record.Attributes().Get("deployment.status")
	require.False(t, hasStatus)
	got, err := Read(pcommon.NewMap(), record)
	require.NoError(t, err)
	require.Equal(t, d, *got)

	for attribute, want := range map[string]string{
		"deployment.gate.verdict": `deployment.gate.verdict is "é`, "deployment.gate.time": "deployment.gate.time is \"é",
	} {
		wrong := plog.NewLogRecord()
		record.CopyTo(wrong)
		wrong.Attributes().PutStr(attribute, "é")
		_, err := Read(pcommon.NewMap(), wrong)
		require.ErrorContains(t, err, want)
	}
	record.Attributes().PutStr("deployment.gate.reason", strings.Repeat("é", 400))
	got, err = Read(pcommon.NewMap(), record)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("é", maxReason/2), got.Gate.Reason)
	record.Attributes().Remove("deployment.gate.verdict")
	_, err = Read(pcommon.NewMap(), record)
	require.ErrorContains(t, err, "deployment.gate.verdict is missing")

	require.Equal(t, "verified: fail", Gate{Verdict: "fail"}.String())
	require.Empty(t, Gate{}.String())
	older, newer := Gate{Verdict: "fail", At: start}, Gate{Verdict: "pass", At: start.Add(time.Minute)}
	require.Equal(t, newer, older.later(newer))
	require.Equal(t, newer, newer.later(older))
	require.Equal(t, older, Gate{}.later(older))
}
