// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"
)

// A Plot is lines over time, with levels for comparison and markers of changes.
type Plot struct {
	// Title and Summary describe the plot in words.
	Title, Summary string
	Start, End     time.Time
	Unit           Unit
	Lines          []Line
	Levels         []Level
	Markers        []Marker
	// Low and High are the least that the axis reaches.
	Low, High float64
	// Bend is the value above which the axis is logarithmic, if values are far above it; 0 is never. What matters is then still seen beside a
	// budget that is spent 200 times.
	Bend float64
}

// A Line is the values of one name. Its color depends on its index among the lines.
type Line struct {
	Name   string
	Points []Point
}

// A Level is a value with a meaning.
type Level struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	// Color is the index of the line that is compared with it; -1 is none.
	Color int `json:"-"`
}

// A Marker is a moment.
type Marker struct {
	At   time.Time
	Name string
	// Kind is what has changed, if it is no deployment.
	Kind string
	// Of is the dependency that has changed, if it is not the service itself.
	Of string
}

// Text is the moment in words, without its time.
func (m Marker) Text() string {
	text := m.Name
	if m.Kind != "" {
		text = strings.ReplaceAll(m.Kind, "_", " ") + " " + text
	}
	if m.Of != "" {
		text = m.Of + ": " + text
	}
	return text
}

// class is that of the style sheet.
func (m Marker) class() string {
	switch {
	case m.Of != "":
		return "marker other"
	case m.Kind != "":
		return "marker change"
	}
	return "marker"
}

const (
	plotWidth, plotHeight = 640, 220
	plotLeft, plotRight   = 54, 8
	plotTop, plotBottom   = 16, 24
	// Colors is the number of distinct line colors.
	Colors = 6
	// MaxMarkers bounds the moments that are drawn: more would hide the lines.
	MaxMarkers = 20
	maxName    = 40
)

// Empty reports whether there is nothing to draw.
func (p Plot) Empty() bool {
	for _, l := range p.Lines {
		for _, point := range l.Points {
			if finite(point.Value) {
				return false
			}
		}
	}
	return true
}

