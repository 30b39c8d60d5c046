// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-sre/otelcol-sre/processors/correlation/internal/metadata"
)

const wait = 2 * time.Second

// waiting is a component that waits, with a traces and a logs pipeline.
type waiting struct {
	traces    processor.Traces
	logs      processor.Logs
	all       []component.Component
	tracesOut *consumertest.TracesSink
	logsOut   *consumertest.LogsSink
	telemetry *componenttest.Telemetry
}

// eachWay runs a test with a correlation that waits, alone and after one that does not.
func eachWay(t *testing.T, test func(t *testing.T, start func(*testing.T, ...func(*Config)) *waiting)) {
	for name, after := range map[string]bool{"alone": false, "after another": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, func(t *testing.T, change ...func(*Config)) *waiting { return startWaiting(t, after, change...) })
			})
		})
	}
}

func startWaiting(t *testing.T, after bool, change ...func(*Config)) *waiting {
	w := &waiting{tracesOut: &consumertest.TracesSink{}, logsOut: &consumertest.LogsSink{}, telemetry: componenttest.NewTelemetry()}
	cfg := createDefaultConfig().(*Config)
	cfg.Wait = wait
	for _, f := range change {
		f(cfg)
	}
	id := component.NewID(metadata.Type)
	factory := NewFactory()
	create := func(id component.ID, cfg *Config, tracesOut consumer.Traces, logsOut consumer.Logs) (processor.Traces, processor.Logs) {
		set := processor.Settings{ID: id, TelemetrySettings: w.telemetry.NewTelemetrySettings()}
		traces, err := factory.CreateTraces(t.Context(), set, cfg, tracesOut)
		require.NoError(t, err)
		logs, err := factory.CreateLogs(t.Context(), set, cfg, logsOut)
		require.NoError(t, err)
		w.all = append(w.all, traces, logs)
		return traces, logs
	}
	if after {
		first := *cfg
		first.Wait, first.Generate = 0, generateNone // as in the built-in configs
		cfg.After = &id
		traces, logs := create(component.NewIDWithName(metadata.Type, "waiting"), cfg, w.tracesOut, w.logsOut)
		w.traces, w.logs = create(id, &first, traces, logs)
	} else {
		w.traces, w.logs = create(id, cfg, w.tracesOut, w.logsOut)
	}
	for _, one := range w.all {
		require.NoError(t, one.Start(t.Context(), componenttest.NewNopHost()))
	}
	return w
}

func (w *waiting) shutdown(t *testing.T) {
	for _, one := range slices.Backward(w.all) { // as the collector does: what receives ends first
		require.NoError(t, one.Shutdown(context.Background()))
	}
	require.NoError(t, w.telemetry.Shutdown(context.Background()))
}

func (w *waiting) send(t *testing.T, spans ...spanOf) {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("scope")
	for _, s := range spans {
		s.span(t, ss.Spans().AppendEmpty())
	}
	require.NoError(t, w.traces.ConsumeTraces(t.Context(), td))
}

func (w *waiting) log(t *testing.T, bodies ...string) {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "shop")
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for _, body := range bodies {
		record := records.AppendEmpty()
		record.Body().SetStr(body)
		record.SetTimestamp(started + 1e6)
	}
	require.NoError(t, w.logs.ConsumeLogs(t.Context(), ld))
}

// ids are those of the spans that have come through, in order.
func (w *waiting) ids() (ids []string) {
	for _, td := range w.tracesOut.AllTraces() {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					ids = append(ids, str(rs.Resource().Attributes())+"/"+ss.Scope().Name()+"/"+idOf(span.Attributes()))
				}
			}
		}
	}
	return ids
}

func str(m pcommon.Map) string {
	v, _ := m.Get("service.name")
	return v.Str()
}

func (w *waiting) waits(t *testing.T) map[string]int64 {
	return observed(t, w.telemetry, "otelcol_processor_correlation_waits", "result")
}

const (
	idA = "a1b2c3d4"
	idB = "b1c2d3e4"
	idC = "c1d2e3f4"
)

