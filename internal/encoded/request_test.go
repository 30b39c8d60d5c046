// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package encoded

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/pdata/ptrace"
	xrequest "go.opentelemetry.io/collector/pdata/xpdata/request"

	"github.com/otelcol-sre/otelcol-sre/internal/scatter"
)

// batch has two resources with a span of each of the traces.
func batch(n, traces int) ptrace.Traces {
	td := ptrace.NewTraces()
	for service := range 2 {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", service))
		ss := rs.ScopeSpans().AppendEmpty()
		for trace := range traces {
			s := ss.Spans().AppendEmpty()
			s.SetName(fmt.Sprintf("%d/%d/%d", n, trace, service))
			s.SetTraceID([16]byte{1, byte(n), 15: byte(trace)})
		}
	}
	return td
}

func encodedBatch(t testing.TB, n, traces int) Chunk {
	data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(batch(n, traces))
	require.NoError(t, err)
	return Chunk{data, 2 * traces}
}

func names(t testing.TB, requests ...xexporterhelper.Request) (all []string) {
	for _, r := range requests {
		data, err := Disk{scatter.Traces}.Marshal(t.Context(), r)
		require.NoError(t, err)
		require.Len(t, data, r.BytesSize())
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
		require.NoError(t, err)
		require.Equal(t, td.SpanCount(), r.ItemsCount())
		for _, rs := range td.ResourceSpans().All() {
			for _, s := range rs.ScopeSpans().At(0).Spans().All() {
				all = append(all, s.Name())
			}
		}
	}
	return all
}

// However requests are merged and split, all spans are there, in their order, and no request is too large.
func TestMergeSplit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var want []string
		sizer, most := exporterhelper.RequestSizerTypeBytes, []int{0, 300, 2000}[random.IntN(3)]
		if random.IntN(2) == 0 {
			sizer, most = exporterhelper.RequestSizerTypeItems, []int{0, 1, 7, 50}[random.IntN(4)]
		}
		requests := []xexporterhelper.Request{NewRequest(scatter.Traces, encodedBatch(t, 0, 1))}
		want = names(t, requests...)
		for n := range 1 + random.IntN(5) {
			other := NewRequest(scatter.Traces, encodedBatch(t, n+1, 1+random.IntN(30)))
			want = append(want, names(t, other)...)
			last := len(requests) - 1
			more, err := requests[last].MergeSplit(t.Context(), most, sizer, other)
			require.NoError(t, err)
			requests = append(requests[:last], more...)
		}
		requests, err := append(requests[:len(requests)-1:len(requests)-1], split(t, requests[len(requests)-1], most, sizer)...), error(nil)
		require.NoError(t, err)
		require.Equal(t, want, names(t, requests...))
		for _, r := range requests {
			size := r.BytesSize()
			if sizer == exporterhelper.RequestSizerTypeItems {
				size = r.ItemsCount()
			}
			require.True(t, most == 0 || size <= most, "%d", size)
		}
	}
}

func split(t *testing.T, r xexporterhelper.Request, most int, sizer exporterhelper.RequestSizerType) []xexporterhelper.Request {
	more, err := r.MergeSplit(t.Context(), most, sizer, nil)
	require.NoError(t, err)
	return more
}

func TestOnDiskIsOTLP(t *testing.T) {
	c := encodedBatch(t, 0, 10)
	data, err := Disk{scatter.Traces}.Marshal(t.Context(), NewRequest(scatter.Traces, c))
	require.NoError(t, err)
	require.Equal(t, c.Data, data)
	_, r, err := Disk{scatter.Traces}.Unmarshal(data)
	require.NoError(t, err)
	require.Equal(t, NewRequest(scatter.Traces, c), r)
	_, _, err = Disk{scatter.Traces}.Unmarshal([]byte{0x0a, 0x7f})
	require.Error(t, err)
}

// A queue that the Collector's own exporters have left on disk is sent.
func TestDiskOfUpstream(t *testing.T) {
	c := encodedBatch(t, 0, 10)
	ctx := client.NewContext(t.Context(), client.Info{Metadata: client.NewMetadata(map[string][]string{"x-tenant": {"one"}})})
	left, err := xrequest.MarshalTraces(ctx, batch(0, 10))
	require.NoError(t, err)
	_, r, err := Disk{scatter.Traces}.Unmarshal(left)
	require.NoError(t, err)
	require.Equal(t, NewRequest(scatter.Traces, c), r)
	_, _, err = Disk{scatter.Traces}.Unmarshal(left[:len(left)/2])
	require.Error(t, err)
}
