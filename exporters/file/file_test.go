// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package file

import (
	"os"
	"path/filepath"
	"testing"

	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/exporters/file/internal/metadata"
)

// A pipeline that ends last, for example because its sampler waits, still has its telemetry written.
func TestFileClosesWithTheLastSignal(t *testing.T) {
	f, set := NewFactory(), exportertest.NewNopSettings(metadata.Type)
	config := f.CreateDefaultConfig().(*upstream.Config)
	config.Path = filepath.Join(t.TempDir(), "telemetry.json")
	logs, err := f.CreateLogs(t.Context(), set, config)
	require.NoError(t, err)
	metrics, err := f.CreateMetrics(t.Context(), set, config)
	require.NoError(t, err)
	traces, err := f.CreateTraces(t.Context(), set, config)
	require.NoError(t, err)
	host := componenttest.NewNopHost()
	require.NoError(t, logs.Start(t.Context(), host))
	require.NoError(t, metrics.Start(t.Context(), host))
	require.NoError(t, traces.Start(t.Context(), host))

	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("a line")
	require.NoError(t, logs.ConsumeLogs(t.Context(), ld))
	require.NoError(t, logs.Shutdown(t.Context()))
	require.NoError(t, logs.Shutdown(t.Context()), "twice is as once")
	md := pmetric.NewMetrics()
	md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetName("a.metric")
	require.NoError(t, metrics.ConsumeMetrics(t.Context(), md))
	require.NoError(t, metrics.Shutdown(t.Context()))
	td := ptrace.NewTraces()
	td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("a span")
	require.NoError(t, traces.ConsumeTraces(t.Context(), td))
	require.NoError(t, traces.Shutdown(t.Context()))

	content, err := os.ReadFile(config.Path)
	require.NoError(t, err)
	for _, part := range []string{"a line", "a.metric", "a span"} {
		require.Contains(t, string(content), part)
	}
}
