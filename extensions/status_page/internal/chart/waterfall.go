// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"html/template"
	"time"
)

// A Waterfall is the time axis that what happened in a request has in common.
type Waterfall struct {
	Start, End time.Time
}

const (
	waterWidth, waterHeight = 1000, 20
	// waterParts is into how many parts the axis is parted; the style sheet draws the lines.
	waterParts = 4
	// waterLeast is the width of what takes no time.
	waterLeast = 5
)

// Bar draws what took from one time to another, in the color of a place among the services.
func (w Waterfall) Bar(from, to time.Time, place int) template.HTML {
	x := w.x(from)
	return w.row(x, max(w.x(to)-x, waterLeast), 4, color(place))
}

// Mark draws a moment.
func (w Waterfall) Mark(at time.Time, place int) template.HTML {
	return w.row(w.x(at), waterLeast, 0, color(place)+" moment")
}

func (w Waterfall) row(x, width float64, gap int, class string) template.HTML {
	return template.HTML(fmt.Sprintf( //nolint:gosec // numbers and names of classes
		`<svg class="water" viewBox="0 0 %d %d" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="%s" x="%s" y="%d" width="%s" height="%d"/></svg>`,
		waterWidth, waterHeight, class, number(min(x, waterWidth-width)), gap, number(width), waterHeight-2*gap))
}

func (w Waterfall) x(t time.Time) float64 {
	return min(max(scale{start: w.Start, end: w.End, width: waterWidth}.x(t), 0), waterWidth)
}

// Ticks are how long after the start each part begins.
func (w Waterfall) Ticks() []time.Duration {
	ticks := make([]time.Duration, waterParts)
	for i := range ticks {
		ticks[i] = w.End.Sub(w.Start) / waterParts * time.Duration(i)
	}
	return ticks
}
