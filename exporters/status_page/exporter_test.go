// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspageexporter

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	statuspage "github.com/otelcol-sre/otelcol-sre/extensions/status_page"
)

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

// startPage starts a status page, for which a Prometheus is not there, and says where it is.
func startPage(t *testing.T) (component.Component, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	factory := statuspage.NewFactory()
	config := factory.CreateDefaultConfig().(*statuspage.Config)
	config.ServerConfig.NetAddr.Endpoint = address
	page, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, page.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, page.Shutdown(context.WithoutCancel(t.Context()))) })
	return page, "http://" + address
}

// items are what the page finds.
func items(t *testing.T, page, id string) (signals []string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page+"/search?id="+id, http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Accept", "application/json")
	defer http.DefaultClient.CloseIdleConnections()
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	var found struct {
		Data struct{ Items []struct{ Signal string } }
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&found))
	for _, i := range found.Data.Items {
		signals = append(signals, i.Signal)
	}
	return signals
}

func order() (ptrace.Traces, plog.Logs) {
	traces, logs := ptrace.NewTraces(), plog.NewLogs()
	now := pcommon.NewTimestampFromTime(time.Now())
	span := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetStartTimestamp(now)
	span.Attributes().PutStr("correlation.id", "A-1001")
	record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(now + 1)
	record.Attributes().PutStr("correlation.id", "A-1001")
	return traces, logs
}

// What goes through the exporters of two pipelines is found on the page, and stays as it is.
func TestPageShowsWhatComesIn(t *testing.T) {
	page, address := startPage(t)
	factory := NewFactory()
	config := factory.CreateDefaultConfig()
	runs := host{component.MustNewID("status_page"): page}
	tracesExporter, err := factory.CreateTraces(t.Context(), exportertest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	logsExporter, err := factory.CreateLogs(t.Context(), exportertest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	for _, e := range []component.Component{tracesExporter, logsExporter} {
		require.NoError(t, e.Start(t.Context(), runs))
		t.Cleanup(func() { require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	}
	assert.False(t, tracesExporter.Capabilities().MutatesData)
	assert.False(t, logsExporter.Capabilities().MutatesData)

	traces, logs := order()
	traces.MarkReadOnly()
	logs.MarkReadOnly()
	assert.Empty(t, items(t, address, "A-1001"))
	require.NoError(t, tracesExporter.ConsumeTraces(t.Context(), traces))
	assert.Equal(t, []string{"span"}, items(t, address, "A-1001"))
	require.NoError(t, logsExporter.ConsumeLogs(t.Context(), logs))
	assert.Equal(t, []string{"span", "log"}, items(t, address, "A-1001"))
}

// What arrives is on the page that says what counts, by service: also metrics, of which nothing else is kept.
func TestPageSaysWhatArrives(t *testing.T) {
	page, address := startPage(t)
	factory := NewFactory()
	e, err := factory.CreateMetrics(t.Context(), exportertest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig())
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), host{component.MustNewID("status_page"): page}))
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "checkout")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("orders")
	m.SetEmptyGauge().DataPoints().AppendEmpty()
	md.MarkReadOnly()
	require.NoError(t, e.ConsumeMetrics(t.Context(), md))

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/doctor", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Accept", "application/json")
	defer http.DefaultClient.CloseIdleConnections()
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	var found struct {
		Data struct {
			Senders []struct {
				Service string
				Metrics []struct{ Name, Type string }
			}
		}
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&found))
	require.Len(t, found.Data.Senders, 1)
	assert.Equal(t, "checkout", found.Data.Senders[0].Service)
	assert.Equal(t, []struct{ Name, Type string }{{"orders", "gauge"}}, found.Data.Senders[0].Metrics)
}

func TestStartSaysWhichPageIsMissing(t *testing.T) {
	page, _ := startPage(t)
	storage, team := component.MustNewID("file_storage"), component.MustNewIDWithName("status_page", "team")
	runs := host{component.MustNewID("status_page"): page, storage: nil}
	factory := NewFactory()
	for want, id := range map[string]component.ID{
		`page: no extension "status_page/team" is running; add it to extensions and service::extensions`: team,
		`page: extension "file_storage" is not a status page; name an extension of type status_page`:     storage,
	} {
		e, err := factory.CreateTraces(t.Context(), exportertest.NewNopSettings(factory.Type()), &Config{Page: id})
		require.NoError(t, err)
		require.ErrorContains(t, e.Start(t.Context(), runs), want)
		require.NoError(t, e.Shutdown(t.Context()))
	}
}

func TestConfig(t *testing.T) {
	for page, keys := range map[string]map[string]any{"status_page": {}, "status_page/team": {"page": "status_page/team"}} {
		config := createDefaultConfig()
		require.NoError(t, confmap.NewFromStringMap(keys).Unmarshal(config))
		assert.Equal(t, page, config.(*Config).Page.String())
	}
	require.ErrorContains(t, confmap.NewFromStringMap(map[string]any{"pages": "x"}).Unmarshal(createDefaultConfig()), "pages")
}
