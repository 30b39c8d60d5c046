// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// stats are what internal telemetry reads.
type stats struct {
	points                       [verdicts]atomic.Int64
	slos, streams                atomic.Int64
	saves, saveFailures, damaged atomic.Int64
	flushFailures                atomic.Int64
	peerFailures, handovers      atomic.Int64
	backfilled                   atomic.Int64
	tables                       [tableResults]atomic.Int64
}

func (p *sloProcessor) observe() error {
	single := func(n *atomic.Int64) metric.Int64Callback {
		return func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(n.Load())
			return nil
		}
	}
	var byVerdict [verdicts]metric.MeasurementOption
	for v := range verdicts {
		byVerdict[v] = metric.WithAttributeSet(attribute.NewSet(attribute.String("verdict", v.String())))
	}
	var byResult [tableResults]metric.MeasurementOption
	for n := range byResult {
		byResult[n] = metric.WithAttributeSet(attribute.NewSet(attribute.String("result", tableResult(n))))
	}
	t, s := p.telemetry, &p.stats
	return errors.Join(
		t.RegisterProcessorSloPointsCallback(func(_ context.Context, o metric.Int64Observer) error {
			for v := range byVerdict {
				o.Observe(s.points[v].Load(), byVerdict[v])
			}
			return nil
		}),
		t.RegisterProcessorSloLedgerTablesCallback(func(_ context.Context, o metric.Int64Observer) error {
			for n := range byResult {
				o.Observe(s.tables[n].Load(), byResult[n])
			}
			return nil
		}),
		t.RegisterProcessorSloLedgerBytesCallback(func(_ context.Context, o metric.Int64Observer) error {
			bytes, _ := p.tables.Size()
			o.Observe(bytes)
			return nil
		}),
		t.RegisterProcessorSloLedgerDroppedCallback(func(_ context.Context, o metric.Int64Observer) error {
			_, dropped := p.tables.Size()
			o.Observe(dropped)
			return nil
		}),
		t.RegisterProcessorSloSlosCallback(single(&s.slos)),
		t.RegisterProcessorSloStreamsCallback(single(&s.streams)),
		t.RegisterProcessorSloCheckpointSavesCallback(single(&s.saves)),
		t.RegisterProcessorSloCheckpointFailuresCallback(single(&s.saveFailures)),
		t.RegisterProcessorSloCheckpointDamagedCallback(single(&s.damaged)),
		t.RegisterProcessorSloFlushFailuresCallback(single(&s.flushFailures)),
		t.RegisterProcessorSloPeerFailuresCallback(single(&s.peerFailures)),
		t.RegisterProcessorSloBackfilledCallback(single(&s.backfilled)),
		t.RegisterProcessorSloHandoversCallback(single(&s.handovers)),
	)
}
