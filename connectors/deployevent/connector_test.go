// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-sre/otelcol-sre/connectors/deployevent/internal/metadata"
)

// points are the values of the gauge by version and status; nil stands for one that has ended.
func (b *bench) points(name string) map[string]any {
	got := map[string]any{}
	all := b.gauges.AllMetrics()
	if len(all) == 0 {
		return got
	}
	for _, m := range all[len(all)-1].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		if m.Name() != name {
			continue
		}
		for _, dp := range m.Gauge().DataPoints().All() {
			version, _ := dp.Attributes().Get("service.version")
			status, _ := dp.Attributes().Get("deployment.status")
			key := version.Str() + " " + status.Str()
			switch {
			case dp.Flags().NoRecordedValue():
				got[key] = nil
			case dp.ValueType() == pmetric.NumberDataPointValueTypeInt:
				got[key] = dp.IntValue()
			default:
				got[key] = dp.DoubleValue()
			}
		}
	}
	return got
}

// The collector starts an instance when what is behind its own output has started, not what is behind the others'.
func TestNothingIsSentBeforeAllInstancesHaveStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := create(t, nil)
		instances := b.instances()
		for _, i := range instances[1:] {
			require.NoError(t, i.Start(t.Context(), b.host))
		}
		require.NoError(t, b.logs.ConsumeLogs(t.Context(), reportOf("deployment.started", map[string]any{"service.version": "1.0"})))
		b.run(t, time.Minute, "1.0", "a", "b", "c")
		require.Empty(t, b.gauges.AllMetrics())
		require.Empty(t, b.events.AllLogs())

		require.NoError(t, instances[0].Start(t.Context(), b.host))
		b.run(t, 10*time.Second, "1.0", "a", "b", "c")
		require.NotEmpty(t, b.gauges.AllMetrics())
		require.Contains(t, b.events.names(), "deployment.started checkout in production 1.0")
		b.shutdown(t)
	})
}

// When a component fails to start, the collector shuts down all of them.
func TestShutdownOfSomeThatStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := create(t, newMemory())
		require.NoError(t, b.logs.Start(t.Context(), b.host))
		b.shutdown(t)
		require.Empty(t, b.gauges.AllMetrics())
	})
}

func TestADeploymentFromAllThreeSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil)
		began := time.Now()
		b.run(t, 30*time.Second, "1.0", "a", "b", "c")
		require.Empty(t, b.events.names(), "what is there at first sight is no deployment")
		require.Equal(t, map[string]any{"1.0 completed": int64(1)}, b.points("deployment.info"))
		require.Equal(t, map[string]any{"1.0 completed": int64(3)}, b.points("deployment.instances"))
		require.Equal(t, map[string]any{"1.0 completed": float64(began.Unix())}, b.points("deployment.start_time"))

		deployed := time.Now()
		b.run(t, 30*time.Second, "1.1", "d", "e", "f")
		require.Equal(t, []string{"deployment.started checkout in production 1.1"}, b.events.names())
		require.Equal(t, map[string]any{"1.0 completed": int64(3), "1.1 started": int64(3)}, b.points("deployment.instances"))
		b.run(t, 2*time.Minute, "1.1", "d", "e", "f")
		require.Equal(t, []string{"deployment.started checkout in production 1.1", "deployment.completed checkout in production 1.1"}, b.events.names())
		event := b.events.AllLogs()[1].ResourceLogs().At(0)
		require.Equal(t, map[string]any{"service.name": "checkout", "deployment.environment.name": "production"}, event.Resource().Attributes().AsRaw())
		record := event.ScopeLogs().At(0).LogRecords().At(0)
		require.Equal(t, map[string]any{
			"service.name": "checkout", "deployment.environment.name": "production", "service.version": "1.1", "deployment.previous_version": "1.0",
			"deployment.id": record.Attributes().AsRaw()["deployment.id"], "deployment.status": "succeeded",
			"deployment.start_time": deployed.UTC().Format(time.RFC3339Nano),
		}, record.Attributes().AsRaw())
		require.Equal(t, deployed.UTC(), record.Timestamp().AsTime(), "the old version was last seen just before")

		resource := b.gauges.AllMetrics()[0].ResourceMetrics().At(0).Resource().Attributes().AsRaw()
		require.Equal(t, map[string]any{"service.name": "otelcol-sre", "service.instance.id": "this-collector"}, resource)
		b.shutdown(t)
	})
}

