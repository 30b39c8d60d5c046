// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func TestSentAgain(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService), exactly)
	batch := spansAt(epoch, 10)
	f.traces(t, batch)
	f.traces(t, batch)
	require.Equal(t, int64(10), f.total(t, deduplicated))
	require.Equal(t, [2]float64{9, 1}, f.availability(t))

	// In another request, with others.
	mixed := spansAt(epoch, 5)
	batch.ResourceSpans().At(0).CopyTo(mixed.ResourceSpans().AppendEmpty())
	spansAt(epoch, 3).ResourceSpans().At(0).ScopeSpans().At(0).CopyTo(mixed.ResourceSpans().At(1).ScopeSpans().AppendEmpty())
	f.traces(t, mixed)
	require.Equal(t, int64(20), f.total(t, deduplicated))
	require.Equal(t, [2]float64{9 + 4 + 2, 3}, f.availability(t))
	exemplars := 0
	for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
		exemplars += p.Exemplars().Len()
	}
	require.Zero(t, exemplars, "they went with the first flush")
}

func TestWhatIsTheSameSpan(t *testing.T) {
	span := func(td ptrace.Traces, service string, kind ptrace.SpanKind, trace, id byte) {
		rs := td.ResourceSpans().AppendEmpty()
		fill(rs.Resource().Attributes(), checkout("service.name", service))
		s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		s.SetKind(kind)
		s.SetTraceID(pcommon.TraceID{trace})
		s.SetSpanID(pcommon.SpanID{id})
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(epoch))
	}
	consumer, client := ptrace.SpanKindConsumer, ptrace.SpanKindClient
	for name, test := range map[string]struct {
		send func(ptrace.Traces)
		want float64
	}{
		"twice in one request": {func(td ptrace.Traces) { span(td, "checkout", server, 1, 1); span(td, "checkout", server, 1, 1) }, 1},
		"of two kinds":         {func(td ptrace.Traces) { span(td, "checkout", server, 1, 1); span(td, "checkout", consumer, 1, 1) }, 2},
		"of two services":      {func(td ptrace.Traces) { span(td, "checkout", server, 1, 1); span(td, "cart", server, 1, 1) }, 2},
		"of two traces":        {func(td ptrace.Traces) { span(td, "checkout", server, 1, 1); span(td, "checkout", server, 2, 1) }, 2},
		"two of a trace":       {func(td ptrace.Traces) { span(td, "checkout", server, 1, 1); span(td, "checkout", server, 1, 2) }, 2},
		"without a span ID":    {func(td ptrace.Traces) { span(td, "checkout", server, 1, 0); span(td, "checkout", server, 1, 0) }, 2},
		"without a trace ID":   {func(td ptrace.Traces) { span(td, "checkout", server, 0, 1); span(td, "checkout", server, 0, 1) }, 2},
		"that no SLO counts":   {func(td ptrace.Traces) { span(td, "checkout", client, 1, 1); span(td, "checkout", client, 1, 1) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, catalogOf(t, oneSLO("name: checkout", ""), oneSLO("name: cart", "")), exactly)
			td := ptrace.NewTraces()
			test.send(td)
			f.traces(t, td)
			var sum float64
			for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
				sum += p.DoubleValue()
			}
			require.Equal(t, test.want, sum)
			require.Equal(t, int64(td.SpanCount())-int64(test.want), f.total(t, deduplicated)+map[bool]int64{true: 2}[test.want == 0])
		})
	}
}

func TestTheWindowIsBounded(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService), exactly, func(cfg *Config, _ host) { cfg.Deduplicate.MaxEvents = 1000 })
	batch := spansAt(epoch, 10)
	f.traces(t, batch)
	f.clock.add(9 * time.Minute)
	f.traces(t, batch)
	require.Equal(t, int64(10), f.total(t, deduplicated), "in the window")
	f.clock.add(2 * time.Minute)
	f.traces(t, spansAt(f.clock.Now(), 1))
	f.clock.add(11 * time.Minute)
	f.traces(t, spansAt(f.clock.Now(), 1))
	f.traces(t, batch)
	require.Equal(t, int64(10), f.total(t, deduplicated), "forgotten after two windows")

	batch = spansAt(f.clock.Now(), 10)
	f.traces(t, batch)
	f.traces(t, spansAt(f.clock.Now(), 985))
	f.traces(t, batch)
	require.Equal(t, int64(20), f.total(t, deduplicated), "max_events and those before")
	f.traces(t, spansAt(f.clock.Now(), 995))
	f.traces(t, batch)
	require.Equal(t, int64(20), f.total(t, deduplicated), "forgotten after twice max_events")
	f.traces(t, spansAt(f.clock.Now(), 5000))
}

