// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A Sample is a value of a metric of the collector itself.
type Sample struct {
	Name   string
	Labels map[string]string
	Value  float64
}

// OwnMetrics matches the names of all metrics that [Own] reads.
const OwnMetrics = "otelcol_(receiver_otlp_(misdirected|refused)|receiver_(accepted|refused)_(spans|metric_points|log_records)|processor_memory_limiter_refused_(spans|metric_points|log_records)" +
	"|exporter_(sent|send_failed|enqueue_failed)_(spans|metric_points|log_records)|exporter_queue_size|exporter_prometheus_store_rule_files" +
	"|connector_sli_(events_dropped|events_deduplicated|clock_offset|flush_failures)|extension_service_catalog_admission_beyond)" +
	"|(http|rpc)_server_(request|call)?_?duration(_seconds|_milliseconds)?_count"

// own are two readings of the metrics.
type own struct {
	now, before map[string][]Sample
	period      time.Duration
	findings    []Finding
}

// Own judges the collector's own metrics, read twice, a period apart. Before the first reading there may have been none.
func Own(before, now []Sample, period time.Duration) []Finding {
	o := own{now: byName(now), before: byName(before), period: period}
	o.protocols()
	o.refused()
	o.dropped()
	o.exporters()
	o.rules()
	Sort(o.findings)
	return o.findings
}

// Reconcile corrects findings that say that nothing arrived, if the receivers did accept something: it waits, or goes another way.
func Reconcile(findings []Finding, now []Sample) []Finding {
	var accepted float64
	for _, s := range now {
		// The collector reads its own metrics by a receiver, too.
		if strings.HasPrefix(s.Name, "otelcol_receiver_accepted_") && !strings.HasPrefix(s.Labels["receiver"], "prometheus/self") {
			accepted += s.Value
		}
	}
	if accepted == 0 {
		return findings
	}
	for i, f := range findings {
		if f.Check == CheckNothing {
			findings[i] = Finding{
				Check: CheckNotWatched, What: fmt.Sprintf("receivers have accepted telemetry (%s items), and the status page has seen none in the last two minutes", strconv.FormatFloat(accepted, 'f', 0, 64)),
				Fix: "try again in ten seconds: for so long, correlation holds what has no ID yet; then check that the pipelines have the status_page exporter, and that the service still sends",
			}
		}
	}
	return findings
}

func byName(samples []Sample) map[string][]Sample {
	all := map[string][]Sample{}
	for _, s := range samples {
		// A Prometheus exposition may add the suffix of counters.
		name := strings.TrimSuffix(s.Name, "_total")
		all[name] = append(all[name], s)
	}
	return all
}

// growth is by how much a counter grew in the period, by the value of a label; the empty label is the sum.
func (o *own) growth(name, label string) map[string]float64 {
	grown := map[string]float64{}
	for _, s := range o.now[name] {
		if by := s.Value - o.valueBefore(name, s); by > 0 {
			grown[s.Labels[label]] += by
		}
	}
	return grown
}

// valueBefore is 0 if the counter began, or began again, in between.
func (o *own) valueBefore(name string, now Sample) float64 {
	for _, s := range o.before[name] {
		if maps.Equal(s.Labels, now.Labels) && s.Value <= now.Value {
			return s.Value
		}
	}
	return 0
}

func (o *own) find(check Check, what, fix string) {
	o.findings = append(o.findings, Finding{Check: check, What: shownText(what), Fix: fix, Collector: true})
}

// in is such as "12 in 10s", and of such as "12 items in 10s".
func (o *own) in(n float64) string { return o.of(n, "") }

func (o *own) of(n float64, what string) string {
	return strconv.FormatFloat(n, 'f', 0, 64) + what + " in " + catalog.FormatDuration(o.period.Round(time.Second))
}