// What came first gets the ID that its trace shows later, as soon as it shows it; what has an ID does not wait for it.
func TestWait(t *testing.T) {
	eachWay(t, func(t *testing.T, start func(*testing.T, ...func(*Config)) *waiting) {
		w := start(t)
		defer w.shutdown(t)
		w.send(t, spanOf{trace: trace1}, withID(trace2, idB), spanOf{trace: trace3})
		require.Equal(t, []string{"shop/scope/" + idB}, w.ids())
		time.Sleep(wait / 2)
		w.send(t, withID(trace1, idA))
		require.Equal(t, "shop/scope/"+idA, w.ids()[1])
		time.Sleep(lookEvery)
		synctest.Wait()
		require.Equal(t, []string{"shop/scope/" + idB, "shop/scope/" + idA, "shop/scope/" + idA}, w.ids(), "released by what its trace shows")
		w.send(t, spanOf{trace: trace1})
		require.Len(t, w.ids(), 4, "its trace has shown it by now")
		time.Sleep(wait/2 - lookEvery - 1)
		synctest.Wait()
		require.Len(t, w.ids(), 4)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Equal(t, "shop/scope/"+trace3.String(), w.ids()[4])
		require.Equal(t, map[string]int64{"resolved": 1, "unresolved": 1, "full": 0}, w.waits(t))
		require.Equal(t, map[string]int64{"": 0}, observed(t, w.telemetry, "otelcol_processor_correlation_wait_size"))
		require.Equal(t, map[string]int64{
			"traces/found/attribute:http.request.header.x-request-id": 2,
			"traces/inherited/": 2, "traces/linked/": 0, "traces/generated/": 1, "traces/missed/": 0,
			"logs/inherited/": 0, "logs/linked/": 0, "logs/generated/": 0, "logs/missed/": 0,
			"metrics/inherited/": 0, "metrics/linked/": 0, "metrics/generated/": 0, "metrics/missed/": 0,
		}, observed(t, w.telemetry, "otelcol_processor_correlation_items", "signal", "outcome", "source"), "each item once")
	})
}

// What a trace shows to one pipeline releases what waits in the other.
func TestLogsAreReleasedBySpans(t *testing.T) {
	eachWay(t, func(t *testing.T, start func(*testing.T, ...func(*Config)) *waiting) {
		w := start(t)
		defer w.shutdown(t)
		w.log(t, "trace_id="+trace1.String()+" paid", "trace_id="+trace2.String()+" paid")
		require.Zero(t, w.logsOut.LogRecordCount())
		w.send(t, withID(trace1, idA))
		time.Sleep(lookEvery)
		synctest.Wait()
		require.Equal(t, 1, w.logsOut.LogRecordCount())
		require.Equal(t, idA, idOf(w.logsOut.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()))
		time.Sleep(wait)
		synctest.Wait()
		require.Equal(t, 2, w.logsOut.LogRecordCount())
	})
}

// A line that knows only its request ID waits for the trace of the request.
func TestWaitForATrace(t *testing.T) {
	eachWay(t, func(t *testing.T, start func(*testing.T, ...func(*Config)) *waiting) {
		w := start(t)
		defer w.shutdown(t)
		w.log(t, "request_id="+idA, "nothing", "request_id="+idB+" correlation_id=\"<b>\"")
		require.Equal(t, 1, w.logsOut.LogRecordCount(), "what has neither has nothing to wait for")
		w.send(t, withID(trace1, idA))
		time.Sleep(wait)
		synctest.Wait()
		require.Equal(t, 3, w.logsOut.LogRecordCount())
		record := func(batch int) plog.LogRecord {
			return w.logsOut.AllLogs()[batch].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		}
		require.Equal(t, trace1, record(1).TraceID())
		require.Equal(t, idA, idOf(record(1).Attributes()))
		require.True(t, record(2).TraceID().IsEmpty())
		require.Equal(t, idB, idOf(record(2).Attributes()))
		require.Equal(t, map[string]int64{"resolved": 1, "unresolved": 1, "full": 0}, w.waits(t))
		require.Equal(t, map[string]int64{"": 1}, observed(t, w.telemetry, "otelcol_processor_correlation_invalid"), "once, though looked at twice")
	})
}

func TestNothingWaitsWithoutRoom(t *testing.T) {
	eachWay(t, func(t *testing.T, start func(*testing.T, ...func(*Config)) *waiting) {
		w := start(t, func(c *Config) { c.MaxWaitBytes = 100 })
		defer w.shutdown(t)
		w.send(t, spanOf{trace: trace1})
		require.Empty(t, w.ids())
		size := observed(t, w.telemetry, "otelcol_processor_correlation_wait_size")[""]
		require.Positive(t, size)
		w.send(t, spanOf{trace: trace2}, withID(trace3, idC))
		require.Equal(t, []string{"shop/scope/" + idC, "shop/scope/" + trace2.String()}, w.ids())
		require.Equal(t, map[string]int64{"resolved": 0, "unresolved": 0, "full": 1}, w.waits(t))
		require.Equal(t, size, observed(t, w.telemetry, "otelcol_processor_correlation_wait_size")[""])
		time.Sleep(wait)
		synctest.Wait()
		require.Len(t, w.ids(), 3)
		w.send(t, spanOf{trace: pcommon.TraceID{1}})
		require.Len(t, w.ids(), 3, "there is room again")
	})
}

func TestShutdownSendsOnWhatWaits(t *testing.T) {
	eachWay(t, func(t *testing.T, start func(*testing.T, ...func(*Config)) *waiting) {
		w := start(t)
		for i := range 10 {
			w.send(t, spanOf{trace: pcommon.TraceID{15: byte(i + 1)}})
		}
		began := time.Now()
		w.shutdown(t)
		require.Zero(t, time.Since(began))
		require.Len(t, w.ids(), 10)
	})
}

