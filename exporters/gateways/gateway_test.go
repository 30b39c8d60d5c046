// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/encoded"
	"github.com/otelcol-sre/otelcol-sre/internal/scatter"
)

func encodedBatch(t *testing.T) encoded.Chunk {
	t.Helper()
	data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(batch(0, 1))
	require.NoError(t, err)
	return encoded.Chunk{Data: data, Items: 2}
}

func TestMarks(t *testing.T) {
	one, old, mine := encodedBatch(t), newMark(), newMark()
	_, stored, err := encoded.Disk{Signal: scatter.Traces}.Unmarshal(mine)
	require.NoError(t, err)
	chunks := []encoded.Chunk{one, {Data: old}, one, stored.(*encoded.Request).Chunks[0]}
	rest, found := withoutMarks(chunks, mine)
	require.True(t, found)
	require.Equal(t, []encoded.Chunk{one, one}, rest)
	rest, found = withoutMarks(chunks, newMark())
	require.False(t, found)
	require.Equal(t, []encoded.Chunk{one, one}, rest)
	rest, found = withoutMarks(chunks[:1], mine)
	require.False(t, found)
	require.Equal(t, chunks[:1], rest)
}
