// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	config_util "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// requests is a counter, a histogram with exemplars and an exponential one, at a time.
func requests(at, since time.Time, n uint64) pmetric.Metrics {
	md := gauge("queue.depth", float64(n%7), at, map[string]any{"queue.name": "orders"})
	metrics := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	when, start := pcommon.NewTimestampFromTime(at), pcommon.NewTimestampFromTime(since)

	m := metrics.AppendEmpty()
	m.SetName("http.server.requests")
	m.SetUnit("{request}")
	m.SetEmptySum().SetIsMonotonic(true)
	m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	p := m.Sum().DataPoints().AppendEmpty()
	p.SetIntValue(int64(n))
	p.SetTimestamp(when)
	p.SetStartTimestamp(start)

	m = metrics.AppendEmpty()
	m.SetName("http.server.request.duration")
	m.SetUnit("s")
	m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	h := m.Histogram().DataPoints().AppendEmpty()
	h.SetTimestamp(when)
	h.SetStartTimestamp(start)
	h.ExplicitBounds().FromRaw([]float64{0.1, 1})
	h.BucketCounts().FromRaw([]uint64{n / 2, n - n/2 - n/10, n / 10})
	h.SetCount(n)
	h.SetSum(float64(n) / 5)
	e := h.Exemplars().AppendEmpty()
	e.SetDoubleValue(0.05)
	e.SetTimestamp(when)
	e.SetTraceID(pcommon.TraceID{1, 2, 3})

	m = metrics.AppendEmpty()
	m.SetName("rpc.duration")
	m.SetUnit("s")
	m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	x := m.ExponentialHistogram().DataPoints().AppendEmpty()
	x.SetTimestamp(when)
	x.SetStartTimestamp(start)
	x.SetScale(1)
	x.SetCount(n)
	x.SetSum(float64(n) * 2)
	x.Positive().BucketCounts().FromRaw([]uint64{n / 2, n - n/2})
	return md
}

// history pushes a quarter of an hour, a point every 15 s, and returns when it ends.
func (s *running) history(t *testing.T) time.Time {
	end := time.Now().Truncate(time.Second)
	since, n := end.Add(-15*time.Minute), uint64(0)
	random := rand.New(rand.NewPCG(1, 2))
	for at := since; !at.After(end); at = at.Add(15 * time.Second) {
		require.NoError(t, s.push(t.Context(), requests(at, since, n)))
		n += random.Uint64N(100)
	}
	return end
}

// The API's answers are the engine's own, for floats and for native histograms.
func TestAnswersAreTheEngines(t *testing.T) {
	s := start(t, configured(t))
	end := s.history(t)
	for _, expression := range []string{
		"queue_depth", "sum by (job) (rate(http_server_requests_total[5m]))", "http_server_requests_total offset 3m",
		"histogram_quantile(0.9, sum by (le) (rate(http_server_request_duration_seconds_bucket[5m])))",
		"histogram_count(rate(rpc_duration_seconds[5m]))", "histogram_quantile(0.5, rpc_duration_seconds)", "rpc_duration_seconds",
		"max_over_time(queue_depth[10m:1m])", "absent(nothing)", "time()", "1 / 0", "-1 / 0", "0 / 0", "vector(1e300) * 1e300",
		"http_server_requests_total @ start()", "label_replace(queue_depth, \"x\", \"$1\", \"queue_name\", \"(.*)\")", "count_values(\"v\", queue_depth)",
	} {
		q, err := s.engine.NewInstantQuery(t.Context(), s.db, promql.NewPrometheusQueryOpts(false, 0), expression, end)
		require.NoError(t, err)
		want := q.Exec(t.Context())
		require.NoError(t, want.Err, expression)
		require.Equal(t, asJSON(t, want.Value), s.data("/api/v1/query", url.Values{"query": {expression}, "time": {end.Format(time.RFC3339)}}), expression)
		q.Close()

		q, err = s.engine.NewRangeQuery(t.Context(), s.db, promql.NewPrometheusQueryOpts(false, 0), expression, end.Add(-10*time.Minute), end, time.Minute)
		require.NoError(t, err)
		want = q.Exec(t.Context())
		require.NoError(t, want.Err, expression)
		require.Equal(t, asJSON(t, want.Value), s.data("/api/v1/query_range", url.Values{
			"query": {expression}, "start": {end.Add(-10 * time.Minute).Format(time.RFC3339)}, "end": {end.Format(time.RFC3339)}, "step": {"60"}}), expression)
		q.Close()
	}
}

func TestExemplars(t *testing.T) {
	s := start(t, configured(t))
	end := s.history(t)
	require.Contains(t, s.data("/api/v1/query_exemplars", url.Values{
		"query": {"http_server_request_duration_seconds_bucket"}, "start": {end.Add(-time.Minute).Format(time.RFC3339)}, "end": {end.Format(time.RFC3339)},
	}), `"trace_id":"01020300000000000000000000000000"`)
}