// A series that is not written any more gets a last point without a value.
func TestSeriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil)
		b.run(t, 30*time.Second, "1.0", "a")
		b.run(t, 30*time.Second, "1.1", "b")
		for range 60 {
			b.run(t, 5*time.Second, "1.1", "b")
			if got := b.points("deployment.info"); got["1.1 completed"] != nil {
				require.Equal(t, map[string]any{"1.1 completed": int64(1), "1.1 started": nil, "1.0 completed": nil}, got)
				b.run(t, 5*time.Second, "1.1", "b")
				require.Equal(t, map[string]any{"1.1 completed": int64(1)}, b.points("deployment.info"))
				b.shutdown(t)
				return
			}
		}
		require.Fail(t, "never complete")
	})
}

func TestAReportIsMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil)
		b.run(t, 30*time.Second, "1.0", "a")
		require.NoError(t, b.logs.ConsumeLogs(t.Context(), reportOf("deployment.started", map[string]any{
			"service.version": "1.1", "vcs.ref.head.revision": "02c9b5d", "deployment.id": "run-7", "deployment.commit_time": "2026-11-20T14:00:00Z"})))
		b.run(t, 2*time.Minute, "1.1", "b")
		require.Equal(t, []string{"deployment.started checkout in production 1.1", "deployment.completed checkout in production 1.1"}, b.events.names(),
			"what is seen is what was told")
		for _, ld := range b.events.AllLogs() {
			attributes := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().AsRaw()
			require.Equal(t, "run-7", attributes["deployment.id"])
			require.Equal(t, "02c9b5d", attributes["vcs.ref.head.revision"])
			require.Equal(t, "2026-11-20T14:00:00Z", attributes["deployment.commit_time"])
		}
		committed := b.points("deployment.commit_time")
		require.Equal(t, float64(time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC).Unix()), committed["1.1 completed"])
		require.NotContains(t, committed, "1.0 completed")
		require.NoError(t, b.logs.ConsumeLogs(t.Context(), reportOf("deployment.completed", map[string]any{"service.version": 7})))
		require.Equal(t, map[string]int64{"accepted": 1, "rejected": 1}, observed(t, b.telemetry, "otelcol_connector_deployevent_reports", "result"))
		require.Equal(t, map[string]int64{"started": 1, "completed": 1}, observed(t, b.telemetry, "otelcol_connector_deployevent_events", "status"))
		require.Equal(t, map[string]int64{"": 1}, observed(t, b.telemetry, "otelcol_connector_deployevent_services", ""))
		b.shutdown(t)
	})
}

// Whoever reports is not the service: its resource is no instance.
func TestTheReporterIsNoInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil)
		b.run(t, 30*time.Second, "1.0", "a")
		for range 60 {
			report := reportOf("deployment.started", map[string]any{"service.version": "1.1"})
			resource(report.ResourceLogs().At(0).Resource(), "0.9", "pipeline")
			require.NoError(t, b.logs.ConsumeLogs(t.Context(), report))
			b.run(t, time.Second, "1.0", "a")
		}
		require.Equal(t, []string{"deployment.started checkout in production 1.1"}, b.events.names())
		b.shutdown(t)
	})
}

// Over a restart nothing is told twice, and what was refused before is told after it.
func TestRestart(t *testing.T) {
	for name, refusal := range map[string]error{"sent before": nil, "refused before": errors.New("not now")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kept := newMemory()
				b := start(t, kept)
				b.run(t, 30*time.Second, "1.0", "a")
				b.events.refuse(refusal)
				b.run(t, 30*time.Second, "1.1", "b")
				before := b.events.names()
				b.shutdown(t)
				b = start(t, kept)
				b.run(t, 3*time.Minute, "1.1", "b")
				require.Equal(t, []string{"deployment.started checkout in production 1.1", "deployment.completed checkout in production 1.1"},
					append(before, b.events.names()...))
				require.NotContains(t, kept.kept, "unsent")
				b.shutdown(t)
			})
		})
	}
}

// A reporting is a host that takes statuses.
type reporting struct {
	host
	statuses []componentstatus.Status
}

func (r *reporting) Report(e *componentstatus.Event) { r.statuses = append(r.statuses, e.Status()) }

// A next component that refuses events is in the log once a minute, and in the status.
func TestRefusalsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := create(t, nil)
		h := &reporting{host: b.host}
		for _, i := range b.instances() {
			require.NoError(t, i.Start(t.Context(), h))
		}
		b.events.refuse(errors.New("not now"))
		require.NoError(t, b.logs.ConsumeLogs(t.Context(), reportOf("deployment.started", map[string]any{"service.version": "1.1"})))
		time.Sleep(90 * time.Second)
		synctest.Wait()
		require.Equal(t, 2, b.logged.Len())
		require.Equal(t, "events: not now", b.logged.All()[0].ContextMap()["error"])
		require.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, h.statuses)
		require.EqualValues(t, 90/5, observed(t, b.telemetry, "otelcol_connector_deployevent_failures", "stage")["emit"])

		b.events.refuse(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}, h.statuses)
		b.shutdown(t)
	})
}

