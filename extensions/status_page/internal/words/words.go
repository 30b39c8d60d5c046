// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package words formats numbers for people: 2 h 10 min, 99.95 %, 14.4×.
package words

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const day = 24 * time.Hour

// Duration is a time in its two largest units.
func Duration(d time.Duration) string {
	if d < 0 {
		return "−" + Duration(-d)
	}
	units := []struct {
		name string
		size time.Duration
	}{{"d", day}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		text := fmt.Sprintf("%d %s", d/u.size, u.name)
		if i+1 < len(units) {
			if rest := d % u.size / units[i+1].size; rest > 0 {
				text += fmt.Sprintf(" %d %s", rest, units[i+1].name)
			}
		}
		return text
	}
	return "less than 1 s"
}

// Elapsed is a time that a computer takes: 250 µs, 34.2 ms, 1.25 s.
func Elapsed(d time.Duration) string {
	switch size := max(d, -d); {
	case size >= time.Minute:
		return Duration(d)
	case size >= time.Second:
		return Number(d.Seconds()) + " s"
	case size >= time.Millisecond:
		return Number(float64(d)/float64(time.Millisecond)) + " ms"
	case d == 0:
		return "0 ms"
	}
	return Number(float64(d)/float64(time.Microsecond)) + " µs"
}

// Seconds is a time that Prometheus gives in seconds.
func Seconds(s float64) string {
	if math.IsNaN(s) {
		return "unknown"
	}
	return Duration(time.Duration(min(max(s, -1e9), 1e9)) * time.Second)
}

// Number has only significant digits.
func Number(x float64) string {
	switch size := math.Abs(x); {
	case math.IsNaN(x):
		return "–"
	case math.IsInf(x, 1):
		return "∞"
	case math.IsInf(x, -1):
		return "−∞"
	case size >= 1e6:
		return minus(strconv.FormatFloat(x, 'g', 3, 64))
	case size >= 100:
		return minus(strconv.FormatFloat(math.Round(x), 'f', 0, 64))
	case size >= 10:
		return minus(trimmed(x, 1))
	case size >= 0.1 || size == 0:
		return minus(trimmed(x, 2))
	default:
		return minus(strconv.FormatFloat(x, 'g', 2, 64))
	}
}

// Percent is a share. It never rounds to 100 %: 99.96 % stays 99.96 %.
func Percent(share float64) string {
	p := share * 100
	switch {
	case math.IsNaN(p) || math.IsInf(p, 0):
		return Number(p)
	case p > 99 && p < 100:
		return strconv.FormatFloat(math.Floor(p*1000+1e-6)/1000, 'f', -1, 64) + " %"
	case math.Abs(p) >= 10 && math.Abs(p) < 1000:
		return minus(trimmed(p, 1)) + " %"
	}
	return Number(p) + " %"
}

// Objective is an objective in percent, as written in the catalog.
func Objective(percent float64) string { return strconv.FormatFloat(percent, 'f', -1, 64) + " %" }

// Burn is how many times faster than allowed an error budget is spent.
func Burn(rate float64) string { return Number(rate) + "×" }

// Count is a number of things, with thousands apart.
func Count(n int) string {
	digits := strconv.Itoa(n)
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteRune('\u202f')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Size is a number of bytes.
func Size(x float64) string {
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if math.Abs(x) < 1024 {
			return Number(x) + " " + unit
		}
		x /= 1024
	}
	return Number(x) + " TiB"
}

// Left says how long an error budget lasts. Remaining is the share that is left, burn the rate of the last hour, and
// exhaustion the seconds until it is spent at that rate.
func Left(remaining, burn, exhaustion float64) string {
	switch {
	case math.IsNaN(remaining):
		return ""
	case remaining < -1:
		return "spent, " + Number(1-remaining) + " times"
	case remaining <= 0:
		return "spent; " + Percent(-remaining) + " over"
	case math.IsNaN(burn) || burn <= 0:
		return "nothing burns"
	case burn <= 1 || math.IsNaN(exhaustion):
		return "lasts for the whole period"
	}
	return "at this rate spent in " + Seconds(exhaustion)
}

// Measured says which share of its period an error budget is known for, if that is not all of it.
func Measured(coverage float64) string {
	switch {
	case math.IsNaN(coverage) || coverage >= 0.995:
		return ""
	case coverage < 0.005:
		return "new in this period"
	}
	return Percent(math.Round(100*coverage)/100) + " of the period measured"
}

// Bounded is external text for one line of a page: bounded, and without invisible characters.
func Bounded(text string, length int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
	if runes := []rune(text); len(runes) > length {
		return string(runes[:length-1]) + "…"
	}
	return text
}

// Shown is as Bounded. It cuts long text first, so that it costs little whatever the length.
func Shown(text string, length int) string {
	const character = 4 // bytes, at most
	if longest := (length + 1) * character; len(text) > longest {
		text = text[:longest]
	}
	return Bounded(text, length)
}

func trimmed(x float64, digits int) string {
	text := strconv.FormatFloat(x, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}

func minus(text string) string { return strings.Replace(text, "-", "−", 1) }
