// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"

	"github.com/otelcol-sre/otelcol-sre/internal/request/requesttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bounds = Bounds{Names: 20, Values: 16, Rounds: 10}

// everything is a source that gives all records, whatever they are looked for by.
func everything(records []Record) Source {
	return func(_ Names, each func(Record) bool) error {
		for _, r := range records {
			if !each(r) {
				break
			}
		}
		return nil
	}
}

func recordsOf(c requesttest.Case) (records []Record) {
	for _, d := range c.Documents() {
		records = slices.AppendSeq(records, Spans(d.Traces))
		records = slices.AppendSeq(records, Logs(d.Logs))
	}
	return records
}

func nameOf(r Record) string {
	if r.IsSpan {
		return r.Span.Name()
	}
	return r.Log.Body().AsString()
}

// Each ID of a request finds the same, in whatever order the records come.
func TestEachIDFindsTheSame(t *testing.T) {
	for _, c := range requesttest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			records := recordsOf(c)
			for shuffle := range 4 {
				for _, r := range c.Requests {
					for _, id := range r.IDs {
						var names []string
						found, err := Find(everything(records), id, bounds, func(r Record, _ []int) bool {
							names = append(names, nameOf(r))
							return true
						})
						require.NoError(t, err)
						assert.ElementsMatch(t, r.Finds, names, id)
						assert.Equal(t, max(r.Shared, 1), found.Requests, id)
						assert.False(t, found.Cut, id)
					}
				}
				random := rand.New(rand.NewPCG(1, uint64(shuffle)))
				random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
			}
		})
	}
}

// Whatever shows what: all members of a request find the same members.
func TestMembersFindEachOther(t *testing.T) {
	members := func(records []Record, id string) (names []string) {
		s := newSearch(id, Bounds{Names: 1000, Values: 1000, Rounds: 1000})
		a, err := s.follow(everything(records))
		require.NoError(t, err)
		require.Len(t, a.requests, 1, id)
		for _, n := range a.requests[0].members.all {
			names = append(names, n.name())
		}
		slices.Sort(names)
		return names
	}
	asked, joined := 0, 0
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(7, seed))
		records := spans(2+random.IntN(14), func(_ int, s ptrace.Span) {
			s.SetTraceID(requesttest.Trace(1 + byte(random.IntN(8))))
			if random.IntN(3) == 0 {
				s.Attributes().PutStr("correlation.id", fmt.Sprint("C-", random.IntN(4)))
			}
			if random.IntN(8) == 0 {
				s.Attributes().PutStr("correlation.id", requesttest.Trace(1+byte(random.IntN(9))).String())
			}
			for random.IntN(3) == 0 {
				s.Links().AppendEmpty().SetTraceID(requesttest.Trace(1 + byte(random.IntN(9))))
			}
		})
		for n := range byte(9) {
			id := requesttest.Trace(n + 1).String()
			found, err := Find(everything(records), id, Bounds{Names: 1000, Values: 1000, Rounds: 1000}, func(Record, []int) bool { return true })
			require.NoError(t, err)
			if found.Requests != 1 {
				continue
			}
			want := members(records, id)
			if !slices.Contains(want, id) { // it is shared
				continue
			}
			asked++
			for _, name := range want {
				joined++
				require.Equal(t, want, members(records, name), "seed %d, %s", seed, name)
			}
		}
	}
	assert.Greater(t, joined, 2*asked)
}

// spans makes spans of one trace each.
func spans(count int, fill func(i int, s ptrace.Span)) (records []Record) {
	for i := range count {
		s := ptrace.NewSpan()
		s.SetName(strconv.Itoa(i))
		s.SetTraceID(pcommon.TraceID{1, byte(i >> 16), byte(i >> 8), byte(i), 15: 1})
		s.SetSpanID(pcommon.SpanID{1, byte(i >> 16), byte(i >> 8), byte(i)})
		fill(i, s)
		records = append(records, Record{Resource: pcommon.NewMap(), IsSpan: true, Span: s})
	}
	return records
}

func logs(texts ...string) (records []Record) {
	for _, text := range texts {
		l := plog.NewLogRecord()
		l.Body().SetStr(text)
		records = append(records, Record{Resource: pcommon.NewMap(), Log: l})
	}
	return records
}

