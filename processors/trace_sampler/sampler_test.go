// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/adjusted"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
	"github.com/otelcol-sre/otelcol-sre/internal/heard"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/processors/trace_sampler/internal/metadata"
)

// A source is a service_catalog extension with the service checkout: an answer after more than 300 ms is bad.
type source struct {
	component.StartFunc
	component.ShutdownFunc
}

var known = &catalog.Catalog{Services: []*catalog.Service{{
	Name: "checkout",
	SLOs: []*catalog.SLO{{Name: "latency", Objective: 99, SLI: catalog.SLI{Latency: &catalog.Latency{Threshold: 300 * time.Millisecond}}}},
}}}

func (source) Catalog() *catalog.Catalog       { return known }
func (source) Problems() catalog.Problems      { return nil }
func (source) Reading() servicecatalog.Reading { return servicecatalog.Reading{} }
func (source) Subscribe(f func(*catalog.Catalog)) func() {
	f(known)
	return func() {}
}

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

func defaults(change ...func(*Config)) *Config {
	c := createDefaultConfig().(*Config)
	for _, f := range change {
		f(c)
	}
	return c
}

// none keeps nothing but what is kept for itself.
func none(c *Config) { c.Percentage = 0 }

// A rig is a sampler and what came out of it.
type rig struct {
	*sampler
	t         testing.TB
	telemetry *componenttest.Telemetry

	mu     sync.Mutex
	refuse error
	got    []ptrace.Span
}

func newRig(t testing.TB, config *Config, extensions ...component.Component) *rig {
	r := &rig{t: t, telemetry: componenttest.NewTelemetry()}
	set := processortest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = r.telemetry.NewTelemetrySettings()
	next, err := consumer.NewTraces(r.take)
	require.NoError(t, err)
	r.sampler, err = newSampler(set, config, next)
	require.NoError(t, err)
	h := host{component.MustNewID("service_catalog"): source{}}
	if len(extensions) > 0 {
		h[*config.Storage] = extensions[0]
	}
	require.NoError(t, r.Start(context.Background(), h))
	return r
}

func (r *rig) take(_ context.Context, td ptrace.Traces) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil {
		return r.refuse
	}
	for _, rs := range td.ResourceSpans().All() {
		for _, scope := range rs.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				r.got = append(r.got, span)
			}
		}
	}
	return nil
}

func (r *rig) refuses(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = err
}

// all are the spans that came out.
func (r *rig) all() []ptrace.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got
}

// spans are how often each span came out, by its name.
func (r *rig) spans() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := map[string]int{}
	for _, span := range r.got {
		names[span.Name()]++
	}
	return names
}

func (r *rig) consume(spans ...func(ptrace.Span)) {
	require.NoError(r.t, r.ConsumeTraces(r.t.Context(), traces("checkout", spans...)))
}

func (r *rig) stop() { require.NoError(r.t, r.Shutdown(context.Background())) }

// counted is the value of a counter, over all reasons or of one.
func (r *rig) counted(name, reason string) (n int64) {
	m, err := r.telemetry.GetMetric(name)
	if err != nil {
		return 0 // nothing was counted yet
	}
	for _, p := range points(m) {
		if reason == "" || p.reason == reason {
			n += p.value
		}
	}
	return n
}

func traceID(n uint64) (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[:8], n)
	binary.BigEndian.PutUint64(id[8:], n*0x9e3779b97f4a7c15)
	return id
}

// traces are spans of a service, all in one resource and scope.
func traces(service string, spans ...func(ptrace.Span)) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.SetSchemaUrl("schema of the resource")
	rs.Resource().Attributes().PutStr(semconv.ServiceName, service)
	scope := rs.ScopeSpans().AppendEmpty()
	scope.SetSchemaUrl("schema of the scope")
	scope.Scope().SetName("test")
	for _, change := range spans {
		change(scope.Spans().AppendEmpty())
	}
	return td
}

// ok is a span of the trace that nothing keeps.
func ok(trace uint64, name string) func(ptrace.Span) {
	return func(span ptrace.Span) {
		span.SetTraceID(traceID(trace))
		span.SetName(name)
		span.SetKind(ptrace.SpanKindServer)
		span.SetStartTimestamp(1e18)
		span.SetEndTimestamp(1e18 + 1e6)
	}
}

