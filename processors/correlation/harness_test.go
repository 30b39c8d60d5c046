// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const requestID = "7b6e6a1c-5a0e-4c57-9a3e-3a4c2e1f0d9b"

var (
	trace1 = pcommon.TraceID{0x4b, 0xf9, 0x2f, 0x35, 15: 1}
	trace2 = pcommon.TraceID{0x4b, 0xf9, 0x2f, 0x35, 15: 2}
	trace3 = pcommon.TraceID{0x4b, 0xf9, 0x2f, 0x35, 15: 3}
)

// started is when all spans begin. Log records are written a little later.
const started = pcommon.Timestamp(1_700_000_000_000_000_000)

func coreOf(t testing.TB, change ...func(*Config)) *core {
	cfg := createDefaultConfig().(*Config)
	for _, f := range change {
		f(cfg)
	}
	require.NoError(t, cfg.Validate())
	c, err := newCore(componenttest.NewNopTelemetrySettings(), cfg, newState(cfg))
	require.NoError(t, err)
	t.Cleanup(c.builder.Shutdown)
	now := time.Unix(1_700_000_000, 0)
	c.now = func() time.Time { return now }
	return c
}

// spanOf is a span with a parent.
type spanOf struct {
	trace      pcommon.TraceID
	root       bool
	client     bool
	attributes map[string]any
	state      string
	links      []pcommon.TraceID
}

func (s spanOf) span(t testing.TB, span ptrace.Span) {
	span.SetTraceID(s.trace)
	span.SetStartTimestamp(started)
	span.SetEndTimestamp(started + 1e9)
	if !s.root {
		span.SetParentSpanID(pcommon.SpanID{1})
	}
	if s.client {
		span.SetKind(ptrace.SpanKindClient)
	}
	span.TraceState().FromRaw(s.state)
	require.NoError(t, span.Attributes().FromRaw(s.attributes))
	for _, l := range s.links {
		span.Links().AppendEmpty().SetTraceID(l)
	}
}

// through sends the spans through the processor, each resource with its attributes, and returns their attributes.
func (c *core) through(t testing.TB, resource map[string]any, spans ...spanOf) (out []map[string]any) {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	require.NoError(t, rs.Resource().Attributes().FromRaw(resource))
	all := rs.ScopeSpans().AppendEmpty().Spans()
	for _, s := range spans {
		s.span(t, all.AppendEmpty())
	}
	td, err := c.traces(t.Context(), td)
	require.NoError(t, err)
	for _, span := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		out = append(out, span.Attributes().AsRaw())
	}
	return out
}

// logOf is a log record; its body is a string or a map.
type logOf struct {
	trace      pcommon.TraceID
	attributes map[string]any
	body       any
}

func (c *core) logged(t testing.TB, records ...logOf) plog.LogRecordSlice {
	ld := plog.NewLogs()
	all := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, r := range records {
		one := all.AppendEmpty()
		one.SetTraceID(r.trace)
		one.SetTimestamp(started + 1e6)
		require.NoError(t, one.Body().FromRaw(r.body))
		require.NoError(t, one.Attributes().FromRaw(r.attributes))
	}
	ld, err := c.logs(t.Context(), ld)
	require.NoError(t, err)
	return ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
}

func idOf(m pcommon.Map) string {
	if v, ok := m.Get("correlation.id"); ok {
		return v.AsString()
	}
	return ""
}
