// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
	"github.com/otelcol-sre/otelcol-sre/internal/heard"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
	"github.com/otelcol-sre/otelcol-sre/processors/trace_sampler/internal/metadata"
)

const (
	// tick is how often the window is looked at and what is kept is sent.
	tick = 200 * time.Millisecond
	// batchSpans is how many kept spans are sent at once, without waiting for the tick.
	batchSpans = 2000
	// maxWaiting is how many kept spans wait while the next component refuses them. Beyond it, requests are refused.
	maxWaiting = 50_000
	// maxDecisions is how many traces each generation of decisions has.
	maxDecisions = 500_000
)

type sampler struct {
	config    *Config
	id        component.ID
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	reasons   [bad + 1]metric.MeasurementOption
	next      consumer.Traces
	now       func() time.Time
	keep      *conditions
	judge     atomic.Pointer[judge.Catalog]
	judged    atomic.Pointer[catalog.Catalog] // of which judge has the rules
	heard     *heard.Registry
	registry  *admission.Registry
	end       func()
	loop      flush.Loop
	health    *flush.Health
	store     *checkpoint.Store
	visits    sync.Pool
	// waiting is the number of spans in out.
	waiting atomic.Int64

	mu        sync.Mutex
	window    window
	decisions decisions
	shares    shares
	// out are kept spans that are not sent yet.
	out     ptrace.Traces
	scratch []found
	cleaned time.Time
}

func newSampler(set processor.Settings, config *Config, next consumer.Traces) (*sampler, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	s := &sampler{
		config: config, id: set.ID, logger: set.Logger, telemetry: telemetry, next: next, now: time.Now, end: func() {}, health: flush.NewHealth(set.Logger),
		visits: sync.Pool{New: func() any { return &visit{keeps: make(map[pcommon.TraceID]outcome)} }},
		window: newWindow(), decisions: newDecisions(maxDecisions, max(3*config.Wait, 30*time.Second)),
		shares: shares{config: config, services: make(map[admission.Identity]*service)}, out: ptrace.NewTraces(),
	}
	for o := share; o <= bad; o++ {
		s.reasons[o] = metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", reasons[o])))
	}
	if len(config.Keep) > 0 {
		if s.keep, err = compile(config.Keep, set.TelemetrySettings); err != nil {
			return nil, fmt.Errorf("keep: %w", err)
		}
	}
	return s, telemetry.RegisterProcessorTraceSamplerHeldCallback(func(_ context.Context, o metric.Int64Observer) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		o.Observe(s.window.bytes)
		return nil
	})
}

// Capabilities: spans are moved out of the request.
func (*sampler) Capabilities() consumer.Capabilities { return consumer.Capabilities{MutatesData: true} }

// Start takes over what was held when the collector stopped.
func (s *sampler) Start(ctx context.Context, host component.Host) error {
	source, err := servicecatalog.Find(host, s.config.Catalog)
	if err != nil {
		return err
	}
	s.registry, s.heard = servicecatalog.Admission(source), servicecatalog.Heard(source)
	s.end = source.Subscribe(s.use)
	s.health.Start(host)
	s.store, err = checkpoint.Open(ctx, host, s.config.Storage, component.KindProcessor, s.id, stateVersion)
	if errors.Is(err, checkpoint.ErrDamaged) {
		s.logger.Error("Held spans are lost: their state file is damaged and was set aside", zap.Error(err))
	} else if err != nil {
		return err
	}
	if err := s.load(ctx); err != nil {
		s.logger.Error("Held spans are lost: their state cannot be read", zap.Error(err))
	}
	for _, counter := range []metric.Int64Counter{s.telemetry.ProcessorTraceSamplerDropped, s.telemetry.ProcessorTraceSamplerEarly, s.telemetry.ProcessorTraceSamplerFailed} {
		counter.Add(ctx, 0) // so that the first increase is seen
	}
	s.loop.Run(tick, s.pass)
	return nil
}

func (s *sampler) use(c *catalog.Catalog) {
	compiled, err := judge.CompileAll(c)
	if err != nil {
		s.logger.Error("Bad events of an SLO are not known to sampling: its SLI cannot be evaluated", zap.Error(err))
	}
	s.judge.Store(compiled)
	s.judged.Store(c)
}

