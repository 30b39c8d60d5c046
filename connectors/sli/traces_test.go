// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"testing"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/adjusted"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const server = ptrace.SpanKindServer

func TestTraces(t *testing.T) {
	service := func(sli string) string {
		return "metadata: {name: checkout}\nspec:\n  owner: payments\n  slos: [{name: o, objective: 99, sli: " + sli + "}]\n"
	}
	const availability = `{availability: {}}`
	attributes := func(kind ptrace.SpanKind, key string, value any) []spanOf {
		return []spanOf{{kind: kind, attributes: map[string]any{"a": 1, key: value}}}
	}
	for name, test := range map[string]struct {
		sli       string
		spans     []spanOf
		good, bad float64
		remarks   map[string]int64
	}{
		"server and consumer count, no other": {availability, []spanOf{
			{kind: server}, {kind: ptrace.SpanKindConsumer}, {kind: ptrace.SpanKindClient, err: true},
			{kind: ptrace.SpanKindInternal, err: true}, {kind: ptrace.SpanKindProducer, err: true}, {err: true}, {kind: 99, err: true}, {kind: -1, err: true},
		}, 2, 0, nil},
		"chosen kinds":               {`{availability: {kinds: [client]}}`, []spanOf{{kind: ptrace.SpanKindClient, err: true}, {kind: server}}, 0, 1, nil},
		"status":                     {availability, []spanOf{{kind: server, err: true}, {kind: server}}, 1, 1, nil},
		"HTTP 500":                   {availability, attributes(server, "http.response.status_code", 500), 0, 1, nil},
		"HTTP 499":                   {availability, attributes(server, "http.response.status_code", 499), 1, 0, nil},
		"HTTP 503, deprecated":       {availability, attributes(server, "http.status_code", 503), 0, 1, nil},
		"HTTP 503, a tag":            {availability, attributes(server, "http.status_code", "503"), 0, 1, nil},
		"HTTP, not a code":           {availability, attributes(server, "http.status_code", 5.3), 1, 0, nil},
		"gRPC INTERNAL":              {availability, attributes(server, "rpc.response.status_code", "INTERNAL"), 0, 1, nil},
		"gRPC INTERNAL, new name":    {availability, attributes(server, "rpc.status_code", "INTERNAL"), 0, 1, nil},
		"gRPC NOT_FOUND, new name":   {availability, attributes(server, "rpc.status_code", "NOT_FOUND"), 1, 0, nil},
		"gRPC 13, new name":          {availability, attributes(server, "rpc.status_code", 13), 0, 1, nil},
		"gRPC 5, new name":           {availability, attributes(server, "rpc.status_code", "5"), 1, 0, nil},
		"gRPC DATA_LOSS":             {availability, attributes(server, "rpc.response.status_code", "DATA_LOSS"), 0, 1, nil},
		"Connect unavailable":        {availability, attributes(server, "rpc.response.status_code", "unavailable"), 0, 1, nil},
		"gRPC NOT_FOUND":             {availability, attributes(server, "rpc.response.status_code", "NOT_FOUND"), 1, 0, nil},
		"gRPC CANCELLED":             {availability, attributes(server, "rpc.response.status_code", "CANCELLED"), 1, 0, nil},
		"gRPC 14, deprecated":        {availability, attributes(server, "rpc.grpc.status_code", 14), 0, 1, nil},
		"gRPC 13, a tag":             {availability, attributes(server, "rpc.grpc.status_code", "13"), 0, 1, nil},
		"gRPC 5, deprecated":         {availability, attributes(server, "rpc.grpc.status_code", 5), 1, 0, nil},
		"messaging":                  {availability, attributes(ptrace.SpanKindConsumer, "error.type", "timeout"), 0, 1, nil},
		"error.type, not messaging":  {availability, attributes(server, "error.type", "timeout"), 1, 0, nil},
		"match":                      {`{availability: {match: 'attributes["a"] == 2'}}`, append(attributes(server, "x", "y"), spanOf{kind: server, attributes: map[string]any{"a": 2}}), 1, 0, nil},
		"latency":                    {`{latency: {threshold: 300ms}}`, []spanOf{{kind: server, took: 300 * time.Millisecond}, {kind: server, took: 300*time.Millisecond + 1}}, 1, 1, nil},
		"latency, errors included":   {`{latency: {threshold: 1s}}`, []spanOf{{kind: server, err: true}, {kind: server, err: true, took: 2 * time.Second}}, 1, 1, nil},
		"latency, errors excluded":   {`{latency: {threshold: 1s, excludeErrors: true}}`, []spanOf{{kind: server, err: true}, {kind: server}}, 1, 0, nil},
		"latency, errors are bad":    {`{latency: {threshold: 1s, errorsAreBad: true}}`, []spanOf{{kind: server, err: true}, {kind: server}}, 1, 1, nil},
		"latency, ends before start": {`{latency: {threshold: 1s}}`, []spanOf{{kind: server, took: -1}, {kind: server}}, 1, 0, map[string]int64{reasonNoDuration: 1}},
		"availability, ends before":  {availability, []spanOf{{kind: server, took: -1}}, 1, 0, nil},
		"conditions, any kind":       {`{spans: {match: 'attributes["a"] != nil', good: 'attributes["a"] == 1'}}`, append(attributes(0, "x", "y"), spanOf{attributes: map[string]any{"a": 2}}, spanOf{}), 1, 1, nil},
		"a condition that fails":     {`{spans: {good: 'Int(attributes["a"]) < Int("x") or attributes["a"] + 1 == 2'}}`, append(attributes(0, "x", "y"), spanOf{}), 1, 0, map[string]int64{reasonConditionError: 1}},
		"sampled 1 in 4":             {availability, []spanOf{{kind: server, tracestate: "ot=th:c"}, {kind: server, tracestate: "ot=th:c", err: true}}, 4, 4, nil},
		"sampled 1 in 1.5":           {availability, []spanOf{{kind: server, tracestate: "vendor=x , ot=rv:abcdefabcdefab;th:8"}}, 2, 0, nil},
		"not sampled":                {availability, []spanOf{{kind: server, tracestate: "vendor=x,o=t"}, {kind: server, tracestate: "ot=rv:abcdefabcdefab"}}, 2, 0, nil},
		"malformed tracestate":       {availability, []spanOf{{kind: server, tracestate: "ot=th:zz"}, {kind: server, tracestate: "ot=th:zz"}}, 2, 0, map[string]int64{reasonTracestate: 2}},
		"a weight beyond all reason": {availability, []spanOf{{kind: server, tracestate: "ot=th:fffffffffffff"}}, adjusted.Max, 0, map[string]int64{reasonWeightCapped: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, catalogOf(t, service(test.sli)))
			require.NoError(t, f.ConsumeTraces(t.Context(), tracesOf(map[string]any{"service.name": "checkout"}, test.spans...)))
			var goodSum, badSum float64
			for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
				if attr(p, semconv.SLOOutcome) == semconv.Good {
					goodSum += p.DoubleValue()
				} else {
					badSum += p.DoubleValue()
				}
			}
			assert.Equal(t, test.good, goodSum, "good")
			assert.Equal(t, test.bad, badSum, "bad")
			for reason, n := range test.remarks {
				assert.Equal(t, n, f.counter(t, "otelcol_connector_sli_events_dropped", reason)+f.counter(t, "otelcol_connector_sli_events_adjusted", reason), reason)
			}
		})
	}
}
