// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import "strings"

// An ask is a query of the collector's own metrics on port 8888. No translation renames them.
type ask struct {
	about  markdown
	promql string
}

var (
	scraped   = ask{"Instances: 1 is reached by Prometheus, 0 is not", `up{job="otelcol-sre"}`}
	accepted  = ask{"Accepted items per second by receiver", perSignal("otelcol_receiver_accepted", "receiver")}
	refused   = ask{"Refused items per second by receiver", perSignal("otelcol_receiver_refused", "receiver")}
	limited   = ask{"Items per second that the memory limiter refused", perSignal("otelcol_processor_memory_limiter_refused", "processor")}
	sent      = ask{"Sent items per second by exporter", perSignal("otelcol_exporter_sent", "exporter")}
	notSent   = ask{"Items per second that could not be sent, by exporter", perSignal("otelcol_exporter_send_failed", "exporter")}
	notQueued = ask{"Items per second that found a full queue, by exporter", perSignal("otelcol_exporter_enqueue_failed", "exporter")}
	queue     = ask{"Share of the queue in use: 1 is full", "otelcol_exporter_queue_size / otelcol_exporter_queue_capacity"}
	memory    = ask{"Memory in bytes", "max by (instance) (otelcol_process_memory_rss)"}
	verdicts  = ask{"Counters of SLO events per second by verdict", "sum by (instance, verdict) (rate(otelcol_processor_slo_points[5m]))"}
)

// perSignal is a rate of spans, data points and log records, each under its name.
func perSignal(metric, by string) string {
	var all []string
	for _, signal := range []string{"spans", "metric_points", "log_records"} {
		all = append(all, `label_replace(sum by (instance, `+by+`) (rate(`+metric+"_"+signal+`[5m])), "signal", "`+signal+`", "", "")`)
	}
	return strings.Join(all, "\nor ")
}
