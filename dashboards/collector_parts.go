package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// components is what goes into each component and comes out of it.
func (c collector) components() {
	const once = "No component of this kind has worked yet"
	in, out := c.rate(ownIncoming, attrProcessor, attrItemSignal), c.rate(ownOutgoing, attrProcessor, attrItemSignal)
	c.board.row("components", "Components", false,
		strip{7, []panel{
			newGraph(about{"sent", "Sent, by exporter", "Items a second that each exporter got rid of. Good follows what is received.", 8},
				look{unit: "cps", min: new(0.0), none: "No exporter has sent anything yet"}, graph("A", c.signals(ownSent, attrExporter), "{{exporter}} {{signal}}")),
			newGraph(about{"send failed", "Not sent, by exporter", "Items a second that an exporter gave up on, or had no room for. Good is 0: the name says which backend to look at.", 8},
				look{unit: "cps", min: new(0.0), none: once},
				graph("failed", c.orNone(c.signals(ownSendFailed, attrExporter)), "{{exporter}} {{signal}} failed"),
				graph("full", c.orNone(c.signals(ownEnqueueFailed, attrExporter)), "{{exporter}} {{signal}} queue full")),
			newGraph(about{"refused", "Refused, by receiver", "Items a second that a receiver refused, or failed to read. Good is 0. Senders that do not try again lose them.", 8},
				look{unit: "cps", min: new(0.0), none: once},
				graph("refused", c.signals(ownRefused, attrReceiver), "{{receiver}} {{signal}} refused"), graph("failed", c.signals(ownFailed, attrReceiver), "{{receiver}} {{signal}} failed")),
		}},
		strip{7, []panel{
			newGraph(about{"incoming", "Into processors", "Items a second that come to each processor. Good is alike along a pipeline; where a line is lower, the processor before it lets less through.", 12},
				look{unit: "cps", min: new(0.0), none: once}, graph("A", in, "{{processor}} {{otel_signal}}")),
			newGraph(about{"kept", "Left out by processors", "The share of the items that go in and do not come out. Good is 0, but for processors that sample, filter or aggregate.", 12},
				look{unit: "percentunit", max: new(1.0), none: once}, graph("A", oneMinus(out.over(in.some())), "{{processor}} {{otel_signal}}")),
		}})
}

// catalog is what each collector has of the catalog.
func (c collector) catalog() {
	by := []string{attrInstance}
	problems := func(severity string) vector {
		return c.of(ownCatalogProblems, equal(attrSeverity, severity)).max(by...)
	}
	c.board.row("catalog", "Catalog", false, strip{6, []panel{
		newTable(about{"catalog", "Catalog in use", "What each collector has of the catalog. Good is the same in every line, without errors. Read is when a catalog without errors was last read.", gridWidth},
			look{unit: "none", steps: from("transparent"), none: notScraped, overrides: []dashboard.DashboardFieldConfigSourceOverrides{
				field("Read", "unit", "dateTimeFromNow"),
				field("Errors", "custom.cellOptions", coloured(), "thresholds", absolute(from(good, step(1, bad)))),
				field("Warnings", "custom.cellOptions", coloured(), "thresholds", absolute(from(good, step(1, notice)))),
			}},
			columns{{attrInstance, "Instance"}, {"Value #services", "Services"}, {"Value #slos", "SLOs"}, {"Value #errors", "Errors"},
				{"Value #warnings", "Warnings"}, {"Value #read", "Read"}}, "Instance",
			rows("services", c.of(ownCatalogServices).max(by...)), rows("slos", c.of(ownCatalogSLOs).max(by...)),
			rows("errors", problems("error")), rows("warnings", problems("warning")),
			rows("read", c.of(ownCatalogRead).max(by...).some().times(number(1000)))),
	}})
}

// engine is how events are counted and budgets are kept.
func (c collector) engine() {
	const noEngine = "No slo processor or sli connector here, or Prometheus does not scrape port 8888"
	c.board.row("engine", "SLO engine", false, strip{7, []panel{
		newGraph(about{"points", "SLO counters, by verdict", "Points of slo.events a second, by what became of them. Good is counted, and nothing else for long: clock_skew is a wrong clock, overflow too many series, " +
			"reset a sender that restarted.", 8},
			look{unit: "cps", min: new(0.0), none: noEngine}, graph("A", c.rate(ownPoints, attrVerdict), "{{verdict}}")),
		newGraph(about{"judged", "Events judged otherwise", "SLO events a second that could not be judged, or were counted otherwise than they were sent, by reason. Good is 0 or nothing: the reason says what the service sends wrong.", 8},
			look{unit: "cps", min: new(0.0), none: "Every event was counted as it was sent"},
			graph("dropped", c.orNone(c.rate(ownEventsDropped, attrReason)), "{{reason}} not counted"), graph("adjusted", c.orNone(c.rate(ownEventsAdjusted, attrReason)), "{{reason}} adjusted")),
		newGraph(about{"held", "SLOs and series", "What the engine holds in memory: SLOs in each environment, counters of senders, series of events. Good is level; a slope is a version or an environment that is new every time.", 8},
			look{unit: "short", decimals: new(0.0), min: new(0.0), none: noEngine},
			graph("slos", c.of(ownSLOs).max(attrInstance), "SLOs "+byInstance), graph("streams", c.of(ownSLOStreams).max(attrInstance), "counters "+byInstance),
			graph("series", c.of(ownSLISeries).max(attrInstance), "series "+byInstance)),
	}}, strip{6, []panel{
		newGraph(about{"saves", "Checkpoints", "Records of state that are saved in a second. Good is steady: without them a restart begins anew.", 12},
			look{unit: "cps", min: new(0.0), none: noEngine}, graph("A", c.rate(ownSaves, attrInstance), byInstance)),
		newGraph(about{"save failures", "Saving and passing on that failed", "Saves, restores and flushes a second that failed, and records that were damaged. Good is 0. A failed save is tried again; a damaged record is set aside.", 12},
			look{unit: "cps", min: new(0.0), none: noEngine},
			graph("saves", c.orNone(c.rate(ownSaveFailures)), "budgets not saved"), graph("damaged", c.orNone(c.rate(ownSaveDamaged)), "damaged records"),
			graph("flushes", c.orNone(c.rate(ownFlushFailures)), "budgets not passed on"), graph("sli", c.orNone(c.rate(ownSLIFailures, attrStage)), "counters {{stage}}"),
			graph("deployments", c.orNone(c.rate(ownDeploymentFailures, attrStage)), "deployments {{stage}}")),
	}})
}

