// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

const (
	collectorName = "otelcol-sre"
	alertDown     = "CollectorDown"
	alertRefusing = "CollectorRefusingData"
	alertRefused  = "CollectorRefusedData"

	// recordEvaluated is there while the rules are evaluated: before the first scrape, the collector's metrics are not missing yet.
	recordEvaluated = "collector:rules_evaluated:bool"
)

// CollectorService is the collector as a service, for its own alerts and runbooks.
func CollectorService() *catalog.Service {
	return &catalog.Service{
		Name: collectorName, Tier: 1,
		Description: "Collects telemetry, counts SLO events and keeps error budgets.",
	}
}

// Of makes the rules of a service, or of the collector itself if it is CollectorService. `srectl generate` shows the warnings.
func Of(s *catalog.Service, o Options) File {
	if s.Slug() == collectorName {
		return Collector(o)
	}
	f, _ := Generate(s, o)
	return f
}

// Collector makes the alerts about the collector itself, from its own metrics as its port 8888
// has them.
func Collector(o Options) File {
	s := CollectorService()
	g := &generator{service: s, options: o, names: newNames(o.Translation), file: newFile(s)}
	rules := []rulefmt.Rule{{Record: recordEvaluated, Expr: "vector(1)"}}
	for _, a := range collectorAlerts() {
		rule := g.alert(a)
		g.file.comments[a.Expr] = notThereYet(a.Expr)
		delete(rule.Labels, "environment") // the collector serves all environments
		rules = append(rules, rule)
	}
	g.group(collectorName, interval, "The names are those of the collector's own metrics on port 8888, which are not translated.", rules...)
	return g.file
}

