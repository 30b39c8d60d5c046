// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import "strings"

// Queries of the collector's own metrics on port 8888. No translation renames them.
var (
	scraped   = ask{"Instances: 1 is reached by Prometheus, 0 is not", query{`up{job="otelcol-sre"}`, 6}}
	accepted  = ask{"Accepted items per second by receiver", query{perSignal("otelcol_receiver_accepted", "receiver"), 6}}
	refused   = ask{"Refused items per second by receiver", query{perSignal("otelcol_receiver_refused", "receiver"), 6}}
	limited   = ask{"Items per second that the memory limiter refused", query{perSignal("otelcol_processor_memory_limiter_refused", "processor"), 6}}
	sent      = ask{"Sent items per second by exporter", query{perSignal("otelcol_exporter_sent", "exporter"), 6}}
	notSent   = ask{"Items per second that could not be sent, by exporter", query{perSignal("otelcol_exporter_send_failed", "exporter"), 6}}
	notQueued = ask{"Items per second that found a full queue, by exporter", query{perSignal("otelcol_exporter_enqueue_failed", "exporter"), 6}}
	queue     = ask{"Share of the queue in use: 1 is full", query{"otelcol_exporter_queue_size / otelcol_exporter_queue_capacity", 6}}
	memory    = ask{"Memory in bytes", query{"max by (instance) (otelcol_process_memory_rss)", 6}}
	verdicts  = ask{"Counters of SLO events per second by verdict", query{"sum by (instance, verdict) (rate(otelcol_processor_slo_points[5m]))", 6}}
)

// perSignal is a rate of spans, data points and log records, each under its name.
func perSignal(metric, by string) string {
	var all []string
	for _, signal := range []string{"spans", "metric_points", "log_records"} {
		all = append(all, `label_replace(sum by (instance, `+by+`) (rate(`+metric+"_"+signal+`[5m])), "signal", "`+signal+`", "", "")`)
	}
	return strings.Join(all, "\nor ")
}
