// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

func TestRegions(t *testing.T) {
	for name, test := range map[string]struct {
		script string
		code   int
		want   deployment.Status
	}{
		"succeeds":  {"echo rolling out", 0, deployment.Completed},
		"fails":     {"echo rolling out; exit 3", 3, deployment.Failed},
		"is killed": {"echo rolling out; kill -TERM $$", 143, deployment.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			cleanEnvironment(t)
			collector := &fakeCollector{}
			code, out, errOut := srectl(marked("--endpoint", collector.http(t), "--region", "--", "sh", "-c", test.script)...)
			require.Equal(t, test.code, code, errOut)
			require.Empty(t, errOut)
			require.Regexp(t, `(?s)^accepted: .* has started, ID [0-9a-f]{16}\nrolling out\naccepted: `, out)
			require.Len(t, collector.records(), 2)
			start, end := readBack(t, collector.records()[0]), readBack(t, collector.records()[1])
			require.Equal(t, deployment.Started, start.Status)
			require.Equal(t, test.want, end.Status)
			require.Len(t, start.ID, 16)
			require.Equal(t, start.ID, end.ID)
			require.Equal(t, start.Start, end.Start)
			require.False(t, end.End.Before(end.Start))
		})
	}
}

func TestRegionsHaveIDsOfTheirOwn(t *testing.T) {
	cleanEnvironment(t)
	collector := &fakeCollector{}
	endpoint := collector.grpc(t)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	for range 2 {
		code, _, errOut := srectl(marked("--endpoint", endpoint, "--region", "--", "true")...)
		require.Equal(t, exit.OK, code, errOut)
	}
	require.NotEqual(t, readBack(t, collector.records()[0]).ID, readBack(t, collector.records()[2]).ID)
}

// TestRegionWithoutCollector deploys all the same.
func TestRegionWithoutCollector(t *testing.T) {
	cleanEnvironment(t)
	collector := &fakeCollector{token: "other"}
	code, out, errOut := srectl(marked("--endpoint", collector.http(t), "--region", "--", "sh", "-c", "echo rolled out")...)
	require.Equal(t, exit.OK, code)
	require.Equal(t, "rolled out\n", out)
	require.Contains(t, errOut, "has started, ID")
	require.Contains(t, errOut, "is complete, ID")
	require.Contains(t, errOut, "HTTP 401 Unauthorized")
}
