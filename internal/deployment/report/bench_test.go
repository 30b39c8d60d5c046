// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// ordinary are records that report nothing, as almost all do.
func ordinary() map[string]plog.LogRecord {
	text, jsonText, m := plog.NewLogRecord(), plog.NewLogRecord(), plog.NewLogRecord()
	text.Body().SetStr("GET /cart 200 in 3 ms; deployment finished")
	jsonText.Body().SetStr(`{"level":"info","msg":"order paid","order":{"id":"A-1001","total":12.5},"trace":"` + strings.Repeat("4bf92f35", 24) + `"}`)
	body := m.Body().SetEmptyMap()
	for _, key := range []string{"level", "message", "caller", "type", "data", "duration"} {
		body.PutStr(key, "value")
	}
	for _, record := range []plog.LogRecord{text, jsonText, m} {
		record.SetEventName("http.request")
		for _, key := range []string{"http.route", "http.request.method", "http.response.status_code", "url.path",
			"server.address", "user_agent.original", "deployment.id", "log.iostream"} {
			record.Attributes().PutStr(key, "value")
		}
	}
	return map[string]plog.LogRecord{"text": text, "json": jsonText, "map": m}
}

func TestOrdinaryRecordsAllocateNothing(t *testing.T) {
	resource := pcommon.NewMap()
	for name, record := range ordinary() {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if _, ok, err := Read(resource, record); ok || err != nil {
				t.Error(name, "is a report", err)
			}
		}), name)
	}
}

func BenchmarkOrdinary(b *testing.B) {
	resource := pcommon.NewMap()
	for name, record := range ordinary() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = Read(resource, record)
			}
		})
	}
}

func BenchmarkPayload(b *testing.B) {
	resource := pcommon.NewMap()
	for kind, record := range records(b, payloadFile(b, "kubernetes-deployment")) {
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = Read(resource, record)
			}
		})
	}
}
