// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A fileSink is the file that a collector's file exporter writes its spans and log records to.
type fileSink string

// newFileSink returns it with the config that is merged over another. Exporters of traces that have to stay are named.
func newFileSink(t *testing.T, stay ...string) (sink fileSink, config string) {
	t.Helper()
	dir := t.TempDir()
	sink, config = fileSink(filepath.Join(dir, "telemetry.jsonl")), filepath.Join(dir, "file.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
exporters: {file: {path: %s, append: true, flush_interval: 100ms}}
service: {pipelines: {traces: {exporters: [%s]}, logs: {exporters: [file]}}}
`, sink, strings.Join(append(stay, "file"), ", ")), 0o600))
	return sink, config
}

// An arrival is a span or a log record that came out of a collector.
type arrival struct {
	trace, span   string // hexadecimal, or empty
	name          string // of a span; the body of a log record
	isLog         bool
	resource, own map[string]any // attributes
}

func (a arrival) service() string { return attr(a.resource, "service.name") }

// correlation is its correlation ID.
func (a arrival) correlation() string { return attr(a.own, "correlation.id") }

func attr(m map[string]any, key string) string {
	text, _ := m[key].(string)
	return text
}

// read returns all that was written so far, in order.
func (f fileSink) read(t *testing.T) (all []arrival) {
	t.Helper()
	file, err := os.Open(string(f))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return all // the rest of the line is still to be written
		}
		switch {
		case strings.HasPrefix(string(line), `{"resourceSpans"`):
			td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
			require.NoError(t, err)
			all = append(all, spanArrivals(td)...)
		case strings.HasPrefix(string(line), `{"resourceLogs"`):
			ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
			require.NoError(t, err)
			all = append(all, logArrivals(ld)...)
		}
	}
}

func spanArrivals(td ptrace.Traces) (all []arrival) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				all = append(all, arrival{
					trace: s.TraceID().String(), span: s.SpanID().String(), name: s.Name(),
					resource: rs.Resource().Attributes().AsRaw(), own: s.Attributes().AsRaw(),
				})
			}
		}
	}
	return all
}

func logArrivals(ld plog.Logs) (all []arrival) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				all = append(all, arrival{
					trace: r.TraceID().String(), span: r.SpanID().String(), name: r.Body().AsString(), isLog: true,
					resource: rl.Resource().Attributes().AsRaw(), own: r.Attributes().AsRaw(),
				})
			}
		}
	}
	return all
}