// What leads to very much is cut, and the answer says so. Each source is read a few times only.
func TestBounds(t *testing.T) {
	const many = 10_000
	first := pcommon.TraceID{1, 15: 1}
	linkTo := func(s ptrace.Span, traces int) {
		for i := range traces {
			s.Links().AppendEmpty().SetTraceID(pcommon.TraceID{1, byte(i >> 16), byte(i >> 8), byte(i), 15: 1})
		}
	}
	for name, c := range map[string]struct {
		records []Record
		id      string
		most    int
		cut     bool
	}{
		"an ID in many traces": {spans(many, func(_ int, s ptrace.Span) { s.Attributes().PutStr("correlation.id", "C-1") }), "C-1", many, true},
		"a value of many requests": {spans(many, func(i int, s ptrace.Span) {
			s.Attributes().PutStr("correlation.id", fmt.Sprint("C-", i))
			s.Attributes().PutStr("order.id", "o-1")
		}), "o-1", many, true},
		"a span that links to many": {spans(many, func(i int, s ptrace.Span) {
			if i == many-1 {
				linkTo(s, many-1)
			}
		}), fmt.Sprintf("01%06x", many-1) + fmt.Sprintf("%024x", 1), bounds.Names, true},
		"a trace that a span with many links links to": {spans(many, func(i int, s ptrace.Span) {
			if i == many-1 {
				linkTo(s, many-1)
			}
		}), first.String(), 2, false},
		"many link to a trace": {spans(many, func(i int, s ptrace.Span) {
			if i > 0 {
				s.Links().AppendEmpty().SetTraceID(first)
			}
		}), first.String(), bounds.Names, true},
		"a long chain of links": {spans(100, func(i int, s ptrace.Span) {
			if i > 0 {
				s.Links().AppendEmpty().SetTraceID(pcommon.TraceID{1, 3: byte(i - 1), 15: 1})
			}
		}), first.String(), bounds.Names, true},
		"a circle of links": {spans(10, func(i int, s ptrace.Span) {
			s.Links().AppendEmpty().SetTraceID(pcommon.TraceID{1, 3: byte((i + 1) % 10), 15: 1})
		}), first.String(), 10, false},
		"many IDs in a trace": {spans(many, func(i int, s ptrace.Span) {
			s.SetTraceID(first)
			s.Attributes().PutStr("correlation.id", fmt.Sprint("C-", i))
		}), first.String(), many, true},
		"many values": {spans(1, func(_ int, s ptrace.Span) {
			for i := range many {
				s.Attributes().PutStr(fmt.Sprintf("x%d.id", i), fmt.Sprint("x-", i))
			}
		}), first.String(), 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			reads, kept := 0, 0
			source := func(names Names, each func(Record) bool) error {
				reads++
				assert.LessOrEqual(t, len(names.Traces)+len(names.Texts), 3*(bounds.Names+bounds.Values+2))
				return everything(c.records)(names, each)
			}
			found, err := Find(source, c.id, bounds, func(Record, []int) bool { kept++; return true })
			require.NoError(t, err)
			assert.True(t, found.Any)
			assert.Equal(t, c.cut, found.Cut)
			assert.NotZero(t, kept)
			assert.LessOrEqual(t, kept, c.most)
			assert.LessOrEqual(t, len(found.Traces)+len(found.IDs), bounds.Names+1)
			assert.LessOrEqual(t, reads, bounds.Rounds+1)
		})
	}
}

func TestFindNothing(t *testing.T) {
	for _, id := range []string{"", " ", "C-1", "900417", requesttest.Trace(1).String(), requesttest.Span(1).String()} {
		found, err := Find(everything(logs("hello", "C-10 19004170")), id, bounds, nil)
		require.NoError(t, err)
		assert.Zero(t, found, id)
	}
}

func TestFindEndsEarly(t *testing.T) {
	records := spans(10, func(_ int, s ptrace.Span) { s.Attributes().PutStr("correlation.id", "C-1") })
	kept := 0
	_, err := Find(everything(records), "C-1", bounds, func(Record, []int) bool { kept++; return kept < 3 })
	require.NoError(t, err)
	assert.Equal(t, 3, kept)
}

func TestSourceFails(t *testing.T) {
	records := spans(2, func(_ int, s ptrace.Span) { s.Attributes().PutStr("correlation.id", "C-1") })
	for failing := range 3 {
		reads := 0
		_, err := Find(func(names Names, each func(Record) bool) error {
			if reads++; reads > failing {
				return assert.AnError
			}
			return everything(records)(names, each)
		}, "C-1", bounds, func(Record, []int) bool { return true })
		require.ErrorIs(t, err, assert.AnError)
	}
}
