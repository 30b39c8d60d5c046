// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Data is what a script needs to draw the plot again, with the values where the pointer is. Times are Unix seconds. Every line has a value
// and its text for each time; null is a gap. Levels and markers are in the order of the picture, which has their looks.
type Data struct {
	Start   int64     `json:"start"`
	End     int64     `json:"end"`
	Low     float64   `json:"low"`
	High    float64   `json:"high"`
	Bend    float64   `json:"bend"`
	Ticks   []Tick    `json:"ticks"`
	Times   []int64   `json:"times"`
	Lines   []Column  `json:"lines"`
	Levels  []float64 `json:"levels"`
	Markers []Moment  `json:"markers"`
}

// A Tick is a value of the axis, and its text.
type Tick struct {
	Value float64 `json:"value"`
	Text  string  `json:"text"`
}

// A Column has the values of a line, and their texts with | between them: as an attribute, that is a third of a list's length.
type Column struct {
	Values []Value `json:"values"`
	Texts  string  `json:"texts"`
}

// A Moment is a marker.
type Moment struct {
	At   int64  `json:"at"`
	Text string `json:"text"`
}

// A Value is a number with as many digits as are seen; one that is not finite is null in JSON.
type Value float64

// MarshalJSON writes six digits.
func (v Value) MarshalJSON() ([]byte, error) {
	if !finite(float64(v)) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(v), 'g', 6, 64), nil
}

// Data is the plot for a script.
func (p Plot) Data() Data {
	s, ticks := p.axes()
	d := Data{Start: p.Start.Unix(), End: p.End.Unix(), Low: s.low, High: s.high, Bend: s.bend, Levels: []float64{}, Markers: []Moment{}}
	for _, value := range ticks {
		d.Ticks = append(d.Ticks, Tick{value, p.Unit.Text(value)})
	}
	for _, l := range p.Levels {
		if l.Value >= s.low && l.Value <= s.high {
			d.Levels = append(d.Levels, l.Value)
		}
	}
	for _, m := range p.shown() {
		d.Markers = append(d.Markers, Moment{m.At.Unix(), m.Text()})
	}
	at := p.columns()
	d.Times = slices.Sorted(maps.Keys(at))
	for i := range p.Lines {
		var c Column
		texts := make([]string, 0, len(d.Times))
		for _, t := range d.Times {
			value, text := math.NaN(), ""
			if values := at[t]; values[i] != nil {
				value = *values[i]
				text = p.Unit.Text(value)
			}
			c.Values, texts = append(c.Values, Value(value)), append(texts, text)
		}
		c.Texts = strings.Join(texts, "|")
		d.Lines = append(d.Lines, c)
	}
	return d
}

// JSON is the data as an attribute of an element has it.
func (p Plot) JSON() (string, error) {
	text, err := json.Marshal(p.Data())
	return string(text), err
}

// columns are the values of each line at each time, in Unix seconds.
func (p Plot) columns() map[int64][]*float64 {
	at := map[int64][]*float64{}
	for i, l := range p.Lines {
		for _, point := range l.Points {
			t := point.At.Unix()
			if point.At.Before(p.Start) || point.At.After(p.End) {
				continue
			}
			if at[t] == nil {
				at[t] = make([]*float64, len(p.Lines))
			}
			if value := point.Value; finite(value) {
				at[t][i] = &value
			}
		}
	}
	return at
}

// A Row is the values of a part of the time: for each line "98.2 %", "98.2 % to 99.4 %", or "–" if nothing is known.
type Row struct {
	From, To time.Time
	Values   []string
}

// tableRows is into how many parts a table divides the time.
const tableRows = 12

// Table is the plot for those who do not see it. It leaves out parts of which nothing is known.
func (p Plot) Table() []Row {
	var rows []Row
	part := p.End.Sub(p.Start) / tableRows
	for i := range tableRows {
		from := p.Start.Add(time.Duration(i) * part)
		row := Row{From: from, To: from.Add(part)}
		known := false
		for _, l := range p.Lines {
			text := p.extent(l.Points, row.From, row.To, i == tableRows-1)
			known = known || text != unknown
			row.Values = append(row.Values, text)
		}
		if known {
			rows = append(rows, row)
		}
	}
	return rows
}

const unknown = "–"

// extent is the lowest and the highest value of a part of the time; the last part has its end.
func (p Plot) extent(points []Point, from, to time.Time, last bool) string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, point := range points {
		if !finite(point.Value) || point.At.Before(from) || point.At.After(to) || point.At.Equal(to) && !last {
			continue
		}
		low, high = min(low, point.Value), max(high, point.Value)
	}
	if low > high {
		return unknown
	}
	least, most := p.Unit.Text(low), p.Unit.Text(high)
	if least == most {
		return least
	}
	return least + " to " + most
}
