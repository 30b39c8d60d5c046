// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// lossWindow is how long a loss is reported. It is longer than any ordinary gap between two scrapes.
const lossWindow = 15 * time.Minute

const uptime = "otelcol_process_uptime"

// lost is the growth of a collector's counter in the last lossWindow, if it has grown. One increase
// between two scrapes is enough, and the result is exact.
//
// Many of these counters do not exist before their first loss, so their first value is the loss. Such a counter
// began at 0 if its process is younger than the window, or if a scrape in the window found the process without it:
// what is scraped together has as many samples. (The fewest count: a target that gets another label has a new uptime, too.)
// A counter that Prometheus has found with each of its process's scrapes may be old, and only its growth counts.
// increase covers counters that are gone or were reset.
func lost(counter string, by ...string) string {
	window := "[" + catalog.FormatDuration(lossWindow) + "]"
	return sumBy(by, "\n  (\n"+
		"    "+counter+" and on (job, instance) ("+uptime+" < "+seconds(lossWindow)+")\n"+
		"    or "+counter+" and (count_over_time("+counter+window+") < on (job, instance) group_left () min by (job, instance) (count_over_time("+uptime+window+")))\n"+
		"    or "+counter+" - min_over_time("+counter+window+")\n"+
		"  ) > 0\n"+
		"  or increase("+counter+window+") > 0\n")
}

// goesOn is the growth of a counter in the last 7 minutes, if it grew in the 10 minutes before, too. It is
// for events that are no loss when they happen once. Events every 6 minutes keep the alert firing.
func goesOn(counter string, by ...string) string {
	const now, before = "[7m]", "[10m] offset 7m"
	return sumBy(by, "increase("+counter+now+")") + " > 0\nand " + sumBy(by, "increase("+counter+before+")") + " > 0"
}

func sumBy(labels []string, expr string) string {
	return "sum by (" + strings.Join(append([]string{"instance"}, labels...), ", ") + ") (" + expr + ")"
}

// signals are the last words of many of the collector's metric names.
var signals = []string{"spans", "metric_points", "log_records"}

// each is an expression for each signal, with the signal as a label: otherwise that of one would hide the others.
func each(expr func(signal string) string) string {
	all := make([]string, len(signals))
	for i, signal := range signals {
		all[i] = labeled(expr(signal), "signal", signal)
	}
	return strings.Join(all, "\nor ")
}

// labeled gives all of an expression a label.
func labeled(expr, name, value string) string {
	return "label_replace(" + expr + ", " + quote(name) + ", " + quote(value) + `, "", "")`
}

// beginsLate are prefixes of the names of metrics that a collector has only after an event, or with a
// certain configuration.
var beginsLate = map[string]string{
	"otelcol_receiver_refused_":                 "begins with the first data",
	"otelcol_exporter_queue_":                   "is there where an exporter has a queue",
	"otelcol_exporter_send_failed_":             "begins with the first failure",
	"otelcol_exporter_enqueue_failed_":          "begins with the first failure",
	"otelcol_processor_memory_limiter_refused_": "begins with the first refusal",
	"otelcol_connector_sli_events_":             "begins with the first such event",
	"otelcol_connector_sli_flush_failures":      "begins with the first failure",
	"otelcol_connector_deployevent_failures":    "begins with the first failure",
	"otelcol_extension_bearertokenauth_":        "is there where a file has tokens",
	"otelcol_exporter_gateways_":                "is there where an agent has gateways",
	"otelcol_processor_trace_sampler_":          "is there where traces are sampled",
	"otelcol_extension_mtls_":                   "is there where clients need certificates",
}

// notThereYet lists for pint each metric that may not exist, and why.
func notThereYet(expr string) string {
	var lines []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(ownMetric.FindAllString(expr, -1)))) {
		for beginning, why := range beginsLate {
			if strings.HasPrefix(name, beginning) {
				lines = append(lines, name+" "+why+":", "pint disable promql/series("+name+")")
			}
		}
	}
	return strings.Join(lines, "\n")
}

var ownMetric = regexp.MustCompile(`\botelcol_[a-z_]+`)
