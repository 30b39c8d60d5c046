// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package words

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                     "less than 1 s",
		45 * time.Second:                      "45 s",
		60 * time.Second:                      "1 min",
		2*time.Hour + 10*time.Minute:          "2 h 10 min",
		2*time.Hour + 10*time.Second:          "2 h",
		50 * time.Hour:                        "2 d 2 h",
		30 * day:                              "30 d",
		-90 * time.Second:                     "−1 min 30 s",
		day + 59*time.Minute + 59*time.Second: "1 d",
	} {
		assert.Equal(t, want, Duration(d))
	}
	assert.Equal(t, "unknown", Seconds(math.NaN()))
	assert.Equal(t, "11574 d 1 h", Seconds(math.Inf(1)))
}

func TestElapsed(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 1: "0.001 µs", 250 * time.Microsecond: "250 µs", 34200 * time.Microsecond: "34.2 ms", 1250 * time.Millisecond: "1.25 s",
		59990 * time.Millisecond: "60 s", time.Minute: "1 min", 2*time.Hour + 10*time.Minute: "2 h 10 min", -3 * time.Millisecond: "−3 ms",
	} {
		assert.Equal(t, want, Elapsed(d))
	}
}

func TestSize(t *testing.T) {
	for size, want := range map[float64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 64 << 20: "64 MiB", 1 << 50: "1024 TiB"} {
		assert.Equal(t, want, Size(size))
	}
}

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 1: "1", 14.4: "14.4", 0.44721: "0.45", 12345.6: "12346", 0.000123: "0.00012", -3.5: "−3.5",
		math.Inf(1): "∞", math.Inf(-1): "−∞",
	} {
		assert.Equal(t, want, Number(x))
	}
	assert.Equal(t, "–", Number(math.NaN()))
	assert.Equal(t, "20×", Burn(20))
	assert.Equal(t, "5\u202f000", Count(5000))
	assert.Equal(t, "-1\u202f234\u202f567", Count(-1234567))
	assert.Equal(t, "123", Count(123))
}

// What is not whole never reads as if it were.
func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{
		1: "100 %", 0.9999999: "99.999 %", 0.99999: "99.999 %", 0.999: "99.9 %", 0.5: "50 %", 0.0012: "0.12 %", 0: "0 %", -0.3: "−30 %", -2.5: "−250 %", -23.883: "−2388 %",
	} {
		assert.Equal(t, want, Percent(share))
	}
	assert.Equal(t, "–", Percent(math.NaN()))
	assert.Equal(t, "99.95 %", Objective(99.95))
}

func TestLeft(t *testing.T) {
	nan := math.NaN()
	for want, in := range map[string][3]float64{
		"at this rate spent in 2 h 10 min": {0.1, 20, 7800},
		"lasts for the whole period":       {0.9, 0.5, 2592000},
		"nothing burns":                    {0.9, 0, nan},
		"spent; 30 % over":                 {-0.3, 20, 0},
		"spent; 0 % over":                  {0, 20, 0},
		"spent, 24.9 times":                {-23.9, 20, 0},
		"":                                 {nan, 20, 0},
	} {
		assert.Equal(t, want, Left(in[0], in[1], in[2]))
	}
	assert.Equal(t, "lasts for the whole period", Left(0.5, 3, nan))
}

func TestMeasured(t *testing.T) {
	for want, in := range map[string]float64{"new in this period": 0.0001, "7 % of the period measured": 0.0667, "": 0.999} {
		assert.Equal(t, want, Measured(in))
	}
	assert.Empty(t, Measured(math.NaN()))
}

func TestBounded(t *testing.T) {
	assert.Equal(t, "a b c", Bounded("a\nb\x1bc", 10))
	assert.Equal(t, "naïv…", Bounded("naïvely", 5))
	assert.Equal(t, "a b", Bounded("a\u202eb", 5))
	assert.Equal(t, "a�b", Bounded("a\xffb", 5))
}
