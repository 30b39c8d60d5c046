// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import "github.com/prometheus/otlptranslator"

// The labels of the collector's own metrics.
const (
	attrReceiver       = "receiver"
	attrExporter       = "exporter"
	attrProcessor      = "processor"
	attrDataType       = "data_type"
	attrItemSignal     = "otel_signal"
	attrSignal         = "signal"
	attrReason         = "reason"
	attrVerdict        = "verdict"
	attrStage          = "stage"
	attrResult         = "result"
	attrReportedStatus = "status"
	attrIDOutcome      = "outcome"
	attrIDSource       = "source"
)

// own is one of the collector's own metrics, as its port 8888 has them: names and labels are not translated.
func own(name string, labels ...string) metric {
	return metric{name, "", otlptranslator.MetricTypeUnknown, byPrometheus, append([]string{attrInstance}, labels...)}
}

// signals are the last words of many names of the collector's own metrics.
var signals = [...]string{"spans", "metric_points", "log_records"}

// A signalMetric is one for each signal.
type signalMetric [len(signals)]metric

func ownOfSignals(name string, labels ...string) signalMetric {
	var all signalMetric
	for i, signal := range signals {
		all[i] = own(name+"_"+signal, labels...)
	}
	return all
}

// The throughput of every collector.
var (
	ownAccepted      = ownOfSignals("otelcol_receiver_accepted", attrReceiver)
	ownRefused       = ownOfSignals("otelcol_receiver_refused", attrReceiver)
	ownFailed        = ownOfSignals("otelcol_receiver_failed", attrReceiver)
	ownSent          = ownOfSignals("otelcol_exporter_sent", attrExporter)
	ownSendFailed    = ownOfSignals("otelcol_exporter_send_failed", attrExporter)
	ownEnqueueFailed = ownOfSignals("otelcol_exporter_enqueue_failed", attrExporter)
	ownLimited       = ownOfSignals("otelcol_processor_memory_limiter_refused", attrProcessor)

	ownIncoming      = own("otelcol_processor_incoming_items", attrProcessor, attrItemSignal)
	ownOutgoing      = own("otelcol_processor_outgoing_items", attrProcessor, attrItemSignal)
	ownQueueSize     = own("otelcol_exporter_queue_size", attrExporter, attrDataType)
	ownQueueCapacity = own("otelcol_exporter_queue_capacity", attrExporter, attrDataType)

	ownUptime = own("otelcol_process_uptime")
	ownCPU    = own("otelcol_process_cpu_seconds")
	ownMemory = own("otelcol_process_memory_rss")
	ownHeap   = own("otelcol_process_runtime_heap_alloc_bytes")
)

// The own metrics of this distribution's components.
var (
	ownCatalogServices = own("otelcol_extension_service_catalog_services")
	ownCatalogSLOs     = own("otelcol_extension_service_catalog_slos")
	ownCatalogProblems = own("otelcol_extension_service_catalog_problems", attrSeverity)
	ownCatalogRead     = own("otelcol_extension_service_catalog_last_success")

	ownTokenReloads       = own("otelcol_extension_bearertokenauth_reloads", attrIDOutcome)
	ownCertificateReloads = own("otelcol_extension_mtls_reloads", attrIDOutcome)
	ownOverflowed         = own("otelcol_extension_service_catalog_admission_overflowed")

	ownPoints         = own("otelcol_processor_slo_points", attrVerdict)
	ownSLOs           = own("otelcol_processor_slo_slos")
	ownSLOStreams     = own("otelcol_processor_slo_streams")
	ownSaves          = own("otelcol_processor_slo_checkpoint_saves")
	ownSaveFailures   = own("otelcol_processor_slo_checkpoint_failures")
	ownSaveDamaged    = own("otelcol_processor_slo_checkpoint_damaged")
	ownFlushFailures  = own("otelcol_processor_slo_flush_failures")
	ownSLISeries      = own("otelcol_connector_sli_series")
	ownEventsDropped  = own("otelcol_connector_sli_events_dropped", attrReason)
	ownEventsAdjusted = own("otelcol_connector_sli_events_adjusted", attrReason)
	ownSLIFailures    = own("otelcol_connector_sli_flush_failures", attrStage)

	ownItems       = own("otelcol_processor_correlation_items", attrSignal, attrIDOutcome, attrIDSource)
	ownConflicts   = own("otelcol_processor_correlation_conflicts")
	ownInvalid     = own("otelcol_processor_correlation_invalid")
	ownStateSize   = own("otelcol_processor_correlation_state_size")
	ownWaitRefused = own("otelcol_processor_correlation_wait_refused")

	ownGateways        = own("otelcol_exporter_gateways_known", attrDataType)
	ownGatewaysLeaving = own("otelcol_exporter_gateways_leaving", attrDataType)
	ownRerouted        = own("otelcol_exporter_gateways_rerouted", attrDataType)
	ownLookupsFailed   = own("otelcol_exporter_gateways_lookups_failed", attrDataType)

	ownSampled      = own("otelcol_processor_trace_sampler_kept", attrReason)
	ownSampledOut   = own("otelcol_processor_trace_sampler_dropped")
	ownSampledEarly = own("otelcol_processor_trace_sampler_early")
	ownHeldSpans    = own("otelcol_processor_trace_sampler_held")

	ownFollowed           = own("otelcol_connector_deployevent_services")
	ownDeploymentEvents   = own("otelcol_connector_deployevent_events", attrReportedStatus)
	ownDeploymentReports  = own("otelcol_connector_deployevent_reports", attrResult)
	ownDeploymentDropped  = own("otelcol_connector_deployevent_dropped", attrReason)
	ownDeploymentFailures = own("otelcol_connector_deployevent_failures", attrStage)
)
