package runbooks

import "strings"

// An ask is a query about the collector, of its own metrics: those of port 8888, which no translation renames.
type ask struct {
	about  markdown
	promql string
}

var (
	scraped   = ask{"Instances that Prometheus reaches (1) and does not (0)", `up{job="otelcol-sre"}`}
	accepted  = ask{"Taken in, items a second by receiver", perSignal("otelcol_receiver_accepted", "receiver")}
	refused   = ask{"Refused, items a second by receiver", perSignal("otelcol_receiver_refused", "receiver")}
	limited   = ask{"Refused by the memory limiter, items a second", perSignal("otelcol_processor_memory_limiter_refused", "processor")}
	sent      = ask{"Sent, items a second by exporter", perSignal("otelcol_exporter_sent", "exporter")}
	notSent   = ask{"Failed to send, items a second by exporter", perSignal("otelcol_exporter_send_failed", "exporter")}
	notQueued = ask{"Found a full queue, items a second by exporter", perSignal("otelcol_exporter_enqueue_failed", "exporter")}
	queue     = ask{"Queues, 1 is full", "otelcol_exporter_queue_size / otelcol_exporter_queue_capacity"}
	memory    = ask{"Memory, in bytes", "max by (instance) (otelcol_process_memory_rss)"}
	verdicts  = ask{"Counters of SLO events, a second by verdict", "sum by (instance, verdict) (rate(otelcol_processor_slo_points[5m]))"}
)

// perSignal is a rate of spans, data points and log records, each under its name.
func perSignal(metric, by string) string {
	var all []string
	for _, signal := range []string{"spans", "metric_points", "log_records"} {
		all = append(all, `label_replace(sum by (instance, `+by+`) (rate(`+metric+"_"+signal+`[5m])), "signal", "`+signal+`", "", "")`)
	}
	return strings.Join(all, "\nor ")
}