// useHeard adds the services that have SLOs by the catalog's Defaults, once one of their events has counted.
func (s *sampler) useHeard() {
	if all := s.heard.Catalog(); all != s.judged.Load() {
		s.use(all)
	}
}

// Shutdown keeps what is held in the storage, or decides it, and sends what is kept.
func (s *sampler) Shutdown(ctx context.Context) error {
	s.end()
	s.loop.Stop()
	defer s.telemetry.Shutdown()
	if s.store == nil {
		return nil // it was never started
	}
	ctx, cancel := flush.Last(ctx)
	defer cancel()
	var errs []error
	saved := s.config.Storage != nil
	if saved {
		err := s.save(ctx)
		saved = err == nil
		errs = append(errs, err)
	}
	if !saved {
		s.mu.Lock()
		spans := s.decide(s.now(), func(*chunk) bool { return true })
		s.mu.Unlock()
		s.release(spans)
	}
	errs = append(errs, s.send(ctx), s.store.Close(ctx))
	return errors.Join(errs...)
}

// ConsumeTraces sends the spans of traces that are kept and holds the others.
func (s *sampler) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if s.waiting.Load() > maxWaiting {
		return errors.New("trace_sampler: the next component refuses the spans that are kept, and no more can wait")
	}
	v := s.visits.Get().(*visit)
	defer s.visits.Put(v)
	defer v.reset()
	v.judge(ctx, td, s.judge.Load(), s.keep)

	s.mu.Lock()
	s.look(v, td)
	s.mu.Unlock()

	out := v.part(td)
	if v.held > 0 {
		if err := s.hold(td, s.now().UnixNano()); err != nil {
			s.lost(v.held, err)
		}
	}
	s.count(ctx, v)
	s.append(out, v.found)
	return nil
}

// look decides each span of the request by what is known of its trace, and finds the held spans of traces that the request keeps.
func (s *sampler) look(v *visit, td ptrace.Traces) {
	for id, why := range v.keeps {
		s.take(v, id, why)
	}
	if s.each(v, td) { // a link keeps a trace whose spans came earlier in this request
		v.decisions, v.kept, v.held = v.decisions[:0], [bad + 1]int64{}, 0
		s.each(v, td)
	}
}

// take keeps the trace, and all spans of it that are held.
func (s *sampler) take(v *visit, id pcommon.TraceID, why outcome) (isNew bool) {
	if !s.decisions.put(id, decision{outcome: why}) {
		return false
	}
	from := len(v.found)
	v.found = s.window.of(id, v.found)
	s.window.take(id, v.found[from:])
	return true
}

// each decides each span of the request. It reports whether a link has kept another trace.
func (s *sampler) each(v *visit, td ptrace.Traces) (linked bool) {
	var trace pcommon.TraceID
	var d decision
	for _, rs := range td.ResourceSpans().All() {
		for _, scope := range rs.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				if id := span.TraceID(); id != trace || len(v.decisions) == 0 {
					trace, d = id, s.decisions.get(id)
				}
				if span.Links().Len() > 0 {
					linked = s.links(v, span, d) || linked
					d = s.decisions.get(trace)
				}
				v.decisions = append(v.decisions, d)
				if d.kept() {
					v.kept[d.outcome]++
				} else { // the trace may turn bad, even if the share has dropped what came first
					v.held++
				}
			}
		}
	}
	return linked
}

// links keeps what a kept trace has a link to, and a trace that has a link to a kept one: one step, not further.
func (s *sampler) links(v *visit, span ptrace.Span, d decision) (linked bool) {
	for i := range min(span.Links().Len(), maxLinks) {
		other := span.Links().At(i).TraceID()
		if other == span.TraceID() || other.IsEmpty() {
			continue
		}
		switch {
		case d.itself():
			linked = s.take(v, other, link) || linked
		case s.decisions.get(other).itself():
			linked = s.take(v, span.TraceID(), link) || linked
		}
	}
	return linked
}