// slow is a span that the catalog calls bad.
func slow(trace uint64, name string) func(ptrace.Span) {
	return func(span ptrace.Span) {
		ok(trace, name)(span)
		span.SetEndTimestamp(1e18 + 1e9)
	}
}

func linked(f func(ptrace.Span), to uint64) func(ptrace.Span) {
	return func(span ptrace.Span) {
		f(span)
		span.Links().AppendEmpty().SetTraceID(traceID(to))
	}
}

// A trace that turns bad is kept whole, at once; what comes later follows. Nothing else is.
func TestBadTracesAreKeptWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, defaults(none))
		defer r.stop()
		r.consume(ok(1, "1a"), ok(2, "2a"), ok(3, "3a"))
		time.Sleep(5 * time.Second)
		r.consume(ok(1, "1b"), slow(1, "1c"), ok(2, "2b"))
		time.Sleep(2 * tick)
		require.Equal(t, map[string]int{"1a": 1, "1b": 1, "1c": 1}, r.spans(), "at once")
		r.consume(ok(1, "1d"))
		time.Sleep(6 * time.Second) // 2a and 3a are gone
		r.consume(slow(2, "2c"), slow(3, "3b"))
		time.Sleep(time.Minute)
		require.Equal(t, map[string]int{"1a": 1, "1b": 1, "1c": 1, "1d": 1, "2b": 1, "2c": 1, "3b": 1}, r.spans())
		require.EqualValues(t, 7, r.counted("otelcol_processor_trace_sampler_kept", "bad"))
		require.EqualValues(t, 2, r.counted("otelcol_processor_trace_sampler_dropped", ""))
		r.sampler.mu.Lock()
		defer r.sampler.mu.Unlock()
		require.Zero(t, r.window.bytes)
		require.Empty(t, r.window.newest)
	})
}