const loggedSLO = `
metadata: {name: checkout}
spec: {owner: payments, slos: [{name: lines, objective: 99, sli: {logs: {good: 'attributes["ok"] == true'}}}]}
`

type line struct {
	written, observed time.Time
	span              byte
	body              string
}

func linesOf(lines ...line) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	fill(rl.Resource().Attributes(), checkout())
	for _, l := range lines {
		r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		if !l.written.IsZero() {
			r.SetTimestamp(pcommon.NewTimestampFromTime(l.written))
		}
		if !l.observed.IsZero() {
			r.SetObservedTimestamp(pcommon.NewTimestampFromTime(l.observed))
		}
		r.SetSpanID(pcommon.SpanID{l.span})
		r.Body().SetStr(l.body)
	}
	return ld
}

// Equal lines are counted each, and lines that are sent again once, as far as they can be told apart.
func TestEqualLogRecords(t *testing.T) {
	nano, milli, second := epoch.Add(123456789), epoch.Add(5*time.Millisecond), epoch
	for name, test := range map[string]struct {
		requests [][]line
		want     float64
	}{
		"sent again":                              {[][]line{{{written: nano}}, {{written: nano}}}, 1},
		"two equal ones in a request":             {[][]line{{{written: nano}, {written: nano}}}, 2},
		"three, sent again":                       {[][]line{{{written: nano}, {written: nano}, {written: nano}}, {{written: nano}, {written: nano}, {written: nano}}}, 3},
		"two, sent again one by one":              {[][]line{{{written: nano}, {written: nano}}, {{written: nano}}, {{written: nano}}}, 2},
		"one, then it and two more":               {[][]line{{{written: nano}}, {{written: nano}, {written: nano}, {written: nano}}}, 3},
		"another body":                            {[][]line{{{written: nano, body: "a"}}, {{written: nano, body: "b"}}}, 2},
		"another time":                            {[][]line{{{written: nano}}, {{written: nano.Add(1)}}}, 2},
		"whole seconds":                           {[][]line{{{written: second}}, {{written: second}}}, 2},
		"whole seconds of a span":                 {[][]line{{{written: second, span: 1}}, {{written: second, span: 1}}}, 2},
		"whole milliseconds":                      {[][]line{{{written: milli}}, {{written: milli}}}, 2},
		"whole milliseconds of a span":            {[][]line{{{written: milli, span: 1}}, {{written: milli, span: 1}}}, 1},
		"whole seconds, observed at another time": {[][]line{{{written: second, observed: nano}}, {{written: second, observed: nano.Add(1)}}}, 2},
		"whole seconds, observed and sent again":  {[][]line{{{written: second, observed: nano}}, {{written: second, observed: nano}}}, 1},
		"no time":                                 {[][]line{{{}}, {{}}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, catalogOf(t, loggedSLO), exactly)
			var sent float64
			for _, lines := range test.requests {
				require.NoError(t, f.ConsumeLogs(t.Context(), linesOf(lines...)))
				sent += float64(len(lines))
			}
			var sum float64
			for _, p := range points(f.flush(t), semconv.SLOEvents.Name) {
				sum += p.DoubleValue()
			}
			assert.Equal(t, test.want, sum)
			assert.Equal(t, int64(sent-test.want), f.total(t, deduplicated))
		})
	}
}

