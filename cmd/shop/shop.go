// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// The five services: frontend calls checkout, which calls inventory and payment and leaves
// a message for inventory and one for mailer.
const (
	frontend  = "frontend"
	checkout  = "checkout"
	payment   = "payment"
	inventory = "inventory"
	mailer    = "mailer"
)

// serviceNames are in the order in which they are shut down: callers first.
var serviceNames = []string{frontend, checkout, payment, inventory, mailer}

// defaultSettings are a healthy shop whose payments are not: one in fifty fails, which checkout's retries hide.
func defaultSettings(environment string) map[string]Settings {
	settings := func(latency time.Duration, errorRate float64) Settings {
		return Settings{Version: "1.0.0", Environment: environment, Latency: Duration(latency), ErrorRate: errorRate, Instances: 1}
	}
	return map[string]Settings{
		frontend:  settings(2*time.Millisecond, 0),
		checkout:  settings(5*time.Millisecond, 0),
		payment:   settings(20*time.Millisecond, 0.02),
		inventory: settings(5*time.Millisecond, 0),
		mailer:    settings(10*time.Millisecond, 0),
	}
}

// Config is the configuration of a shop.
type Config struct {
	Exporter ExporterConfig
	// Settings by service; all five must be there.
	Settings map[string]Settings
	// Port of the first service, the others follow it; 0 is a free one for each.
	Port int
	// Seed of the faults: equal seeds fail equally.
	Seed uint64
}

// A Shop is the five services, running.
type Shop struct {
	services  map[string]*service
	tally     *tally
	shipments chan message   // checkout's to inventory
	receipts  chan message   // checkout's to mailer
	closing   chan struct{}  // closed when nobody sends to the queues any more
	serving   sync.WaitGroup // the HTTP servers
	consuming sync.WaitGroup // the queues' consumers
}

// A message asks inventory to ship an order, or mailer to send its receipt.
type message struct {
	headers   propagation.MapCarrier // where the order came from; mailer's have none
	requestID string
	orderID   string
	sent      time.Time
}

const (
	shipments = "shipments"
	receipts  = "receipts"
	// queueLength messages wait; checkout waits for room beyond that.
	queueLength = 256
	// consumers of each queue.
	consumers = 4
	// lateAfter is how long a message may wait before it counts as late.
	lateAfter = time.Second
	attempts  = 3
)

// Start listens and serves. The services stop with Shutdown, not with ctx.
func Start(ctx context.Context, config Config) (*Shop, error) {
	shop := &Shop{
		services:  map[string]*service{},
		tally:     newTally(),
		shipments: make(chan message, queueLength),
		receipts:  make(chan message, queueLength),
		closing:   make(chan struct{}),
	}
	routes := map[string]func(*instance) error{
		frontend: shop.frontend, checkout: shop.checkout, payment: shop.payment, inventory: shop.inventory,
		mailer: shop.mailer,
	}
	for i, name := range serviceNames {
		s := &service{
			name:         name,
			exporter:     config.Exporter,
			tally:        shop.tally,
			faults:       newFaults(config.Seed, name),
			canaryFaults: newFaults(config.Seed, name+" canary"),
			routes:       routes[name],
		}
		port := config.Port
		if port != 0 {
			port += i
		}
		if err := s.listen(port); err != nil {
			return nil, errors.Join(err, shop.Shutdown(ctx))
		}
		shop.services[name] = s
	}
	for _, name := range serviceNames {
		s := shop.services[name]
		first := func(settings *Settings) error {
			*settings = config.Settings[name]
			return nil
		}
		if _, err := s.Change(ctx, first); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", name, err), shop.Shutdown(ctx))
		}
	}
	for _, s := range shop.services {
		shop.serving.Go(func() { _ = s.server.Serve(s.listener) }) // ends with the listener
	}
	for range consumers {
		shop.consuming.Go(func() { shop.consume(shop.shipments, inventory) })
		shop.consuming.Go(func() { shop.consume(shop.receipts, mailer) })
	}
	return shop, nil
}

// freeze ends the rollouts under way where they are, and refuses further changes.
func (shop *Shop) freeze() {
	for _, s := range shop.services {
		s.freeze()
	}
}

// Shutdown stops the services, callers first, empties the queues and sends all telemetry
// that is left, or gives up when ctx does. It is for callers that send no more requests.
func (shop *Shop) Shutdown(ctx context.Context) error {
	var errs []error
	for _, name := range serviceNames {
		if s := shop.services[name]; s != nil {
			errs = append(errs, s.close(ctx))
		}
	}
	shop.serving.Wait()
	close(shop.closing)
	shop.consuming.Wait()

	var flushes []func() error
	for _, s := range shop.services {
		for _, in := range s.all() {
			flushes = append(flushes, func() error { return in.shutdown(ctx) })
		}
	}
	return errors.Join(append(errs, allOf(flushes...))...)
}

// URL is where requests to the shop go.
func (shop *Shop) URL() string { return shop.services[frontend].url() + "/buy" }

