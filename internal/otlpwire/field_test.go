// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package otlpwire

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestFields(t *testing.T) {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "checkout")
	rs.Resource().Attributes().PutStr("empty", "")
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID([16]byte{1, 2, 3})
	span.TraceState().FromRaw("ot=th:8")
	message, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	require.NoError(t, err)
	read := func(message []byte, number protowire.Number) []byte {
		value, err := Find(message, number)
		require.NoError(t, err)
		return value
	}
	resource := read(message, RequestResources)
	name, err := Attribute(read(resource, ResourceResource), ResourceAttributes, "service.name")
	require.NoError(t, err)
	assert.Equal(t, "checkout", string(read(name, 1))) // string_value of AnyValue
	none, err := Attribute(read(resource, ResourceResource), ResourceAttributes, "nothing")
	require.NoError(t, err)
	assert.Nil(t, none)
	encoded := read(read(resource, ResourceScopes), ScopeItems)
	id := span.TraceID()
	assert.Equal(t, id[:], read(encoded, SpanTraceID))
	assert.Equal(t, "ot=th:8", string(read(encoded, SpanTraceState)))
	assert.Nil(t, read(encoded, 100))

	_, err = Find(message[:len(message)-1], RequestResources)
	require.ErrorContains(t, err, "not OTLP")
}

// Whatever the bytes are, Step agrees with the library, and Next takes a message apart without a gap.
func FuzzStep(f *testing.F) {
	f.Add([]byte{0x0a, 0x01, 'a'})
	f.Add([]byte{0x0a, 0x81, 0x01})
	f.Add(append([]byte{0x12, 0x81, 0x01}, make([]byte, 129)...))
	f.Add([]byte{0x0d, 1, 2, 3, 4})
	f.Add([]byte{0x09, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte{0x08, 0xff, 0xff, 0x01})
	f.Add([]byte{0x0b, 0x0c})
	f.Add([]byte{0x00, 0x01})
	f.Fuzz(func(t *testing.T, message []byte) {
		var taken []byte
		for rest := message; len(rest) > 0; {
			number, kind, length := protowire.ConsumeField(rest)
			got, at, end := Step(rest)
			if (length < 0) != (end < 0) {
				t.Fatalf("%x: the library says %d, Step says %d", rest, length, end)
			}
			if length < 0 {
				_, _, err := Next(rest)
				require.Error(t, err)
				return
			}
			require.Equal(t, number, got)
			require.Equal(t, length, end)
			if kind == protowire.BytesType {
				_, _, tag := protowire.ConsumeTag(rest)
				value, _ := protowire.ConsumeBytes(rest[tag:])
				require.True(t, bytes.Equal(value, rest[at:end]))
			}
			field, behind, err := Next(rest)
			require.NoError(t, err)
			taken = append(taken, field.Raw...)
			rest = behind
		}
		require.True(t, bytes.Equal(message, taken))
	})
}
