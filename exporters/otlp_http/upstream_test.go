// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlphttp

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

// exporters are this one and the Collector's.
var exporters = map[string]exporter.Factory{"otelcol-sre": NewFactory(), "upstream": otlphttpexporter.NewFactory()}

// A seen is a request as a server has it.
type seen struct{ path, kind, encoding, tenant, body string }

// A server answers with a status, and keeps what it gets.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	code   int
	header http.Header
	answer []byte
	got    []seen
}

func newServer(t testing.TB) *server {
	s := &server{code: http.StatusOK}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			zipped, err := gzip.NewReader(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			body = zipped
		}
		text, _ := io.ReadAll(body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, seen{r.URL.String(), r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"), r.Header.Get("X-Scope-OrgID"), string(text)})
		maps.Copy(w.Header(), s.header)
		w.WriteHeader(s.code)
		_, _ = w.Write(s.answer)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) requests() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.got...)
}

func configure(t testing.TB, factory exporter.Factory, keys map[string]any) component.Config {
	t.Helper()
	config := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(keys).Unmarshal(config))
	require.NoError(t, xconfmap.Validate(config))
	return config
}

func records(n int) plog.Logs {
	ld := plog.NewLogs()
	sl := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	for i := range n {
		sl.LogRecords().AppendEmpty().Body().SetStr(fmt.Sprintf("line %d", i))
	}
	return ld
}

// A server sees the same requests as from the Collector's exporter.
func TestRequestsAreUpstreams(t *testing.T) {
	for name, keys := range map[string]map[string]any{
		"defaults":        {},
		"no compression":  {"compression": "none"},
		"headers":         {"headers": map[string]any{"X-Scope-OrgID": "tenant-1"}},
		"JSON":            {"encoding": "json"},
		"path":            {"path": "/otlp"},
		"slash":           {"path": "/otlp/"},
		"endpoint of all": {"logs_endpoint": "/elsewhere?a=b", "traces_endpoint": "/t", "metrics_endpoint": "/m"},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string][]seen{}
			for who, factory := range exporters {
				s := newServer(t)
				all := map[string]any{"endpoint": s.URL, "sending_queue": map[string]any{"enabled": false}}
				for key, value := range keys {
					switch {
					case key == "path":
						all["endpoint"] = s.URL + value.(string)
					case strings.HasSuffix(key, "_endpoint"):
						all[key] = s.URL + value.(string)
					default:
						all[key] = value
					}
				}
				config := configure(t, factory, all)
				set := exportertest.NewNopSettings(factory.Type())
				traces, err := factory.CreateTraces(t.Context(), set, config)
				require.NoError(t, err)
				metrics, err := factory.CreateMetrics(t.Context(), set, config)
				require.NoError(t, err)
				logs, err := factory.CreateLogs(t.Context(), set, config)
				require.NoError(t, err)
				for _, c := range []component.Component{traces, metrics, logs} {
					require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
				}
				td := ptrace.NewTraces()
				td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("a")
				md := pmetric.NewMetrics()
				md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
				require.NoError(t, traces.ConsumeTraces(t.Context(), td))
				require.NoError(t, metrics.ConsumeMetrics(t.Context(), md))
				require.NoError(t, logs.ConsumeLogs(t.Context(), records(3)))
				for _, c := range []component.Component{traces, metrics, logs} {
					require.NoError(t, c.Shutdown(t.Context()))
				}
				got[who] = s.requests()
			}
			require.Len(t, got["upstream"], 3)
			assert.Equal(t, got["upstream"], got["otelcol-sre"])
		})
	}
}

// An answer has the same consequence as with the Collector's exporter: the request is sent again, or given up.
func TestAnswersAreTakenAsUpstreams(t *testing.T) {
	reason, err := proto.Marshal(&spb.Status{Message: "one line is too old"})
	require.NoError(t, err)
	for code := 200; code < 600; code++ {
		if http.StatusText(code) == "" || code >= 300 && code < 400 || code == http.StatusNoContent || code == http.StatusResetContent {
			continue
		}
		permanent := map[string]string{}
		for who, factory := range exporters {
			s := newServer(t)
			s.code = code
			if code >= 400 {
				s.answer = reason
			}
			config := configure(t, factory, map[string]any{"endpoint": s.URL, "sending_queue": map[string]any{"enabled": false}, "retry_on_failure": map[string]any{"enabled": false}})
			logs, err := factory.CreateLogs(t.Context(), exportertest.NewNopSettings(factory.Type()), config)
			require.NoError(t, err)
			require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
			err = logs.ConsumeLogs(t.Context(), records(1))
			permanent[who] = fmt.Sprintf("failed %t, permanent %t", err != nil, consumererror.IsPermanent(err))
			if who == "otelcol-sre" && code >= 400 {
				require.ErrorContains(t, err, "one line is too old")
				require.ErrorContains(t, err, s.URL+"/v1/logs answered "+strconv.Itoa(code))
			}
			require.NoError(t, logs.Shutdown(t.Context()))
		}
		assert.Equal(t, permanent["upstream"], permanent["otelcol-sre"], code)
	}
}

