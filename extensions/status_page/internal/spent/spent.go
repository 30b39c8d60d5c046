// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package spent is what ate an error budget, as the pages show it: the answer of a keeper, bounded. Its values come from telemetry.
package spent

import (
	"encoding/hex"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

const (
	// maxCauses, maxDimensions and maxLines bound an answer; lines that are left out are a part of the dimension's other.
	maxCauses     = 10
	maxDimensions = 64
	maxLines      = 20
	// maxAttributes bounds the attributes of a line, and those that are the same.
	maxAttributes = 4
	maxTraces     = 3
	maxName       = 120
	maxValue      = 200
	maxText       = 500
)

// Ask is the answer of the first keeper that has events of the SLO; false is that none has.
func Ask(keepers []attribution.Keeper, q attribution.Question) (attribution.Answer, bool) {
	for _, k := range keepers {
		if answer, ok := k.Explain(q); ok {
			return bounded(answer), true
		}
	}
	return attribution.Answer{}, false
}

func bounded(a attribution.Answer) attribution.Answer {
	a.From, a.To = a.From.UTC(), a.To.UTC()
	for _, n := range []*float64{&a.Good, &a.Bad, &a.Booked} {
		*n = finite(*n)
	}
	a.Good = math.Round(a.Good) // an estimate, if spans were sampled
	a.Text = short(a.Text, maxText)
	a.Causes = lines(a.Causes, maxCauses)
	dimensions := []attribution.Dimension{}
	for _, d := range a.Dimensions[:min(len(a.Dimensions), maxDimensions)] {
		one := attribution.Dimension{Name: short(d.Name, maxName), Lines: lines(d.Lines, maxLines), Other: finite(d.Other), Without: finite(d.Without)}
		for _, more := range d.Lines[len(one.Lines):] {
			one.Other += finite(more.Bad)
		}
		dimensions = append(dimensions, one)
	}
	a.Dimensions = dimensions
	return a
}

func lines(all []attribution.Line, most int) []attribution.Line {
	kept := []attribution.Line{}
	for _, l := range all[:min(len(all), most)] {
		for _, n := range []*float64{&l.Bad, &l.Uncertain, &l.OfBad, &l.OfTraffic, &l.Rate, &l.RestRate} {
			*n = finite(*n)
		}
		l.Attributes, l.Same = attributes(l.Attributes), attributes(l.Same)
		l.Traces = slices.DeleteFunc(slices.Clone(l.Traces), func(id string) bool {
			raw, err := hex.DecodeString(id)
			return err != nil || len(raw) != 16
		})
		l.Traces = l.Traces[:min(len(l.Traces), maxTraces)]
		kept = append(kept, l)
	}
	return kept
}

func attributes(all []attribution.Attribute) []attribution.Attribute {
	kept := []attribution.Attribute{}
	for _, a := range all[:min(len(all), maxAttributes)] {
		kept = append(kept, attribution.Attribute{Name: short(a.Name, maxName), Value: short(a.Value, maxValue)})
	}
	return kept
}

// short is text of a bounded length. What is too long is cut first: it may have megabytes.
func short(text string, length int) string {
	return words.Bounded(text[:min(len(text), length*utf8.UTFMax)], length)
}

// finite is a number that JSON has.
func finite(n float64) float64 {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return 0
	}
	return n
}
