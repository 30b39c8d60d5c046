// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/slow"
)

// took adds the durations of calls, as the red connector counts them.
func (b *batch) took(name string, count, seconds float64, of attributes) {
	m, created := b.metric(name, "s")
	if created {
		m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	}
	p := m.Histogram().DataPoints().AppendEmpty()
	p.SetTimestamp(pcommon.NewTimestampFromTime(b.at))
	p.SetCount(uint64(count))
	p.SetSum(seconds)
	p.ExplicitBounds().FromRaw([]float64{1})
	p.BucketCounts().FromRaw([]uint64{uint64(count), 0})
	for k, v := range of {
		p.Attributes().PutStr(k, v)
	}
}

// A shop in which the way from checkout to payment takes longer since 20 minutes: the incident of checkout, and who asks what ate its budget, say so.
func TestSlowBecauseOfTheWay(t *testing.T) {
	s := startStore(t, "groups: []")
	now := time.Now().Truncate(time.Second)
	start := now.Add(-20 * time.Minute)
	var total, bad, waited float64
	for at := now.Add(-100 * time.Minute); !at.After(now); at = at.Add(30 * time.Second) {
		b := newBatch(at)
		fails := at.After(start)
		total += 300
		waited += 300 * 0.030
		if fails {
			bad, waited = bad+150, waited+300*0.400
		}
		slo := attributes{"service.name": "checkout", "service.namespace": "shop", "deployment.environment.name": "production", "slo.name": "availability"}
		state, burn := "ok", 0.1
		if fails {
			state, burn = "burning_fast", 500
		}
		b.slo(slo, 0.999, state, 0.4, burn)
		b.counter("slo.events", "{event}", total-bad, slo.and("slo.outcome", "good", "service.version", "1"))
		b.counter("slo.events", "{event}", bad, slo.and("slo.outcome", "bad", "service.version", "1"))
		production := attributes{"server_service.namespace": "shop", "server_deployment.environment.name": "production"}
		outside := production.and("client", "user", "server", "checkout", "connection_type", "virtual_node")
		inside := production.and("client", "checkout", "client_service.namespace", "shop", "client_deployment.environment.name", "production", "server", "payment")
		b.took("traces_service_graph_request_server", total, waited+total*0.010, outside)
		b.took("traces_service_graph_request_client", total, 0, outside)
		b.took("traces_service_graph_request_server", total, total*0.020, inside)
		b.took("traces_service_graph_request_client", total, waited, inside)
		staging := inside.and("client_deployment.environment.name", "staging", "server_deployment.environment.name", "staging")
		b.took("traces_service_graph_request_server", total, total*at.Sub(now).Minutes()/-10, staging)
		b.took("traces_service_graph_request_client", total, total*20, staging)
		if at.After(start.Add(time.Minute)) {
			b.firing("ErrorBudgetBurnCritical", "checkout", "availability")
		}
		b.push(t, s)
	}
	c := parse(t, document("checkout", "shop-team", 1, "  dependsOn: [payment]\n"+`  slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]
`)+document("payment", "payments-team", 1, paymentSLOs))
	v := openAt(t, s.client, c, "", func() time.Time { return now })
	var list struct{ Incidents []struct{ Path string } }
	require.Nil(t, v.answer("/incidents", "/incidents", &list))
	require.Len(t, list.Incidents, 1)
	var got struct {
		Slow *slow.Cause `json:"slow_because"`
	}
	require.Nil(t, v.answer(list.Incidents[0].Path, "/incidents/{id}", &got))
	require.NotNil(t, got.Slow)
	assert.Equal(t, slow.Way, got.Slow.Place)
	assert.Equal(t, slow.Name{Namespace: "shop", Service: "payment"}, got.Slow.Name)
	assert.Equal(t, &slow.Name{Namespace: "shop", Service: "checkout"}, got.Slow.Caller)
	assert.InDelta(t, 0.010, got.Slow.Before, 0.002)
	assert.InDelta(t, 0.410, got.Slow.Now, 0.020)
	assert.Greater(t, got.Slow.Share, 0.95)
	assert.Contains(t, v.page(list.Incidents[0].Path), "checkout is slow because of the way from checkout to payment (network, queues, connections, processor time): from ")

	// Without a ledger, the page says so; what is known of the times is there.
	got.Slow = nil
	require.NotNil(t, v.answer("/ledger?service=checkout&only=spent&since=20m&environment=production", "/ledger", &got))
	require.NotNil(t, got.Slow)
	assert.Equal(t, "payment", got.Slow.Service)
	got.Slow = nil
	require.NotNil(t, v.answer("/ledger?service=checkout&only=spent&since=20m&environment=staging", "/ledger", &got))
	assert.Nil(t, got.Slow)
	require.NotNil(t, v.answer("/ledger?service=checkout&only=spent&window=period", "/ledger", &got))
	assert.Nil(t, got.Slow)
}
