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
)

// CollectorService is the collector as a service, for its own alerts and runbooks.
func CollectorService() *catalog.Service {
	return &catalog.Service{
		Name: collectorName, Tier: 1,
		Description: "Collects telemetry, counts SLO events and keeps error budgets.",
	}
}

// Collector makes the alerts about the collector itself, from its own metrics as its port 8888
// has them.
func Collector(o Options) File {
	s := CollectorService()
	g := &generator{service: s, options: o, names: newNames(o.Translation), file: newFile(s)}
	var rules []rulefmt.Rule
	for _, a := range collectorAlerts() {
		rule := g.alert(a)
		delete(rule.Labels, "environment") // the collector serves all of them
		rules = append(rules, rule)
	}
	g.group(collectorName, interval, "The names are those of the collector's own metrics on port 8888, which are not translated.", rules...)
	return g.file
}

// signals are what the names of many of the collector's metrics end in.
var signals = []string{"spans", "metric_points", "log_records"}

// each is an expression for each signal, whichever holds.
func each(metric string, expr func(metric string) string) string {
	all := make([]string, len(signals))
	for i, signal := range signals {
		all[i] = expr(metric + "_" + signal)
	}
	return strings.Join(all, "\nor ")
}

func rateBy(labels, series string) string {
	return "sum by (" + labels + ") (rate(" + series + "[5m])) > 0"
}

func collectorAlerts() []Alert {
	text := func(summary, description string) map[string]string {
		return map[string]string{"summary": summary, "description": description}
	}
	return []Alert{
		{
			Name: alertDown, Severity: Page, For: 5 * time.Minute,
			Expr:        `up{job="otelcol-sre"} == 0 or absent(otelcol_process_uptime)`,
			Annotations: text("The collector is down", "Its own metrics have not arrived for 5 minutes. No SLO is measured and no alert of any service can fire meanwhile."),
			Why:         `The scrape of the collector fails (job "otelcol-sre"), or there are no metrics of its process at all, for 5 minutes.`,
		}, {
			Name: "CollectorRefusingData", Severity: Page, For: 5 * time.Minute,
			Expr: each("otelcol_receiver_refused", func(m string) string { return rateBy("instance, receiver", m) }),
			Annotations: text("Receiver {{ $labels.receiver }} of the collector refuses data",
				"{{ $value | humanize }} items a second have been refused for 5 minutes. Senders that do not try again lose them, and SLOs do not count them."),
			Why: "A receiver has refused spans, data points or log records for 5 minutes: what comes after it cannot take them.",
		}, {
			Name: "CollectorQueueNearlyFull", Severity: Ticket, For: 10 * time.Minute,
			Expr: "max by (instance, exporter, data_type) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity) > 0.8",
			Annotations: text("The sending queue of {{ $labels.exporter }} is nearly full",
				"{{ $value | humanizePercentage }} of the queue is used. When it is full, data is dropped or senders are refused."),
			Why: "A sending queue has been over 80 % full for 10 minutes: its backend is slower than the telemetry.",
		}, {
			Name: "CollectorExportFailing", Severity: Ticket, For: 10 * time.Minute,
			Expr: each("otelcol_exporter_send_failed", func(m string) string { return rateBy("instance, exporter", m) }),
			Annotations: text("Exporter {{ $labels.exporter }} cannot send",
				"{{ $value | humanize }} items a second have failed for 10 minutes, after all attempts. They are lost to that backend."),
			Why: "Sending has failed for good for 10 minutes: the backend refuses, or has been away for longer than the exporter tries.",
		}, {
			Name: "CollectorDroppingData", Severity: Page, For: 5 * time.Minute,
			Expr: each("otelcol_exporter_enqueue_failed", func(m string) string { return rateBy("instance, exporter", m) }) +
				"\nor " + rateBy("instance", `otelcol_connector_deployevent_dropped`) +
				"\nor " + rateBy("instance, verdict", `otelcol_processor_slo_points{verdict=~"overflow|invalid|too_old"}`),
			Annotations: text("The collector drops data", "{{ $value | humanize }} items a second have been dropped for 5 minutes, since a queue or a table is full or they could not be used."),
			Why:         "For 5 minutes data has found a full queue, or counters of SLO events have been refused because there are too many series or they cannot be true.",
		}, {
			Name: "CollectorCannotJudge", Severity: Ticket, For: 15 * time.Minute,
			Expr: rateBy("instance, reason", "otelcol_connector_sli_events_dropped") +
				"\nor " + rateBy("instance, reason", `otelcol_connector_sli_events_adjusted{reason="good_exceeds_total"}`) +
				"\nor " + rateBy("instance, verdict", `otelcol_processor_slo_points{verdict="unknown_slo"}`),
			Annotations: text("Events of an SLO are not counted as they were sent",
				"{{ $value | humanize }} a second for 15 minutes. Reason: {{ $labels.reason }}{{ $labels.verdict }}. The catalog does not fit what the service sends, or another collector's catalog."),
			Why: "For 15 minutes the collector has met events of an SLO that it can count neither as good nor as bad, a metrics SLI with more good events than there were at all, or counters of an SLO that its catalog does not have.",
		}, {
			Name: "CollectorMemoryLimited", Severity: Ticket, For: 5 * time.Minute,
			Expr: each("otelcol_processor_refused", func(m string) string { return rateBy("instance, processor", m+`{processor=~"memory_limiter(/.*)?"}`) }),
			Annotations: text("The collector refuses data to save memory",
				"The memory limiter has refused {{ $value | humanize }} items a second for 5 minutes. Give the collector more memory, or more instances."),
			Why: "The memory limiter has refused data for 5 minutes.",
		}, {
			Name: "CollectorCatalogRejected", Severity: Ticket, For: 5 * time.Minute,
			Expr: `max by (instance) (otelcol_extension_service_catalog_problems{severity="error"}) > 0`,
			Annotations: text("The collector does not use the newest catalog",
				"{{ $value }} errors were found when the catalog was last read. The one before stays in use; srectl validate says what is wrong."),
			Why: "The catalog folders have held errors for 5 minutes. The collector goes on with what it had.",
		}, {
			Name: "CollectorCheckpointFailing", Severity: Ticket, For: 10 * time.Minute,
			Expr: rateBy("instance", "otelcol_processor_slo_checkpoint_failures") +
				"\nor " + rateBy("instance", `otelcol_connector_sli_flush_failures{stage=~"save|restore"}`) +
				"\nor " + rateBy("instance", `otelcol_connector_deployevent_failures{stage=~"save|restore"}`),
			Annotations: text("The collector cannot save its state",
				"Counters and budgets have not been saved for 10 minutes. All is well until the collector restarts; then what was not saved is lost."),
			Why: "Checkpoints have failed for 10 minutes: the storage is full, read-only or gone.",
		}, {
			Name: "CollectorClockSkew", Severity: Ticket, For: 10 * time.Minute,
			Expr: rateBy("instance", `otelcol_processor_slo_points{verdict="clock_skew"}`),
			Annotations: text("A clock is wrong",
				"SLO counters have come with times in the future for 10 minutes. A sender's clock, or this collector's, is off; synchronise them."),
			Why: "Counters of SLO events have come from the future for 10 minutes.",
		},
	}
}
