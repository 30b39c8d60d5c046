// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/ptracetest"
)

// batch is spans of several resources and scopes, some of them empty.
func batch(random *rand.Rand) ptrace.Traces {
	td := ptrace.NewTraces()
	span := 0
	for r := range 4 {
		rs := td.ResourceSpans().AppendEmpty()
		if r > 0 {
			rs.Resource().Attributes().PutStr("service.name", fmt.Sprint("service-", r))
			rs.SetSchemaUrl(fmt.Sprint("schema ", r))
		}
		for s := range 3 {
			scope := rs.ScopeSpans().AppendEmpty()
			scope.Scope().SetName(fmt.Sprint("scope ", r, s))
			for range random.IntN(5) {
				one := scope.Spans().AppendEmpty()
				one.SetTraceID(traceID(random.Uint64N(10)))
				one.SetName(fmt.Sprint("span ", span))
				span++
				one.TraceState().FromRaw("ot=th:8")
				one.Events().AppendEmpty().SetName("event")
				one.Attributes().PutStr("key", "value")
			}
		}
	}
	return td
}

// Any choice of spans comes back as it was, with its resource and scope.
func TestSomeSpansComeBack(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		td := batch(random)
		c, err := encode(td)
		require.NoError(t, err)
		require.Len(t, c.spans, td.SpanCount())
		chosen := map[string]bool{}
		var spans []found
		next := 0
		td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
			rs.ScopeSpans().RemoveIf(func(scope ptrace.ScopeSpans) bool {
				scope.Spans().RemoveIf(func(span ptrace.Span) bool {
					f := found{c, uint32(next)}
					next++
					require.Equal(t, span.TraceID(), f.held().trace)
					require.Equal(t, "ot=th:8", f.tracestate())
					if random.IntN(2) == 0 {
						return true
					}
					chosen[span.Name()] = true
					spans = append(spans, f)
					return false
				})
				return scope.Spans().Len() == 0
			})
			return rs.ScopeSpans().Len() == 0
		})
		random.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
		back, err := decode(spans)
		require.NoError(t, err)
		require.NoError(t, ptracetest.CompareTraces(td, back))
	}
}

// Whatever the bytes are, an index is an error or points into them.
func FuzzIndex(f *testing.F) {
	for seed := range uint64(3) {
		bytes, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(batch(rand.New(rand.NewPCG(seed, 2))))
		require.NoError(f, err)
		f.Add(bytes)
		f.Add(bytes[:len(bytes)/2])
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		c, err := index(bytes, 0)
		if err != nil {
			return
		}
		var all []found
		for i := range c.spans {
			all = append(all, found{c, uint32(i)})
			_ = all[i].tracestate()
		}
		back, err := decode(all)
		if err == nil {
			require.Equal(t, len(all), back.SpanCount())
		}
	})
}
