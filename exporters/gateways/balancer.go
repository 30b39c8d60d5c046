// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/exporters/gateways/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/encoded"
	"github.com/otelcol-sre/otelcol-sre/internal/scatter"
)

// A balancer is the exporter of one signal.
type balancer struct {
	set        exporter.Settings
	config     *Config
	signal     encoded.Signal
	limit      scatter.Limit
	telemetry  *metadata.TelemetryBuilder
	attributes attribute.Set
	lookup     lookup

	host component.Host
	ring atomic.Pointer[ring] // nil until a gateway is known
	lost bool                 // the last resolution failed

	mu      sync.Mutex // for what follows
	active  map[string]*gateway
	leaving map[*gateway]struct{}
	orphans []*gateway // with a queue on disk since the collector last ran, and not in the list any more
	rooms   *rooms     // nil if queues are in memory
	unsent  *unsent    // nil without storage

	recalled bool // the queues on disk are open

	draining sync.WaitGroup
	running  sync.WaitGroup // what runs until end is called
	end      context.CancelFunc
}

func newBalancer(set exporter.Settings, config *Config, s encoded.Signal) (*balancer, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &balancer{
		set: set, config: config, signal: s, limit: limitOf(config), telemetry: telemetry,
		attributes: attribute.NewSet(attribute.String("data_type", s.Name.String())),
		lookup:     net.DefaultResolver.LookupIPAddr,
		active:     map[string]*gateway{}, leaving: map[*gateway]struct{}{},
		end: func() {},
	}, nil
}

// maxPart is how large a part in a queue is, in bytes: a queue has room for several, and gRPC's limit in most receivers is 4 MiB.
const maxPart = 4_000_000

func limitOf(config *Config) scatter.Limit {
	limit := int64(maxPart)
	if config.QueueConfig.HasValue() {
		queue := config.QueueConfig.Get()
		if queue.Sizer == exporterhelper.RequestSizerTypeBytes {
			limit = min(limit, queue.QueueSize/2)
		}
		if batch := queue.Batch.Get(); batch != nil && batch.Sizer == exporterhelper.RequestSizerTypeBytes && batch.MaxSize > 0 {
			limit = min(limit, batch.MaxSize)
		}
	}
	return scatter.Limit{Bytes: int(max(limit, 1))}
}

