package sli

import (
	"context"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
)

// ConsumeLogs counts log records. It never fails: what it cannot judge it drops and counts.
func (c *core) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	rules, now := c.rules.Load(), c.now()
	for _, rl := range ld.ResourceLogs().All() {
		id := identify(rl.Resource())
		service := rules.find(id)
		if service == nil {
			continue
		}
		into, squeezed := c.arrive(service.service, id, now)
		if into == nil || len(service.logs) == 0 {
			continue
		}
		b := batches.Get().(*batch)
		b.reset(len(service.logs), c.config.Exemplars)
		b.countLogs(ctx, service, rl)
		service.service.add(into, b.tallies[:len(service.logs)], now, c.config.CorrelationAttribute)
		b.squeezed(squeezed)
		c.telemetry.report(ctx, b.remarks)
		b.release()
	}
	return nil
}

func (b *batch) countLogs(ctx context.Context, service *serviceRules, rl plog.ResourceLogs) {
	for i := range service.logs {
		b.tallies[i].slo = service.logs[i].slo
	}
	for _, scope := range rl.ScopeLogs().All() {
		for _, record := range scope.LogRecords().All() {
			b.events++
			context := ottllog.NewTransformContextPtr(rl, scope, record)
			for i := range service.logs {
				switch t := &b.tallies[i]; service.logs[i].judge(ctx, context) {
				case good:
					t.good++
				case bad:
					t.addBad(1, badLog(record))
				case conditionError:
					b.dropped[reasonConditionError]++
				}
			}
			context.Close()
		}
	}
}

func (r *logRule) judge(ctx context.Context, record *ottllog.TransformContext) judgement {
	if r.match != nil {
		if j := verdict(r.match.Eval(ctx, record)); j != good {
			return j.unselect()
		}
	}
	return verdict(r.good.Eval(ctx, record))
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
