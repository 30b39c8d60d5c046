// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// freshness sends one failed span of each service, at random times, and scrapes until the burn rate of each is seen.
func (l load) freshness(ctx context.Context, program string) (err error) {
	folder, err := os.MkdirTemp("", "load")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := l.writeCatalog(filepath.Join(folder, "catalog"), false); err != nil {
		return err
	}
	c, err := start(ctx, program, "standalone", folder, l.interval, l.arguments...)
	if err != nil {
		return err
	}
	defer c.stop()
	wait(ctx, 2*l.interval)

	began := time.Now()
	due := make([]time.Duration, l.services)
	for i := range due {
		due[i] = time.Duration(rand.Int64N(int64(l.length)))
	}
	slices.Sort(due)
	sent := make(map[string]time.Time)
	var ages []time.Duration
	for len(ages) < l.services && ctx.Err() == nil {
		for n := len(sent); n < l.services && time.Since(began) >= due[n]; n++ {
			if err := c.fail(ctx, serviceName(n)); err != nil {
				return err
			}
			sent[serviceName(n)] = time.Now()
		}
		text, _, err := c.scrape(ctx)
		if err != nil {
			return err
		}
		seen := time.Now()
		for name := range burning(text) {
			if at, ok := sent[name]; ok && !at.IsZero() {
				ages, sent[name] = append(ages, seen.Sub(at)), time.Time{}
			}
		}
		wait(ctx, 20*time.Millisecond)
	}
	slices.Sort(ages)
	at := func(share float64) time.Duration {
		return ages[min(int(share*float64(len(ages))), len(ages)-1)].Round(time.Millisecond)
	}
	fmt.Printf("flush interval %s, %d events: p50 %s, p90 %s, p99 %s, at most %s\n", l.interval, len(ages), at(0.5), at(0.9), at(0.99), at(1))
	return ctx.Err()
}

// burning are the services whose burn rate over five minutes is above 0.
func burning(text []byte) map[string]bool {
	names := make(map[string]bool)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, "slo_burn_rate_ratio{") || !strings.Contains(line, `slo_window="5m"`) || strings.HasSuffix(line, " 0") || strings.HasSuffix(line, " 0.0") {
			continue
		}
		_, rest, _ := strings.Cut(line, `service_name="`)
		name, _, _ := strings.Cut(rest, `"`)
		names[name] = true
	}
	return names
}

// fail sends a failed request of a service.
func (c *collector) fail(ctx context.Context, service string) error {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr(semconv.ServiceName, service)
	rs.Resource().Attributes().PutStr(semconv.ServiceNamespace, "load")
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	var id [16]byte
	for i := range id {
		id[i] = byte(rand.IntN(256))
	}
	span.SetTraceID(id)
	span.SetSpanID([8]byte(id[:8]))
	span.SetName("GET /")
	span.SetKind(ptrace.SpanKindServer)
	now := time.Now()
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Millisecond)))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
	span.Status().SetCode(ptrace.StatusCodeError)
	span.Attributes().PutInt("http.response.status_code", 500)
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		return err
	}
	return postBytes(ctx, c.otlp+"/v1/traces", body)
}