// The time of Retry-After is waited, and then the request is sent again.
func TestRetryAfter(t *testing.T) {
	for name, value := range map[string]string{"seconds": "0", "a date in the past": time.Unix(0, 0).UTC().Format(http.TimeFormat), "nothing": "", "nonsense": "soon"} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.code, s.header = http.StatusServiceUnavailable, http.Header{"Retry-After": {value}}
			config := configure(t, exporters["otelcol-sre"], map[string]any{"endpoint": s.URL, "sending_queue": map[string]any{"enabled": false},
				"retry_on_failure": map[string]any{"initial_interval": "1ms", "max_interval": "1ms"}})
			logs, err := NewFactory().CreateLogs(t.Context(), exportertest.NewNopSettings(NewFactory().Type()), config)
			require.NoError(t, err)
			require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
			done := make(chan error)
			go func() { done <- logs.ConsumeLogs(context.WithoutCancel(t.Context()), records(1)) }()
			require.Eventually(t, func() bool { return len(s.requests()) > 1 }, 30*time.Second, time.Millisecond)
			s.mu.Lock()
			s.code = http.StatusOK
			s.mu.Unlock()
			require.NoError(t, <-done)
			require.NoError(t, logs.Shutdown(t.Context()))
		})
	}
}

// A server that takes a request in part is believed, and the log says what is lost.
func TestPartialSuccess(t *testing.T) {
	for kind, answer := range map[string]string{
		"application/x-protobuf": "\x0a\x0a\x08\x02\x12\x06no era",
		"application/json":       `{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"no era"}}`,
	} {
		t.Run(kind, func(t *testing.T) {
			s := newServer(t)
			s.header, s.answer = http.Header{"Content-Type": {kind}}, []byte(answer)
			core, observed := observer.New(zap.WarnLevel)
			set := exportertest.NewNopSettings(NewFactory().Type())
			set.Logger = zap.New(core)
			logs, err := NewFactory().CreateLogs(t.Context(), set, configure(t, NewFactory(), map[string]any{"endpoint": s.URL, "sending_queue": map[string]any{"enabled": false}}))
			require.NoError(t, err)
			require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
			require.NoError(t, logs.ConsumeLogs(t.Context(), records(3)))
			require.NoError(t, logs.Shutdown(t.Context()))
			lines := observed.FilterMessage("The server took a request in part").All()
			require.Len(t, lines, 1)
			assert.EqualValues(t, 2, lines[0].ContextMap()["dropped_items"])
			assert.Equal(t, "no era", lines[0].ContextMap()["message"])
		})
	}
}

// A password in the address is in no error.
func TestErrorsHaveNoSecrets(t *testing.T) {
	config := configure(t, NewFactory(), map[string]any{"endpoint": "http://user:secret@localhost:1", "logs_endpoint": "http://user:secret@localhost:1/v1/logs?key=secret",
		"sending_queue": map[string]any{"enabled": false}, "retry_on_failure": map[string]any{"enabled": false}})
	logs, err := NewFactory().CreateLogs(t.Context(), exportertest.NewNopSettings(NewFactory().Type()), config)
	require.NoError(t, err)
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	err = logs.ConsumeLogs(t.Context(), records(1))
	require.ErrorContains(t, err, "the request cannot be sent")
	assert.NotContains(t, err.Error(), "secret")
	require.NoError(t, logs.Shutdown(t.Context()))

	s := newServer(t)
	s.code = http.StatusForbidden
	config = configure(t, NewFactory(), map[string]any{"logs_endpoint": s.URL + "/v1/logs?key=secret", "sending_queue": map[string]any{"enabled": false}})
	logs, err = NewFactory().CreateLogs(t.Context(), exportertest.NewNopSettings(NewFactory().Type()), config)
	require.NoError(t, err)
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	err = logs.ConsumeLogs(t.Context(), records(1))
	require.ErrorContains(t, err, "/v1/logs answered 403")
	assert.NotContains(t, err.Error(), "secret")
	require.NoError(t, logs.Shutdown(t.Context()))
}

func TestMissingEndpoint(t *testing.T) {
	config := configure(t, NewFactory(), map[string]any{"logs_endpoint": "http://localhost:1"})
	_, err := NewFactory().CreateTraces(t.Context(), exportertest.NewNopSettings(NewFactory().Type()), config)
	require.ErrorContains(t, err, "endpoint: is empty; set it, or traces_endpoint, because a pipeline of traces uses this exporter")
}

// A batch of log records from the pipeline to the server, with the queue in memory and batches of one second's worth.
func BenchmarkLogs(b *testing.B) {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	for i := range 12 {
		rl.Resource().Attributes().PutStr(fmt.Sprintf("resource.%d", i), "some value")
	}
	sl := rl.ScopeLogs().AppendEmpty()
	for i := range 1000 {
		r := sl.LogRecords().AppendEmpty()
		r.Body().SetStr(fmt.Sprintf("request %d took a while and was answered", i))
		for j := range 8 {
			r.Attributes().PutStr(fmt.Sprintf("attribute.%d", j), "some value")
		}
	}
	for _, who := range []string{"upstream", "otelcol-sre"} {
		b.Run(who, func(b *testing.B) {
			factory := exporters[who]
			s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
			defer s.Close()
			config := configure(b, factory, map[string]any{"endpoint": s.URL, "compression": "snappy", "sending_queue": map[string]any{
				"sizer": "bytes", "queue_size": 100_000_000, "block_on_overflow": true, "batch": map[string]any{"flush_timeout": "1s", "sizer": "bytes", "min_size": 1_000_000, "max_size": 3_000_000}}})
			logs, err := factory.CreateLogs(b.Context(), exportertest.NewNopSettings(factory.Type()), config)
			require.NoError(b, err)
			require.NoError(b, logs.Start(b.Context(), componenttest.NewNopHost()))
			b.ReportAllocs()
			for b.Loop() {
				batch := ld
				if logs.Capabilities().MutatesData { // as a pipeline with another consumer does
					batch = plog.NewLogs()
					ld.CopyTo(batch)
				}
				if err := logs.ConsumeLogs(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, logs.Shutdown(b.Context()))
		})
	}
}