// Capabilities says that data is only read: what goes on is a copy.
func (*balancer) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// Start connects to the gateways.
func (b *balancer) Start(ctx context.Context, host component.Host) error {
	b.host = host
	none := metric.WithAttributeSet(b.attributes) // counters begin with 0, so that the first event shows
	b.telemetry.ExporterGatewaysRerouted.Add(ctx, 0, none)
	b.telemetry.ExporterGatewaysLookupsFailed.Add(ctx, 0, none)
	var err error
	if storage := b.storage(); storage != nil {
		if b.rooms, err = openRooms(ctx, host, *storage, b.set, b.signal); err != nil {
			return err
		}
	}
	if b.config.Storage != nil {
		if b.unsent, err = openUnsent(ctx, host, *b.config.Storage, b.set, b.signal); err != nil {
			return err
		}
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	b.end = cancel
	if b.config.DNS.HasValue() {
		dns := b.config.DNS.Get()
		b.resolve(ctx, dns)
		b.running.Go(func() { b.follow(running, dns) })
	} else {
		endpoints, err := parseEndpoints(b.config.Endpoints)
		if err == nil {
			err = b.update(ctx, endpoints)
		}
		if err != nil {
			return err
		}
	}
	if b.unsent != nil {
		b.running.Go(func() { b.restore(running) })
	}
	return nil
}

func (b *balancer) storage() *component.ID {
	if !b.config.QueueConfig.HasValue() {
		return nil
	}
	return b.config.QueueConfig.Get().StorageID
}

// Shutdown sends what is in queues in memory; what is in queues on disk stays there.
func (b *balancer) Shutdown(ctx context.Context) error {
	b.end()
	b.running.Wait()

	b.mu.Lock()
	for g := range b.leaving {
		g.stop()
	}
	b.mu.Unlock()
	b.draining.Wait() // before the others: it gives them data

	gateways := slices.AppendSeq(b.orphans, maps.Values(b.active))
	results := make(chan error)
	for _, g := range gateways { // a gateway that is down does not hold up the others
		g.stop()
		go func() { results <- g.shutdown(ctx) }()
	}
	var errs error
	for range gateways {
		errs = errors.Join(errs, <-results)
	}
	if b.rooms != nil {
		errs = errors.Join(errs, b.rooms.close(ctx))
	}
	if b.unsent != nil {
		errs = errors.Join(errs, b.unsent.close(ctx))
	}
	b.telemetry.Shutdown()
	return errs
}

// update makes the list of gateways the one that data goes to. Those that stay keep their queues.
func (b *balancer) update(ctx context.Context, endpoints []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.ring.Load(); r != nil && slices.EqualFunc(endpoints, r.gateways, func(endpoint string, g *gateway) bool { return endpoint == g.endpoint }) {
		return nil
	}
	b.recall(ctx, endpoints)
	for _, endpoint := range endpoints {
		if b.active[endpoint] != nil {
			continue
		}
		room, err := b.takeRoom(ctx, endpoint)
		if err != nil {
			return err
		}
		g, err := b.add(ctx, endpoint, room)
		if err != nil {
			return errors.Join(err, b.freeRoom(ctx, room))
		}
		b.active[endpoint] = g
	}
	var gone []*gateway
	for endpoint, g := range b.active {
		if !slices.Contains(endpoints, endpoint) {
			delete(b.active, endpoint)
			gone = append(gone, g)
		}
	}
	gateways := make([]*gateway, len(endpoints))
	for i, endpoint := range endpoints {
		gateways[i] = b.active[endpoint]
	}
	b.ring.Store(newRing(gateways))
	for _, g := range append(gone, b.orphans...) {
		b.leaving[g] = struct{}{}
		b.draining.Go(func() { b.drain(g) })
	}
	b.orphans = nil
	b.set.Logger.Info("Gateways", zap.Strings("endpoints", endpoints), zap.Int("leaving", len(b.leaving)))
	b.report(ctx)
	return nil
}

// restore gives the gateways of now what could not be sent before the last restart.
func (b *balancer) restore(ctx context.Context) {
	ticker := time.NewTicker(max(b.config.RetryConfig.MaxInterval, 10*time.Millisecond))
	defer ticker.Stop()
	for {
		err := b.unsent.restore(ctx, func(data []byte) ([]encoded.Chunk, error) {
			items, err := scatter.Count(b.signal.Signal, data)
			if err != nil {
				b.set.Logger.Error("A request from before the last restart is damaged, and is dropped", zap.Error(err))
				return nil, err
			}
			return b.route(ctx, encoded.Chunk{Data: data, Items: items})
		})
		if err == nil {
			return
		}
		select { // there is no gateway or no room yet
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// recall starts the gateways whose queues are on disk since the collector last ran.
func (b *balancer) recall(ctx context.Context, endpoints []string) {
	if b.rooms == nil || b.recalled {
		return
	}
	b.recalled = true
	for room, endpoint := range b.rooms.Of {
		if endpoint == "" {
			continue
		}
		g, err := b.add(ctx, endpoint, room)
		switch {
		case err != nil: // its room is not used, so nothing of it is lost
			b.set.Logger.Error("The queue of a gateway cannot be opened; it is tried again at the next start", zap.String("gateway", endpoint), zap.Error(err))
		case slices.Contains(endpoints, endpoint) && b.active[endpoint] == nil:
			b.active[endpoint] = g
		default:
			b.orphans = append(b.orphans, g)
		}
	}
}

func (b *balancer) takeRoom(ctx context.Context, endpoint string) (int, error) {
	if b.rooms == nil {
		return 0, nil
	}
	return b.rooms.take(ctx, endpoint)
}

func (b *balancer) freeRoom(ctx context.Context, room int) error {
	if b.rooms == nil {
		return nil
	}
	return b.rooms.free(ctx, room)
}

// add starts a gateway. If its queue is on disk, it is in that room.
func (b *balancer) add(ctx context.Context, endpoint string, room int) (*gateway, error) {
	host := b.host
	if b.rooms != nil {
		host = roomHost{b.host, *b.storage(), b.set.ID, room}
	}
	set := b.set
	name := endpoint
	if b.set.ID.Name() != "" {
		name = b.set.ID.Name() + "/" + endpoint
	}
	set.ID = component.NewIDWithName(b.set.ID.Type(), name)
	set.Logger = b.set.Logger.With(zap.String("gateway", endpoint))

	g := newGateway(endpoint, room, b.config.RetryConfig, set.Logger)
	server := b.config.ClientConfig
	server.Endpoint = endpoint
	client := encoded.NewGRPC(server, b.config.TimeoutConfig.Timeout, b.signal, set.TelemetrySettings, set.BuildInfo)
	g.export, g.reroute = client.Export, b.reroute
	if b.unsent != nil {
		g.keep = b.unsent.keep
	}
	retry := b.config.RetryConfig // see push
	retry.InitialInterval, retry.MaxInterval, retry.MaxElapsedTime = time.Second, time.Second, 0
	var err error
	g.queue, err = b.signal.NewQueue(ctx, set, g.push,
		exporterhelper.WithStart(client.Start), exporterhelper.WithShutdown(client.Shutdown),
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{}), // the client has it, for each attempt
		exporterhelper.WithRetry(retry),
		xexporterhelper.WithQueueBatch(b.config.QueueConfig, xexporterhelper.QueueBatchSettings{Encoding: encoded.Disk{Signal: b.signal.Signal}}))
	if err != nil {
		return nil, err
	}
	if err := g.start(ctx, host); err != nil {
		return nil, fmt.Errorf("gateway %s: %w", endpoint, errors.Join(err, g.shutdown(ctx)))
	}
	return g, nil
}

// drain gives what is in the queue of a gateway that has left to the others.
func (b *balancer) drain(g *gateway) {
	ctx := context.Background()
	g.leave()
	emptied := b.rooms != nil && g.emptied(ctx)
	err := g.shutdown(ctx)

	b.mu.Lock()
	defer b.mu.Unlock()
	if emptied && err == nil {
		err = b.rooms.free(ctx, g.room)
	}
	if err != nil {
		g.logger.Warn("The queue of a gateway that has left cannot be closed", zap.Error(err))
	}
	delete(b.leaving, g)
	b.report(ctx)
}

func (b *balancer) report(ctx context.Context) {
	b.telemetry.ExporterGatewaysKnown.Record(ctx, int64(len(b.active)), metric.WithAttributeSet(b.attributes))
	b.telemetry.ExporterGatewaysLeaving.Record(ctx, int64(len(b.leaving)), metric.WithAttributeSet(b.attributes))
}

// errUnknown is not permanent: clients keep their data.
var errUnknown = errors.New("no gateway is known yet: the name of the gateways (dns::hostname) could not be resolved")

// consume puts the items of an encoded request into the queues of their gateways.
//
// If a queue has no room while others have, its items are dropped, and counted by the queue: an error would make the sender repeat what the others have
// already got, again and again. If none has room, the error makes the sender keep its data.
func (b *balancer) consume(ctx context.Context, data []byte, items int) error {
	rest, err := b.route(ctx, encoded.Chunk{Data: data, Items: items})
	missing := 0
	for _, c := range rest {
		missing += c.Items
	}
	if err == nil || missing < items {
		return nil
	}
	return err
}

// reroute gives what was in the queue of a gateway that has left to the others, and returns what they have no room for.
func (b *balancer) reroute(ctx context.Context, chunks []encoded.Chunk) (rest []encoded.Chunk, errs error) {
	items := 0
	for _, c := range chunks {
		left, err := b.route(ctx, c)
		rest, errs = append(rest, left...), errors.Join(errs, err)
		items += c.Items
	}
	for _, c := range rest {
		items -= c.Items
	}
	b.telemetry.ExporterGatewaysRerouted.Add(ctx, int64(items), metric.WithAttributeSet(b.attributes))
	return rest, errs
}

// route puts items into the queues of their gateways, and returns those that did not get in.
func (b *balancer) route(ctx context.Context, c encoded.Chunk) (rest []encoded.Chunk, errs error) {
	r := b.ring.Load()
	if r == nil {
		return []encoded.Chunk{c}, errUnknown
	}
	parts, err := b.divide(r, c)
	if err != nil {
		return []encoded.Chunk{c}, err
	}
	for _, p := range parts {
		part := encoded.Chunk{Data: p.Data, Items: p.Items}
		err := r.gateways[p.Gateway].send(ctx, encoded.NewRequest(b.signal.Signal, part))
		switch {
		case err == nil:
		case errors.Is(err, errLeft) && b.ring.Load() != r: // there is a new list meanwhile
			left, err := b.route(ctx, part)
			rest, errs = append(rest, left...), errors.Join(errs, err)
		default:
			rest, errs = append(rest, part), errors.Join(errs, err)
		}
	}
	return rest, errs
}

func (b *balancer) divide(r *ring, c encoded.Chunk) ([]scatter.Part, error) {
	if len(r.gateways) == 1 && len(c.Data) <= b.limit.Bytes {
		return []scatter.Part{{Data: c.Data, Items: c.Items}}, nil
	}
	return scatter.Divide(b.signal.Signal, c.Data, len(r.gateways), r.owner, b.limit)
}
