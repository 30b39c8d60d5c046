// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// components shows the input and output of each component.
func (c collector) components() {
	const once = "No component of this kind has worked yet"
	in, out := c.rate(ownIncoming, attrProcessor, attrItemSignal), c.rate(ownOutgoing, attrProcessor, attrItemSignal)
	c.board.row("components", "Components", false,
		strip{7, []panel{
			newGraph(about{"sent", "Sent, by exporter", "Items per second that each exporter sent. Good follows the received items.", 8},
				look{unit: "cps", min: new(0.0), none: "No exporter has sent anything yet"}, graph("A", c.signals(ownSent, attrExporter), "{{exporter}} {{signal}}")),
			newGraph(about{"send failed", "Not sent, by exporter", "Items per second that an exporter dropped after all retries, or because its queue was full. Good is 0. The name shows which backend to check.", 8},
				look{unit: "cps", min: new(0.0), none: once},
				graph("failed", c.orNone(c.signals(ownSendFailed, attrExporter)), "{{exporter}} {{signal}} failed"),
				graph("full", c.orNone(c.signals(ownEnqueueFailed, attrExporter)), "{{exporter}} {{signal}} queue full")),
			newGraph(about{"refused", "Refused, by receiver", "Items per second that a receiver refused, or failed to read. Good is 0. Senders that do not retry lose them.", 8},
				look{unit: "cps", min: new(0.0), none: once},
				graph("refused", c.signals(ownRefused, attrReceiver), "{{receiver}} {{signal}} refused"), graph("failed", c.signals(ownFailed, attrReceiver), "{{receiver}} {{signal}} failed")),
		}},
		strip{7, []panel{
			newGraph(about{"incoming", "Into processors", "Items per second that arrive at each processor. Good is the same along a pipeline. If a line is lower, the processor before it drops items.", 12},
				look{unit: "cps", min: new(0.0), none: once}, graph("A", in, "{{processor}} {{otel_signal}}")),
			newGraph(about{"kept", "Dropped by processors", "The share of incoming items that do not leave the processor. Good is 0, except for processors that sample, filter or aggregate.", 12},
				look{unit: "percentunit", max: new(1.0), none: once}, graph("A", oneMinus(out.over(in.some())), "{{processor}} {{otel_signal}}")),
		}})
}

// catalog shows the catalog that each collector uses.
func (c collector) catalog() {
	by := []string{attrInstance}
	problems := func(severity string) vector {
		return c.of(ownCatalogProblems, equal(attrSeverity, severity)).max(by...)
	}
	c.board.row("catalog", "Catalog", false, strip{6, []panel{
		newTable(about{"catalog", "Catalog in use", "The catalog that each collector uses. Good is the same in every row, without errors. Read is the time when a catalog without errors was last read.", gridWidth},
			look{unit: "none", steps: from("transparent"), none: notScraped, overrides: []dashboard.DashboardFieldConfigSourceOverrides{
				field("Read", "unit", "dateTimeFromNow"),
				field("Errors", "custom.cellOptions", colored(), "thresholds", absolute(from(good, step(1, bad)))),
				field("Warnings", "custom.cellOptions", colored(), "thresholds", absolute(from(good, step(1, notice)))),
			}},
			columns{{attrInstance, "Instance"}, {"Value #services", "Services"}, {"Value #slos", "SLOs"}, {"Value #errors", "Errors"},
				{"Value #warnings", "Warnings"}, {"Value #read", "Read"}}, "Instance",
			rows("services", c.of(ownCatalogServices).max(by...)), rows("slos", c.of(ownCatalogSLOs).max(by...)),
			rows("errors", problems("error")), rows("warnings", problems("warning")),
			rows("read", c.of(ownCatalogRead).max(by...).some().times(number(1000)))),
	}}, strip{6, []panel{
		newGraph(about{"admission", "Admission", "Resources per second beyond the limits on services that the catalog does not name. They count as _overflow. Good is 0. If these are real services, write catalog files for them.", 12},
			look{unit: "cps", min: new(0.0), none: "Everything was admitted"},
			graph("A", c.rate(ownOverflowed, attrInstance), byInstance)),
		newGraph(about{"credentials", "Tokens and certificates", "Files of tokens and certificates that were read again, per second, by outcome. Good is no line failed: the ones before stay in use.", 12},
			look{unit: "cps", min: new(0.0), none: "No tokens or certificates are configured"},
			graph("tokens", c.rate(ownTokenReloads, attrIDOutcome), "tokens {{outcome}}"), graph("certificates", c.rate(ownCertificateReloads, attrIDOutcome), "certificates {{outcome}}")),
	}})
}

