// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math"
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// An objective is what the catalog says of an SLO, made ready for computing. A new catalog gives a new one.
type objective struct {
	slo *catalog.SLO
	// byDefault: the catalog has no entry for the service.
	byDefault bool
	// environments are those the service lists; none means any.
	environments []string
	// none is the group of events without any of the attributes by which the SLO is grouped, rest that of all groups beyond the limit; both are ""
	// if the SLO has no groups.
	none, rest string
	ratio      float64
	budget     float64
	pairs      []pair
	// steps are how finely the beginnings of windows are known: one for each burn window and, unless the own window is
	// one of them, one for it. own is the index of the own window.
	steps []int64
	own   int
	// horizon is the longest window: older events count nowhere.
	horizon int64
	// timetable is when events count. It is worked out as it is asked.
	timetable *timetable
	// digest is that of the catalog's entry; 0 for a proposal, which has no rules.
	digest float64
}

type window struct {
	name   string
	length int64
}

// burnWindows are catalog.BurnWindows, in the same order.
var burnWindows = func() (windows []window) {
	for _, w := range catalog.BurnWindows {
		windows = append(windows, window{catalog.FormatDuration(w), int64(w)})
	}
	return windows
}()

// A pair is a condition on two burn windows, given by their index.
type pair struct {
	long, short int
	factor      float64
	page        bool
}

// An interval is the time from start up to end.
type interval struct{ start, end int64 }

func newObjective(service *catalog.Service, slo *catalog.SLO) *objective {
	o := &objective{
		slo: slo, byDefault: service.Origin != nil, environments: service.Environments,
		ratio:     slo.ObjectiveRatio(),
		budget:    slo.ErrorBudget(),
		own:       -1,
		timetable: newTimetable(service.Schedule(slo)),
	}
	o.none, o.rest = o.group(""), o.group(catalog.Overflow)
	length := int64(slo.Window.MaxLength())
	for i, w := range burnWindows {
		step := minuteLength
		if i < fineWindows {
			step = stepOf(w.length)
		}
		o.steps = append(o.steps, step)
		o.horizon = max(o.horizon, w.length)
		if slo.Window.Calendar == nil && length == w.length {
			o.own = i
		}
	}
	if o.own < 0 {
		o.own = len(o.steps)
		o.steps = append(o.steps, minuteLength)
	}
	o.horizon = max(o.horizon, length)
	for _, p := range slo.BurnPairs() {
		o.pairs = append(o.pairs, pair{
			long: slices.Index(catalog.BurnWindows, p.Long), short: slices.Index(catalog.BurnWindows, p.Short),
			factor: p.Factor, page: p.Page,
		})
	}
	return o
}

// wants reports whether the SLO is kept for the environment.
func (o *objective) wants(environment string) bool {
	return len(o.environments) == 0 || slices.Contains(o.environments, environment)
}

// nanos is t in Unix nanoseconds, as near as an int64 holds them and not before 1970.
func nanos(t time.Time) int64 {
	switch seconds := t.Unix(); {
	case seconds < 0:
		return 0
	case seconds > math.MaxInt64/int64(time.Second)/2:
		return math.MaxInt64 / 2
	default:
		return t.UnixNano()
	}
}

// period is the calendar window that holds now. A rolling window has none: it starts at 0 and never ends.
func (o *objective) period(now int64) (start, end int64) {
	if o.slo.Window.Calendar == nil {
		return 0, math.MaxInt64
	}
	from, to := o.slo.Window.Bounds(time.Unix(0, now))
	return nanos(from), nanos(to)
}

// reset is the newest reset that is not in the future and still within reach of a window; nil if none is.
func (o *objective) reset(now int64) *catalog.Reset {
	var newest *catalog.Reset
	for i := range o.slo.Resets {
		r := &o.slo.Resets[i]
		if at := nanos(r.At); at > now || at <= now-o.horizon {
			continue
		}
		if newest == nil || r.At.After(newest.At) {
			newest = r
		}
	}
	return newest
}

func (o *objective) resetAt(now int64) int64 {
	if r := o.reset(now); r != nil {
		return nanos(r.At)
	}
	return 0
}

// length is how long the SLO's window is, as seen at now.
func (o *objective) length(now int64) time.Duration {
	return o.slo.Window.Length(time.Unix(0, now))
}

// nextReset is the time of the first reset that is still in the future.
func (o *objective) nextReset(now int64) int64 {
	next := int64(never)
	for i := range o.slo.Resets {
		if at := nanos(o.slo.Resets[i].At); at > now {
			next = min(next, at)
		}
	}
	return next
}

// windowName is the name of window w, as in values.
func (o *objective) windowName(w int) string {
	if w == o.own {
		return o.slo.Window.String()
	}
	return burnWindows[w].name
}

// inWindow are the events of the error budget: those since the start of the window or
// the newest reset, whichever is later. Their share of bad ones stays until the time, if none are added.
func (o *objective) inWindow(h *history) (_ sum, until int64) {
	start, calendar := h.period, o.slo.Window.Calendar != nil
	length := int64(o.slo.Window.Rolling)
	if !calendar {
		start = h.now - length
	}
	switch {
	case h.reset.at > start && calendar:
		return h.sinceReset(o), never
	case h.reset.at > start:
		return h.sinceReset(o), h.reset.at + length
	case calendar:
		return h.total.minus(h.startOf(o.own, start)), never
	default:
		events := h.last(o.own, length)
		return events, h.changes(o.own, length, events)
	}
}
