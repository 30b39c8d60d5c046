// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package badevents

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor/pkg/samplingpolicy"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
)

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

const checkout = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout}
spec:
  owner: payments-team
  slos: [{name: latency, objective: 99, sli: {latency: {threshold: THRESHOLD}}}]
`

// trace is one server span of checkout that takes so long.
func trace(took time.Duration) *samplingpolicy.TraceData {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "checkout")
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetKind(ptrace.SpanKindServer)
	span.SetStartTimestamp(1e9)
	span.SetEndTimestamp(1e9 + pcommon.Timestamp(took))
	return &samplingpolicy.TraceData{SpanCount: 1, ReceivedBatches: td}
}

// A slow answer is kept because the catalog says that it is slow, and no longer when the catalog says otherwise.
func TestKeepsWhatTheCatalogCallsBad(t *testing.T) {
	folder := t.TempDir()
	write := func(threshold string) {
		document := []byte(strings.Replace(checkout, "THRESHOLD", threshold, 1))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "next"), document, 0o600))
		require.NoError(t, os.Rename(filepath.Join(folder, "next"), filepath.Join(folder, "checkout.yaml")))
	}
	write("300ms")
	factory := servicecatalog.NewFactory()
	config := factory.CreateDefaultConfig().(*servicecatalog.Config)
	config.Directory = []string{folder}
	config.PollInterval = 50 * time.Millisecond
	source, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)

	e := create(t)
	require.NoError(t, e.Start(t.Context(), host{component.MustNewID("service_catalog"): source}))
	require.NoError(t, source.Start(t.Context(), componenttest.NewNopHost()), "the order in which extensions start does not matter")
	evaluator, err := e.NewEvaluator("bad-events", nil)
	require.NoError(t, err)
	assert.False(t, evaluator.IsStateful())
	decide := func(took time.Duration) samplingpolicy.Decision {
		decision, err := evaluator.Evaluate(t.Context(), pcommon.TraceID{1}, trace(took))
		require.NoError(t, err)
		return decision
	}
	assert.Equal(t, samplingpolicy.NotSampled, decide(300*time.Millisecond))
	assert.Equal(t, samplingpolicy.Sampled, decide(301*time.Millisecond))

	write("500ms")
	assert.Eventually(t, func() bool { return decide(301*time.Millisecond) == samplingpolicy.NotSampled }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, e.Shutdown(t.Context()))
	require.NoError(t, source.Shutdown(t.Context()))
}

// A service that has its SLOs by Defaults is judged once one of its events has counted.
func TestJudgesByDefaults(t *testing.T) {
	folder := t.TempDir()
	document := strings.NewReplacer("kind: Service", "kind: Defaults", "{name: checkout}", "{name: all}", "THRESHOLD", "300ms").Replace(checkout)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "defaults.yaml"), []byte(document), 0o600))
	factory := servicecatalog.NewFactory()
	config := factory.CreateDefaultConfig().(*servicecatalog.Config)
	config.Directory = []string{folder}
	source, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, source.Start(t.Context(), componenttest.NewNopHost()))
	e := create(t)
	require.NoError(t, e.Start(t.Context(), host{component.MustNewID("service_catalog"): source}))
	decide := func() samplingpolicy.Decision {
		decision, err := e.Evaluate(t.Context(), pcommon.TraceID{1}, trace(301*time.Millisecond))
		require.NoError(t, err)
		return decision
	}
	assert.Equal(t, samplingpolicy.NotSampled, decide())
	registry := servicecatalog.Heard(source.(servicecatalog.Source))
	require.True(t, registry.Counted(registry.Hear(admission.Identity{Service: "checkout"})))
	assert.Equal(t, samplingpolicy.Sampled, decide())
	require.NoError(t, e.Shutdown(t.Context()))
	require.NoError(t, source.Shutdown(t.Context()))
}

func create(t *testing.T) *badEvents {
	t.Helper()
	factory := NewFactory()
	e, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig())
	require.NoError(t, err)
	return e.(*badEvents)
}

func TestErrorsSayWhatToDo(t *testing.T) {
	e := create(t)
	assert.ErrorContains(t, e.Start(t.Context(), host{}), "add it to extensions")
	_, err := e.NewEvaluator("bad-events", nil)
	assert.ErrorContains(t, err, "add it to service::extensions")
	require.NoError(t, e.Shutdown(t.Context()))

	e = create(t)
	e.use(&catalog.Catalog{})
	_, err = e.NewEvaluator("bad-events", map[string]any{"threshold": 1})
	assert.ErrorContains(t, err, `"bad-events": bad_events has no keys; remove ["threshold"]`)
	assert.ErrorContains(t, (&Config{}).Validate(), "name the service_catalog extension")
	assert.NoError(t, createDefaultConfig().(*Config).Validate())
}
