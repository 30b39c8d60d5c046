// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/test/searches"
)

// A telemetry is what searches look through: spans and log records, numbered, and what Elasticsearch was sent of them.
type telemetry struct {
	spans     []span
	records   []logRecord
	documents []document
}

// shopTelemetry runs the demo shop with failures, slow answers and a deployment through a collector, and returns what the collector
// wrote to a file and sent to Elasticsearch.
func shopTelemetry(t *testing.T) telemetry {
	t.Helper()
	elastic := startElasticsearch(t)
	sink, toFile := newFileSink(t, "red")
	gateway := prepareCollector(t, "gateway", t.TempDir())
	gateway.args = append(gateway.args, "--config", toFile, "--config", "yaml:"+`
connectors: {deployevent: {flush_interval: 100ms}}
extensions: {deployment_tracker: {confirm: 0s}}
exporters: {elasticsearch: {endpoint: `+elastic.URL+`, sending_queue: {queue_size: 1000, batch: {flush_timeout: 100ms}}}}
service: {pipelines: {traces: {exporters: [file, red]}, logs: {exporters: [file, elasticsearch]}, logs/deployments: {exporters: [file]}}}`)
	gateway.start()
	shop := exec.Command("../bin/shop", "--endpoint", gateway.otlpGRPC, "--rate", "25", "--duration", "6s", "--incident", "2s", "--control", "", "--ports", "0",
		"--error-rate", "checkout=0.2", "--error-rate", "inventory=0.1", "--error-rate", "mailer=0.2", "--error-rate", "payment=0.1",
		"--latency", "checkout=100ms", "--latency", "inventory=100ms", "--latency", "payment=230ms")
	out, err := shop.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(string(sink))
		return err == nil && bytes.Contains(text, []byte(`"deployment.status"`))
	}, patience, 100*time.Millisecond, "no deployment is told of")
	gateway.stop()
	spans, records := readFile(t, sink)
	return telemetry{spans, records, elastic.documents()}
}

// A span and a logRecord are what a search can find, numbered as they stand in the file.
type span struct{ searches.Span }

type logRecord struct {
	plog.LogRecord
	resource pcommon.Map
}

// of reports whether it has the value of an attribute.
func of(attributes pcommon.Map, name, value string) bool {
	is, found := attributes.Get(name)
	return found && is.AsString() == value
}

func readFile(t *testing.T, sink fileSink) (spans []span, records []logRecord) {
	t.Helper()
	text, err := os.ReadFile(string(sink))
	require.NoError(t, err)
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
		require.NoError(t, err)
		for _, rs := range traces.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					spans = append(spans, span{searches.Span{Span: s, Resource: rs.Resource().Attributes()}})
				}
			}
		}
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		require.NoError(t, err)
		for _, rl := range logs.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					records = append(records, logRecord{r, rl.Resource().Attributes()})
				}
			}
		}
	}
	return spans, records
}

// numbers are those of the items for which is holds.
func numbers[T any](items []T, is func(T) bool) []int {
	found := []int{}
	for i, item := range items {
		if is(item) {
			found = append(found, i)
		}
	}
	return found
}

func (s span) counts() bool {
	return s.Kind() == ptrace.SpanKindServer || s.Kind() == ptrace.SpanKindConsumer
}

func (s span) failed() bool {
	code, ok := s.Attributes().Get("http.response.status_code")
	return s.Status().Code() == ptrace.StatusCodeError || ok && code.Int() >= 500
}

func (s span) took() time.Duration { return s.EndTimestamp().AsTime().Sub(s.StartTimestamp().AsTime()) }

// id is the correlation ID of a request of the shop.
func (s telemetry) id(t *testing.T) string {
	t.Helper()
	for _, one := range s.spans {
		if id, found := one.Attributes().Get("correlation.id"); found {
			return id.AsString()
		}
	}
	require.Fail(t, "no span has a correlation ID")
	return ""
}

// An answered is what each query finds, by its language and its text.
type answered map[string]map[string]searches.Answer

// merge adds queries to those that are there.
func merge(queries, more map[string][]string) {
	for language, all := range more {
		for _, query := range all {
			if !slices.Contains(queries[language], query) {
				queries[language] = append(queries[language], query)
			}
		}
	}
}

// ask asks queries of TraceQL and LogQL; all at once, as each time starts a program.
func (s telemetry) ask(t *testing.T, queries map[string][]string) answered {
	t.Helper()
	var spans []searches.Span
	for _, one := range s.spans {
		spans = append(spans, one.Span)
	}
	var records []searches.Record
	for _, one := range s.records {
		kept, err := searches.Kept(one.resource, one.LogRecord)
		require.NoError(t, err)
		records = append(records, kept)
	}
	traces, err := searches.TraceQL(t.Context(), spans, queries["traceql"])
	require.NoError(t, err)
	logs, err := searches.LogQL(t.Context(), records, queries["logql"])
	require.NoError(t, err)
	return answered{"traceql": traces, "logql": logs}
}

// wrong is what is wrong with a query's answer; "" when nothing is.
func (a answered) wrong(language, query string, want []int) string {
	switch is, asked := a[language][query]; {
	case !asked:
		return "not asked: " + query
	case is.Err != nil:
		return is.Err.Error()
	case !assert.ObjectsAreEqual(want, is.Found):
		return fmt.Sprintf("%s: finds %v, not %v", query, is.Found, want)
	}
	return ""
}
