// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// send sends every second what the shop does not: what services of other languages and their pods report, to the
// collector; points that are not as they should be, to the troubled one; a little of everything to the starved one.
func (s *Scene) send(ctx context.Context) {
	ctx, s.end = context.WithCancel(ctx)
	began := time.Now()
	every := func(send func() error) {
		s.senders.Go(func() {
			ticker := time.NewTicker(time.Second)
			defer ticker.Stop()
			for {
				_ = send() // those in trouble refuse
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
				}
			}
		})
	}
	every(func() error { return s.Collector.postMetrics(ctx, runtimes(began)) })
	every(func() error {
		return errors.Join(s.Troubled.postMetrics(ctx, oddPoints(began)), s.Troubled.postLogs(ctx, oddReport()))
	})
	every(func() error {
		return errors.Join(s.Starved.postMetrics(ctx, runtimes(began)), s.Starved.postLogs(ctx, oddReport()), s.Starved.postTraces(ctx, oneSpan()))
	})
}

func (c *Collector) postMetrics(ctx context.Context, m pmetric.Metrics) error {
	body, err := pmetricotlp.NewExportRequestFromMetrics(m).MarshalProto()
	return errors.Join(err, c.post(ctx, "metrics", body))
}

func (c *Collector) postLogs(ctx context.Context, l plog.Logs) error {
	body, err := plogotlp.NewExportRequestFromLogs(l).MarshalProto()
	return errors.Join(err, c.post(ctx, "logs", body))
}

func (c *Collector) postTraces(ctx context.Context, t ptrace.Traces) error {
	body, err := ptraceotlp.NewExportRequestFromTraces(t).MarshalProto()
	return errors.Join(err, c.post(ctx, "traces", body))
}

func (c *Collector) post(ctx context.Context, signal string, body []byte) error {
	url := "http://" + c.OTLPHTTP + "/v1/" + signal
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("POST %s: %s", url, response.Status)
	}
	return errors.Join(err, response.Body.Close())
}

// about sets whose telemetry it is.
func about(resource pcommon.Resource, namespace, service string) {
	resource.Attributes().PutStr("service.namespace", namespace)
	resource.Attributes().PutStr("service.name", service)
	resource.Attributes().PutStr("service.instance.id", "sender")
	resource.Attributes().PutStr("deployment.environment.name", "production")
}

func oneSpan() ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	about(rs.Resource(), "odd", "odd")
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID([16]byte{1})
	span.SetSpanID([8]byte{1})
	span.SetKind(ptrace.SpanKindServer)
	now := time.Now()
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Millisecond)))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
	return td
}

// oddReport is a deployment event without a version.
func oddReport() plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	about(rl.Resource(), "odd", "odd")
	record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	record.SetEventName("deployment.completed")
	return ld
}