func TestFederation(t *testing.T) {
	s := start(t, configured(t, func(c *Config) { c.ExternalLabels = map[string]string{"cluster": "eu-1", "queue_name": "hidden"} }))
	require.NoError(t, s.push(t.Context(), gauge("queue.depth", 1, time.Now().Add(-time.Second), map[string]any{"queue.name": "a\"\n\\"})))
	require.NoError(t, s.push(t.Context(), gauge("queue.depth", 2, time.Now(), map[string]any{"queue.name": "a\"\n\\"})))
	status, text := s.get("/federate", url.Values{"match[]": {"queue_depth", `{job="checkout"}`}})
	require.Equal(t, http.StatusOK, status)
	parser, err := textparse.New([]byte(text), "text/plain", nil, textparse.ParserOptions{})
	require.NoError(t, err)
	found := map[string]float64{}
	for {
		entry, err := parser.Next()
		if err != nil {
			break
		}
		if entry == textparse.EntrySeries {
			var ls labels.Labels
			parser.Labels(&ls)
			_, _, v := parser.Series()
			found[ls.String()] = v
		}
	}
	require.Equal(t, map[string]float64{
		`{__name__="queue_depth", cluster="eu-1", instance="pod-1", job="checkout", queue_name="a\"\n\\"}`:                    2,
		`{__name__="target_info", cluster="eu-1", host_name="node-1", instance="pod-1", job="checkout", queue_name="hidden"}`: 1,
	}, found, text)
	status, _ = s.get("/federate", url.Values{"match[]": {"sum("}})
	require.Equal(t, http.StatusBadRequest, status)
}

// Prometheus' own remote read client gets what was pushed.
func TestRemoteRead(t *testing.T) {
	s := start(t, configured(t))
	end := s.history(t)
	u, err := url.Parse("http://" + s.server.Address.String() + "/api/v1/read")
	require.NoError(t, err)
	client, err := remote.NewReadClient("test", &remote.ClientConfig{URL: &config_util.URL{URL: u}, Timeout: model.Duration(10 * time.Second), ChunkedReadLimit: 1 << 20})
	require.NoError(t, err)
	set, err := client.Read(t.Context(), &prompb.Query{
		StartTimestampMs: end.Add(-time.Hour).UnixMilli(), EndTimestampMs: end.UnixMilli(),
		Matchers: []*prompb.LabelMatcher{{Type: prompb.LabelMatcher_EQ, Name: "__name__", Value: "http_server_requests_total"}},
	}, true)
	require.NoError(t, err)
	require.True(t, set.Next(), set.Err())
	it, samples := set.At().Iterator(nil), 0
	for it.Next() != 0 {
		samples++
	}
	require.Equal(t, 61, samples)
}

// Prometheus' own remote write client stores a sample, where that is wanted.
func TestRemoteWrite(t *testing.T) {
	s := start(t, configured(t, func(c *Config) { c.RemoteWriteReceiver = true }))
	u, err := url.Parse("http://" + s.server.Address.String() + "/api/v1/write")
	require.NoError(t, err)
	client, err := remote.NewWriteClient("test", &remote.ClientConfig{
		URL: &config_util.URL{URL: u}, Timeout: model.Duration(10 * time.Second), WriteProtoMsg: remoteapi.WriteV1MessageType,
	})
	require.NoError(t, err)
	request := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels: []prompb.Label{{Name: "__name__", Value: "written"}}, Samples: []prompb.Sample{{Value: 7, Timestamp: time.Now().UnixMilli()}},
	}}}
	raw, err := request.Marshal()
	require.NoError(t, err)
	_, err = client.Store(t.Context(), snappy.Encode(nil, raw), 0)
	require.NoError(t, err)
	_, body := s.get("/api/v1/query", url.Values{"query": {"written"}})
	require.Contains(t, body, `"7"`)

	zipped, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String(), strings.NewReader("x"))
	require.NoError(t, err)
	zipped.Header.Set("Content-Encoding", "gzip")
	response, err := http.DefaultClient.Do(zipped)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusUnsupportedMediaType, response.StatusCode)
}

func TestNothingCanBeChanged(t *testing.T) {
	s := start(t, configured(t))
	for _, path := range []string{"/api/v1/admin/tsdb/delete_series?match[]=up", "/api/v1/admin/tsdb/snapshot", "/api/v1/write", "/api/v1/otlp/v1/metrics", "/-/quit", "/-/reload", "/metrics", "/federate"} {
		resp, err := http.Post("http://"+s.server.Address.String()+path, "application/x-protobuf", strings.NewReader("x"))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.GreaterOrEqual(t, resp.StatusCode, 400, path)
	}
}

func TestQueriesAreBounded(t *testing.T) {
	s := start(t, configured(t, func(c *Config) { c.Query.MaxSamples = 100 }))
	s.history(t)
	status, body := s.get("/api/v1/query", url.Values{"query": {`{__name__=~".+"}[1h]`}})
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, "would load too many samples")
}

func TestOwnMetrics(t *testing.T) {
	s := start(t, configured(t))
	status, body := s.get("/metrics", nil)
	require.Equal(t, http.StatusOK, status)
	for _, name := range []string{"prometheus_tsdb_head_series", "prometheus_rule_evaluation_duration_seconds", "prometheus_notifications_queue_capacity"} {
		require.Contains(t, body, "# TYPE "+name, name)
	}
}
