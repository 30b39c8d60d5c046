// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

var began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func minutes(values ...float64) []Point {
	points := make([]Point, len(values))
	for i, v := range values {
		points[i] = Point{began.Add(time.Duration(i) * time.Minute), v}
	}
	return points
}

// wellFormed tests that a picture is XML.
func wellFormed(t *testing.T, svg string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			require.NoError(t, err, svg)
		}
	}
}

func TestSparkline(t *testing.T) {
	nan := math.NaN()
	svg := string(Sparkline(minutes(0, 4, nan, nan, 2, nan, math.Inf(1)), began, began.Add(6*time.Minute)))
	wellFormed(t, svg)
	assert.Contains(t, svg, `<path class="one" d="M0 17.5H96"/>`, "1 of 4")
	assert.Contains(t, svg, `<path class="trace" d="M0 23L16 1M64 12h.01"/>`, "a gap is no line, a lone point a dot")
	assert.Empty(t, Sparkline(nil, began, began))
	assert.Empty(t, Sparkline(minutes(nan), began, began.Add(time.Minute)))
	calm := string(Sparkline(minutes(0.1, 0.1), began, began.Add(time.Minute)))
	assert.Contains(t, calm, "M0 21.9L96 21.9", "calm is at the bottom")
}

func TestPlot(t *testing.T) {
	p := Plot{
		Title: "Burn rate", Summary: "20× now", Start: began, End: began.Add(4 * time.Minute), Format: words.Burn, High: 14.4,
		Lines:   []Line{{"1h & 5m", minutes(1, 2, 20)}},
		Levels:  []Level{{"page", 14.4, 0}, {"beyond", 1000, -1}},
		Markers: []Marker{{began.Add(time.Minute), "2.0.0", ""}, {began.Add(time.Minute), "2.0.1", ""}, {began.Add(-time.Hour), "1.0.0", ""}},
	}
	svg := string(p.SVG())
	wellFormed(t, svg)
	assert.Contains(t, svg, `aria-label="Burn rate: 20× now"`)
	assert.Contains(t, svg, ">20×</text>", "the axis has round numbers")
	assert.Contains(t, svg, "<title>1h &amp; 5m</title>")
	assert.Contains(t, svg, "<title>2.0.0, 2026-11-21 12:01 UTC</title>")
	assert.Equal(t, 2, strings.Count(svg, `class="marker"`), "not what is before")
	assert.Contains(t, svg, ">2.0.0</text>")
	assert.NotContains(t, svg, ">2.0.1</text>", "names do not lie upon each other")
	assert.Equal(t, 1, strings.Count(svg, `class="level`))
	assert.Contains(t, svg, `data-time="2026-11-21T12:00:00Z">12:00</text>`)
	assert.False(t, p.Empty())
	assert.True(t, Plot{Lines: []Line{{"x", minutes(math.NaN())}}}.Empty())
}

// Whatever the numbers, there is a picture, with not too many numbers beside it.
func TestAxesOfAnyNumbers(t *testing.T) {
	for _, values := range [][]float64{{0}, {0, 0}, {1e300, -1e300}, {-5}, {1e-300}, {math.MaxFloat64}, {math.Inf(1)}, {0.1 + 0.2}} {
		p := Plot{Start: began, End: began.Add(time.Minute), Format: words.Number, Lines: []Line{{"x", minutes(values...)}}}
		svg := string(p.SVG())
		wellFormed(t, svg)
		assert.NotContains(t, svg, "NaN", values)
		assert.LessOrEqual(t, strings.Count(svg, `class="grid"`), 13, values)
	}
}

func TestNamesAreText(t *testing.T) {
	name := `"><script>` + strings.Repeat("x", 1000)
	p := Plot{Title: name, Summary: name, Start: began, End: began.Add(time.Minute), Format: words.Number,
		Lines: []Line{{name, minutes(1, 2)}}, Levels: []Level{{name, 1, 0}}, Markers: []Marker{{began, name, ""}, {began, name, name}}}
	svg := string(p.SVG())
	wellFormed(t, svg)
	assert.NotContains(t, svg, "<script")
}

func TestPointsAsJSON(t *testing.T) {
	text, err := json.Marshal([]Point{{began, 1.5}, Gap(began), {began, math.Inf(1)}})
	require.NoError(t, err)
	assert.JSONEq(t, `[[1795262400,1.5],[1795262400,null],[1795262400,null]]`, string(text))
}
