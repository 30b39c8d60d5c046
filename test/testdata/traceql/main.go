// Command traceql runs queries over spans with Tempo's own engine: as many as stand in a JSON list on standard
// input, over a file that a collector's file exporter wrote. It prints for each what is wrong with it, or which
// spans it finds, by their number in the file. Tests build it with Tempo's go.mod; nothing that is released contains it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/grafana/tempo/pkg/traceql"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

type answer struct {
	Error string `json:"error,omitempty"`
	Found []int  `json:"found"`
}

func main() {
	if err := run(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string, in io.Reader, out io.Writer) error {
	var queries []string
	if err := json.NewDecoder(in).Decode(&queries); err != nil {
		return err
	}
	spans, err := read(file)
	if err != nil {
		return err
	}
	answers := make([]answer, len(queries))
	for i, query := range queries {
		answers[i] = ask(query, spans)
	}
	return json.NewEncoder(out).Encode(answers)
}

func ask(query string, spans []traceql.Span) answer {
	_, filter, _, _, _, err := traceql.Compile(query)
	if err != nil {
		return answer{Error: err.Error()}
	}
	found := []int{}
	for _, s := range spans { // each alone: no query relates spans of a trace
		sets, err := filter([]*traceql.Spanset{{Spans: []traceql.Span{s}}})
		if err != nil {
			return answer{Error: err.Error()}
		}
		for _, set := range sets {
			for _, s := range set.Spans {
				found = append(found, s.(*span).number)
			}
		}
	}
	return answer{Found: found}
}

func read(name string) (spans []traceql.Span, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return spans, nil
		}
		if err != nil {
			return nil, err
		}
		traces, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(line)
		if err != nil {
			return nil, err
		}
		for _, rs := range traces.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, s := range ss.Spans().All() {
					spans = append(spans, &span{s, rs.Resource().Attributes(), len(spans)})
				}
			}
		}
	}
}

// A span is one of OTLP as the engine asks for it.
type span struct {
	ptrace.Span
	resource pcommon.Map
	number   int
}

var statuses = map[ptrace.StatusCode]traceql.Status{
	ptrace.StatusCodeUnset: traceql.StatusUnset, ptrace.StatusCodeOk: traceql.StatusOk, ptrace.StatusCodeError: traceql.StatusError,
}

var kinds = map[ptrace.SpanKind]traceql.Kind{
	ptrace.SpanKindUnspecified: traceql.KindUnspecified, ptrace.SpanKindInternal: traceql.KindInternal, ptrace.SpanKindServer: traceql.KindServer,
	ptrace.SpanKindClient: traceql.KindClient, ptrace.SpanKindProducer: traceql.KindProducer, ptrace.SpanKindConsumer: traceql.KindConsumer,
}

func (s *span) AttributeFor(a traceql.Attribute) (traceql.Static, bool) {
	switch a.Intrinsic {
	case traceql.IntrinsicDuration:
		return traceql.NewStaticDuration(time.Duration(s.DurationNanos())), true
	case traceql.IntrinsicStatus:
		return traceql.NewStaticStatus(statuses[s.Status().Code()]), true
	case traceql.IntrinsicKind:
		return traceql.NewStaticKind(kinds[s.Kind()]), true
	case traceql.IntrinsicNone:
	default:
		return traceql.Static{}, false
	}
	attributes := s.Attributes()
	if a.Scope == traceql.AttributeScopeResource {
		attributes = s.resource
	}
	value, ok := attributes.Get(a.Name)
	if !ok {
		return traceql.Static{}, false
	}
	switch value.Type() {
	case pcommon.ValueTypeInt:
		return traceql.NewStaticInt(int(value.Int())), true
	case pcommon.ValueTypeDouble:
		return traceql.NewStaticFloat(value.Double()), true
	case pcommon.ValueTypeBool:
		return traceql.NewStaticBool(value.Bool()), true
	default:
		return traceql.NewStaticString(value.AsString()), true
	}
}

func (s *span) ID() []byte                 { id := s.SpanID(); return id[:] }
func (s *span) StartTimeUnixNanos() uint64 { return uint64(s.StartTimestamp()) }
func (s *span) DurationNanos() uint64      { return uint64(s.EndTimestamp() - s.StartTimestamp()) }

// The engine asks for these where a query relates spans or computes metrics; ours do neither.
func (s *span) AllAttributes() map[traceql.Attribute]traceql.Static                       { return nil }
func (s *span) AllAttributesFunc(func(traceql.Attribute, traceql.Static))                 {}
func (s *span) SiblingOf(_, _ []traceql.Span, _, _ bool, _ []traceql.Span) []traceql.Span { return nil }
func (s *span) DescendantOf(_, _ []traceql.Span, _, _, _ bool, _ []traceql.Span) []traceql.Span {
	return nil
}
func (s *span) ChildOf(_, _ []traceql.Span, _, _, _ bool, _ []traceql.Span) []traceql.Span {
	return nil
}
