// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/past"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// pastOf are the availability's late events as text, sorted: "outcome interval value".
func pastOf(md pmetric.Metrics) (found []string) {
	for _, p := range points(md, semconv.SLOEventsPast.Name) {
		if attr(p, semconv.SLOName) == "availability" {
			found = append(found, fmt.Sprint(attr(p, semconv.SLOOutcome), " ", attr(p, semconv.SLOEventInterval), " ", p.DoubleValue()))
		}
	}
	slices.Sort(found)
	return found
}

// minuteOf is the minute of a time as the interval has it.
func minuteOf(t time.Time) string {
	return past.Of(past.Minute(pcommon.NewTimestampFromTime(t)), 1).String()
}

// Each late event is in the counter of its minute, also after a kill -9, and when it is sent again.
func TestLateEventsByMinute(t *testing.T) {
	d, cat := newDisk(t), catalogOf(t, checkoutService)
	f := start(t, cat, d.on(t))
	hour, days := epoch.Add(-time.Hour), epoch.Add(-72*time.Hour)
	f.traces(t, spansAt(hour, 3))
	f.traces(t, spansAt(hour, 3)) // others of the same minute
	three := spansAt(days, 3)
	f.traces(t, three)
	f.traces(t, three)
	f.traces(t, spansAt(epoch.Add(-400*24*time.Hour), 3)) // before any period
	f.traces(t, spansAt(epoch.Add(time.Hour), 3))         // of the future
	want := []string{"bad " + minuteOf(days) + " 1", "bad " + minuteOf(hour) + " 2", "good " + minuteOf(days) + " 2", "good " + minuteOf(hour) + " 4"}
	md := f.flush(t)
	require.Equal(t, want, pastOf(md))
	for _, p := range points(md, semconv.SLOEventsPast.Name) {
		require.Less(t, p.StartTimestamp(), p.Timestamp())
	}

	f.traces(t, spansAt(hour, 3)) // after the checkpoint
	again := start(t, cat, d.killed(t).on(t))
	again.clock.add(time.Minute)
	again.traces(t, three)
	md = again.flush(t)
	require.Equal(t, pastOf(f.flush(t)), pastOf(md))
	starts := func(md pmetric.Metrics) (found []string) {
		for _, p := range points(md, semconv.SLOEventsPast.Name) {
			found = append(found, attr(p, semconv.SLOEventInterval)+attr(p, semconv.SLOOutcome)+p.StartTimestamp().String())
		}
		slices.Sort(found)
		return found
	}
	require.Equal(t, starts(f.flush(t)), starts(md), "the same counters")
	require.Equal(t, lateOf(f.flush(t)), lateOf(md), "all of them as before")

	last := start(t, cat, d.killed(t).on(t)) // the first one again, from its checkpoint alone
	require.Equal(t, pastOf(f.flush(t)), pastOf(last.flush(t)))
	last.clock.add(pastIdle + time.Minute)
	require.Empty(t, pastOf(last.flush(t)), "they have been emitted for long enough")
	last.traces(t, spansAt(hour, 3))
	require.Equal(t, []string{"bad " + minuteOf(hour) + " 1", "good " + minuteOf(hour) + " 2"}, pastOf(last.flush(t)), "a new counter begins")
}

// Counters are bounded: of too many minutes, hours; of too many hours, days. No event is in two of them.
func TestLateEventsOfManyMinutes(t *testing.T) {
	f := start(t, catalogOf(t, checkoutService), exactly)
	const minutes = 40 * 24 * 60 / 7
	for i := range minutes {
		f.traces(t, spansAt(epoch.Add(-time.Hour-time.Duration(7*i)*time.Minute), 3))
	}
	md := f.flush(t)
	lengths, events := map[string]int{}, 0.0
	for _, p := range points(md, semconv.SLOEventsPast.Name) {
		if attr(p, semconv.SLOName) == "availability" {
			_, length, _ := strings.Cut(attr(p, semconv.SLOEventInterval), "/")
			lengths[length]++
			events += p.DoubleValue()
		}
	}
	require.Equal(t, 3.0*minutes, events)
	require.Equal(t, 2*past.Most, lengths["PT1M"], "of each outcome")
	require.Equal(t, 2*past.Most, lengths["PT1H"])
	require.InDelta(t, 2*38, lengths["P1D"], 4)
}
