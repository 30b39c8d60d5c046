// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-sre/otelcol-sre/processors/correlation/internal/metadata"
)

// sdk is an SDK with the default timing of the specification: log records leave every second, spans every five.
type sdk struct {
	spans []spanOf
	logs  []logOf
}

// What two services send with the timing of SDKs ends with the right ID, all of it. The test measures for how long items
// wait, and how much of them.
func TestTimingOfSDKs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests, perSecond = 1000, 50
		cfg := createDefaultConfig().(*Config)
		cfg.Wait = 10 * time.Second // the default of gateway and standalone
		telemetry := componenttest.NewTelemetry()
		set := processor.Settings{ID: component.NewID(metadata.Type), TelemetrySettings: telemetry.NewTelemetrySettings()}
		began := time.Now()
		var mu sync.Mutex // for what arrives: spans and log records come at the same time
		var waited []time.Duration
		wrong := 0
		arrived := func(m pcommon.Map) {
			mu.Lock()
			defer mu.Unlock()
			at, _ := m.Get("sent")
			waited = append(waited, time.Since(began)-time.Duration(at.Int()))
			if want, _ := m.Get("want"); want.Str() != idOf(m) {
				wrong++
			}
		}
		factory := NewFactory()
		spansOut, err := consumer.NewTraces(func(_ context.Context, td ptrace.Traces) error {
			for _, rs := range td.ResourceSpans().All() {
				for _, span := range rs.ScopeSpans().At(0).Spans().All() {
					arrived(span.Attributes())
				}
			}
			return nil
		})
		require.NoError(t, err)
		logsOut, err := consumer.NewLogs(func(_ context.Context, ld plog.Logs) error {
			for _, rl := range ld.ResourceLogs().All() {
				for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
					arrived(record.Attributes())
				}
			}
			return nil
		})
		require.NoError(t, err)
		tp, err := factory.CreateTraces(t.Context(), set, cfg, spansOut)
		require.NoError(t, err)
		lp, err := factory.CreateLogs(t.Context(), set, cfg, logsOut)
		require.NoError(t, err)
		require.NoError(t, tp.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, lp.Start(t.Context(), componenttest.NewNopHost()))

		// The services export at different times. One of them knows the header.
		var services [2]sdk
		var largest int64
		const tick = time.Second / perSecond
		for i := range requests + 10*perSecond {
			now := time.Since(began)
			if i < requests {
				want := fmt.Sprintf("hdr-%04d-abcdef", i)
				trace := pcommon.TraceID{1, 14: byte(i >> 8), 15: byte(i)}
				services[0].logs = append(services[0].logs, logOf{trace: trace, body: "order received", attributes: map[string]any{"want": want}})
				services[1].logs = append(services[1].logs, logOf{trace: trace, body: "stock reserved", attributes: map[string]any{"want": want}})
				services[1].spans = append(services[1].spans, spanOf{trace: trace, attributes: map[string]any{"want": want}})
				services[0].spans = append(services[0].spans, spanOf{trace: trace, attributes: map[string]any{"want": want, "http.request.header.x-request-id": want}})
			}
			for n := range services {
				s := &services[n]
				if offset := time.Duration(n*1800+300) * time.Millisecond; (now+offset)%(5*time.Second) < tick && len(s.spans) > 0 {
					td := ptrace.NewTraces()
					all := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
					for _, one := range s.spans {
						one.attributes["sent"] = int64(now)
						one.span(t, all.AppendEmpty())
					}
					s.spans = nil
					require.NoError(t, tp.ConsumeTraces(t.Context(), td))
				}
				if offset := time.Duration(n*500+200) * time.Millisecond; (now+offset)%time.Second < tick && len(s.logs) > 0 {
					ld := plog.NewLogs()
					all := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
					for _, one := range s.logs {
						one.attributes["sent"] = int64(now)
						record := all.AppendEmpty()
						record.SetTraceID(one.trace)
						record.Body().SetStr(one.body.(string))
						require.NoError(t, record.Attributes().FromRaw(one.attributes))
					}
					s.logs = nil
					require.NoError(t, lp.ConsumeLogs(t.Context(), ld))
				}
			}
			largest = max(largest, observed(t, telemetry, "otelcol_processor_correlation_wait_size")[""])
			time.Sleep(tick)
			synctest.Wait()
		}
		require.NoError(t, tp.Shutdown(t.Context()))
		require.NoError(t, lp.Shutdown(t.Context()))
		require.NoError(t, telemetry.Shutdown(context.Background()))
		require.Len(t, waited, 4*requests)
		require.Zero(t, wrong)
		slices.Sort(waited)
		sum := time.Duration(0)
		for _, w := range waited {
			sum += w
		}
		mean := sum / time.Duration(len(waited))
		t.Logf("%d items, all right: held for %v in the mean, %v in the median, %v at most; at most %d bytes, %.1f KB for each request a second",
			len(waited), mean.Round(time.Millisecond), waited[len(waited)/2], waited[len(waited)-1], largest, float64(largest)/perSecond/1000)
		require.Less(t, waited[len(waited)-1], 6*time.Second, "released by the ID, not by the time")
		require.Less(t, mean, 2500*time.Millisecond)
	})
}
