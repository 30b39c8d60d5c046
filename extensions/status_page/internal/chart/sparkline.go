// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package chart draws values over time as SVG. Colors come from the style sheet, by class. Charts
// need no script, and every chart has a description in words.
package chart

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Point is a value at a time. One that is not a number is a gap.
type Point struct {
	At    time.Time
	Value float64
}

const (
	sparkWidth, sparkHeight = 96, 24
	// sparkCeiling is the minimum value at the top of a sparkline, so that low values look low.
	sparkCeiling = 2
)

// Sparkline draws values between start and end, with a line where they are 1.
func Sparkline(points []Point, start, end time.Time) template.HTML {
	top := float64(sparkCeiling)
	drawn := false
	for _, p := range points {
		if finite(p.Value) {
			top, drawn = max(top, p.Value), true
		}
	}
	if !drawn {
		return ""
	}
	scale := scale{start: start, end: end, low: 0, high: top, width: sparkWidth, height: sparkHeight - 2, top: 1}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="spark" viewBox="0 0 %d %d" width="%d" height="%d" aria-hidden="true" focusable="false">`,
		sparkWidth, sparkHeight, sparkWidth, sparkHeight)
	one := number(scale.y(1))
	fmt.Fprintf(&b, `<path class="one" d="M0 %sH%d"/>`, one, sparkWidth)
	fmt.Fprintf(&b, `<path class="trace" d="%s"/></svg>`, scale.path(points))
	return template.HTML(b.String()) //nolint:gosec // numbers only
}

// A scale is where times and values are in a picture.
type scale struct {
	start, end               time.Time
	low, high                float64
	left, top, width, height float64
	bend                     float64 // 0 is a linear scale
}

func (s scale) x(t time.Time) float64 {
	return s.left + s.width*float64(t.Sub(s.start))/float64(max(s.end.Sub(s.start), 1))
}

// y is that of a value; what is beyond the scale is at its edge.
func (s scale) y(value float64) float64 {
	low, high := s.bent(s.low), s.bent(s.high)
	share := (s.bent(min(max(value, s.low), s.high)) - low) / (high - low)
	return s.top + s.height*(1-share)
}

// bent is a value on an axis that is linear near 0, and logarithmic far from it.
func (s scale) bent(value float64) float64 {
	if s.bend > 0 {
		return math.Asinh(value / s.bend)
	}
	return value
}

// path draws the points, with a dot for a single point between gaps.
func (s scale) path(points []Point) string {
	var b strings.Builder
	open, length := false, 0
	end := func() {
		if open && length == 1 {
			b.WriteString("h.01")
		}
		open, length = false, 0
	}
	for _, p := range points {
		if !finite(p.Value) || p.At.Before(s.start) || p.At.After(s.end) {
			end()
			continue
		}
		command := "L"
		if !open {
			command, open = "M", true
		}
		length++
		b.WriteString(command + number(s.x(p.At)) + " " + number(s.y(p.Value)))
	}
	end()
	return b.String()
}

// finite reports whether a value can be drawn, as all measured values can.
func finite(x float64) bool { return math.Abs(x) <= 1e15 }

// number is a coordinate, to a tenth of a pixel.
func number(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}

// Gap is a time at which nothing is known.
func Gap(at time.Time) Point { return Point{at, math.NaN()} }

// MarshalJSON writes a point as [Unix seconds, value]; a gap has null.
func (p Point) MarshalJSON() ([]byte, error) {
	value := "null"
	if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
		value = strconv.FormatFloat(p.Value, 'g', -1, 64)
	}
	return fmt.Appendf(nil, "[%d,%s]", p.At.Unix(), value), nil
}