// part moves the spans that are kept out of the request.
func (v *visit) part(td ptrace.Traces) ptrace.Traces {
	out := ptrace.NewTraces()
	if v.held == len(v.decisions) {
		return out
	}
	if v.held == 0 && v.kept[share] == 0 {
		td.MoveTo(out)
		return out
	}
	next := 0
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		var to ptrace.ResourceSpans
		isNew := true
		rs.ScopeSpans().RemoveIf(func(scope ptrace.ScopeSpans) bool {
			var toScope ptrace.ScopeSpans
			isNewScope := true
			scope.Spans().RemoveIf(func(span ptrace.Span) bool {
				d := v.decisions[next]
				next++
				if !d.kept() {
					return false
				}
				if isNew {
					isNew, to = false, out.ResourceSpans().AppendEmpty()
					rs.Resource().CopyTo(to.Resource())
					to.SetSchemaUrl(rs.SchemaUrl())
				}
				if isNewScope {
					isNewScope, toScope = false, to.ScopeSpans().AppendEmpty()
					scope.Scope().CopyTo(toScope.Scope())
					toScope.SetSchemaUrl(scope.SchemaUrl())
				}
				kept := toScope.Spans().AppendEmpty()
				span.MoveTo(kept)
				stamp(kept, d.threshold)
				return true
			})
			return scope.Spans().Len() == 0
		})
		return rs.ScopeSpans().Len() == 0
	})
	return out
}

// hold adds the spans to the window. If it is full then, the oldest ones are decided.
func (s *sampler) hold(td ptrace.Traces, arrived int64) error {
	c, err := encode(td)
	if err != nil {
		return err
	}
	identities := make([]admission.Identity, len(c.resources))
	for i, rs := range td.ResourceSpans().All() {
		id := judge.Identify(rs.Resource())
		identities[i] = s.registry.Admit(admission.Identity{Namespace: id.Namespace, Service: id.Name, Environment: id.Environment, Version: id.Version})
		identities[i].Environment, identities[i].Version = "", ""
	}
	now := s.now()
	c.arrived = arrived
	s.mu.Lock()
	for i := range c.resources {
		c.resources[i].service = s.shares.of(identities[i], now)
	}
	s.window.add(c)
	early := int64(0)
	var spans []keptShare
	if s.window.bytes > s.config.MaxBytes {
		spans = s.decide(now, func(oldest *chunk) bool {
			full := s.window.bytes > s.config.MaxBytes
			if full {
				early += int64(len(oldest.spans))
			}
			return full
		})
	}
	s.mu.Unlock()
	if early > 0 {
		s.telemetry.ProcessorTraceSamplerEarly.Add(context.Background(), early)
	}
	s.release(spans)
	return nil
}

// A keptShare is held spans of a trace that the share keeps.
type keptShare struct {
	spans []found
	decision
}

// decide removes the oldest chunks for as long as it is time for them, decides their traces, and returns what is kept.
func (s *sampler) decide(now time.Time, isTime func(oldest *chunk) bool) (kept []keptShare) {
	rejected := int64(0)
	for c := s.window.oldest(); c != nil && isTime(c); c = s.window.oldest() {
		for i := range c.spans {
			span := &c.spans[i]
			if span.taken {
				continue
			}
			d := s.decisions.get(span.trace)
			if d.outcome == undecided {
				s.scratch = s.window.of(span.trace, s.scratch[:0])
				d = s.decideShare(span.trace, s.scratch, now)
				s.decisions.put(span.trace, d)
			}
			if !d.kept() {
				rejected++
				continue
			}
			spans := s.window.of(span.trace, nil)
			s.window.take(span.trace, spans)
			kept = append(kept, keptShare{spans, d})
		}
		s.window.leave()
	}
	clear(s.scratch)
	if rejected > 0 {
		s.telemetry.ProcessorTraceSamplerDropped.Add(context.Background(), rejected)
	}
	return kept
}

