// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/codes"
	otellog "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"
)

// sendReceipt leaves a message for mailer, and waits while the queue is full. The queue is of the old kind: its messages
// have the request's ID and nothing of its trace, and its writer makes no span.
func (shop *Shop) sendReceipt(ctx context.Context, id string) error {
	m := message{requestID: requestID(ctx), orderID: id, sent: time.Now()}
	// The order is shipped by now: if there is room, it has a receipt, also when the customer is gone.
	select {
	case shop.receipts <- m:
		return nil
	default:
	}
	select {
	case shop.receipts <- m:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("send receipt: %w", ctx.Err())
	}
}

// mailer sends receipts. It was traced late: its spans know neither the request nor its trace, and its log is
// lines of text. That the lines have both IDs is all that joins them.
func (shop *Shop) mailer(in *instance) error {
	in.consume = func(m message) {
		about := fmt.Sprintf("order=%s request_id=%s", m.orderID, cmp.Or(m.requestID, "-"))
		in.line("INFO", "taking receipt "+about)

		ctx, span := in.tracer.Start(context.Background(), "process "+receipts,
			trace.WithSpanKind(trace.SpanKindConsumer), messaging(receipts, "process"), trace.WithAttributes(orderID.String(m.orderID)))
		defer span.End()
		about += fmt.Sprintf(" trace_id=%s span_id=%s", span.SpanContext().TraceID(), span.SpanContext().SpanID())

		_, smtp := in.tracer.Start(ctx, "smtp send")
		err := in.work(ctx)
		smtp.End()
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
			in.line("ERROR", "receipt bounced "+about+": mailbox full")
		} else {
			in.line("INFO", "receipt sent "+about)
		}
		in.counter.slo(sloReceiptsSent, err == nil)
	}
	return nil
}

// line is a line of text as a collector reads it from a file: its body is set, and when it was observed.
// A context with a span would give the record the trace.
func (in *instance) line(level, text string) {
	var record otellog.Record
	now := time.Now()
	record.SetObservedTimestamp(now)
	record.SetBody(otellog.StringValue(fmt.Sprintf("%s %-5s [mailer] Mailer - %s",
		now.UTC().Format("2006-01-02 15:04:05,000"), level, text)))
	in.telemetry.logs.Logger(scope).Emit(context.Background(), record)
}
