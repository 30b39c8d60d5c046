// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// Windows an SLO may have.
const (
	minWindow     = time.Hour
	maxWindow     = 366 * 24 * time.Hour
	defaultWindow = 30 * 24 * time.Hour
)

const durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w|y))+$`

var durationRegexp = regexp.MustCompile(durationPattern)

// duration is a time span such as 30d, 1h30m or 300ms, with further checks.
func duration(checks ...func(time.Duration) (string, string)) shape[time.Duration] {
	return shape[time.Duration]{
		name:   "duration",
		schema: schema{"type": "string", "pattern": durationPattern, "maxLength": maxDuration},
		read: func(r *reader, at place, into *time.Duration) bool {
			if at.node.Kind != yaml.ScalarNode {
				r.problem(at, "is "+kindName(at.node)+", not a duration", durationFix)
				return false
			}
			d, err := ParseDuration(at.node.Value)
			if err != nil {
				r.problem(at, err.Error(), durationFix)
				return false
			}
			*into = d
			for _, c := range checks {
				if message, fix := c(d); message != "" {
					r.problem(at, message, fix)
					return false
				}
			}
			return true
		},
		write: func(d time.Duration) *yaml.Node {
			if d == 0 {
				return nil
			}
			return textNode(exactDuration(d))
		},
	}
}

const (
	maxDuration = 64 // bytes
	durationFix = "write a number and its unit, such as 30d, 1h30m or 300ms"
)

// exactDuration is FormatDuration, down to the nanosecond.
func exactDuration(d time.Duration) string {
	if rest := d % time.Millisecond; rest != 0 {
		whole := ""
		if d > rest {
			whole = FormatDuration(d - rest)
		}
		return whole + strconv.FormatInt(int64(rest), 10) + "ns"
	}
	return FormatDuration(d)
}

var durationUnits = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "ms": time.Millisecond,
	"s": time.Second, "m": time.Minute, "h": hour, "d": 24 * hour, "w": 7 * 24 * hour, "y": 365 * 24 * hour,
}

var durationPart = regexp.MustCompile(`([0-9.]+)([a-zµ]+)`)

// ParseDuration reads durations as Prometheus and Go write them: 30d, 2w, 1h30m, 1.5h, 300ms.
// A day has 24 hours, a week 7 days, a year 365.
func ParseDuration(s string) (time.Duration, error) {
	if len(s) > maxDuration || !durationRegexp.MatchString(s) {
		return 0, fmt.Errorf("%s is not a duration", quote(s))
	}
	sum := new(big.Rat)
	for _, part := range durationPart.FindAllStringSubmatch(s, -1) {
		n, ok := new(big.Rat).SetString(part[1])
		if !ok {
			return 0, fmt.Errorf("%s is not a duration", quote(s))
		}
		sum.Add(sum, n.Mul(n, new(big.Rat).SetInt64(int64(durationUnits[part[2]]))))
	}
	ns := new(big.Int).Quo(sum.Num(), sum.Denom())
	if !ns.IsInt64() {
		return 0, fmt.Errorf("%s is longer than 292 years", quote(s))
	}
	return time.Duration(ns.Int64()), nil
}

func checkWindow(d time.Duration) (string, string) {
	switch {
	case d < minWindow || d > maxWindow:
		return quote(exactDuration(d)) + " is not a window", "write 1h to 366d; 30d is usual"
	case d%time.Minute != 0:
		return quote(exactDuration(d)) + " is not a window", "write whole minutes"
	}
	return "", ""
}

func positive(d time.Duration) (string, string) {
	if d <= 0 {
		return "is not above 0", durationFix
	}
	return "", ""
}