func (shop *Shop) frontend(in *instance) error {
	in.route("POST /buy", func(ctx context.Context) error {
		if err := in.work(ctx); err != nil {
			return err
		}
		// An order is not repeated: the customer would pay twice.
		return in.call(ctx, shop.services[checkout].url()+"/orders", 1)
	})
	return nil
}

func (shop *Shop) checkout(in *instance) error {
	orders, err := in.meter.Int64Counter("shop.orders", metric.WithUnit("{order}"),
		metric.WithDescription("Orders, by result: paid or failed."))
	if err != nil {
		return err
	}
	in.route("POST /orders", func(ctx context.Context) error {
		id := uuid.NewString()
		total := float64(500+rand.IntN(20_000)) / 100
		err := shop.order(ctx, in, id)

		trace.SpanFromContext(ctx).SetAttributes(
			orderID.String(id), orderTotal.Float64(total), orderPaid.Bool(err == nil))
		outcome := "paid"
		about := []any{string(orderID), id, "order.total", total, "correlation.id", requestID(ctx)}
		if err != nil {
			outcome = "failed"
			in.logger.ErrorContext(ctx, "order failed", append(about, "error", err)...)
		} else {
			in.logger.InfoContext(ctx, "order paid", about...)
		}
		orders.Add(ctx, 1, metric.WithAttributes(attribute.String("order.outcome", outcome)))
		in.counter.slo(sloOrdersAccepted, err == nil)
		return err
	})
	return nil
}

// order reserves the goods, takes the money and asks for the goods and a receipt to be sent.
func (shop *Shop) order(ctx context.Context, in *instance, id string) error {
	if err := in.work(ctx); err != nil {
		return err
	}
	if err := in.call(ctx, shop.services[inventory].url()+"/reservations", attempts); err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	if err := in.call(ctx, shop.services[payment].url()+"/charges", attempts); err != nil {
		return fmt.Errorf("charge: %w", err)
	}
	if err := shop.send(ctx, in, id); err != nil {
		return err
	}
	return shop.sendReceipt(ctx, id)
}

func (shop *Shop) payment(in *instance) error {
	in.route("POST /charges", func(ctx context.Context) error {
		if in.asks(ctx, "new-card-check", func(s *Settings) bool { return s.NewCardCheck }) && in.faults.refuses() {
			return errCardCheck
		}
		return in.work(ctx)
	})
	return nil
}

func (shop *Shop) inventory(in *instance) error {
	messages, err := in.meter.Int64Counter("queue.messages", metric.WithUnit("{message}"),
		metric.WithDescription("Messages taken from the queue, late or not."))
	if err != nil {
		return err
	}
	in.route("POST /reservations", in.work)
	in.consume = func(m message) {
		// A message starts a trace of its own, linked to the one that sent it, as
		// OpenTelemetry has it for messages.
		sender := propagator.Extract(context.Background(), m.headers)
		ctx, span := in.tracer.Start(context.Background(), "process "+shipments,
			trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(trace.LinkFromContext(sender)),
			messaging(shipments, "process"), conversation(m.requestID), trace.WithAttributes(orderID.String(m.orderID)))
		defer span.End()

		late := time.Since(m.sent) > lateAfter
		messages.Add(ctx, 1, metric.WithAttributes(attribute.Bool("late", late)))
		in.counter.slo(sloQueueFreshness, !late)

		if err := in.work(ctx); err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, err.Error())
			in.logger.ErrorContext(ctx, "order not shipped", string(orderID), m.orderID, "error", err)
		}
	}
	return nil
}

func messaging(queue, operation string) trace.SpanStartEventOption {
	return trace.WithAttributes(
		attribute.String("messaging.system", "in_process"),
		attribute.String("messaging.destination.name", queue),
		attribute.String("messaging.operation.name", operation),
		attribute.String("messaging.operation.type", operation),
	)
}

func conversation(requestID string) trace.SpanStartEventOption {
	return trace.WithAttributes(attribute.String("messaging.message.conversation_id", requestID))
}

// send leaves a message for inventory, and waits while the queue is full.
func (shop *Shop) send(ctx context.Context, in *instance, id string) error {
	ctx, span := in.tracer.Start(ctx, "send "+shipments,
		trace.WithSpanKind(trace.SpanKindProducer), messaging(shipments, "send"), conversation(requestID(ctx)))
	defer span.End()

	m := message{headers: propagation.MapCarrier{}, requestID: requestID(ctx), orderID: id, sent: time.Now()}
	propagator.Inject(ctx, m.headers)
	select {
	case shop.shipments <- m:
		return nil
	case <-ctx.Done():
		span.SetStatus(codes.Error, "the queue is full")
		return fmt.Errorf("send: %w", ctx.Err())
	}
}

// consume hands the queue's messages to the service until the shop closes and the queue is empty.
func (shop *Shop) consume(queue <-chan message, service string) {
	for {
		select {
		case m := <-queue:
			shop.services[service].take(m)
		case <-shop.closing:
			select {
			case m := <-queue:
				shop.services[service].take(m)
			default:
				return
			}
		}
	}
}

// Tally is what the services made so far.
func (shop *Shop) Tally() Tally { return shop.tally.snapshot() }
