// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/fleetclock"
	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/journal"
	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/seen"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/heard"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// core is what the instances of one component share: the rules, the counters and the flush.
type core struct {
	config    *Config
	id        component.ID
	next      consumer.Metrics
	logger    *zap.Logger
	telemetry telemetry
	resource  pcommon.Resource // of the emitted metrics
	now       func() time.Time

	// ledger is nil without one.
	ledger   *ledger
	services atomic.Pointer[judge.Services[counted]]
	registry *registry

	// heard has the services that the catalog does not name. catalog is the one in use, guarded by registry.mu, and losses the services
	// that were gone when it was last taken in.
	heard     *heard.Registry
	byDefault atomic.Pointer[byDefault]
	catalog   *catalog.Catalog
	losses    atomic.Uint64

	// commits is held for reading while a request goes into the journal and the counters, and for writing to see all requests
	// as a whole or not at all.
	commits sync.RWMutex
	// seen is nil without deduplication, journal without a journal. hash makes the identities that seen remembers.
	seen    *seen.Set
	hash    *seen.Hash
	journal *journal.Journal
	numbers atomic.Uint64 // of series in the journal
	// journalFailed: there are counts that neither the journal nor a checkpoint has.
	journalFailed atomic.Bool
	fleet         fleetclock.Clock
	senders       senderHash
	remembers     atomic.Int64

	health         *flush.Health
	flushing       sync.Mutex // one flush at a time; guards the next five
	lastFlush      pcommon.Timestamp
	pause          pause
	lastCheckpoint time.Time
	saved          journal.Position // where the last checkpoint ends
	store          *checkpoint.Store
	series         atomic.Int64

	unsubscribe func()
	loop        flush.Loop
}

func newCore(set connector.Settings, cfg *Config, next consumer.Metrics) (*core, error) {
	telemetry, err := newTelemetry(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	c := &core{
		config: cfg, id: set.ID, next: next, logger: set.Logger, telemetry: telemetry,
		resource: resourceOf(set), now: time.Now, registry: newRegistry(), heard: heard.None(), health: flush.NewHealth(set.Logger),
		senders: senderHash{maphash.MakeSeed()}, ledger: newLedger(cfg),
	}
	c.services.Store(&judge.Services[counted]{})
	c.byDefault.Store(&byDefault{})
	observe := func(n *atomic.Int64) metric.Int64Callback {
		return func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(n.Load())
			return nil
		}
	}
	return c, errors.Join(
		telemetry.builder.RegisterConnectorSliSeriesCallback(observe(&c.series)),
		telemetry.builder.RegisterConnectorSliClockOffsetCallback(func(_ context.Context, o metric.Float64Observer) error {
			o.Observe(c.fleet.Offset().Seconds())
			return nil
		}),
		telemetry.builder.RegisterConnectorSliDeduplicationWindowCallback(func(_ context.Context, o metric.Float64Observer) error {
			o.Observe(time.Duration(c.remembers.Load()).Seconds())
			return nil
		}),
		telemetry.builder.RegisterConnectorSliStreamsCallback(observe(&c.registry.streams)),
		telemetry.builder.RegisterConnectorSliLedgerSlosCallback(func(_ context.Context, o metric.Int64Observer) error {
			if c.ledger != nil {
				o.Observe(c.ledger.books.Load())
			}
			return nil
		}))
}

// resourceOf is the collector as the writer of the counters. Two connectors in it never write
// one series: a named one, sli/x, is an instance of its own.
func resourceOf(set connector.Settings) pcommon.Resource {
	attribute := func(key, otherwise string) string {
		if v, ok := set.Resource.Attributes().Get(key); ok && v.AsString() != "" {
			return v.AsString()
		}
		return otherwise
	}
	instance := attribute(semconv.ServiceInstanceID, uuid.NewString())
	if set.ID.Name() != "" {
		instance += "/" + set.ID.Name()
	}
	r := pcommon.NewResource()
	r.Attributes().PutStr(semconv.ServiceName, attribute(semconv.ServiceName, set.BuildInfo.Command))
	r.Attributes().PutStr(semconv.ServiceInstanceID, instance)
	return r
}

func (c *core) start(ctx context.Context, host component.Host) error {
	source, err := servicecatalog.Find(host, c.config.Catalog)
	if err != nil {
		return err
	}
	c.health.Start(host)
	store, err := checkpoint.Open(ctx, host, c.config.Storage, component.KindConnector, c.id, checkpointVersion)
	if errors.Is(err, checkpoint.ErrDamaged) {
		c.failed(ctx, c.now(), flush.Restore, "Saved SLI counters cannot be read; they start from zero", err)
	} else if err != nil {
		return err
	}
	c.store = store
	if err := c.open(); err != nil {
		return errors.Join(err, store.Close(ctx))
	}
	if err := c.restore(ctx); err != nil {
		return errors.Join(err, c.closeJournal(), store.Close(ctx))
	}
	c.heard = servicecatalog.Heard(source)
	c.recall()
	c.unsubscribe = source.Subscribe(c.swap)
	c.registry.forget() // what was restored and the catalog does not name
	if c.pause.end != 0 {
		c.flush(ctx) // nothing has been counted since
	}
	c.loop.Run(c.config.FlushInterval, c.flush)
	return nil
}

