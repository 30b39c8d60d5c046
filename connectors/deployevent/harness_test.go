// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-sre/otelcol-sre/connectors/deployevent/internal/metadata"
	deploymenttracker "github.com/otelcol-sre/otelcol-sre/extensions/deployment_tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

// A bench is a connector in a synctest bubble: all three signals in, events and metrics out.
type bench struct {
	traces, moreTraces connector.Traces // to logs, to metrics
	logs               connector.Logs
	metrics            connector.Metrics
	events             events
	gauges             consumertest.MetricsSink
	telemetry          *componenttest.Telemetry
	host               host
	logged             *observer.ObservedLogs // errors
}

// events keeps what it is given, or refuses it.
type events struct {
	consumertest.LogsSink
	mu      sync.Mutex
	refusal error
}

func (e *events) refuse(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refusal = err
}

func (e *events) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refusal != nil {
		return e.refusal
	}
	return e.LogsSink.ConsumeLogs(ctx, ld)
}

// names are the events so far, as name, service and version.
func (e *events) names() (names []string) {
	for _, ld := range e.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			record := rl.ScopeLogs().At(0).LogRecords().At(0)
			d, err := deployment.Read(rl.Resource().Attributes(), record)
			if err != nil {
				names = append(names, err.Error())
				continue
			}
			names = append(names, record.EventName()+" "+d.String()+" "+d.Version)
		}
	}
	return names
}

// start starts a connector, and a tracker that keeps its state in the storage unless it is nil.
func start(t *testing.T, storage *memory) *bench {
	t.Helper()
	b := create(t, storage)
	for _, i := range b.instances() {
		require.NoError(t, i.Start(t.Context(), b.host))
	}
	return b
}

// create starts the tracker only.
func create(t *testing.T, storage *memory) *bench {
	t.Helper()
	b := &bench{telemetry: componenttest.NewTelemetry(), host: startTracker(t, storage)}
	set := connector.Settings{ID: component.NewID(metadata.Type), TelemetrySettings: b.telemetry.NewTelemetrySettings(), BuildInfo: component.NewDefaultBuildInfo()}
	core, logged := observer.New(zap.ErrorLevel)
	set.Logger, b.logged = zap.New(core), logged
	set.Resource.Attributes().PutStr("service.name", "otelcol-sre")
	set.Resource.Attributes().PutStr("service.instance.id", "this-collector")
	factory, cfg := NewFactory(), createDefaultConfig()
	var err error
	b.traces, err = factory.CreateTracesToLogs(t.Context(), set, cfg, &b.events)
	require.NoError(t, err)
	b.moreTraces, err = factory.CreateTracesToMetrics(t.Context(), set, cfg, &b.gauges)
	require.NoError(t, err)
	b.logs, err = factory.CreateLogsToLogs(t.Context(), set, cfg, &b.events)
	require.NoError(t, err)
	b.metrics, err = factory.CreateMetricsToLogs(t.Context(), set, cfg, &b.events)
	require.NoError(t, err)
	return b
}

// A host is a collector's extensions.
type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

var (
	trackerID = component.MustNewID("deployment_tracker")
	storageID = component.MustNewID("storage")
)

func startTracker(t testing.TB, storage *memory) host {
	t.Helper()
	factory := deploymenttracker.NewFactory()
	cfg := factory.CreateDefaultConfig().(*deploymenttracker.Config)
	h := host{}
	if storage != nil {
		h[storageID], cfg.Storage = storage, &storageID
	}
	set := extensiontest.NewNopSettings(factory.Type())
	set.ID = trackerID
	extension, err := factory.Create(t.Context(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, extension.Start(t.Context(), h))
	h[trackerID] = extension
	return h
}

func (b *bench) instances() []component.Component {
	return []component.Component{b.traces, b.moreTraces, b.logs, b.metrics}
}

func (b *bench) shutdown(t *testing.T) {
	t.Helper()
	for _, i := range b.instances() {
		require.NoError(t, i.Shutdown(context.Background()))
	}
	require.NoError(t, b.host[trackerID].Shutdown(context.Background()))
	require.NoError(t, b.telemetry.Shutdown(context.Background()))
}

// resource is one of checkout in production.
func resource(to pcommon.Resource, version, instance string) {
	to.Attributes().PutStr("service.name", "checkout")
	to.Attributes().PutStr("deployment.environment.name", "production")
	to.Attributes().PutStr("service.version", version)
	to.Attributes().PutStr("service.instance.id", instance)
}

func spanOf(version, instance string, at time.Time) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	resource(rs.Resource(), version, instance)
	rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetEndTimestamp(pcommon.NewTimestampFromTime(at))
	return td
}

func pointOf(version, instance string, at time.Time) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	resource(rm.Resource(), version, instance)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetEmptySum().DataPoints().AppendEmpty().SetTimestamp(pcommon.NewTimestampFromTime(at))
	return md
}

func recordOf(version, instance string, at time.Time) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	resource(rl.Resource(), version, instance)
	rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().SetTimestamp(pcommon.NewTimestampFromTime(at))
	return ld
}

// reportOf is a log record that reports a deployment of checkout.
func reportOf(event string, attributes map[string]any) plog.Logs {
	ld := plog.NewLogs()
	record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetEventName(event)
	_ = record.Attributes().FromRaw(attributes)
	record.Attributes().PutStr("service.name", "checkout")
	record.Attributes().PutStr("deployment.environment.name", "production")
	return ld
}

// run sends the signal of the instances every second, for as long as it says.
func (b *bench) run(t *testing.T, duration time.Duration, version string, instances ...string) {
	t.Helper()
	for range duration / time.Second {
		for i, instance := range instances {
			switch i % 3 {
			case 0:
				td := spanOf(version, instance, time.Now())
				require.NoError(t, b.traces.ConsumeTraces(t.Context(), td))
				require.NoError(t, b.moreTraces.ConsumeTraces(t.Context(), td))
			case 1:
				require.NoError(t, b.metrics.ConsumeMetrics(t.Context(), pointOf(version, instance, time.Now())))
			case 2:
				require.NoError(t, b.logs.ConsumeLogs(t.Context(), recordOf(version, instance, time.Now())))
			}
		}
		time.Sleep(time.Second)
	}
	synctest.Wait()
}

// memory is a storage extension.
type memory struct {
	component.StartFunc
	component.ShutdownFunc
	mu   sync.Mutex
	kept map[string][]byte
}

func newMemory() *memory { return &memory{kept: map[string][]byte{}} }

func (m *memory) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return m, nil
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[key], nil
}

func (m *memory) Set(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept[key] = value
	return nil
}

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.kept, key)
	return nil
}

func (m *memory) Batch(ctx context.Context, ops ...*storage.Operation) error {
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value, _ = m.Get(ctx, op.Key)
		case storage.Set:
			_ = m.Set(ctx, op.Key, op.Value)
		case storage.Delete:
			_ = m.Delete(ctx, op.Key)
		}
	}
	return nil
}

func (*memory) Close(context.Context) error { return nil }