const noCorrelation = "No correlation processor here, or Prometheus does not scrape port 8888"

// correlationRates is how many items have an ID and where it came from. of selects the series.
func correlationRates(of func(metric, ...matcher) vector) []panel {
	all := of(ownItems).rate().sum(attrSignal)
	hits := of(ownItems, anyOf(attrIDOutcome, "found", "parsed", "inherited", "linked")).rate().sum(attrSignal)
	return []panel{
		newLimited(about{"hits", "Hit rate", "The share of spans, log records and exemplars that have the ID of a request: their own, or that of their trace. Good is near 100 %; what is low is a service that does not hand the ID on.", 8},
			look{unit: "percentunit", min: new(0.0), max: new(1.0), none: noCorrelation, steps: from(bad, step(0.5, warning), step(0.9, good))},
			graph("A", hits.over(all.some()), "{{signal}}")),
		newAreas(about{"outcomes", "Where IDs come from", "Items a second, by how they came by their ID. Good is found, parsed and inherited; generated is a new ID since nobody sent one, missed is none at all.", 8},
			look{unit: "cps", min: new(0.0), none: noCorrelation}, graph("A", of(ownItems).rate().sum(attrIDOutcome), "{{outcome}}")),
		newAreas(about{"sources", "Sources of IDs", "Items a second whose ID was found in themselves, by the attribute or pattern. Good are the headers that you chose; a source that vanishes is a client that changed.", 8},
			look{unit: "cps", min: new(0.0), none: noCorrelation}, graph("A", of(ownItems, anyOf(attrIDOutcome, "found", "parsed")).rate().sum(attrIDSource), "{{source}}")),
	}
}

func (c collector) correlation() []panel {
	return []panel{
		newGraph(about{"state", "State of correlation", "Memory for the IDs of traces that are on their way. Good is level, within the processor's bound.", 12},
			look{unit: "bytes", min: new(0.0), none: noCorrelation}, graph("A", c.of(ownStateSize).max(attrInstance), byInstance)),
		newGraph(about{"conflicts", "IDs that do not fit", "Items a second that showed another ID than their trace, and values that cannot be an ID. Good is near 0; conflicts are a client that makes a new ID on the way.", 12},
			look{unit: "cps", min: new(0.0), none: noCorrelation}, graph("conflicts", c.rate(ownConflicts), "another ID than the trace"), graph("invalid", c.rate(ownInvalid), "not fit to be an ID")),
	}
}

// tracker is what follows deployments.
func (c collector) tracker() {
	const noTracker = "No deployevent connector here, or Prometheus does not scrape port 8888"
	c.board.row("tracker", "Tracker of deployments", false, strip{6, []panel{
		newGraph(about{"followed", "Services followed", "Services, each in each environment, whose versions are known. Good is all of them.", 8},
			look{unit: "short", decimals: new(0.0), min: new(0.0), none: noTracker}, graph("A", c.of(ownFollowed).max(attrInstance), byInstance)),
		newAreas(about{"deployment events", "Deployment events", "Events since the collector began, by status, updates included. Good is started and then completed, in pairs.", 8},
			look{unit: "short", min: new(0.0), none: noTracker, overrides: unnamed("none")},
			graph("A", c.orNone(c.of(ownDeploymentEvents).sum(attrReportedStatus)), "{{status}}")),
		newGraph(about{"reports", "Reports and what is not followed", "Reports of pipelines and controllers since the collector began, and what was left out because of bounds. Good has nothing rejected or dropped; the log says why.", 8},
			look{unit: "short", min: new(0.0), none: noTracker},
			graph("reports", c.orNone(c.of(ownDeploymentReports).sum(attrResult)), "reports {{result}}"),
			graph("dropped", c.of(ownDeploymentDropped).sum(attrReason), "dropped {{reason}}")),
	}})
}
