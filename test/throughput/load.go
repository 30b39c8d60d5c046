// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// A load is requests that differ in their IDs only, so that they are encoded once.
type load struct {
	name   string
	method string // of gRPC
	size   int    // items of a request
	// good are requests whose spans are all good. In each trace of bad, the last span has an error.
	good, bad encoded
	// failing is how many of 20 requests are bad.
	failing int
}

// An encoded request, and where its IDs are.
type encoded struct {
	body []byte
	ids  []id
}

// An id is where an ID is in the body: all places of one number get one value.
type id struct{ at, length, number int }

const (
	methodTraces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
	methodLogs   = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
	// spansPerTrace of one request.
	spansPerTrace = 10
)

func loads() []load {
	return []load{
		traces("traces", 100, 1), traces("traces, all fail", 100, 20), traces("traces, 10 spans per request", 10, 1), logs("logs, half with a trace", 100),
	}
}

func (l load) requests(items int) int { return items / l.size }

// numbered is the request with IDs that no other number gives.
func (l load) numbered(number uint64, to []byte) []byte {
	from := l.good
	if number%20 < uint64(l.failing) {
		from = l.bad
	}
	to = append(to[:0], from.body...)
	for _, id := range from.ids {
		binary.BigEndian.PutUint64(to[id.at:], mix(number<<12|uint64(id.number)))
		if id.length == 16 {
			binary.BigEndian.PutUint64(to[id.at+8:], mix(^(number<<12 | uint64(id.number))))
		}
	}
	return to
}

// mix makes a random-looking number of each (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// marker is the ID that stands for a number in what is encoded once.
func marker(number int) (id [16]byte) {
	copy(id[:], fmt.Sprintf("\xfe\xfdID%04d\xff\xfd----", number))
	return id
}

func attributes(m pcommon.Map, prefix string, n int) {
	for i := range n {
		m.PutStr(fmt.Sprint(prefix, ".attribute.", i), fmt.Sprint("a value of usual length ", i))
	}
}

func resource(r pcommon.Resource) {
	r.Attributes().PutStr("service.name", "checkout")
	r.Attributes().PutStr("service.version", "1.2.3")
	r.Attributes().PutStr("deployment.environment.name", "production")
	attributes(r.Attributes(), "resource", 9)
}

// traces are requests of server spans, ten of them in a trace.
func traces(name string, size, failing int) load {
	return load{name: name, method: methodTraces, size: size, failing: failing, good: spans(size, false), bad: spans(size, true)}
}

// spans is a request of spans with 16 attributes.
func spans(size int, failing bool) (e encoded) {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	resource(rs.Resource())
	scope := rs.ScopeSpans().AppendEmpty()
	scope.Scope().SetName("load")
	now := time.Now()
	for n := range size {
		span := scope.Spans().AppendEmpty()
		span.SetTraceID(marker(n / spansPerTrace))
		id := marker(1000 + n)
		span.SetSpanID(pcommon.SpanID(id[:8]))
		span.SetName("POST /orders")
		span.SetKind(ptrace.SpanKindServer)
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-20 * time.Millisecond)))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
		if failing && n%spansPerTrace == spansPerTrace-1 {
			span.Status().SetCode(ptrace.StatusCodeError)
		}
		attributes(span.Attributes(), "http.request", 16)
	}
	e.body, _ = ptraceotlp.NewExportRequestFromTraces(td).MarshalProto() // it has no way to fail
	for n := range size / spansPerTrace {
		e.find(marker(n), 16, n)
	}
	for n := range size {
		e.find(marker(1000+n), 8, 1000+n)
	}
	return e
}

// logs are requests of records with 10 attributes, each second one with a trace of its own.
func logs(name string, size int) load {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	resource(rl.Resource())
	scope := rl.ScopeLogs().AppendEmpty()
	for n := range size {
		record := scope.LogRecords().AppendEmpty()
		record.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		record.Body().SetStr("paid an order after 12 ms, as usual")
		record.SetSeverityNumber(plog.SeverityNumberInfo)
		if n%2 == 0 {
			record.SetTraceID(marker(n))
		}
		attributes(record.Attributes(), "code", 10)
	}
	l := load{name: name, method: methodLogs, size: size}
	l.good.body, _ = plogotlp.NewExportRequestFromLogs(ld).MarshalProto() // it has no way to fail
	for n := 0; n < size; n += 2 {
		l.good.find(marker(n), 16, n)
	}
	return l
}

// find notes all places of a marker.
func (e *encoded) find(marker [16]byte, length, number int) {
	for from := 0; ; {
		at := bytes.Index(e.body[from:], marker[:length])
		if at < 0 {
			return
		}
		e.ids = append(e.ids, id{from + at, length, number})
		from += at + length
	}
}