// What the next component refuses after the wait is counted as lost, and a next component that never
// answers does not hold up a shutdown for ever.
func TestWaitWithABadNeighbor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		telemetry := componenttest.NewTelemetry()
		defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
		set := processor.Settings{ID: component.NewID(metadata.Type), TelemetrySettings: telemetry.NewTelemetrySettings()}
		cfg := createDefaultConfig().(*Config)
		cfg.Wait = wait
		answer := make(chan error)
		next, err := consumer.NewTraces(func(context.Context, ptrace.Traces) error { return <-answer })
		require.NoError(t, err)
		p, err := NewFactory().CreateTraces(t.Context(), set, cfg, next)
		require.NoError(t, err)
		require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
		w := &waiting{traces: p}
		w.send(t, spanOf{trace: trace1})
		time.Sleep(wait)
		answer <- errors.New("no")
		synctest.Wait()
		require.Equal(t, map[string]int64{"": 1}, observed(t, telemetry, "otelcol_processor_correlation_wait_refused"))

		w.send(t, spanOf{trace: trace1})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Shutdown(ctx), context.DeadlineExceeded)
		answer <- nil
	})
}

// When the memory limiter in front refuses what comes, what waits goes on as always: nothing is lost, and nothing is stuck.
func TestWaitBehindAMemoryLimiter(t *testing.T) {
	eachWay(t, func(t *testing.T, start func(*testing.T, ...func(*Config)) *waiting) {
		const batches, check = 20, 100 * time.Millisecond
		w := start(t)
		var used runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&used)
		factory := memorylimiterprocessor.NewFactory()
		cfg := factory.CreateDefaultConfig()
		require.NoError(t, confmap.NewFromStringMap(map[string]any{
			"check_interval": check, "limit_mib": used.Alloc>>20 + 128, "spike_limit_mib": 32,
		}).Unmarshal(cfg))
		limiter, err := factory.CreateTraces(t.Context(), processortest.NewNopSettings(factory.Type()), cfg, w.traces)
		require.NoError(t, err)
		require.NoError(t, limiter.Start(t.Context(), componenttest.NewNopHost()))
		send := func(n int) (refused int) {
			for i := range n {
				td := ptrace.NewTraces()
				spanOf{trace: pcommon.TraceID{1, byte(refused), 15: byte(i + 1)}}.span(t, td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty())
				if limiter.ConsumeTraces(t.Context(), td) != nil {
					refused++
				}
			}
			return refused
		}
		require.Zero(t, send(batches))
		require.Empty(t, w.ids(), "they wait")

		ballast := make([]byte, 256<<20)
		time.Sleep(2 * check)
		synctest.Wait()
		require.Equal(t, batches, send(batches), "the limiter refuses")
		time.Sleep(wait)
		synctest.Wait()
		require.Len(t, w.ids(), batches, "what waited is out")
		require.Equal(t, map[string]int64{"": 0}, observed(t, w.telemetry, "otelcol_processor_correlation_wait_size"))

		runtime.KeepAlive(ballast)
		runtime.GC()
		time.Sleep(2 * check)
		synctest.Wait()
		require.Zero(t, send(batches), "the senders try again")
		require.NoError(t, limiter.Shutdown(t.Context()))
		w.shutdown(t)
		require.Len(t, w.ids(), 2*batches)
	})
}

// At its bound, the hold is as if it were not there: what comes goes on at once, and is counted.
func TestAFullHoldDelaysNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, start func(*testing.T, ...func(*Config)) *waiting) {
		const bound = 4000
		w := start(t, func(c *Config) { c.MaxWaitBytes = bound })
		defer w.shutdown(t)
		for i := range 1000 {
			w.send(t, spanOf{trace: pcommon.TraceID{1, 14: byte(i >> 8), 15: byte(i)}})
			require.LessOrEqual(t, observed(t, w.telemetry, "otelcol_processor_correlation_wait_size")[""], int64(bound))
		}
		full := w.waits(t)["full"]
		require.Greater(t, full, int64(900))
		require.Len(t, w.ids(), int(full))
		time.Sleep(wait)
		synctest.Wait()
		require.Len(t, w.ids(), 1000)
	})
}

func TestAfterNeedsAnother(t *testing.T) {
	start := func(id, after string) error {
		factory, cfg := NewFactory(), createDefaultConfig().(*Config)
		var first component.ID
		require.NoError(t, first.UnmarshalText([]byte(after)))
		cfg.After = &first
		set := processor.Settings{TelemetrySettings: componenttest.NewNopTelemetrySettings()}
		require.NoError(t, set.ID.UnmarshalText([]byte(id)))
		p, err := factory.CreateTraces(t.Context(), set, cfg, consumertest.NewNop())
		if err != nil {
			return err
		}
		defer func() { require.NoError(t, p.Shutdown(context.Background())) }()
		return p.Start(t.Context(), componenttest.NewNopHost())
	}
	require.EqualError(t, start("correlation", "correlation"), "after: is correlation, the processor itself; name the correlation before it")
	require.EqualError(t, start("correlation/waiting", "correlation"),
		"processors::correlation/waiting::after: no pipeline has a processor correlation; name the correlation that all items pass before")
}
