// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/heard"
	"github.com/otelcol-sre/otelcol-sre/processors/slo/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/processors/slo/internal/tables"
)

// checkpointVersion is the format of the records, see encode.go.
const checkpointVersion = 1

type sloProcessor struct {
	config    *Config
	id        component.ID
	next      consumer.Metrics
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	stats     stats
	emitter   emitter
	now       func() time.Time

	// slos are those of the catalog in use.
	slos   atomic.Pointer[map[key]*tracked]
	shards [shardCount]shard

	// byDefault are the SLOs of the services in heard: those that the catalog does not name.
	byDefault atomic.Pointer[map[key]*tracked]
	heard     *heard.Registry
	// taking is held while SLOs are taken in. It guards catalog, which is the one in use.
	taking  sync.Mutex
	catalog *catalog.Catalog
	losses  atomic.Uint64 // the services that were gone when the catalog was last taken in

	// peers is nil if there are none, or none that are asked.
	peers  *peers
	filler *filler // nil if there is nowhere to read the past
	set    component.TelemetrySettings

	// tables are those of the budget ledger. booking merges them and emits what they say.
	tables        *tables.Store
	lines         lines
	booking       flush.Loop
	malformedOnce atomic.Bool
	// bookSaved is when the tables were last saved.
	bookSaved int64

	store   *checkpoint.Store
	archive *archive // nil without storage
	// wake lets the loop look at what has changed.
	wake chan struct{}
	// turn is held while the shards are flushed and saved.
	turn sync.Mutex
	// flushed is when the last flush was.
	flushed int64
	health  *flush.Health
	// closed: what has been kept cannot be read any more.
	closed      atomic.Bool
	unsubscribe func()
	loop        flush.Loop
}

func newProcessor(set processor.Settings, config *Config, next consumer.Metrics) (*sloProcessor, error) {
	p := &sloProcessor{
		config: config,
		id:     set.ID,
		next:   next,
		logger: set.Logger,
		now:    time.Now,
		heard:  heard.None(),
		health: flush.NewHealth(set.Logger),
		wake:   make(chan struct{}, 1),
	}
	p.tables = tables.New(tables.Limits{Place: config.Ledger.MaxMiBPerSLO << 20, Total: config.Ledger.MaxMiB << 20})
	p.emitter, p.set = newEmitter(set), set.TelemetrySettings
	if config.Peers.HasValue() {
		p.peers = newPeers(config.Peers.Get(), uuid.NewString())
	}
	if config.History.HasValue() {
		p.filler = &filler{config: config.History.Get()}
	}
	p.slos.Store(&map[key]*tracked{})
	p.byDefault.Store(&map[key]*tracked{})
	for i := range p.shards {
		p.shards[i].slos = make(map[key]*tracked)
	}
	var err error
	if p.telemetry, err = metadata.NewTelemetryBuilder(set.TelemetrySettings); err != nil {
		return nil, err
	}
	return p, p.observe()
}

func (p *sloProcessor) start(ctx context.Context, host component.Host) error {
	if err := p.open(ctx, host); err != nil {
		return err
	}
	if p.peers != nil {
		if err := p.startPeers(ctx, host, p.set); err != nil {
			return err
		}
	}
	if p.filler != nil {
		if err := p.startFilling(ctx, host, p.set); err != nil {
			return err
		}
	}
	p.loop.Start(p.run)
	p.booking.Run(p.config.FlushInterval, func(ctx context.Context) { p.turnPages(ctx, p.now()) })
	return nil
}

// open makes the processor ready for points: it restores what was saved and follows the catalog.
func (p *sloProcessor) open(ctx context.Context, host component.Host) error {
	source, err := servicecatalog.Find(host, p.config.Catalog)
	if err != nil {
		return err
	}
	p.health.Start(host)
	p.store, err = checkpoint.Open(ctx, host, p.config.Storage, component.KindProcessor, p.id, checkpointVersion)
	if errors.Is(err, checkpoint.ErrDamaged) {
		p.damaged(err)
	} else if err != nil {
		return err
	}
	if p.config.Storage != nil {
		p.archive = &archive{p.store, p.damagedHour}
	}
	if err := p.restore(ctx); err != nil {
		return err
	}
	if err := p.restoreTables(ctx); err != nil {
		return err
	}
	p.heard = servicecatalog.Heard(source)
	p.recall()
	p.unsubscribe = source.Subscribe(p.adopt)
	p.keepFor(host)
	return nil
}

// shutdown emits and saves everything once more. Storage is still there: extensions are stopped last.
func (p *sloProcessor) shutdown(ctx context.Context) error {
	defer p.telemetry.Shutdown()
	p.closed.Store(true)
	if p.store == nil {
		return nil
	}
	p.loop.Stop()
	p.booking.Stop()
	if p.filler != nil {
		p.filler.loop.Stop()
	}
	if p.peers != nil {
		last, cancel := flush.Last(ctx)
		defer cancel()
		p.bequeath(last)
		if err := p.peers.stop(last); err != nil {
			p.logger.Warn("Peers are still asking", zap.Error(err))
		}
	}
	if p.unsubscribe != nil {
		p.unsubscribe()
		now := p.now()
		p.checkpoint(ctx, now, true)
		p.saveTables(ctx, now, true)
		last, cancel := flush.Last(ctx)
		defer cancel()
		p.flush(last, now, true)
	}
	return p.store.Close(ctx)
}

// adopt takes a new catalog. SLOs that stay keep their state; those that are gone are kept for a
// time, in case they come back.
func (p *sloProcessor) adopt(c *catalog.Catalog) {
	p.taking.Lock()
	defer p.taking.Unlock()
	p.takeAll(c)
}

// takeAll takes in the catalog, and the services by its Defaults that have events. p.taking must be held.
func (p *sloProcessor) takeAll(c *catalog.Catalog) {
	now := p.now().UnixNano()
	slos, others := make(map[key]*tracked), make(map[key]*tracked)
	p.catalog = c
	p.losses.Store(p.heard.Losses())
	for _, service := range c.Services {
		p.take(slos, service, now)
	}
	for _, service := range c.Services {
		p.inheritNames(slos, service)
	}
	for _, service := range p.heard.Services() {
		if c.Emitter(service.Namespace, service.Name) == nil {
			p.take(others, service, now)
			p.inheritNames(others, service)
		}
	}
	p.slos.Store(&slos)
	p.byDefault.Store(&others)
	p.tables.Keep(p.keeps)
	for i := range p.shards {
		p.shards[i].release(slos, others, now)
	}
	p.wakeUp()
}

func (s *shard) adopt(k key, service *catalog.Service, slo *catalog.SLO, digest float64, now int64) *tracked {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.slos[k]
	if t == nil {
		t = &tracked{key: k, shard: s}
		s.slos[k] = t
	}
	t.adopt(service, slo, now)
	t.objective.digest = digest
	return t
}

// release lets go of all SLOs that are in neither.
func (s *shard) release(named, byDefault map[key]*tracked, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, t := range s.slos {
		if named[k] == nil && byDefault[k] == nil {
			t.release(now)
		}
	}
}
