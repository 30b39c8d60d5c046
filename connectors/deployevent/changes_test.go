// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// evaluating are spans of a request that was given a variant of a flag: as an event of a span, as one before semantic conventions 1.27, as an attribute, or as a log record.
func evaluating(form, variant string) (ptrace.Traces, plog.Logs) {
	td, ld := spanOf("1.0", "a", time.Now()), plog.NewLogs()
	span := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	now := pcommon.NewTimestampFromTime(time.Now())
	switch form {
	case "span event":
		event := span.Events().AppendEmpty()
		event.SetName("feature_flag.evaluation")
		event.SetTimestamp(now)
		event.Attributes().PutStr("feature_flag.key", "new-card-check")
		event.Attributes().PutStr("feature_flag.result.variant", variant)
	case "old span event":
		event := span.Events().AppendEmpty()
		event.SetName("feature_flag")
		event.SetTimestamp(now)
		event.Attributes().PutStr("feature_flag.key", "new-card-check")
		event.Attributes().PutStr("feature_flag.variant", variant)
	case "attribute":
		span.Attributes().PutStr("feature_flag.key", "new-card-check")
		span.Attributes().PutBool("feature_flag.result.value", variant == "true")
	case "log record":
		ld = recordOf("1.0", "a", time.Now())
		record := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		record.SetEventName("feature_flag.evaluation")
		record.Attributes().PutStr("feature_flag.key", "new-card-check")
		record.Attributes().PutStr("feature_flag.result.variant", variant)
	case "log attribute":
		ld = recordOf("1.0", "a", time.Now())
		record := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		record.Attributes().PutStr("feature_flag.key", "new-card-check")
		record.Attributes().PutStr("feature_flag.result.variant", variant)
	}
	return td, ld
}

func TestFlagFlip(t *testing.T) {
	for _, form := range []string{"span event", "old span event", "attribute", "log record", "log attribute"} {
		t.Run(form, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kept := newMemory()
				b := start(t, kept)
				send := func(variant string, seconds int) {
					for range seconds {
						td, ld := evaluating(form, variant)
						require.NoError(t, b.traces.ConsumeTraces(t.Context(), td))
						require.NoError(t, b.logs.ConsumeLogs(t.Context(), ld))
						time.Sleep(time.Second)
					}
					synctest.Wait()
				}
				send("false", 60)
				require.Empty(t, b.events.AllLogs())
				b.shutdown(t)
				b = start(t, kept) // what a flag gave before is known after a restart
				flip := time.Now()
				send("true", 30)
				require.Len(t, b.events.AllLogs(), 1)
				rl := b.events.AllLogs()[0].ResourceLogs().At(0)
				record := rl.ScopeLogs().At(0).LogRecords().At(0)
				assert.Equal(t, "change.feature_flag", record.EventName())
				assert.Equal(t, "feature flag new-card-check: false → true", record.Body().Str())
				assert.WithinDuration(t, flip, record.Timestamp().AsTime(), 2*time.Second)
				assert.Equal(t, map[string]any{"service.name": "checkout", "deployment.environment.name": "production"}, rl.Resource().Attributes().AsRaw())
				require.Equal(t, []string{"new-card-check: false → true"}, b.changeSeries())
				time.Sleep(time.Hour)
				synctest.Wait()
				require.Empty(t, b.changeSeries(), "it is not recent any more")
				b.shutdown(t)
			})
		})
	}
}

// changeSeries are the series of changes in the newest metrics, without those that have ended.
func (b *bench) changeSeries() (all []string) {
	sent := b.gauges.AllMetrics()
	if len(sent) == 0 {
		return nil
	}
	for _, rm := range sent[len(sent)-1].ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if m.Name() != "change.time" {
					continue
				}
				for _, dp := range m.Gauge().DataPoints().All() {
					text := func(key string) string { v, _ := dp.Attributes().Get(key); return v.AsString() }
					if !dp.Flags().NoRecordedValue() {
						all = append(all, text("change.name")+": "+text("change.previous")+" → "+text("change.value"))
					}
				}
			}
		}
	}
	return all
}

// A report that somebody sends is an event with an ID, which is not sent twice; one that the next component refuses comes again.
func TestReportedChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil)
		ld := plog.NewLogs()
		record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		record.Body().SetStr(`{"id": 12, "type": "feature-environment-enabled", "createdBy": "ada", "environment": "production", "featureName": "new-card-check", "project": "shop"}`)
		b.events.refuse(assert.AnError)
		for range 3 {
			require.NoError(t, b.logs.ConsumeLogs(t.Context(), ld))
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}
		b.events.refuse(nil)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		require.Len(t, b.events.AllLogs(), 1)
		record = b.events.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		assert.Equal(t, "change.feature_flag", record.EventName())
		assert.Equal(t, map[string]any{
			"change.id": "unleash-12", "change.kind": "feature_flag", "change.name": "new-card-check", "change.value": "on", "user.name": "ada",
			"deployment.environment.name": "production",
		}, record.Attributes().AsRaw())
		require.EqualValues(t, 3, observed(t, b.telemetry, "otelcol_connector_deployevent_reports", "result")["accepted"])
		b.shutdown(t)
	})
}

func TestFlagsOfManySpansAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil)
		send := func(variant string, seconds int) {
			for range seconds {
				td, _ := evaluating("span event", variant)
				spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
				for range 999 { // every 10th of which asks for the flag
					spans.AppendEmpty().SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
				}
				for n := 10; n < 1000; n += 10 {
					spans.At(0).Events().CopyTo(spans.At(n).Events())
				}
				require.NoError(t, b.traces.ConsumeTraces(t.Context(), td))
				time.Sleep(time.Second)
			}
			synctest.Wait()
		}
		send("off", 300)
		send("on", 30)
		require.Len(t, b.events.AllLogs(), 1)
		b.shutdown(t)
	})
}
