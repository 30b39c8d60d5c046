// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/promqltest"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// TestIncrease says what the recorded events are, case by case: the value of a counter every
// 15 s, and how many events the rules count, evaluated every minute from minute 11 to 40.
func TestIncrease(t *testing.T) {
	for _, test := range []struct {
		name, series string
		want         int
	}{
		{"steady", "a: 0+1x160", 120},
		{"idle", "a: 7x160", 0},
		{"one event", "a: 0x60 1x100", 1},
		{"first seen at 50: a new replica", "a: 0+1x160\nb: _x41 50x120", 170},
		{"a new process under a new name", "a: 0+1x40 _x120\nb: _x41 0+1x119", 119},
		{"scrapes lost for 7 minutes", "a: 0+1x60 _x28 89+1x71", 120},
		{"scrapes lost one by one", "a: 0+2x44 _ 92+2x38 _ 172+2x80", 240},
		// Where a process begins again under its old name, PromQL's increase is used instead: 118.96.
		{"restart under the same name", "a: 0+1x40 0+1x119", 119},
		// A new SLO's counters may be old: only their growth counts. The last step's events have
		// not been in all five evaluations yet, hence 111 and not 119.
		{"first seen at 1000: a new SLO", "a: _x41 1000+1x119", 111},
	} {
		t.Run(test.name, func(t *testing.T) {
			names := newNames(DefaultOptions().Translation)
			g := &generator{names: names}
			expr := names.by("sum", g.increase(step, []matcher{equal(semconv.ServiceName, "checkout")}), semconv.Environment)
			var script strings.Builder
			script.WriteString("load 15s\n")
			for line := range strings.SplitSeq(test.series, "\n") {
				instance, values, _ := strings.Cut(line, ": ")
				fmt.Fprintf(&script, "  slo_events_total{service_name=\"checkout\", slo_name=\"a\", instance=%q} %s\n", instance, values)
			}
			fmt.Fprintf(&script, "\neval instant at 40m round(sum_over_time((%s)[30m:1m]) / %d)\n  {} %d\n", strings.ReplaceAll(expr, "\n", " "), overlap, test.want)
			promqltest.RunTest(t, script.String(), promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery))
		})
	}
}
