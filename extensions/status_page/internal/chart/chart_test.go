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
		Title: "Burn rate", Summary: "20× now", Start: began, End: began.Add(4 * time.Minute), Unit: Times, High: 14.4,
		Lines:   []Line{{"1h & 5m", minutes(1, 2, 20)}},
		Levels:  []Level{{"page", 14.4, 0}, {"beyond", 1000, -1}},
		Markers: []Marker{{At: began.Add(time.Minute), Name: "2.0.0"}, {At: began.Add(time.Minute), Name: "2.0.1"}, {At: began.Add(-time.Hour), Name: "1.0.0"}},
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
		p := Plot{Start: began, End: began.Add(time.Minute), Lines: []Line{{"x", minutes(values...)}}}
		svg := string(p.SVG())
		wellFormed(t, svg)
		assert.NotContains(t, svg, "NaN", values)
		assert.LessOrEqual(t, strings.Count(svg, `class="grid"`), 13, values)
	}
}

func TestNamesAreText(t *testing.T) {
	name := `"><script>` + strings.Repeat("x", 1000)
	p := Plot{Title: name, Summary: name, Start: began, End: began.Add(time.Minute),
		Lines: []Line{{name, minutes(1, 2)}}, Levels: []Level{{name, 1, 0}}, Markers: []Marker{{At: began, Name: name}, {At: began, Name: name, Kind: name, Of: name}}}
	svg := string(p.SVG())
	wellFormed(t, svg)
	assert.NotContains(t, svg, "<script")
}

func TestPointsAsJSON(t *testing.T) {
	text, err := json.Marshal([]Point{{began, 1.5}, Gap(began), {began, math.Inf(1)}})
	require.NoError(t, err)
	assert.JSONEq(t, `[[1795262400,1.5],[1795262400,null],[1795262400,null]]`, string(text))
}

// A budget that is spent 200 times does not hide the day on which a tenth of it was spent.
func TestABentAxis(t *testing.T) {
	p := Plot{
		Title: "Error budget left", Start: began, End: began.Add(4 * time.Minute), Unit: Share, High: 1, Bend: 1,
		Lines: []Line{{"left", minutes(1, 0.9, 0.5, -20, -200)}},
	}
	svg := string(p.SVG())
	wellFormed(t, svg)
	for _, tick := range []string{">−10000 %<", ">−1000 %<", ">−100 %<", ">0 %<", ">100 %<"} {
		assert.Contains(t, svg, tick)
	}
	s, _ := p.axes()
	assert.Greater(t, s.y(0)-s.y(1), 0.1*s.height, "what is left while there is some")
	assert.InDelta(t, s.top+s.height, s.y(-200), 1e-9)
	data := p.Data()
	assert.InDelta(t, 1, data.Bend, 0)
	assert.InDelta(t, -200, data.Low, 0)

	p.Lines[0].Points = minutes(1, -2.5)
	assert.Zero(t, p.Data().Bend, "what is not far is linear")
	for low := 1.0; low < 1e15; low *= 7 {
		assert.LessOrEqual(t, len(decades(-low, low, 1)), 10, low)
	}
}

func TestData(t *testing.T) {
	p := Plot{
		Start: began, End: began.Add(3 * time.Minute), Unit: Times, High: 14.4,
		Lines: []Line{
			{"page", minutes(1, math.NaN(), 1.0/3)},
			{"ticket", []Point{{began.Add(time.Minute), 2}, {began.Add(time.Hour), 9}}},
		},
		Levels:  []Level{{"page", 14.4, 0}, {"beyond", 1000, -1}},
		Markers: []Marker{{At: began, Name: "2.0.0"}, {At: began, Name: "new-checkout", Kind: "feature_flag", Of: "payment"}, {At: began.Add(-time.Hour), Name: "1.0.0"}},
	}
	text, err := json.Marshal(p.Data())
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"start": 1795262400, "end": 1795262580, "low": 0, "high": 15, "bend": 0,
		"ticks": [{"value": 0, "text": "0×"}, {"value": 5, "text": "5×"}, {"value": 10, "text": "10×"}, {"value": 15, "text": "15×"}],
		"times": [1795262400, 1795262460, 1795262520],
		"lines": [{"values": [1, null, 0.333333], "texts": "1×||0.33×"}, {"values": [null, 2, null], "texts": "|2×|"}],
		"levels": [14.4],
		"markers": [{"at": 1795262400, "text": "2.0.0"}, {"at": 1795262400, "text": "payment: feature flag new-checkout"}]
	}`, string(text))
}

func TestTable(t *testing.T) {
	p := Plot{
		Start: began, End: began.Add(12 * time.Minute), Unit: Share,
		Lines: []Line{
			{"left", []Point{{began, 1}, {began.Add(30 * time.Second), 0.5}, {began.Add(time.Minute), 0.25}, {began.Add(12 * time.Minute), -3}}},
			{"nothing", minutes(math.NaN())},
		},
	}
	assert.Equal(t, []Row{
		{began, began.Add(time.Minute), []string{"50 % to 100 %", "–"}},
		{began.Add(time.Minute), began.Add(2 * time.Minute), []string{"25 %", "–"}},
		{began.Add(11 * time.Minute), began.Add(12 * time.Minute), []string{"−300 %", "–"}},
	}, p.Table())
	assert.Empty(t, Plot{Start: began, End: began.Add(time.Minute)}.Table())
}
