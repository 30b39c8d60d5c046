// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	apiv1 "github.com/prometheus/prometheus/web/api/v1"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-sre/otelcol-sre/exporters/prometheus_store/internal/metadata"
)

// A running store and what it logs.
type running struct {
	*store
	t    *testing.T
	logs *observer.ObservedLogs
}

// configured is the default configuration with a folder of the test's, a free port, and what is changed.
func configured(t *testing.T, change ...func(*Config)) *Config {
	c := createDefaultConfig().(*Config)
	c.ServerConfig.NetAddr.Endpoint = "localhost:0"
	c.Directory = t.TempDir()
	c.RuleReloadInterval = model.Duration(10 * time.Millisecond)
	for _, f := range change {
		f(c)
	}
	require.NoError(t, c.Validate())
	return c
}

func start(t *testing.T, c *Config) *running {
	t.Helper()
	s, err := create(c)
	require.NoError(t, err)
	require.NoError(t, s.start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, s.shutdown(context.Background())) })
	s.t = t
	return s
}

func create(c *Config) (*running, error) {
	core, logs := observer.New(zap.InfoLevel)
	set := exportertest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	s, err := newStore(set, c)
	return &running{store: s, logs: logs}, err
}

// gauge is one data point now.
func gauge(name string, value float64, at time.Time, attributes map[string]any) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "checkout")
	rm.Resource().Attributes().PutStr("service.instance.id", "pod-1")
	rm.Resource().Attributes().PutStr("host.name", "node-1")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(name)
	m.SetDescription("How it is.")
	p := m.SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetTimestamp(pcommon.NewTimestampFromTime(at))
	p.SetDoubleValue(value)
	if err := p.Attributes().FromRaw(attributes); err != nil {
		panic(err)
	}
	return md
}

// get asks the API and returns the status and the body.
func (s *running) get(path string, parameters url.Values) (int, string) {
	s.t.Helper()
	resp, err := http.Get("http://" + s.server.Address.String() + path + "?" + parameters.Encode())
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(body)
}

// data is the data of a good answer.
func (s *running) data(path string, parameters url.Values) string {
	s.t.Helper()
	status, body := s.get(path, parameters)
	require.Equal(s.t, http.StatusOK, status, body)
	var answer struct {
		Status string          `json:"status"`
		Data   json.RawMessage `json:"data"`
	}
	require.NoError(s.t, json.Unmarshal([]byte(body), &answer))
	require.Equal(s.t, "success", answer.Status)
	return string(answer.Data)
}

func (s *running) query(expression string) string {
	s.t.Helper()
	var data struct {
		Result []struct {
			Metric map[string]string `json:"metric"`
			Value  [2]any            `json:"value"`
		} `json:"result"`
	}
	require.NoError(s.t, json.Unmarshal([]byte(s.data("/api/v1/query", url.Values{"query": {expression}})), &data))
	if len(data.Result) != 1 {
		return ""
	}
	return data.Result[0].Value[1].(string)
}

func TestWhatIsPushedIsAnswered(t *testing.T) {
	s := start(t, configured(t))
	require.NoError(t, s.push(t.Context(), gauge("queue.depth", 42, time.Now(), map[string]any{"queue.name": "orders"})))
	require.Equal(t, "42", s.query(`queue_depth{queue_name="orders",job="checkout",instance="pod-1"}`))
	require.Equal(t, "1", s.query(`target_info{job="checkout"}`))
	require.JSONEq(t, `{"queue_depth":[{"type":"gauge","unit":"","help":"How it is."}]}`, s.data("/api/v1/metadata", url.Values{"metric": {"queue_depth"}}))
	require.JSONEq(t, `["orders"]`, s.data("/api/v1/label/queue_name/values", nil))
	require.JSONEq(t, `{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}}`, s.data("/api/v1/targets", nil))
	require.EqualValues(t, 2, s.ingester.counts.stored.Load(), "the point and target_info")
}

func TestRestartKeepsWhatWasPushed(t *testing.T) {
	c := configured(t)
	first, err := create(c)
	require.NoError(t, err)
	require.NoError(t, first.start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, first.push(t.Context(), gauge("queue.depth", 42, time.Now(), nil)))
	require.NoError(t, first.shutdown(t.Context()))
	require.Equal(t, "42", start(t, c).query("queue_depth"))
}

func asJSON(t *testing.T, v parser.Value) string {
	var codec apiv1.JSONCodec
	text, err := codec.Encode(&apiv1.Response{Status: "success", Data: &apiv1.QueryData{ResultType: v.Type(), Result: v}})
	require.NoError(t, err)
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	require.NoError(t, json.Unmarshal(text, &answer))
	return string(answer.Data)
}