// A service that has its SLOs by Defaults is judged from the tick on after one of its events has counted.
func TestDefaultsKeepATrace(t *testing.T) {
	loaded, problems := catalog.Parse("defaults.yaml", []byte(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Defaults
metadata: {name: all}
spec: {slos: [{name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}]}
`))
	require.NoError(t, problems.Err())
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, defaults(none))
		defer r.stop()
		registry := heard.New(admission.New(admission.DefaultLimits(), time.Now), 40, time.Now)
		registry.SetCatalog(loaded)
		r.loop.Stop()
		r.heard = registry
		r.loop.Run(tick, r.pass)
		require.NoError(t, r.ConsumeTraces(t.Context(), traces("cart", slow(1, "before"))))
		require.True(t, registry.Counted(registry.Hear(admission.Identity{Service: "cart"})))
		time.Sleep(2 * tick)
		require.NoError(t, r.ConsumeTraces(t.Context(), traces("cart", slow(2, "after"), ok(3, "ok"))))
		time.Sleep(2 * tick)
		require.Equal(t, map[string]int{"after": 1}, r.spans())
		require.EqualValues(t, 1, r.counted("otelcol_processor_trace_sampler_kept", "bad"))
	})
}

func TestWhatKeepsATrace(t *testing.T) {
	for name, test := range map[string]struct {
		td     ptrace.Traces
		reason string
	}{
		"bad event":            {traces("checkout", slow(1, "kept")), "bad"},
		"no SLO says slow":     {traces("cart", slow(1, "kept")), ""},
		"error":                {traces("cart", func(s ptrace.Span) { ok(1, "kept")(s); s.Status().SetCode(ptrace.StatusCodeError) }), "error"},
		"condition":            {traces("cart", func(s ptrace.Span) { ok(1, "kept")(s); s.Attributes().PutBool("debug", true) }), "condition"},
		"condition not met":    {traces("cart", func(s ptrace.Span) { ok(1, "kept")(s); s.Attributes().PutBool("debug", false) }), ""},
		"new deployment":       {fresh(traces("cart", ok(1, "kept")), pcommon.NewValueBool(true)), "recent"},
		"not a new deployment": {fresh(traces("cart", ok(1, "kept")), pcommon.NewValueStr("true")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, defaults(none, func(c *Config) {
					c.Keep = []string{`span.attributes["debug"] == true`, `span.attributes["x"]["y"] > 1`}
				}))
				defer r.stop()
				require.NoError(t, r.ConsumeTraces(t.Context(), test.td))
				time.Sleep(2 * tick)
				require.Equal(t, test.reason != "", r.spans()["kept"] == 1)
				if test.reason != "" {
					require.EqualValues(t, 1, r.counted("otelcol_processor_trace_sampler_kept", test.reason))
				}
			})
		})
	}
}

func fresh(td ptrace.Traces, value pcommon.Value) ptrace.Traces {
	value.CopyTo(td.ResourceSpans().At(0).Resource().Attributes().PutEmpty(semconv.DeploymentRecent))
	return td
}

// A link keeps the trace on its other end, whichever came first, and not what that one has a link to.
func TestLinksKeepTheOtherTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, defaults(none))
		defer r.stop()
		r.consume(ok(1, "producer"), linked(ok(5, "batch"), 4), ok(9, "other"))
		r.consume(linked(slow(2, "consumer"), 1))
		r.consume(slow(3, "sender"), linked(ok(4, "receiver"), 3), linked(ok(6, "itself"), 6), linked(ok(7, "nothing"), 0))
		r.consume(ok(1, "producer later"), ok(4, "receiver later"))
		r.consume(ok(8, "same request"), linked(slow(10, "consumer of it"), 8))
		time.Sleep(time.Minute)
		require.Equal(t, map[string]int{
			"producer": 1, "consumer": 1, "producer later": 1, "sender": 1, "receiver": 1, "receiver later": 1, "same request": 1, "consumer of it": 1,
		}, r.spans())
		require.EqualValues(t, 5, r.counted("otelcol_processor_trace_sampler_kept", "link"))
	})
}

// Whatever the order and the time of spans, each one comes out once if its trace turns bad before the span has been held for `wait`, or
// if the trace's ID is in the share; and not otherwise.
func TestAsTheModelSays(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			r := newRig(t, defaults(func(c *Config) { c.MinTracesPerSecond, c.MaxSpansPerSecond, c.Percentage = 0, 0, 25 }))
			r.decisions.every = time.Hour
			start := time.Now()
			threshold, err := sampling.ProbabilityToThresholdWithPrecision(0.25, precision)
			require.NoError(t, err)
			type sent struct {
				name  string
				trace uint64
				at    time.Time
				bad   bool
			}
			var all []sent
			base := seed * 1000
			for n := range 60 {
				var spans []func(ptrace.Span)
				for m := range 1 + random.IntN(8) {
					s := sent{fmt.Sprint(n, "/", m), base + random.Uint64N(40), time.Now(), random.IntN(20) == 0}
					all = append(all, s)
					if s.bad {
						spans = append(spans, slow(s.trace, s.name))
					} else {
						spans = append(spans, ok(s.trace, s.name))
					}
				}
				r.consume(spans...)
				time.Sleep(time.Duration(random.IntN(4))*time.Second + 7*time.Millisecond) // never at a tick
			}
			time.Sleep(time.Minute)
			want, shared := map[string]int{}, map[string]bool{}
			for _, s := range all {
				until := start.Add((s.at.Sub(start) + r.config.Wait + tick - 1).Truncate(tick)) // the first tick after `wait`
				turned := false
				for _, other := range all {
					turned = turned || other.trace == s.trace && other.bad && other.at.Before(until)
				}
				inShare := threshold.ShouldSample(sampling.TraceIDToRandomness(traceID(s.trace)))
				if turned || inShare {
					want[s.name] = 1
				}
				shared[s.name] = inShare
			}
			require.Equal(t, want, r.spans(), "seed %d", seed)
			for _, span := range r.all() {
				count, _ := adjusted.Count(span.TraceState().AsRaw())
				if count != 1 {
					require.True(t, shared[span.Name()])
					require.InDelta(t, 4, count, 1e-9)
				}
			}
			r.stop()
		})
	}
}

// The adjusted counts of what is kept say how many spans there were.
func TestAdjustedCountsAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, defaults(func(c *Config) { c.MinTracesPerSecond, c.MaxSpansPerSecond = 0, 0 }))
		const requests = 20_000
		for n := range uint64(requests) {
			r.consume(ok(n, "span"))
		}
		time.Sleep(time.Minute)
		total := 0.0
		for _, span := range r.all() {
			count, problem := adjusted.Count(span.TraceState().AsRaw())
			require.Equal(t, adjusted.None, problem)
			total += count
		}
		require.InEpsilon(t, requests, total, 0.1)
		r.stop()
	})
}

// A tracestate that was sampled before keeps the smaller probability, and its randomness.
func TestSampledBefore(t *testing.T) {
	for tracestate, want := range map[string]struct {
		kept  bool
		state string
	}{
		"ot=rv:ffffffffffffff":             {true, "ot=rv:ffffffffffffff;th:8"},
		"ot=rv:00000000000001":             {false, ""},
		"ot=rv:ffffffffffffff;th:f":        {true, "ot=rv:ffffffffffffff;th:f"},
		"vendor=x,ot=rv:80000000000000":    {true, "ot=rv:80000000000000;th:8,vendor=x"},
		"ot=rv:7fffffffffffff;th:4":        {false, ""},
		"ot=rv:ffffffffffffff;th:4;a:b":    {true, "ot=rv:ffffffffffffff;th:8;a:b"},
		"ot=rv:ffffffffffffff,not a state": {true, "ot=rv:ffffffffffffff,not a state"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, defaults(func(c *Config) { c.Percentage, c.MinTracesPerSecond = 50, 0 }))
			defer r.stop()
			r.consume(func(span ptrace.Span) {
				ok(1<<63, "span")(span)
				span.TraceState().FromRaw(tracestate)
			})
			time.Sleep(time.Minute)
			if tracestate == "ot=rv:ffffffffffffff,not a state" {
				return // it cannot be read: either way, nothing was made up
			}
			require.Equal(t, want.kept, len(r.all()) == 1, tracestate)
			if want.kept {
				require.Equal(t, want.state, r.all()[0].TraceState().AsRaw())
			}
		})
	}
}

// A quiet service has its floor, and a loud one its ceiling, whatever the percentage.
func TestSharePerService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, defaults(func(c *Config) { c.MinTracesPerSecond, c.MaxSpansPerSecond = 0.5, 5 }))
		trace := uint64(0)
		for range 300 { // seconds
			for range 200 {
				require.NoError(t, r.ConsumeTraces(t.Context(), traces("loud", ok(trace, "loud"))))
				trace++
			}
			require.NoError(t, r.ConsumeTraces(t.Context(), traces("quiet", ok(trace, "quiet"))))
			trace++
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		got := r.spans()
		assert.InEpsilon(t, 300*5, got["loud"], 0.15)
		assert.InEpsilon(t, 300*0.5, got["quiet"], 0.25)
		r.stop()
	})
}

// What is held is bounded. Then the oldest are decided early and counted; no bad trace is given up.
func TestHeldBytesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, defaults(none, func(c *Config) { c.MaxBytes = 1 << 20 }))
		defer r.stop()
		want := map[string]int{}
		for n := range uint64(20_000) {
			if n%10 == 0 {
				name := strconv.FormatUint(n, 10)
				r.consume(slow(n, name))
				want[name] = 1
				continue
			}
			r.consume(func(span ptrace.Span) {
				ok(n, "held")(span)
				span.Attributes().PutStr("text", string(make([]byte, 1000)))
			})
			r.sampler.mu.Lock()
			require.LessOrEqual(t, r.window.bytes, int64(1<<20))
			r.sampler.mu.Unlock()
		}
		time.Sleep(2 * tick)
		require.Equal(t, want, r.spans())
		require.Greater(t, r.counted("otelcol_processor_trace_sampler_early", ""), int64(15_000))
	})
}

// While the next component refuses, what is kept waits; then it arrives once. What is refused for good is counted.
func TestRefusedSpansWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, defaults(none))
		defer r.stop()
		r.refuses(errors.New("queue is full"))
		r.consume(slow(1, "1"), slow(2, "2"))
		time.Sleep(5 * time.Second)
		require.Empty(t, r.spans())
		r.refuses(nil)
		time.Sleep(time.Second)
		require.Equal(t, map[string]int{"1": 1, "2": 1}, r.spans())

		r.refuses(errors.New("queue is full"))
		many := make([]func(ptrace.Span), maxWaiting+1)
		for i := range many {
			many[i] = slow(uint64(i), "many")
		}
		r.consume(many...)
		require.ErrorContains(t, r.ConsumeTraces(t.Context(), traces("checkout", slow(3, "3"))), "refuses")
		r.refuses(consumererror.NewPermanent(errors.New("too large")))
		time.Sleep(time.Second)
		require.EqualValues(t, len(many), r.counted("otelcol_processor_trace_sampler_failed", ""))
		r.refuses(nil)
		r.consume(slow(3, "3"))
		time.Sleep(time.Second)
		require.Equal(t, map[string]int{"1": 1, "2": 1, "3": 1}, r.spans())
	})
}

// fileStorage is a real storage extension in the folder.
func fileStorage(t testing.TB, folder string) (component.Component, *component.ID) {
	factory := filestorage.NewFactory()
	config := factory.CreateDefaultConfig().(*filestorage.Config)
	config.Directory = folder
	e, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	id := component.MustNewID("file_storage")
	return e, &id
}

// A trace that turns bad after a restart is kept whole, and what was kept before is remembered.
func TestRestart(t *testing.T) {
	folder := t.TempDir()
	storage, id := fileStorage(t, folder)
	config := defaults(none, func(c *Config) { c.Storage = id })
	first := newRig(t, config, storage)
	first.consume(ok(1, "1a"), ok(2, "2a"))
	first.consume(slow(3, "3a"))
	first.stop()
	require.Equal(t, map[string]int{"3a": 1}, first.spans())
	second := newRig(t, config, storage)
	second.consume(slow(1, "1b"), ok(3, "3b"))
	second.stop()
	require.Equal(t, map[string]int{"1a": 1, "1b": 1, "3b": 1}, second.spans())
	third := newRig(t, config, storage)
	third.consume(slow(2, "2b"))
	third.stop()
	require.Equal(t, map[string]int{"2a": 1, "2b": 1}, third.spans(), "1a and 1b do not come again")
	require.NoError(t, storage.Shutdown(t.Context()))
}

// Without a storage, a shutdown decides what is held.
func TestShutdownDecides(t *testing.T) {
	r := newRig(t, defaults(func(c *Config) { c.Percentage = 100 }))
	r.consume(ok(1, "1"), ok(2, "2"))
	r.stop()
	require.Equal(t, map[string]int{"1": 1, "2": 1}, r.spans())
}

func TestConcurrentRequests(t *testing.T) {
	r := newRig(t, defaults(none))
	var all sync.WaitGroup
	for g := range uint64(8) {
		all.Go(func() {
			for n := range uint64(500) {
				trace := n*8 + g
				assert.NoError(t, r.ConsumeTraces(t.Context(), traces("checkout", ok(trace, "child"), ok(trace^1, "child of another"))))
				assert.NoError(t, r.ConsumeTraces(t.Context(), traces("checkout", slow(trace, "root"))))
			}
		})
	}
	all.Wait()
	r.stop()
	require.Equal(t, map[string]int{"child": 4000, "child of another": 4000, "root": 4000}, r.spans())
}

func TestStartNeedsACatalog(t *testing.T) {
	s, err := NewFactory().CreateTraces(t.Context(), processortest.NewNopSettings(metadata.Type), defaults(), nil)
	require.NoError(t, err)
	require.ErrorContains(t, s.Start(t.Context(), host{}), "service_catalog")
	require.NoError(t, s.Shutdown(t.Context()))
	id := component.MustNewID("file_storage")
	s, err = NewFactory().CreateTraces(t.Context(), processortest.NewNopSettings(metadata.Type), defaults(func(c *Config) { c.Storage = &id }), nil)
	require.NoError(t, err)
	require.ErrorContains(t, s.Start(t.Context(), host{component.MustNewID("service_catalog"): source{}}), "file_storage")
	require.NoError(t, s.Shutdown(t.Context()))
}

var _ processor.Traces = (*sampler)(nil)

type point struct {
	reason string
	value  int64
}

func points(m metricdata.Metrics) (all []point) {
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		reason, _ := p.Attributes.Value("reason")
		all = append(all, point{reason.AsString(), p.Value})
	}
	return all
}
