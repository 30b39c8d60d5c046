// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"html/template"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWaterfall(t *testing.T) {
	w := Waterfall{Start: began, End: began.Add(time.Second)}
	at := func(milliseconds int) time.Time { return began.Add(time.Duration(milliseconds) * time.Millisecond) }
	for want, svg := range map[string]template.HTML{
		`<rect class="c0" x="250" y="4" width="500" height="12"/>`:      w.Bar(at(250), at(750), 0),
		`<rect class="c1" x="0" y="4" width="1000" height="12"/>`:       w.Bar(at(0), at(1000), Colors+1),
		`<rect class="c0" x="995" y="4" width="5" height="12"/>`:        w.Bar(at(1000), at(1000), 0),
		`<rect class="c2 moment" x="500" y="0" width="5" height="20"/>`: w.Mark(at(500), 2),
		`<rect class="c0" x="0" y="4" width="5" height="12"/>`:          Waterfall{began, began}.Bar(began, began, 0),
		`<rect class="c3" x="0" y="4" width="1000" height="12"/>`:       w.Bar(at(-100), at(5000), 3),
	} {
		wellFormed(t, string(svg))
		assert.Contains(t, string(svg), want)
	}
	assert.Equal(t, []time.Duration{0, 250 * time.Millisecond, 500 * time.Millisecond, 750 * time.Millisecond}, w.Ticks())
}
