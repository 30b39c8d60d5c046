// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"errors"
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-sre/otelcol-sre/internal/otlpwire"
)

// An extent is a part of encoded bytes: fields with their tags.
type extent struct{ from, to uint32 }

func (e extent) size() int { return int(e.to - e.from) }

// A heldSpan is one span in encoded bytes.
type heldSpan struct {
	trace pcommon.TraceID
	extent
	state extent // the value of its tracestate
	scope uint32
	taken bool
	// previous is the span of the same trace that was held before this one.
	previous ref
}

// A heldScope is what spans have in common: their scope, and its index of a resource.
type heldScope struct {
	resource      uint32
	scope, schema extent
}

type heldResource struct {
	resource, schema extent
	service          *service
}

// A chunk is a batch of spans, encoded as OTLP's TracesData, and where each of them is. Bytes have no pointers, so that the garbage collector
// does not look at what is held, and they are a fraction of the size of the decoded spans.
type chunk struct {
	bytes     []byte
	spans     []heldSpan
	scopes    []heldScope
	resources []heldResource
	arrived   int64 // Unix nanoseconds
	sequence  uint32
}

// size is about what the chunk takes in memory, in bytes.
func (c *chunk) size() int64 {
	return int64(len(c.bytes)) + int64(len(c.spans))*(heldSpanSize+indexSize) + int64(len(c.scopes))*20 + int64(len(c.resources))*24
}

const (
	heldSpanSize = 48
	indexSize    = 48 // an entry in a map from trace to reference
)

var errEncoding = errors.New("spans cannot be indexed in their encoding")

// encode makes a chunk of the spans.
func encode(td ptrace.Traces) (*chunk, error) {
	bytes, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		return nil, err
	}
	return index(bytes, td.SpanCount())
}

// index finds the spans in encoded bytes. Spans is about how many there are.
func index(bytes []byte, spans int) (*chunk, error) {
	if len(bytes) > math.MaxInt32 {
		return nil, errEncoding
	}
	c := &chunk{bytes: bytes, spans: make([]heldSpan, 0, spans)}
	whole := extent{0, uint32(len(bytes))}
	return c, c.fields(whole, func(number protowire.Number, _, value extent) error {
		if number == otlpwire.RequestResources {
			return c.resourceSpans(value)
		}
		return nil
	})
}

// fields calls f for each field of the message: with its number, where it is with its tag, and where its value is, if that has a length.
func (c *chunk) fields(message extent, f func(number protowire.Number, field, value extent) error) error {
	for at := message.from; at < message.to; {
		number, value, end := otlpwire.Step(c.bytes[at:message.to])
		if end < 0 {
			return errEncoding
		}
		if err := f(number, extent{at, at + uint32(end)}, extent{at + uint32(value), at + uint32(end)}); err != nil {
			return err
		}
		at += uint32(end)
	}
	return nil
}

func (c *chunk) resourceSpans(message extent) error {
	resource := uint32(len(c.resources))
	c.resources = append(c.resources, heldResource{})
	return c.fields(message, func(number protowire.Number, field, value extent) error {
		switch number {
		case otlpwire.ResourceResource:
			c.resources[resource].resource = field
		case otlpwire.ResourceSchema:
			c.resources[resource].schema = field
		case otlpwire.ResourceScopes:
			return c.scopeSpans(resource, value)
		}
		return nil
	})
}

func (c *chunk) scopeSpans(resource uint32, message extent) error {
	scope := uint32(len(c.scopes))
	c.scopes = append(c.scopes, heldScope{resource: resource})
	return c.fields(message, func(number protowire.Number, field, value extent) error {
		switch number {
		case otlpwire.ScopeScope:
			c.scopes[scope].scope = field
		case otlpwire.ScopeSchema:
			c.scopes[scope].schema = field
		case otlpwire.ScopeItems:
			return c.span(scope, field, value)
		}
		return nil
	})
}