func TestLateAndFuture(t *testing.T) {
	for name, test := range map[string]struct {
		ended time.Duration // from now
		want  []string
	}{
		"now":                {0, nil},
		"five minutes":       {-5 * time.Minute, nil},
		"a little more":      {-5*time.Minute - 1, []string{"1.0/availability/bad/late 1", "1.0/availability/good/late 2", "1.0/latency/bad/late 0", "1.0/latency/good/late 3"}},
		"three days":         {-72 * time.Hour, []string{"1.0/availability/bad/late 1", "1.0/availability/good/late 2", "1.0/latency/bad/late 0", "1.0/latency/good/late 3"}},
		"a minute ahead":     {time.Minute, nil},
		"more than a minute": {time.Minute + 1, []string{"1.0/availability/bad/future 1", "1.0/availability/good/future 2", "1.0/latency/bad/future 0", "1.0/latency/good/future 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, catalogOf(t, checkoutService), exactly)
			batch := spansAt(epoch.Add(test.ended), 3)
			f.traces(t, batch)
			f.traces(t, batch)
			md := f.flush(t)
			assert.Equal(t, test.want, lateOf(md))
			count := [2]float64{2, 1}
			if test.want != nil {
				count = [2]float64{}
			}
			assert.Equal(t, count, f.availability(t))
			assert.Equal(t, int64(3), f.total(t, deduplicated), "late events, too, count once")
			for _, p := range points(md, semconv.SLOEventsLate.Name) {
				assert.LessOrEqual(t, p.StartTimestamp(), p.Timestamp())
			}
		})
	}
}

// The first point of a late series is 0, so that readers that append points see the rise.
func TestLateSeriesBeginAtZero(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService), exactly)
	values := func() (found []float64) {
		var before pcommon.Timestamp
		for _, p := range points(f.flush(t), semconv.SLOEventsLate.Name) {
			if attr(p, semconv.SLOName) == "availability" && attr(p, semconv.SLOOutcome) == semconv.Bad {
				require.Greater(t, p.Timestamp(), before)
				found, before = append(found, p.DoubleValue()), p.Timestamp()
			}
		}
		return found
	}
	f.traces(t, spansAt(epoch.Add(-time.Hour), 3))
	require.Equal(t, []float64{0, 1}, values())
	f.traces(t, spansAt(epoch.Add(-time.Hour), 3))
	require.Equal(t, []float64{2}, values())
}

func TestLogRecordsWithoutATimeAreNow(t *testing.T) {
	f := start(t, catalogOf(t, loggedSLO), exactly)
	require.NoError(t, f.ConsumeLogs(t.Context(), linesOf(line{}, line{observed: epoch}, line{observed: epoch.Add(-time.Hour)},
		line{written: epoch.Add(-time.Hour), observed: epoch}, line{written: epoch, observed: epoch.Add(-time.Hour)})))
	md := f.flush(t)
	require.Contains(t, texts(md), "checkout/production/1.0 lines bad 3")
	require.Equal(t, []string{"1.0/lines/bad/late 2", "1.0/lines/good/late 0"}, lateOf(md))
}

// A collector whose clock is wrong does not go blind, if several senders agree; one sender does not move it.
func TestTheOwnClockIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		ahead     time.Duration
		instances int
		counted   bool
	}{
		"a day and an hour ahead": {25 * time.Hour, 4, true},
		"an hour behind":          {-time.Hour, 4, true},
		"one sender only":         {25 * time.Hour, 1, false},
		"right":                   {0, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, catalogOf(t, checkoutService), exactly)
			f.clock.add(test.ahead)
			var sent float64
			for range 60 {
				f.clock.add(5 * time.Second)
				for i := range test.instances {
					f.traces(t, spansAt(f.clock.Now().Add(-test.ahead), 2, "service.instance.id", string(rune('a'+i))))
					sent++
				}
				// Its clock is wrong whatever ours is.
				f.traces(t, spansAt(f.clock.Now().Add(-test.ahead).Add(-10*time.Hour), 2, "service.instance.id", "wrong", "service.version", "wrong"))
			}
			md := f.flush(t)
			right := 0.0
			for _, p := range points(md, semconv.SLOEvents.Name) {
				switch {
				case attr(p, semconv.SLOName) != "availability":
				case attr(p, semconv.ServiceVersion) == "1.0":
					right += p.DoubleValue() / 2
				default:
					require.Zero(t, p.DoubleValue(), "of the sender with a wrong clock")
				}
			}
			if test.counted {
				require.GreaterOrEqual(t, right, sent*3/4, "of %v: all but those of the first minute", sent)
			} else {
				require.Zero(t, right)
			}
		})
	}
}
