// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// small are limits that overflow soon.
var small = Limits{Dimensions: 6, Values: 5, Lines: 18, Text: 120, BadRows: 8, GoodRows: 8}

// A model counts without bounds.
type model struct {
	total  float64
	values map[string]map[string]float64
}

func newModel() *model { return &model{values: make(map[string]map[string]float64)} }

func (m *model) bad(row Row, weight float64) {
	m.total += weight
	seen := make(map[string]bool)
	for _, a := range row.Attributes {
		if seen[a.Name] {
			continue
		}
		seen[a.Name] = true
		if m.values[a.Name] == nil {
			m.values[a.Name] = make(map[string]float64)
		}
		m.values[a.Name][a.Value] += weight
	}
}

func (m *model) has(name string) (sum float64) {
	for _, n := range m.values[name] {
		sum += n
	}
	return sum
}

// check compares a table with all that was booked: sums are exact, and every line is within its bound. slack is for fractional weights.
func (m *model) check(t *testing.T, table *Table, slack float64) {
	t.Helper()
	assert.InDelta(t, m.total, table.Booked(), slack)
	for _, s := range table.Dimensions() {
		sum := s.Other + s.Without
		listed := make(map[string]float64)
		for _, l := range s.Lines {
			assert.Positive(t, l.Bad)
			sum += l.Bad
			listed[l.Value] = l.Bad
		}
		require.Len(t, listed, len(s.Lines), "a value has one line")
		require.Equal(t, table.Booked(), sum, "%s: lines, other and without add up, to the last event", s.Name)
		assert.GreaterOrEqual(t, s.Other, 0.0)
		assert.GreaterOrEqual(t, s.Without, 0.0)
		for value, want := range m.values[s.Name] {
			assert.LessOrEqual(t, listed[value], want+slack, "%s=%s: a line is certain", s.Name, value)
			assert.GreaterOrEqual(t, listed[value]+s.Bound, want-slack, "%s=%s: the bound holds", s.Name, value)
		}
		assert.LessOrEqual(t, s.Without, m.total-m.has(s.Name)+slack, s.Name)
	}
}

// randomRow has attributes with skewed values, in a random order, some twice.
func randomRow(r *rand.Rand, attributes, values int) Row {
	row := Row{Time: time.Unix(1_800_000_000+r.Int64N(60), 0)}
	row.Trace[0] = byte(r.Uint32())
	for range r.IntN(attributes + 1) {
		n := int(float64(values) * math.Pow(r.Float64(), 4))
		row.Attributes = append(row.Attributes, Attribute{Name: fmt.Sprintf("a.%d", r.IntN(attributes)), Value: fmt.Sprintf("value-%d", n)})
	}
	return row
}

func weightOf(r *rand.Rand, fractional bool) float64 {
	switch {
	case r.IntN(3) > 0:
		return 1
	case fractional:
		return 1 + 20*r.Float64()
	default:
		return float64(1 + r.IntN(1000))
	}
}

// Lines, other and without are the bad events, to the last one, whatever overflows, is merged, or sent as bytes.
func TestTablesAddUp(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			limits := small
			if seed%3 == 0 {
				limits = Counting
			}
			fractional := seed%2 == 0
			slack := 0.0
			if fractional {
				slack = 0.01
			}
			all, whole := newModel(), New(limits)
			for range 1 + r.IntN(4) {
				limits.Seed++
				m, table := newModel(), New(limits)
				attributes, values := 1+r.IntN(12), 1+r.IntN(60)
				for range r.IntN(800) {
					row, weight := randomRow(r, attributes, values), weightOf(r, fractional)
					m.bad(row, weight)
					all.bad(row, weight)
					table.Bad(row, weight)
					table.Good(randomRow(r, attributes, values), weight)
				}
				m.check(t, table, slack)
				wire := table.AppendTo(nil)
				read, err := Read(wire)
				require.NoError(t, err)
				m.check(t, read, slack)
				assert.Equal(t, wire, read.AppendTo(nil), "what is read is what was written")
				whole.Merge(read)
				all.check(t, whole, slack)
			}
		})
	}
}

// Samples are bounded, and represent all events: the sum over many tables of a share is near the true one.
func TestSamplesAreUnbiased(t *testing.T) {
	const tables, rows = 400, 300
	var all, marked float64
	for seed := range uint64(tables) {
		r := rand.New(rand.NewPCG(seed, 2))
		limits := small
		limits.Seed = seed
		table, merged := New(limits), New(limits)
		table.Bad(Row{Attributes: []Attribute{{"a", "0"}, {"b", "0"}}}, 1)
		for range rows {
			weight := float64(1 + r.IntN(3))
			table.Good(Row{Attributes: []Attribute{{"a", strconv.Itoa(r.IntN(4))}, {"b", "1"}}}, weight)
		}
		merged.Merge(table)
		for _, of := range []*Table{table, merged} {
			n := 0
			id := ID(0)
			for _, s := range of.Dimensions() {
				if s.Name == "a" {
					id = s.Lines[0].ID
				}
			}
			for row := range of.GoodRows() {
				n++
				all += row.Weight
				if row.IDs[0] == id {
					marked += row.Weight
				}
			}
			assert.LessOrEqual(t, n, limits.GoodRows)
		}
	}
	assert.InEpsilon(t, 2*2*tables*rows, all, 0.03)
	assert.InEpsilon(t, 0.25, marked/all, 0.06)
}

func TestCleanIsInertAndBounded(t *testing.T) {
	for _, s := range []string{
		"", "GET /orders/{id}", strings.Repeat("x", maxText), strings.Repeat("x", maxText+1), strings.Repeat("ä", 100), "a\nb\x1b[31m", "\xff\xfe", "a\u202eb", strings.Repeat("\xff", 100),
		strings.Repeat("x", maxText-2) + "€€", strings.Repeat("x", maxText-3) + "€", strings.Repeat("x", maxText-1) + "\n",
	} {
		c := clean(s)
		assert.LessOrEqual(t, len(c), maxText)
		assert.Equal(t, c, clean(c), "%q", s)
		assert.NotContains(t, c, "\n")
		assert.NotContains(t, c, "\x1b")
	}
	assert.Equal(t, "GET /orders/{id}", clean("GET /orders/{id}"))
	assert.Equal(t, strings.Repeat("x", maxText), clean(strings.Repeat("x", maxText)))
	assert.Equal(t, strings.Repeat("x", maxText-3)+"…", clean(strings.Repeat("x", maxText+1)))
}