// SVG draws the plot.
func (p Plot) SVG() template.HTML {
	s, ticks := p.axes()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="plot" viewBox="0 0 %d %d" role="img" aria-label="%s" preserveAspectRatio="xMidYMid meet">`,
		plotWidth, plotHeight, template.HTMLEscapeString(p.Title+": "+p.Summary))
	for _, value := range ticks {
		y := number(s.y(value))
		fmt.Fprintf(&b, `<path class="grid" d="M%d %sH%d"/><text class="tick" x="%d" y="%s" text-anchor="end" dy="4">%s</text>`,
			plotLeft, y, plotWidth-plotRight, plotLeft-6, y, template.HTMLEscapeString(p.Unit.Text(value)))
	}
	p.times(&b, s)
	for _, l := range p.Levels {
		if l.Value < s.low || l.Value > s.high {
			continue
		}
		y := number(s.y(l.Value))
		fmt.Fprintf(&b, `<path class="level %s" d="M%d %sH%d"><title>%s</title></path>`, color(l.Color), plotLeft, y, plotWidth-plotRight, escaped(l.Name))
	}
	p.markers(&b, s)
	for i, l := range p.Lines {
		fmt.Fprintf(&b, `<path class="line %s" d="%s"><title>%s</title></path>`, color(i), s.path(l.Points), escaped(l.Name))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // numbers, and names that are escaped
}

// markers draws the latest moments, each named where there is room.
func (p Plot) markers(b *strings.Builder, s scale) {
	free := math.Inf(-1) // where the last name ends
	for _, m := range p.shown() {
		x := s.x(m.At)
		fmt.Fprintf(b, `<path class="%s" d="M%s %dV%d"><title>%s, %s</title></path>`,
			m.class(), number(x), plotTop, plotHeight-plotBottom, escaped(m.Text()), m.At.UTC().Format("2006-01-02 15:04 UTC"))
		name := []rune(m.Name)
		name = name[:min(len(name), 14)]
		width := float64(len(name)) * 6.5
		anchor, from := "start", x
		if x+width > plotWidth {
			anchor, from = "end", x-width
		}
		if from >= free {
			fmt.Fprintf(b, `<text class="tick" x="%s" y="%d" text-anchor="%s">%s</text>`, number(x), plotTop-5, anchor, escaped(string(name)))
			free = from + width
		}
	}
}

// shown are the latest markers of the time that is drawn.
func (p Plot) shown() []Marker {
	within := slices.DeleteFunc(slices.Clone(p.Markers), func(m Marker) bool { return m.At.Before(p.Start) || m.At.After(p.End) })
	return within[max(0, len(within)-MaxMarkers):]
}

// axes are the scale of the plot and the values that its axis names.
func (p Plot) axes() (scale, []float64) {
	low, high := p.Low, p.High
	for _, l := range p.Lines {
		for _, point := range l.Points {
			if finite(point.Value) {
				low, high = min(low, point.Value), max(high, point.Value)
			}
		}
	}
	if high <= low {
		high = low + 1
	}
	var ticks []float64
	bend := 0.0
	if p.Bend > 0 && max(high, -low) > farAbove*p.Bend {
		bend, low, high = p.Bend, min(low, 0), max(high, 0)
		ticks = decades(low, high, bend)
	} else {
		low, high, ticks = steps(low, high)
	}
	return scale{
		start: p.Start, end: p.End, low: low, high: high, bend: bend,
		left: plotLeft, top: plotTop, width: plotWidth - plotLeft - plotRight, height: plotHeight - plotTop - plotBottom,
	}, ticks
}

// farAbove is how many times a value is above the bend for the axis to be bent.
const farAbove = 3

// steps are round numbers at equal distances, and the ends of an axis that has them.
func steps(low, high float64) (from, to float64, ticks []float64) {
	step := round((high - low) / 4)
	low, high = math.Floor(low/step)*step, math.Ceil(high/step-1e-9)*step
	for i := 0; i <= 12 && low+float64(i)*step <= high+step/2; i++ {
		ticks = append(ticks, low+float64(i)*step)
	}
	return low, high, ticks
}

// decades are the powers of ten from the bend on, on both sides of 0.
func decades(low, high, bend float64) (ticks []float64) {
	least := math.Pow(10, math.Floor(math.Log10(bend)+1e-9))
	side := func(end float64) (all []float64) {
		for tick := least; tick <= end*(1+1e-9); tick *= 10 {
			all = append(all, tick)
		}
		return all
	}
	below, above := side(-low), side(high)
	thin := max(1, (len(below)+len(above)+7)/8) // at most as many as fit
	for i, tick := range slices.Backward(below) {
		if (len(below)-1-i)%thin == 0 {
			ticks = append(ticks, -tick)
		}
	}
	ticks = append(ticks, 0)
	for i, tick := range above {
		if (len(above)-1-i)%thin == 0 {
			ticks = append(ticks, tick)
		}
	}
	return ticks
}

// round is the next number above x that is 1, 2, 2.5 or 5 times a power of ten.
func round(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 2.5, 5} {
		if x <= f*power*(1+1e-9) {
			return f * power
		}
	}
	return 10 * power
}

// times names times below the plot. The browser writes them again in the viewer's zone.
func (p Plot) times(b *strings.Builder, s scale) {
	layout := "15:04"
	if p.End.Sub(p.Start) > 36*time.Hour {
		layout = "01-02 15:04"
	}
	const parts = 4
	for i := range parts + 1 {
		at := p.Start.Add(p.End.Sub(p.Start) * time.Duration(i) / parts)
		anchor := "middle"
		switch i {
		case 0:
			anchor = "start"
		case parts:
			anchor = "end"
		}
		fmt.Fprintf(b, `<text class="tick" x="%s" y="%d" text-anchor="%s" data-time="%s">%s</text>`,
			number(s.x(at)), plotHeight-8, anchor, at.UTC().Format(time.RFC3339), at.UTC().Format(layout))
	}
}

func color(place int) string {
	if place < 0 {
		return "plain"
	}
	return fmt.Sprintf("c%d", place%Colors)
}

// escaped is a name as text of an SVG, bounded.
func escaped(name string) string {
	if runes := []rune(name); len(runes) > maxName {
		name = string(runes[:maxName-1]) + "…"
	}
	return template.HTMLEscapeString(name)
}

// Deployments and Changes say whether markers of that kind are on the plot, for a legend.
func (p Plot) Deployments() bool {
	return slices.ContainsFunc(p.shown(), func(m Marker) bool { return m.Kind == "" && m.Of == "" })
}

// Changes says whether there are others of the service than deployments.
func (p Plot) Changes() bool {
	return slices.ContainsFunc(p.shown(), func(m Marker) bool { return m.Kind != "" && m.Of == "" })
}

// Others says whether there are changes of dependencies.
func (p Plot) Others() bool {
	return slices.ContainsFunc(p.shown(), func(m Marker) bool { return m.Of != "" })
}

// Class is the class of the line at that place, for a legend.
func (Plot) Class(place int) string { return color(place) }