// A record that is damaged is set aside, reported, and the rest goes on.
func TestADamagedRecordIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := newMemory()
		b := start(t, kept)
		b.run(t, 30*time.Second, "1.0", "a")
		b.shutdown(t)
		var damaged int64
		for key, value := range kept.kept {
			if len(value) > 30 {
				value[len(value)-1] ^= 1
				damaged++
				require.True(t, strings.HasPrefix(key, "services/"))
			}
		}
		require.EqualValues(t, 1, damaged)
		b = start(t, kept)
		require.Equal(t, map[string]int64{"restore": damaged}, observed(t, b.telemetry, "otelcol_connector_deployevent_failures", "stage"))
		b.run(t, 30*time.Second, "1.1", "b")
		require.Empty(t, b.events.names(), "what runs is taken as it is")
		b.shutdown(t)
	})
}

// What cannot be started says how to put it right.
func TestWithoutATrackerItDoesNotStart(t *testing.T) {
	for want, h := range map[string]component.Host{
		`tracker: no extension "deployment_tracker" is running; add it to extensions and service::extensions`: componenttest.NewNopHost(),
		`tracker: extension "deployment_tracker" is not a deployment tracker`:                                 host{trackerID: newMemory()},
	} {
		c, err := newInstance(&components{}, connectortest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config), pipeline.SignalLogs, outputs{})
		require.NoError(t, err)
		require.ErrorContains(t, c.Start(t.Context(), h), want)
		require.NoError(t, c.Shutdown(t.Context()))
	}
}

// Two connectors would share what is due, and each would announce a part.
func TestATrackerHasOneConnector(t *testing.T) {
	h := startTracker(t, nil)
	defer func() { require.NoError(t, h[trackerID].Shutdown(t.Context())) }()
	create := func(name string) *instance {
		set := connectortest.NewNopSettings(metadata.Type)
		set.ID = component.NewIDWithName(metadata.Type, name)
		c, err := newInstance(&components{}, set, createDefaultConfig().(*Config), pipeline.SignalLogs, outputs{})
		require.NoError(t, err)
		return c
	}
	first, second := create("first"), create("second")
	require.NoError(t, first.Start(t.Context(), h))
	require.ErrorContains(t, second.Start(t.Context(), h), `"deployevent/first" announces the deployments of "deployment_tracker" already`)
	require.NoError(t, second.Shutdown(t.Context()))
	require.NoError(t, first.Shutdown(t.Context()))
	third := create("third")
	require.NoError(t, third.Start(t.Context(), h), "the claim was given back")
	require.NoError(t, third.Shutdown(t.Context()))
}

func TestValidate(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
	require.NoError(t, createDefaultConfig().(*Config).Validate())
	for want, change := range map[string]func(*Config){
		"flush_interval: 0s is not positive":                       func(c *Config) { c.FlushInterval = 0 },
		"tracker: is empty; name the deployment_tracker extension": func(c *Config) { c.Tracker = component.ID{} },
	} {
		cfg := createDefaultConfig().(*Config)
		change(cfg)
		require.ErrorContains(t, cfg.Validate(), want)
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	config := reflect.TypeFor[Config]()
	for field := range config.Fields() {
		if key := field.Tag.Get("mapstructure"); key != "" {
			assert.Contains(t, string(readme), "\n| `"+key+"` | ")
		}
	}
}

// observed returns the values of a metric by the values of the attribute.
func observed(t *testing.T, reader *componenttest.Telemetry, name, key string) map[string]int64 {
	t.Helper()
	m, err := reader.GetMetric(name)
	require.NoError(t, err)
	var points []metricdata.DataPoint[int64]
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	}
	values := map[string]int64{}
	for _, p := range points {
		value, _ := p.Attributes.Value(attribute.Key(key))
		values[value.AsString()] = p.Value
	}
	return values
}

// What is behind the metrics ends while instances with events as their output are still up. Nothing is written there any more.
func TestNothingIsWrittenBehindAnOutputThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil)
		b.run(t, 30*time.Second, "1.0", "a")
		b.gauges.Reset()
		require.NoError(t, b.moreTraces.Shutdown(t.Context()))
		require.Len(t, b.gauges.AllMetrics(), 1, "the last flush")
		b.shutdown(t)
		require.Len(t, b.gauges.AllMetrics(), 1)
		require.Zero(t, b.logged.Len())
	})
}
