// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/exporters/gateways/internal/scatter"
)

func encodedBatch(t testing.TB, n, traces int) chunk {
	data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(batch(n, traces))
	require.NoError(t, err)
	return chunk{data, 2 * traces}
}

func names(t testing.TB, requests ...xexporterhelper.Request) (all []string) {
	for _, r := range requests {
		data, err := diskEncoding{scatter.Traces}.Marshal(t.Context(), r)
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
		requests := []xexporterhelper.Request{newRequest(scatter.Traces, encodedBatch(t, 0, 1))}
		want = names(t, requests...)
		for n := range 1 + random.IntN(5) {
			other := newRequest(scatter.Traces, encodedBatch(t, n+1, 1+random.IntN(30)))
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
	data, err := diskEncoding{scatter.Traces}.Marshal(t.Context(), newRequest(scatter.Traces, c))
	require.NoError(t, err)
	require.Equal(t, c.data, data)
	_, r, err := diskEncoding{scatter.Traces}.Unmarshal(data)
	require.NoError(t, err)
	require.Equal(t, newRequest(scatter.Traces, c), r)
	_, _, err = diskEncoding{scatter.Traces}.Unmarshal([]byte{0x0a, 0x7f})
	require.Error(t, err)
}

func TestMarks(t *testing.T) {
	one, old, mine := encodedBatch(t, 0, 1), newMark(), newMark()
	_, stored, err := diskEncoding{scatter.Traces}.Unmarshal(mine)
	require.NoError(t, err)
	chunks := []chunk{one, {data: old}, one, stored.(*request).chunks[0]}
	rest, found := withoutMarks(chunks, mine)
	require.True(t, found)
	require.Equal(t, []chunk{one, one}, rest)
	rest, found = withoutMarks(chunks, newMark())
	require.False(t, found)
	require.Equal(t, []chunk{one, one}, rest)
	rest, found = withoutMarks(chunks[:1], mine)
	require.False(t, found)
	require.Equal(t, chunks[:1], rest)
}