func (c *chunk) span(scope uint32, field, message extent) error {
	held := heldSpan{extent: field, scope: scope}
	err := c.fields(message, func(number protowire.Number, _, value extent) error {
		switch number {
		case otlpwire.SpanTraceID:
			copy(held.trace[:], c.bytes[value.from:value.to])
		case otlpwire.SpanTraceState:
			held.state = value
		}
		return nil
	})
	c.spans = append(c.spans, held)
	return err
}

// A found is a held span.
type found struct {
	chunk *chunk
	span  uint32
}

func (f found) held() *heldSpan { return &f.chunk.spans[f.span] }

// tracestate is the span's.
func (f found) tracestate() string {
	held := f.held()
	return string(f.chunk.bytes[held.state.from:held.state.to])
}

func (f found) service() *service {
	return f.chunk.resources[f.chunk.scopes[f.held().scope].resource].service
}

// decode returns the spans. Those that were held together have one resource and one scope again.
func decode(spans []found) (ptrace.Traces, error) {
	slices.SortFunc(spans, func(a, b found) int {
		if a.chunk != b.chunk {
			return int(int32(a.chunk.sequence - b.chunk.sequence))
		}
		return int(a.span) - int(b.span)
	})
	var size int
	for _, f := range spans {
		size += f.held().size()
	}
	bytes := make([]byte, 0, size+size/4+256)
	for len(spans) > 0 {
		n := sameResource(spans)
		bytes = appendResource(bytes, spans[:n])
		spans = spans[n:]
	}
	return (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(bytes)
}

// sameResource is how many of the spans, from the first one on, were held together in one resource.
func sameResource(spans []found) int {
	first := spans[0].chunk.scopes[spans[0].held().scope].resource
	n := slices.IndexFunc(spans, func(f found) bool {
		return f.chunk != spans[0].chunk || f.chunk.scopes[f.held().scope].resource != first
	})
	if n < 0 {
		return len(spans)
	}
	return n
}

// sameScope is how many of the spans of one resource, from the first one on, have one scope.
func sameScope(spans []found) int {
	n := slices.IndexFunc(spans, func(f found) bool { return f.held().scope != spans[0].held().scope })
	if n < 0 {
		return len(spans)
	}
	return n
}

// appendResource appends a field of TracesData: the spans, which have one resource.
func appendResource(to []byte, spans []found) []byte {
	c := spans[0].chunk
	resource := c.resources[c.scopes[spans[0].held().scope].resource]
	size := resource.resource.size() + resource.schema.size()
	for rest := spans; len(rest) > 0; {
		n := sameScope(rest)
		size += protowire.SizeTag(otlpwire.ResourceScopes) + protowire.SizeBytes(scopeSize(rest[:n]))
		rest = rest[n:]
	}
	to = protowire.AppendTag(to, otlpwire.RequestResources, protowire.BytesType)
	to = protowire.AppendVarint(to, uint64(size))
	to = c.append(to, resource.resource)
	for rest := spans; len(rest) > 0; {
		n := sameScope(rest)
		to = protowire.AppendTag(to, otlpwire.ResourceScopes, protowire.BytesType)
		to = protowire.AppendVarint(to, uint64(scopeSize(rest[:n])))
		scope := c.scopes[rest[0].held().scope]
		to = c.append(to, scope.scope)
		for _, f := range rest[:n] {
			to = c.append(to, f.held().extent)
		}
		to = c.append(to, scope.schema)
		rest = rest[n:]
	}
	return c.append(to, resource.schema)
}

// scopeSize is the size of the message of spans that have one scope.
func scopeSize(spans []found) int {
	c := spans[0].chunk
	scope := c.scopes[spans[0].held().scope]
	size := scope.scope.size() + scope.schema.size()
	for _, f := range spans {
		size += f.held().size()
	}
	return size
}

func (c *chunk) append(to []byte, e extent) []byte { return append(to, c.bytes[e.from:e.to]...) }