// engine shows the counting of events and the state of budgets.
func (c collector) engine() {
	const noEngine = "No slo processor or sli connector here, or Prometheus does not scrape port 8888"
	c.board.row("engine", "SLO engine", false, strip{7, []panel{
		newGraph(about{"points", "SLO counters, by verdict", "Data points of slo.events per second, by result. Good is counted. Other results are good for a short time only: clock_skew means a wrong clock, overflow too many series, " +
			"reset a restarted sender.", 8},
			look{unit: "cps", min: new(0.0), none: noEngine}, graph("A", c.rate(ownPoints, attrVerdict), "{{verdict}}")),
		newGraph(about{"judged", "Events dropped or adjusted", "SLO events per second that were neither good nor bad, or were counted with an adjustment, by reason. Good is 0 or no line. The reason shows the problem in the service's telemetry.", 8},
			look{unit: "cps", min: new(0.0), none: "All events were counted without adjustment"},
			graph("dropped", c.orNone(c.rate(ownEventsDropped, attrReason)), "{{reason}} not counted"), graph("adjusted", c.orNone(c.rate(ownEventsAdjusted, attrReason)), "{{reason}} adjusted")),
		newGraph(about{"held", "SLOs and series", "Objects that the engine holds in memory: SLOs per environment, counters of senders, series of events. Good is level. A rising line means that versions or environments keep changing.", 8},
			look{unit: "short", decimals: new(0.0), min: new(0.0), none: noEngine},
			graph("slos", c.of(ownSLOs).max(attrInstance), "SLOs "+byInstance), graph("streams", c.of(ownSLOStreams).max(attrInstance), "counters "+byInstance),
			graph("series", c.of(ownSLISeries).max(attrInstance), "series "+byInstance)),
	}}, strip{6, []panel{
		newGraph(about{"saves", "Checkpoints", "Saved records of state per second. Good is steady. Without saved state, counters and budgets start from zero after a restart.", 12},
			look{unit: "cps", min: new(0.0), none: noEngine}, graph("A", c.rate(ownSaves, attrInstance), byInstance)),
		newGraph(about{"save failures", "Failed saves and flushes", "Failed saves, restores and flushes per second, and damaged records. Good is 0. The collector retries a failed save and sets a damaged record aside.", 12},
			look{unit: "cps", min: new(0.0), none: noEngine},
			graph("saves", c.orNone(c.rate(ownSaveFailures)), "budgets not saved"), graph("damaged", c.orNone(c.rate(ownSaveDamaged)), "damaged records"),
			graph("flushes", c.orNone(c.rate(ownFlushFailures)), "budgets not sent"), graph("sli", c.orNone(c.rate(ownSLIFailures, attrStage)), "counters {{stage}}"),
			graph("deployments", c.orNone(c.rate(ownDeploymentFailures, attrStage)), "deployments {{stage}}")),
	}})
}

const noCorrelation = "No correlation processor here, or Prometheus does not scrape port 8888"

// correlationRates is the number of items with an ID, by its source. of selects the series.
func correlationRates(of func(metric, ...matcher) vector) []panel {
	all := of(ownItems).rate().sum(attrSignal)
	hits := of(ownItems, anyOf(attrIDOutcome, "found", "parsed", "inherited", "linked")).rate().sum(attrSignal)
	return []panel{
		newLimited(about{"hits", "Hit rate", "The share of spans, log records and exemplars that have the ID of a request: their own, or that of their trace. Good is near 100 %. A low value is a service that does not propagate the ID.", 8},
			look{unit: "percentunit", min: new(0.0), max: new(1.0), none: noCorrelation, steps: from(bad, step(0.5, warning), step(0.9, good))},
			graph("A", hits.over(all.some()), "{{signal}}")),
		newAreas(about{"outcomes", "Where IDs come from", "Items per second, by the source of their ID. Good is found, parsed and inherited. generated is a new ID because the request had none; missed is no ID.", 8},
			look{unit: "cps", min: new(0.0), none: noCorrelation}, graph("A", of(ownItems).rate().sum(attrIDOutcome), "{{outcome}}")),
		newAreas(about{"sources", "Sources of IDs", "Items per second that contain their ID, by the attribute or pattern. Good are the headers that you chose. If a source disappears, a client has changed.", 8},
			look{unit: "cps", min: new(0.0), none: noCorrelation}, graph("A", of(ownItems, anyOf(attrIDOutcome, "found", "parsed")).rate().sum(attrIDSource), "{{source}}")),
	}
}

