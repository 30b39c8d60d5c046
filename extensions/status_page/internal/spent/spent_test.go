// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package spent

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// fixed answers for one SLO.
type fixed struct {
	slo    string
	answer attribution.Answer
}

func (f fixed) Explain(q attribution.Question) (attribution.Answer, bool) {
	return f.answer, q.SLO == f.slo
}

// The keeper that has the SLO answers.
func TestAsk(t *testing.T) {
	keepers := []attribution.Keeper{fixed{"latency", attribution.Answer{Text: "one"}}, fixed{"availability", attribution.Answer{Text: "two"}}}
	got, ok := Ask(keepers, attribution.Question{SLO: "availability"})
	assert.True(t, ok)
	assert.Equal(t, "two", got.Text)
	got, _ = Ask([]attribution.Keeper{fixed{answer: attribution.Answer{Good: 10.6, Bad: 3}}}, attribution.Question{})
	assert.Equal(t, attribution.Answer{Good: 11, Bad: 3}.Good, got.Good, "a whole number, though sampled spans have weights")
	_, ok = Ask(keepers, attribution.Question{SLO: "freshness"})
	assert.False(t, ok)
	_, ok = Ask(nil, attribution.Question{SLO: "freshness"})
	assert.False(t, ok)
}

// Whatever is left out, each dimension adds up to all bad events.
func TestDimensionsAddUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var a attribution.Answer
		for d := range 1 + random.IntN(5) {
			one := attribution.Dimension{Name: fmt.Sprint("d", d), Other: float64(random.IntN(100)), Without: float64(random.IntN(100))}
			for l := range random.IntN(60) {
				one.Lines = append(one.Lines, attribution.Line{Attributes: []attribution.Attribute{{Name: one.Name, Value: strconv.Itoa(l)}}, Bad: float64(random.IntN(1000))})
			}
			a.Dimensions = append(a.Dimensions, one)
		}
		got, _ := Ask([]attribution.Keeper{fixed{answer: a}}, attribution.Question{})
		require.Len(t, got.Dimensions, len(a.Dimensions))
		for i, d := range a.Dimensions {
			assert.Equal(t, sum(d), sum(got.Dimensions[i]))
			assert.LessOrEqual(t, len(got.Dimensions[i].Lines), maxLines)
		}
	}
}

func sum(d attribution.Dimension) float64 {
	all := d.Other + d.Without
	for _, l := range d.Lines {
		all += l.Bad
	}
	return all
}

// What comes from outside is bounded, has no effect on terminals, and is JSON; the keeper's own answer stays as it is.
func TestHostileAnswers(t *testing.T) {
	huge := strings.Repeat("<script>\r\n\x1b[31m\u202e", 50_000)
	line := attribution.Line{
		Attributes: []attribution.Attribute{{Name: huge, Value: huge}, {Name: "b", Value: "\xff"}}, Same: make([]attribution.Attribute, 1000),
		Bad: math.NaN(), Uncertain: math.Inf(1), OfBad: math.Inf(-1), OfTraffic: math.NaN(), Rate: math.NaN(), RestRate: math.NaN(),
		Traces: []string{"../../x", huge, "4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000000x"},
	}
	many := make([]attribution.Line, 5000)
	for i := range many {
		many[i] = line
	}
	dimensions := make([]attribution.Dimension, 200)
	for i := range dimensions {
		dimensions[i] = attribution.Dimension{Name: huge, Lines: many[:100], Other: math.NaN(), Without: math.Inf(1)}
	}
	a := attribution.Answer{Good: math.NaN(), Bad: math.Inf(1), Booked: math.NaN(), Causes: many, Dimensions: dimensions, Text: huge}
	got, ok := Ask([]attribution.Keeper{fixed{answer: a}}, attribution.Question{})
	require.True(t, ok)
	text, err := json.Marshal(got)
	require.NoError(t, err)
	assert.Less(t, len(text), 4<<20)
	assert.NotContains(t, string(text), `\n`)
	assert.NotContains(t, string(text), `\u001b`)
	assert.Equal(t, []string{"4bf92f3577b34da6a3ce929d0e0e4736"}, got.Causes[0].Traces)
	assert.Len(t, got.Causes, maxCauses)
	assert.Len(t, a.Causes[0].Traces, 4)
	assert.Equal(t, huge, a.Dimensions[0].Lines[0].Attributes[0].Name)

	got, _ = Ask([]attribution.Keeper{fixed{}}, attribution.Question{})
	text, err = json.Marshal(got)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"causes":[],"dimensions":[]`)
}