func (o *own) protocols() {
	grown := map[string]float64{}
	for _, s := range o.now["otelcol_receiver_otlp_misdirected"] {
		if by := s.Value - o.valueBefore("otelcol_receiver_otlp_misdirected", s); by > 0 {
			grown[s.Labels["protocol"]+" "+s.Labels["outcome"]] += by
		}
	}
	for _, key := range slices.Sorted(maps.Keys(grown)) {
		port, outcome, _ := strings.Cut(key, " ")
		other, right := "HTTP", "4318"
		if port == "http" {
			other, right = "gRPC", "4317"
		}
		became := "they were served all the same, which other collectors do not do"
		if outcome == "refused" {
			became = "they were refused"
		}
		o.find(CheckProtocol, fmt.Sprintf("connections that speak OTLP over %s came to the port for %s (%s): %s", other, map[string]string{"http": "HTTP", "grpc": "gRPC"}[port], o.in(grown[key]), became),
			fmt.Sprintf("send OTLP over %s to port %s, or set OTEL_EXPORTER_OTLP_PROTOCOL to %s", other, right, map[string]string{"http": "http/protobuf", "grpc": "grpc"}[port]))
	}
}

func (o *own) refused() {
	fixes := map[string]string{
		"too_large": "send smaller batches (OTEL_BSP_MAX_EXPORT_BATCH_SIZE), or raise max_request_body_size of the otlp receiver",
		"slow":      "look at the network between, or send smaller batches",
		"busy":      "give the collector more memory, or send less; the clients were asked to try again",
	}
	for reason, n := range o.growth("otelcol_receiver_otlp_refused", "reason") {
		o.find(CheckRefused, fmt.Sprintf("requests were refused (%s): %s", o.in(n), map[string]string{
			"too_large": "their body is too large", "slow": "their body did not arrive in time", "busy": "the collector is busy, or its memory is full",
		}[reason]), fixes[reason])
	}
	o.unauthenticated()
	var limited float64
	for _, signal := range []string{"spans", "metric_points", "log_records"} {
		limited += sum(o.growth("otelcol_processor_memory_limiter_refused_"+signal, ""))
	}
	if limited > 0 {
		o.find(CheckRefused, fmt.Sprintf("memory_limiter refused telemetry (%s): the memory is full", o.of(limited, " items")), "raise the memory limit of the collector, or send less")
	}
}

// unauthenticated reports requests without the right credentials, which no component counts, but the servers do.
func (o *own) unauthenticated() {
	var n float64
	for name := range o.now {
		for label, codes := range map[string][]string{
			"http_response_status_code": {"401", "403"}, "http_status_code": {"401", "403"},
			"rpc_grpc_status_code": {"16", "7"}, "rpc_response_status_code": {"UNAUTHENTICATED", "PERMISSION_DENIED"},
		} {
			if strings.HasPrefix(name, "http_server_") || strings.HasPrefix(name, "rpc_server_") {
				for code, by := range o.growth(name, label) {
					if slices.Contains(codes, code) {
						n += by
					}
				}
			}
		}
	}
	if n > 0 {
		o.find(CheckRefused, fmt.Sprintf("requests were refused (%s) because their credentials are wrong or missing", o.in(n)),
			"set OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20TOKEN, with a token of the file that OTELCOL_SRE_BEARER_FILE names")
	}
}

func sum(by map[string]float64) (total float64) {
	for _, n := range by {
		total += n
	}
	return total
}

