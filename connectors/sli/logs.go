// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"

	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// ConsumeLogs counts log records. It never fails: it drops and counts records that are neither good nor bad.
func (c *core) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	services, now := c.services.Load(), c.now()
	for _, rl := range ld.ResourceLogs().All() {
		id := judge.Identify(rl.Resource())
		service := services.Find(id)
		if service == nil {
			continue
		}
		into, overLimit := c.arrive(service.service, id, now)
		if into == nil || len(service.rules.Logs) == 0 {
			continue
		}
		b := batches.Get().(*batch)
		b.reset(len(service.rules.Logs), c.config.Exemplars)
		b.countLogs(ctx, service, rl)
		service.service.add(into, b.tallies[:len(service.rules.Logs)], now, c.config.CorrelationAttribute)
		b.overLimit(overLimit)
		c.telemetry.report(ctx, b.remarks)
		b.release()
	}
	return nil
}

func (b *batch) countLogs(ctx context.Context, service *counted, rl plog.ResourceLogs) {
	for i := range service.rules.Logs {
		b.tallies[i].slo = service.slos[service.rules.Logs[i].SLO]
	}
	for _, scope := range rl.ScopeLogs().All() {
		for _, record := range scope.LogRecords().All() {
			b.events++
			context := ottllog.NewTransformContextPtr(rl, scope, record)
			for i := range service.rules.Logs {
				switch t := &b.tallies[i]; service.rules.Logs[i].Judge(ctx, context) {
				case judge.Good:
					t.good++
				case judge.Bad:
					t.addBad(1, badLog(record))
				case judge.ConditionError:
					b.dropped[reasonConditionError]++
				}
			}
			context.Close()
		}
	}
}

func badLog(record plog.LogRecord) badEvent {
	time := record.Timestamp()
	if time == 0 {
		time = record.ObservedTimestamp()
	}
	return badEvent{
		trace: record.TraceID(), span: record.SpanID(), time: time,
		value: 1, attributes: record.Attributes(),
	}
}