// decideShare decides a trace by its ID. A trace that was sampled before at a smaller probability stays as it is.
func (s *sampler) decideShare(trace pcommon.TraceID, spans []found, now time.Time) decision {
	threshold := s.shares.threshold(spans, now)
	random, before := randomness(trace, spans[0].tracestate())
	if random < max(threshold, before) {
		return decision{outcome: dropped}
	}
	return decision{outcome: share, threshold: threshold}
}

// release decodes the spans that a share has kept, and adds them to what is sent next.
func (s *sampler) release(kept []keptShare) {
	if len(kept) == 0 {
		return
	}
	var all []found
	var counts [bad + 1]int64
	thresholds := make(map[pcommon.TraceID]uint64, len(kept))
	for _, k := range kept {
		all = append(all, k.spans...)
		counts[k.outcome] += int64(len(k.spans))
		thresholds[k.spans[0].held().trace] = k.threshold
	}
	for o, n := range counts {
		if n > 0 {
			s.telemetry.ProcessorTraceSamplerKept.Add(context.Background(), n, s.reasons[o])
		}
	}
	td, err := decode(all)
	if err != nil { // they were encoded here
		s.lost(len(all), err)
		return
	}
	for _, rs := range td.ResourceSpans().All() {
		for _, scope := range rs.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				stamp(span, thresholds[span.TraceID()])
			}
		}
	}
	s.add(td)
}

func (s *sampler) count(ctx context.Context, v *visit) {
	for _, f := range v.found {
		v.kept[v.keeps[f.held().trace]]++
	}
	v.kept[link] += v.kept[undecided] // held spans of a trace that only a link keeps
	for o := share; o <= bad; o++ {
		if v.kept[o] > 0 {
			s.telemetry.ProcessorTraceSamplerKept.Add(ctx, v.kept[o], s.reasons[o])
		}
	}
}

// append adds the spans, and those that were held, to what is sent, and sends it if that is enough for a batch.
func (s *sampler) append(out ptrace.Traces, held []found) {
	if len(held) > 0 {
		td, err := decode(held)
		if err != nil { // they were encoded here
			s.lost(len(held), err)
		} else {
			td.ResourceSpans().MoveAndAppendTo(out.ResourceSpans())
		}
	}
	if s.add(out) >= batchSpans {
		_ = s.send(context.Background()) // spans of many requests; what is refused waits, and is sent again
	}
}

// add appends to what is sent next, and returns how many spans that is.
func (s *sampler) add(td ptrace.Traces) int64 {
	n := int64(td.SpanCount())
	if n == 0 {
		return s.waiting.Load()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	td.ResourceSpans().MoveAndAppendTo(s.out.ResourceSpans())
	return s.waiting.Add(n)
}

// send sends what is kept. If the next component refuses it for now, it waits for the next time.
func (s *sampler) send(ctx context.Context) error {
	s.mu.Lock()
	td := s.out
	s.out = ptrace.NewTraces()
	n := s.waiting.Swap(0)
	s.mu.Unlock()
	if n == 0 {
		return nil
	}
	err := s.next.ConsumeTraces(ctx, td)
	switch {
	case err == nil:
		s.health.Succeeded(sending)
	case consumererror.IsPermanent(err):
		s.lost(int(n), err)
	default:
		s.health.Failed(s.now(), sending, "The next component refuses the spans of kept traces; they wait", err)
		s.add(td)
	}
	return err
}

const sending = "sending"

func (s *sampler) lost(spans int, err error) {
	s.telemetry.ProcessorTraceSamplerFailed.Add(context.Background(), int64(spans))
	s.health.Failed(s.now(), sending, "Spans of kept traces are lost", err)
}

// pass decides what was held for long enough, and sends what is kept.
func (s *sampler) pass(ctx context.Context) {
	s.useHeard()
	now := s.now()
	due := now.Add(-s.config.Wait).UnixNano()
	s.mu.Lock()
	spans := s.decide(now, func(oldest *chunk) bool { return oldest.arrived <= due })
	s.decisions.rotate(now)
	if now.Sub(s.cleaned) > time.Minute {
		s.cleaned = now
		s.shares.forget(now)
	}
	s.mu.Unlock()
	s.release(spans)
	_ = s.send(ctx) // what is refused waits, and is sent again
}