func (o *own) dropped() {
	fixes := map[string]string{
		"condition_error":       "write conditions that can be evaluated for every event; the log names the SLO",
		"no_duration":           "correct the times of spans that end before they start",
		"not_a_counter":         "name a monotonic sum or a histogram in the metrics SLI; the log names it",
		"threshold_not_a_bound": "use a threshold that is a bound of the histogram's buckets, or set betweenBuckets: interpolate",
		"threshold_unit":        "write the threshold as a plain number, or give the metric a unit of time",
		"too_many_streams":      "raise max_streams of the sli connector",
		"regressed":             "look for two instances that send one counter: give each its service.instance.id",
		"invalid_point":         "correct the metric: it has no time, or a value that is not a number of 0 or more",
	}
	for reason, n := range o.growth("otelcol_connector_sli_events_dropped", "reason") {
		fix, known := fixes[reason]
		if !known {
			fix = "see the README of the sli connector"
		}
		o.find(CheckDropped, fmt.Sprintf("events of SLOs could be counted neither as good nor as bad (%s): %s", o.in(n), reason), fix)
	}
	if n := sum(o.growth("otelcol_connector_sli_events_deduplicated", "")); n > 0 {
		o.find(CheckDuplicates, fmt.Sprintf("events arrived again and were not counted again (%s)", o.in(n)),
			"look for a service that exports to this collector twice, or whose timeout is shorter than an answer takes (OTEL_EXPORTER_OTLP_TIMEOUT)")
	}
	for _, s := range o.now["otelcol_connector_sli_clock_offset"] {
		if offset := time.Duration(s.Value * float64(time.Second)); offset.Abs() > tooFuture {
			o.find(CheckClock, fmt.Sprintf("the collector's clock differs by %s from that on which most senders agree", catalog.FormatDuration(offset.Abs().Round(time.Second))), "synchronize the clock of its host (NTP)")
		}
	}
	if n := sum(o.growth("otelcol_connector_sli_flush_failures", "stage")); n > 0 {
		o.find(CheckDropped, fmt.Sprintf("the sli connector could not save or send its counters (%s)", o.in(n)), "look at the log, and at the disk of OTELCOL_SRE_STORAGE")
	}
}

// exporters reports those that lose telemetry, or send none of what waits.
func (o *own) exporters() {
	failed, sent := map[string]float64{}, map[string]float64{}
	for _, signal := range []string{"spans", "metric_points", "log_records"} {
		for _, name := range []string{"send_failed_", "enqueue_failed_"} {
			for exporter, n := range o.growth("otelcol_exporter_"+name+signal, "exporter") {
				failed[exporter] += n
			}
		}
		for exporter, n := range o.growth("otelcol_exporter_sent_"+signal, "exporter") {
			sent[exporter] += n
		}
	}
	fix := func(exporter string) string {
		return fmt.Sprintf("look at the log lines of %s for the reason (credentials, address, TLS), and at its backend", shown(exporter))
	}
	for _, exporter := range slices.Sorted(maps.Keys(failed)) {
		o.find(CheckExporter, fmt.Sprintf("the exporter %s could not send telemetry (%s)", shown(exporter), o.of(failed[exporter], " items")), fix(exporter))
	}
	waiting := map[string]float64{}
	for _, s := range o.now["otelcol_exporter_queue_size"] {
		if before := o.queueBefore(s); s.Value > 0 && before > 0 {
			waiting[s.Labels["exporter"]] += s.Value
		}
	}
	for _, exporter := range slices.Sorted(maps.Keys(waiting)) {
		if sent[exporter] == 0 && failed[exporter] == 0 {
			o.find(CheckExporter, fmt.Sprintf("the exporter %s has sent nothing in %s, and %s requests or items wait in its queue", shown(exporter),
				catalog.FormatDuration(o.period.Round(time.Second)), strconv.FormatFloat(waiting[exporter], 'f', -1, 64)), fix(exporter))
		}
	}
}

func (o *own) queueBefore(now Sample) float64 {
	for _, s := range o.before["otelcol_exporter_queue_size"] {
		if maps.Equal(s.Labels, now.Labels) {
			return s.Value
		}
	}
	return 0
}

func (o *own) rules() {
	files := o.now["otelcol_exporter_prometheus_store_rule_files"]
	if len(files) == 0 {
		return // there is no Prometheus inside
	}
	byState := map[string]float64{}
	for _, s := range files {
		byState[s.Labels["state"]] += s.Value
	}
	if sum(byState) == 0 {
		o.find(CheckRules, "no rules are loaded, so no alert can fire", "set exporters::prometheus_store::catalog, or write rules with `srectl generate alerts` and name their folder in OTELCOL_SRE_RULES")
	}
	if n := byState["bad"]; n > 0 {
		o.find(CheckRules, strconv.FormatFloat(n, 'f', -1, 64)+" rule files have errors; their last good version is in use", "correct them: the log names file and error")
	}
}