// stop flushes a last time and ends the core. One that was never started has nothing to flush.
func (c *core) stop(ctx context.Context) error {
	defer c.telemetry.builder.Shutdown()
	if c.unsubscribe == nil {
		return nil
	}
	c.unsubscribe()
	c.loop.Stop()
	if c.config.Storage == nil {
		c.settle(ctx, 0) // it would be lost otherwise
	}
	last, cancel := flush.Last(ctx)
	defer cancel()
	c.flush(last)
	return errors.Join(c.closeJournal(), c.store.Close(ctx))
}

// swap takes a catalog in. Counters of SLOs that stay go on; the rules in use until now count
// into the same ones, so a batch that is on its way loses nothing.
func (c *core) swap(cat *catalog.Catalog) {
	c.registry.mu.Lock()
	defer c.registry.mu.Unlock()
	c.takeAll(cat)
}

// takeAll takes in the catalog, and the services by its Defaults that have events. c.registry.mu must be held.
func (c *core) takeAll(cat *catalog.Catalog) {
	next, others := &judge.Services[counted]{}, byDefault{}
	now := c.now()
	c.catalog = cat
	c.losses.Store(c.heard.Losses())
	c.registry.markAll()
	for _, s := range cat.Services {
		next.Add(s.Namespace, s.Name, c.take(s, now))
	}
	for _, s := range c.heard.Services() {
		if cat.Emitter(s.Namespace, s.Name) == nil {
			others[s] = c.take(s, now)
		}
	}
	c.services.Store(next)
	c.byDefault.Store(&others)
}

// take takes in a service. c.registry.mu must be held.
func (c *core) take(s *catalog.Service, now time.Time) *counted {
	key := serviceKey{namespace: s.Namespace, name: s.Name}
	state := c.registry.service(key)
	compiled, err := state.take(c.registry, s, now)
	state.books.keepTo(c.ledger, s)
	if err != nil {
		c.notCounted(s, err)
	}
	compiled.tag = key.tag()
	return compiled
}

func (c *core) notCounted(s *catalog.Service, err error) {
	c.logger.Error("An SLO is not counted: its SLI cannot be evaluated",
		zap.String("service", fmt.Sprintf("%.100q", s.Name)), zap.Error(err))
}

// counted is a service of the catalog in use, or by its Defaults: its rules, and what they count into. It never changes.
type counted struct {
	// service is nil for one by Defaults that has had no event.
	*service
	// from is what the catalog says.
	from *catalog.Service
	// tag is the service as a number.
	tag   uint64
	rules judge.Rules
	// slos is by the index in the catalog; nil for those without a rule.
	slos    []*slo
	metrics []metricRule
}

// remark is about an SLO by its index in the catalog.
func (c *counted) remark(reason string, slo int) remark {
	return remark{reason, serviceKey{c.from.Namespace, c.from.Name}, c.from.SLOs[slo].Name}
}

// take brings the service in line with the catalog and compiles its rules.
func (s *service) take(r *registry, from *catalog.Service, now time.Time) (*counted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules, err := judge.Compile(from)
	s.wanted, s.listed = true, rules.Environments
	c := &counted{service: s, from: from, rules: rules, slos: make([]*slo, len(from.SLOs))}
	ruled := rules.SLOs()
	for i, o := range from.SLOs {
		if ruled[i] {
			c.slos[i] = s.slo(groupID{name: o.Name, by: o.GroupBy}.text())
			c.slos[i].wanted = true
			s.fit(c.slos[i], o)
			s.track(r, c.slos[i], o.SLI.Metrics, now)
		}
	}
	for _, rule := range rules.Metrics {
		of := c.slos[rule.SLO]
		c.metrics = append(c.metrics, metricRule{rule, of, of.tracker})
	}
	s.addIdle(now)
	return c, err
}

// arrive notes telemetry of a service and returns the counters it goes to, if any.
func (c *core) arrive(s *service, id judge.Identity, now time.Time) (_ *version, overLimit string) {
	id.Where, id.Version = c.config.placed(id.Where), strings.ReplaceAll(id.Version, slotMark, "?")
	return s.arrive(id, now, limits{environments: c.config.MaxEnvironments, versions: c.config.MaxVersions, places: c.config.MaxPlaces})
}
