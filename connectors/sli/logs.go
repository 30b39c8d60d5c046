// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"encoding/binary"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatautil"

	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/seen"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// ConsumeLogs counts log records. It never fails: it drops and counts records that are neither good nor bad.
func (c *core) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	services, now := c.services.Load(), c.now()
	r := c.begin(now)
	for _, rl := range ld.ResourceLogs().All() {
		id := judge.Identify(rl.Resource())
		service := services.Find(id)
		if service == nil {
			if service = c.hear(id); service == nil {
				continue
			}
			if service.service == nil {
				if len(service.rules.Logs) == 0 {
					continue
				}
				if service = c.startCounting(service, now); service == nil {
					continue
				}
			}
		}
		into, overLimit := c.arrive(service.service, id, now)
		if into == nil || len(service.rules.Logs) == 0 {
			continue
		}
		c.part(r, part{service: service, into: into, overLimit: overLimit, isLogs: true, logs: rl}, len(service.rules.Logs), c.senderOf(id)).judge(ctx)
	}
	c.commit(ctx, r)
	return nil
}

func (b *batch) countLogs(ctx context.Context, service *counted, rl plog.ResourceLogs) {
	for i := range service.rules.Logs {
		b.tallies[i].slo = service.slos[service.rules.Logs[i].SLO]
		b.sampling(&b.tallies[i])
	}
	identity := logIdentity{hash: b.hash, service: service.tag, resource: rl.Resource()}
	for _, scope := range rl.ScopeLogs().All() {
		b.expect(scope.LogRecords().Len())
		for _, record := range scope.LogRecords().All() {
			if b.event() {
				b.countLog(ctx, service, rl, scope, record, &identity)
			}
		}
	}
}

func (b *batch) countLog(ctx context.Context, service *counted, rl plog.ResourceLogs, scope plog.ScopeLogs, record plog.LogRecord, identity *logIdentity) {
	context := ottllog.NewTransformContextPtr(rl, scope, record)
	defer context.Close()
	written := writtenAt(record)
	when := b.times.of(written)
	b.newest = max(b.newest, written)
	judged := false
	for i := range service.rules.Logs {
		judgment := service.rules.Logs[i].Judge(ctx, context)
		judged = judged || judgment != judge.Unselected
		at := i
		if by := service.rules.Logs[i].Groups; by != nil && (judgment == judge.Good || judgment == judge.Bad) {
			at = b.group(i, by, record.Attributes(), rl.Resource().Attributes())
		}
		switch t := &b.tallies[at]; judgment {
		case judge.Good:
			t.addGood(when, 1, written)
			if t.every > 0 && when == onTime {
				if n := t.sample(); n > 0 {
					b.markEvent(at, false, float64(n), markedEvent{log: record})
				}
			}
		case judge.Bad:
			t.addBad(when, 1, writtenAt(record))
			if when == onTime {
				t.remember(badEvent{markedEvent: markedEvent{log: record}, isLog: true, value: 1})
			}
			if b.ledger && when == onTime {
				b.markEvent(at, true, 1, markedEvent{log: record})
			}
		case judge.ConditionError:
			b.dropped[service.remark(reasonConditionError, service.rules.Logs[i].SLO)]++
		}
	}
	if judged && b.hash != nil && b.recognized == 0 {
		b.judged(identity.of(record))
	} else {
		b.judged(0)
	}
}

// writtenAt is the time of a log record: its own, or that at which it was observed, or 0.
func writtenAt(record plog.LogRecord) pcommon.Timestamp {
	if t := record.Timestamp(); t != 0 {
		return t
	}
	return record.ObservedTimestamp()
}

// A logIdentity makes the identities of the log records of a resource.
type logIdentity struct {
	hash     *seen.Hash
	service  uint64
	resource pcommon.Resource
	hashed   bool
	words    [2]uint64 // of the resource
}

// of is the identity of a log record: all that is in it. Equal records are the same one only if they have a time that two of them
// hardly share: finer than a millisecond, or, if they name their span, than a second. Others have no identity.
func (l *logIdentity) of(record plog.LogRecord) uint64 {
	written, observed, span := record.Timestamp(), record.ObservedTimestamp(), record.SpanID()
	finer := pcommon.Timestamp(time.Millisecond)
	if !span.IsEmpty() {
		finer = pcommon.Timestamp(time.Second)
	}
	if written%finer == 0 && observed%finer == 0 {
		return 0
	}
	if !l.hashed {
		l.hashed, l.words = true, words(pdatautil.MapHash(l.resource.Attributes()))
	}
	trace := record.TraceID()
	content := words(pdatautil.Hash(pdatautil.WithString(record.EventName()), pdatautil.WithValue(record.Body()), pdatautil.WithMap(record.Attributes())))
	return l.hash.Sum(l.service, l.words[0], l.words[1], uint64(written), uint64(observed), uint64(record.SeverityNumber()),
		binary.LittleEndian.Uint64(trace[:]), binary.LittleEndian.Uint64(trace[8:]), binary.LittleEndian.Uint64(span[:]), content[0], content[1])
}

func words(b [16]byte) [2]uint64 {
	return [2]uint64{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
}