func (c collector) correlation() []panel {
	return []panel{
		newGraph(about{"state", "State of correlation", "Memory for the IDs of traces in progress. Good is level, within the processor's bound.", 12},
			look{unit: "bytes", min: new(0.0), none: noCorrelation}, graph("A", c.of(ownStateSize).max(attrInstance), byInstance)),
		newGraph(about{"conflicts", "Conflicting and invalid IDs", "Items per second with another ID than their trace, and values that are not valid IDs. Good is near 0. Conflicts come from a client that creates a new ID within a request.", 12},
			look{unit: "cps", min: new(0.0), none: noCorrelation}, graph("conflicts", c.rate(ownConflicts), "another ID than the trace"), graph("invalid", c.rate(ownInvalid), "not a valid ID")),
	}
}

// gateways shows where agents send.
func (c collector) gateways() {
	const noGateways = "No agent with a gateways exporter here, or Prometheus does not scrape port 8888"
	c.board.row("gateways", "Gateways of agents", false, strip{6, []panel{
		newGraph(about{"known", "Gateways", "Gateways that each agent sends to, and gateways that have left and whose queue is being emptied. Good is the same number in all agents, and none leaving for long.", 8},
			look{unit: "short", decimals: new(0.0), min: new(0.0), none: noGateways},
			graph("known", c.of(ownGateways).max(attrInstance), byInstance), graph("leaving", c.of(ownGatewaysLeaving).max(attrInstance), byInstance+" leaving")),
		newGraph(about{"rerouted", "Routed again", "Items per second that waited for a gateway that has left, and went to another one. Good is 0, except when gateways are removed.", 8},
			look{unit: "cps", min: new(0.0), none: noGateways}, graph("A", c.rate(ownRerouted, attrInstance), byInstance)),
		newGraph(about{"lookups", "Failed lookups", "Times per second that an agent could not resolve the name of its gateways. Good is 0. It goes on with the gateways that it knew.", 8},
			look{unit: "cps", min: new(0.0), none: noGateways}, graph("A", c.rate(ownLookupsFailed, attrInstance), byInstance)),
	}})
}

// sampler shows the trace sampler.
func (c collector) sampler() {
	const noSampler = "No trace_sampler here: no trace backend is configured, or Prometheus does not scrape port 8888"
	c.board.row("sampler", "Trace sampler", false, strip{6, []panel{
		newAreas(about{"sampled", "Spans kept, by reason", "Spans per second that go to trace backends: of traces with a bad event, an error or a new deployment, and a share of the rest. Good is few of the first reasons.", 8},
			look{unit: "cps", min: new(0.0), none: noSampler},
			graph("kept", c.rate(ownSampled, attrReason), "{{reason}}"), graph("dropped", c.rate(ownSampledOut), "dropped")),
		newGraph(about{"held", "Held spans", "Size of the spans that wait in case their trace turns bad. Good is below max_bytes.", 8},
			look{unit: "bytes", min: new(0.0), none: noSampler}, graph("A", c.of(ownHeldSpans).max(attrInstance), byInstance)),
		newGraph(about{"early", "Spans decided early", "Spans per second that were decided before wait was over, because max_bytes was reached. Good is 0. Of traces that turn bad later, they are missing.", 8},
			look{unit: "cps", min: new(0.0), none: noSampler}, graph("A", c.rate(ownSampledEarly, attrInstance), byInstance)),
	}})
}

// tracker shows the deployment tracker.
func (c collector) tracker() {
	const noTracker = "No deployevent connector here, or Prometheus does not scrape port 8888"
	c.board.row("tracker", "Deployment tracker", false, strip{6, []panel{
		newGraph(about{"followed", "Services followed", "Services per environment whose versions are known. Good is all of them.", 8},
			look{unit: "short", decimals: new(0.0), min: new(0.0), none: noTracker}, graph("A", c.of(ownFollowed).max(attrInstance), byInstance)),
		newAreas(about{"deployment events", "Deployment events", "Deployment events since the collector started, by status, including updates. Good is started and then completed, in pairs.", 8},
			look{unit: "short", min: new(0.0), none: noTracker, overrides: unnamed("none")},
			graph("A", c.orNone(c.of(ownDeploymentEvents).sum(attrReportedStatus)), "{{status}}")),
		newGraph(about{"reports", "Reports, and dropped items", "Reports of pipelines and controllers since the collector started, and items dropped because of limits. Good has no rejected or dropped items. The log says why.", 8},
			look{unit: "short", min: new(0.0), none: noTracker},
			graph("reports", c.orNone(c.of(ownDeploymentReports).sum(attrResult)), "reports {{result}}"),
			graph("dropped", c.of(ownDeploymentDropped).sum(attrReason), "dropped {{reason}}")),
	}})
}
