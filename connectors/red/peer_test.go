// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package red

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/servicegraphconnector"
	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// peerConfigs are what the built-in gateway had before, but for shorter times.
var peerConfigs = map[connector.Factory]map[string]any{
	spanmetricsconnector.NewFactory(): {
		"histogram": map[string]any{"unit": "ms", "explicit": map[string]any{"buckets": []string{
			"5ms", "10ms", "25ms", "50ms", "75ms", "100ms", "150ms", "250ms", "400ms", "600ms", "1s", "2500ms", "5s", "10s", "30s"}}},
		"dimensions": []any{
			map[string]any{"name": "service.namespace", "default": ""}, map[string]any{"name": "deployment.environment.name", "default": ""},
			map[string]any{"name": "service.version", "default": ""},
		},
		"exclude_dimensions":              []string{"span.name"},
		"resource_metrics_key_attributes": []string{"service.name"},
		"exemplars":                       map[string]any{"enabled": true, "max_per_data_point": 1},
	},
	servicegraphconnector.NewFactory(): {
		"dimensions":            []string{"service.namespace", "deployment.environment.name"},
		"store":                 map[string]any{"max_items": 10000},
		"store_expiration_loop": "10ms",
	},
}

// startPeers starts them. They flush at an interval, and wait for the other side of a call for ttl.
func startPeers(tb testing.TB, next consumer.Metrics, flush, ttl string) (peers []connector.Traces) {
	for factory, settings := range peerConfigs {
		config := factory.CreateDefaultConfig()
		conf := confmap.NewFromStringMap(settings)
		change := map[string]any{"metrics_flush_interval": flush}
		if conf.IsSet("store") {
			change["store"] = map[string]any{"ttl": ttl}
		}
		require.NoError(tb, conf.Merge(confmap.NewFromStringMap(change)))
		require.NoError(tb, conf.Unmarshal(config))
		c, err := factory.CreateTracesToMetrics(tb.Context(), connectortest.NewNopSettings(factory.Type()), config, next)
		require.NoError(tb, err)
		require.NoError(tb, c.Start(tb.Context(), componenttest.NewNopHost()))
		tb.Cleanup(func() { assert.NoError(tb, c.Shutdown(tb.Context())) })
		peers = append(peers, c)
	}
	return peers
}

// values are the newest value of each series: the count of a counter, and the buckets and the sum of a histogram.
func values(all []pmetric.Metrics) map[string]string {
	got := map[string]string{}
	for _, md := range all {
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					key := func(a pcommon.Map) string { return fmt.Sprint(m.Name(), " ", m.Unit(), " ", m.Type(), " ", labels(a)) }
					switch m.Type() {
					case pmetric.MetricTypeSum:
						for _, p := range m.Sum().DataPoints().All() {
							value := p.DoubleValue()
							if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
								value = float64(p.IntValue())
							}
							got[key(p.Attributes())] = fmt.Sprint(value, m.Sum().IsMonotonic(), m.Sum().AggregationTemporality())
						}
					case pmetric.MetricTypeHistogram:
						for _, p := range m.Histogram().DataPoints().All() {
							got[key(p.Attributes())] = fmt.Sprintf("%d %.3f %v %v", p.Count(), p.Sum(), p.BucketCounts().AsRaw(), p.ExplicitBounds().AsRaw())
						}
					}
				}
			}
		}
	}
	return got
}

func labels(a pcommon.Map) string {
	var all []string
	for key, v := range a.All() {
		if key != "collector.instance.id" { // the resource says it
			all = append(all, key+"="+v.AsString())
		}
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

// trace is a request through some services, with databases, queues and peers that send no spans.
func trace(random *rand.Rand, start time.Time) ptrace.Traces {
	td := ptrace.NewTraces()
	var id pcommon.TraceID
	for i := range id {
		id[i] = byte(random.Uint32())
	}
	spans := 0
	span := func(service int, kind ptrace.SpanKind, parent pcommon.SpanID) ptrace.Span {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", service))
		if service%2 == 0 {
			rs.Resource().Attributes().PutStr("service.namespace", "shop")
			rs.Resource().Attributes().PutStr("deployment.environment.name", "production")
		}
		if service%3 == 0 {
			rs.Resource().Attributes().PutStr("service.version", fmt.Sprint("1.", random.IntN(2)))
		}
		s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		spans++
		s.SetTraceID(id)
		s.SetSpanID(pcommon.SpanID{byte(spans), byte(service), 1, 2, 3, 4, 5, 6})
		s.SetParentSpanID(parent)
		s.SetKind(kind)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(time.Duration(random.IntN(3_000_000)) * time.Microsecond)))
		s.Status().SetCode(ptrace.StatusCode(random.IntN(3)))
		return s
	}
	server := span(random.IntN(5), ptrace.SpanKindServer, pcommon.SpanID{})
	for range random.IntN(6) {
		service := random.IntN(5)
		switch random.IntN(6) {
		case 0:
			span(service, ptrace.SpanKindClient, server.SpanID()).Attributes().PutStr("db.name", "orders")
		case 1:
			span(service, ptrace.SpanKindClient, server.SpanID()).Attributes().PutStr("peer.service", "bank")
		case 2:
			span(service, ptrace.SpanKindClient, server.SpanID()).Attributes().PutStr("db.system", "redis")
		case 3:
			producer := span(service, ptrace.SpanKindProducer, server.SpanID())
			span(random.IntN(5), ptrace.SpanKindConsumer, producer.SpanID())
		case 4:
			span(service, ptrace.SpanKindInternal, server.SpanID())
		default:
			client := span(service, ptrace.SpanKindClient, server.SpanID())
			server = span(random.IntN(5), ptrace.SpanKindServer, client.SpanID())
		}
	}
	return td
}

// The metrics are those of span_metrics and service_graph: names, units, types, attributes and values.
func TestSameMetricsAsUpstream(t *testing.T) {
	peers := &consumertest.MetricsSink{}
	mine := newRig(t, createDefaultConfig().(*Config))
	random := rand.New(rand.NewPCG(1, 2))
	all := startPeers(t, peers, "20ms", "1s") // both sides of a call come in one request, however slow the machine is
	for range 300 {
		td := trace(random, time.Now())
		for _, p := range all {
			require.NoError(t, p.ConsumeTraces(t.Context(), td))
		}
		mine.consume(td)
	}
	mine.pass(11 * time.Second) // so that nobody waits for the other side of a call any more
	got := mine.flushed()
	require.Greater(t, len(got), 100)
	require.Eventually(t, func() bool { return assert.ObjectsAreEqual(got, values(peers.AllMetrics())) }, 3*time.Minute, 20*time.Millisecond)
}