func collectorAlerts() []Alert {
	text := func(summary, description string) map[string]string {
		return map[string]string{"summary": summary, "description": description}
	}
	return []Alert{
		{
			Name: alertDown, when: "the collector's own metrics have been missing for 5 minutes", Severity: Page, For: 5 * time.Minute,
			Expr:        `up{job="otelcol-sre"} == 0 or absent(otelcol_process_uptime) and on () count_over_time(` + recordEvaluated + `[10m]) >= 2`,
			Annotations: text("The collector is down", "The collector's own metrics have not arrived for 5 minutes. Meanwhile no SLO is measured, and no alert of any service can fire."),
			Why:         `The scrape of the collector fails (job "otelcol-sre"), or there are no metrics of its process at all, for 5 minutes. Right after Prometheus has started, there need not be any yet.`,
		}, {
			Name: alertRefusing, when: "a receiver keeps refusing data", Severity: Page,
			Expr: each(func(signal string) string { return goesOn("otelcol_receiver_refused_"+signal, "receiver") }),
			Annotations: text("Receiver {{ $labels.receiver }} of the collector refuses data",
				"About {{ $value | humanize }} {{ $labels.signal }} were refused in the last 7 minutes, and others in the 10 minutes before. Senders that do not retry lose them, and SLOs do not count them."),
			Why: "A receiver has refused spans, data points or log records in the last 7 minutes and in the 10 minutes before: the next component in the pipeline cannot accept them. Data that is refused once may be sent again: " + alertRefused + " is a ticket about it.",
		}, {
			Name: alertRefused, when: "a receiver has refused data, also for a moment", Severity: Ticket,
			Expr: each(func(signal string) string { return lost("otelcol_receiver_refused_"+signal, "receiver") }),
			Annotations: text("Receiver {{ $labels.receiver }} of the collector has refused data",
				"{{ $value | humanize }} {{ $labels.signal }} were refused in the last 15 minutes. Senders that do not retry have lost them, and SLOs do not count them."),
			Why: "A receiver has refused spans, data points or log records in the last 15 minutes, also if only for a moment. If it goes on, " + alertRefusing + " pages.",
		}, {
			Name: "CollectorQueueNearlyFull", when: "a sending queue has been over 80 % full for 10 minutes", Severity: Ticket, For: 10 * time.Minute,
			Expr: "max by (instance, exporter, data_type) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity) > 0.8",
			Annotations: text("The sending queue of {{ $labels.exporter }} is nearly full",
				"{{ $value | humanizePercentage }} of the queue is used. When it is full, data is dropped or refused."),
			Why: "A sending queue has been over 80 % full for 10 minutes: telemetry arrives faster than the backend accepts it.",
		}, {
			Name: "CollectorExportFailing", when: "an exporter has given up on data", Severity: Ticket,
			Expr: each(func(signal string) string { return lost("otelcol_exporter_send_failed_"+signal, "exporter") }),
			Annotations: text("Exporter {{ $labels.exporter }} cannot send",
				"{{ $value | humanize }} {{ $labels.signal }} were dropped in the last 15 minutes after all retries failed. They are missing in that backend."),
			Why: "In the last 15 minutes sending has failed permanently: the backend refuses data, or was down for longer than the exporter retries.",
		}, {
			Name: "CollectorDroppingData", when: "a queue is full, or counters of SLO events were refused", Severity: Page,
			Expr: strings.Join([]string{
				each(func(signal string) string { return lost("otelcol_exporter_enqueue_failed_"+signal, "exporter") }),
				labeled(lost("otelcol_processor_correlation_wait_refused"), "signal", "waiting_items"),
				labeled(lost("otelcol_connector_deployevent_dropped", "reason"), "signal", "deployments"),
				labeled(lost(`otelcol_processor_slo_points{verdict=~"overflow|invalid|too_old"}`, "verdict"), "signal", "slo_counters"),
			}, "\nor "),
			Annotations: text("The collector drops data", "{{ $value | humanize }} {{ $labels.signal }} were dropped in the last 15 minutes: a queue or a table is full, or the data is invalid."),
			Why:         "In the last 15 minutes a queue was full, or counters of SLO events were refused because there are too many series or their values are impossible.",
		}, {
			Name: "CollectorCannotJudge", when: "events of an SLO could be counted neither as good nor as bad, or agents count an SLO that the gateway's catalog does not have", Severity: Ticket,
			Expr: strings.Join([]string{
				lost("otelcol_connector_sli_events_dropped", "reason", "service", "slo"),
				goesOn(`otelcol_connector_sli_events_adjusted{reason="good_exceeds_total"}`, "reason", "service", "slo"),
				labeled(goesOn(`otelcol_processor_slo_points{verdict="unknown_slo"}`), "reason", "unknown_slo"),
			}, "\nor "),
			Annotations: text("Events of {{ with $labels.slo }}SLO {{ . }} of {{ $labels.service }}{{ else }}an SLO{{ end }} are dropped or adjusted",
				"{{ $value | humanize }} events recently. Reason: {{ $labels.reason }}. The catalog does not match the service's telemetry, or differs from another collector's catalog."),
			Why: "In the last 15 minutes the collector received events of an SLO that it can count neither as good nor as bad. Or, in the last 7 minutes and in the 10 minutes before, a metrics SLI had more good events than total events, or counters arrived of an SLO that the collector's catalog does not have.",
		}, {
			Name: "CollectorMemoryLimited", when: "`memory_limiter` has refused data", Severity: Ticket,
			Expr: each(func(signal string) string {
				return lost("otelcol_processor_memory_limiter_refused_"+signal, "processor")
			}),
			Annotations: text("The collector refuses data to save memory",
				"The memory limiter has refused {{ $value | humanize }} {{ $labels.signal }} in the last 15 minutes. Give the collector more memory, or more instances."),
			Why: "The memory limiter has refused data in the last 15 minutes.",
		}, {
			Name: "CollectorCatalogRejected", when: "the catalog has had errors for 5 minutes", Severity: Ticket, For: 5 * time.Minute,
			Expr: `max by (instance) (otelcol_extension_service_catalog_problems{severity="error"}) > 0`,
			Annotations: text("The collector does not use the newest catalog",
				"The collector found {{ $value }} errors when it last read the catalog. It continues to use the previous catalog. srectl validate shows the errors."),
			Why: "The catalog has had errors for 5 minutes. The collector continues with the previous catalog.",
		}, {
			Name: "CollectorCheckpointFailing", when: "state cannot be saved or read", Severity: Ticket,
			Expr: strings.Join([]string{
				labeled(goesOn("otelcol_processor_slo_checkpoint_failures"), "state", "budgets"),
				labeled(goesOn(`otelcol_connector_sli_flush_failures{stage=~"save|journal"}`), "state", "counters"),
				labeled(goesOn(`otelcol_connector_deployevent_failures{stage="save"}`), "state", "deployments"),
				labeled(lost("otelcol_processor_slo_checkpoint_damaged"), "state", "damaged budgets"),
				labeled(lost(`otelcol_connector_sli_flush_failures{stage="restore"}`), "state", "saved counters"),
				labeled(lost(`otelcol_connector_deployevent_failures{stage="restore"}`), "state", "saved deployments"),
			}, "\nor "),
			Annotations: text("The collector cannot save its state, or cannot read it",
				"Affected state: {{ $labels.state }}. State that is not saved is lost at the next restart. Damaged state is set aside, and starts from zero."),
			Why: "Checkpoints have failed in the last 7 minutes and in the 10 minutes before: the storage is full, read-only or gone. Or saved state could not be read in the last 15 minutes.",
		}, {
			Name: "CollectorCredentialsUnreadable", when: "a file of tokens, or a certificate and its key, cannot be used", Severity: Ticket,
			Expr: labeled(goesOn(`otelcol_extension_bearertokenauth_reloads{outcome="failed"}`), "credentials", "tokens") + "\nor " +
				labeled(goesOn(`otelcol_extension_mtls_reloads{outcome="failed"}`), "credentials", "certificate"),
			Annotations: text("The collector cannot read new credentials",
				"Affected: {{ $labels.credentials }}. The ones that were read before stay in use: a new token is refused, a removed one is accepted, and a certificate may expire."),
			Why: "In the last 7 minutes and in the 10 minutes before, the file of tokens was missing or unreadable, or the certificate and its key were missing, incomplete or no pair. The credentials before stay in use.",
		}, {
			Name: "CollectorSamplingEarly", when: "the trace sampler decides before traces are complete, because its memory is full", Severity: Ticket,
			Expr: goesOn("otelcol_processor_trace_sampler_early"),
			Annotations: text("The trace sampler has too little memory",
				"It decides about spans before `wait` is over. Of traces that turn bad later, the first spans are missing. Bad spans themselves are kept."),
			Why: "In the last 7 minutes and in the 10 minutes before, the spans that the trace sampler holds have filled max_bytes, so it decided the oldest early.",
		}, {
			Name: "CollectorCannotFindGateways", when: "an agent cannot resolve the name of its gateways", Severity: Ticket,
			Expr: goesOn("otelcol_exporter_gateways_lookups_failed", "data_type"),
			Annotations: text("An agent cannot find its gateways",
				"The name of the gateways has not been resolved in the last 7 minutes, nor in the 10 minutes before. The agent uses the gateways that it knew. Ones that are new get nothing from it."),
			Why: "In the last 7 minutes and in the 10 minutes before, the agent could not resolve the DNS name of its gateways, or the name had no address. It goes on with the gateways that it knew. An agent that has just started knows none, and refuses data.",
		}, {
			Name: "CollectorClockSkew", when: "counters keep arriving with timestamps in the future", Severity: Ticket,
			Expr: goesOn(`otelcol_processor_slo_points{verdict="clock_skew"}`),
			Annotations: text("A clock is wrong",
				"SLO counters with timestamps in the future have arrived in the last 7 minutes and in the 10 minutes before. A sender's clock, or this collector's, is wrong: synchronize them."),
			Why: "Counters of SLO events with timestamps in the future have arrived in the last 7 minutes and in the 10 minutes before.",
		},
	}
}
