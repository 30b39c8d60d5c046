// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package chart

import "github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"

// A Unit is what the values of a plot are.
type Unit int

const (
	// Plain values are numbers of anything.
	Plain Unit = iota
	// Share has 1 for all.
	Share
	// Times is how many times faster than allowed an error budget is spent.
	Times
	// Milliseconds are durations.
	Milliseconds
)

// Text is a value with its unit.
func (u Unit) Text(value float64) string {
	switch u {
	case Share:
		return words.Percent(value)
	case Times:
		return words.Burn(value)
	case Milliseconds:
		return words.Number(value) + " ms"
	case Plain:
	}
	return words.Number(value)
}
