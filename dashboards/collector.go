// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// collectorName is the collector's service.name.
const collectorName = "otelcol-sre"

const variableInstance = "instance"

// collector builds the dashboard of the collectors themselves.
type collector struct {
	names   *names
	options Options
	board   *board
}

func newCollector(n *names, o Options) collector { return collector{n, o, newBoard(o)} }

// of selects series of the instances that are chosen.
func (c collector) of(m metric, more ...matcher) vector {
	return c.names.series(m, append([]matcher{chosen(attrInstance, variableInstance)}, more...)...)
}

// rate is a counter's increase per second, by its labels.
func (c collector) rate(m metric, by ...string) vector { return c.of(m).rate().sum(by...) }

// signals is the rate of each signal, by its labels and the signal.
func (c collector) signals(of signalMetric, by ...string) vector {
	all := make([]vector, len(of))
	for i, m := range of {
		all[i] = c.rate(m, by...).labeled(attrSignal, signals[i])
	}
	return either(all...)
}

// orNone is 0 where v has nothing and collectors are there: some counters begin with their first item.
func (c collector) orNone(v vector) vector {
	return v.orAllOf(number(0).times(c.of(ownUptime).max()))
}

// notScraped says why there are no metrics of the collector itself.
const notScraped = "No metrics of the collector itself: does Prometheus scrape its port 8888?"

// dashboard begins with lost data and full queues, then shows each part of the collector.
func (c collector) dashboard() []byte {
	c.board.add(
		strip{4, spread([]panel{c.running(), c.received(), c.lost(), c.fullest(), c.memory(), c.problems()})},
		strip{6, []panel{c.alerts(), c.throughput(), c.losses()}},
		strip{6, c.process()},
	)
	c.components()
	c.catalog()
	c.engine()
	c.board.row("correlation", "Correlation IDs", false, strip{7, correlationRates(c.of)}, strip{6, c.correlation()})
	c.gateways()
	c.sampler()
	c.tracker()

	d := newDashboard(CollectorUID, "Collector", "State of the collectors: throughput, losses, queues, and the health of the catalog, "+
		"the SLO engine, correlation and the deployment tracker. From the collector's own metrics on port 8888.")
	d.Panels = c.board.panels
	d.Templating.List = []dashboard.VariableModel{sourceVariable(variablePrometheus, "Prometheus"), c.instances()}
	d.Links = append(navigation(CollectorUID), newLink("Runbooks", address(c.options.RunbookURL, collectorName), "What to do when an alert of the collector fires"))
	return encode(d)
}

func (c collector) instances() dashboard.VariableModel {
	v := labelVariable(variableInstance, "Instance", c.names, c.names.series(ownUptime), attrInstance)
	v.Multi = new(true)
	v.Current = allOf()
	return v
}

// allOf is the choice of everything where several can be chosen.
func allOf() *dashboard.VariableOption {
	return &dashboard.VariableOption{
		Text: dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}}, Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
	}
}

// running counts processes. Their versions are in labels of target_info, whose names depend on what the scraper accepts.
func (c collector) running() panel {
	return newStat(about{"running", "Collectors", "The number of collectors that Prometheus reaches. Good is the number that you started.", 0},
		look{unit: "short", decimals: new(0.0), brief: "not scraped", none: notScraped, steps: from(neutral)},
		now("A", c.of(ownUptime).count(), "running"))
}

func (c collector) received() panel {
	return newStat(about{"received", "Received", "Accepted spans, data points and log records per second. Good looks like the same hour yesterday. 0 means that no service sends telemetry.", 0},
		look{unit: "cps", decimals: new(0.0), brief: "not scraped", none: notScraped, steps: from(warning, step(0.001, neutral))},
		now("A", c.signals(ownAccepted).sum(), "a second"))
}

// A loss is one reason why items are not delivered.
type loss struct {
	what string
	rate vector
}

func (c collector) lossesByKind() []loss {
	return []loss{
		{"refused: the sender has to retry", c.signals(ownRefused).sum()},
		{"failed in a receiver", c.signals(ownFailed).sum()},
		{"refused to save memory", c.signals(ownLimited).sum()},
		{"not sent after all retries", c.signals(ownSendFailed).sum()},
		{"dropped: a queue is full", c.signals(ownEnqueueFailed).sum()},
		{"SLO counters refused", c.of(ownPoints, anyOf(attrVerdict, "overflow", "invalid", "too_old")).rate().sum()},
		{"SLO events neither good nor bad", c.rate(ownEventsDropped)},
		{"refused after waiting for an ID", c.rate(ownWaitRefused)},
		{"deployments not tracked", c.rate(ownDeploymentDropped)},
	}
}

func (c collector) lost() panel {
	kinds := c.lossesByKind()
	all := c.orNone(kinds[0].rate)
	for _, kind := range kinds[1:] {
		all = all.plus(c.orNone(kind.rate))
	}
	return newStat(about{"lost", "Refused or lost", "Items per second that were refused, dropped or not sent. Good is 0. Senders may retry refused items. The next panel shows the kind.", 0},
		look{unit: "cps", decimals: new(1.0), brief: "not scraped", none: notScraped, steps: from(good, step(0.001, bad))}, now("A", all, "a second"))
}

func (c collector) losses() panel {
	var targets []variants.Dataquery
	for i, kind := range c.lossesByKind() {
		targets = append(targets, graph(string(rune('A'+i)), c.orNone(kind.rate), kind.what))
	}
	return newAreas(about{"losses", "Refused or lost, by kind", "Items per second that are not delivered, by reason. Good is flat at 0.", 7},
		look{unit: "cps", min: new(0.0), none: notScraped}, targets...)
}

func (c collector) fill(by ...string) vector {
	return c.of(ownQueueSize).max(by...).over(c.of(ownQueueCapacity).max(by...).some())
}

const noQueue = "No exporter here has a sending queue, or Prometheus does not scrape port 8888"

var queueSteps = from(good, step(0.5, notice), step(0.8, bad))

func (c collector) fullest() panel {
	return newStat(about{"fullest", "Fullest queue", "Usage of the fullest sending queue. Good is near 0. A growing queue has a slow backend; when it is full, data is dropped. The alert fires above 80 %.", 0},
		look{unit: "percentunit", decimals: new(0.0), brief: "no queue", none: noQueue, steps: queueSteps},
		now("A", c.fill(attrInstance, attrExporter, attrDataType).max(), "fullest"))
}

func (c collector) memory() panel {
	return newStat(about{"memory now", "Memory", "Resident memory of the largest collector. Good is well below the limit that its memory_limiter or its container has.", 0},
		look{unit: "bytes", decimals: new(0.0), brief: "not scraped", none: notScraped, steps: from(neutral)}, now("A", c.of(ownMemory).max(), "largest"))
}

func (c collector) problems() panel {
	return newStat(about{"problems", "Catalog errors", "Errors in the catalog when it was last read. Good is 0. With errors, the previous catalog stays in use. srectl validate shows the errors.", 0},
		look{unit: "short", decimals: new(0.0), brief: "not scraped", none: notScraped, steps: from(good, step(1, bad))},
		now("A", c.of(ownCatalogProblems, equal(attrSeverity, "error")).max(), "errors"))
}

// alerts are the firing alerts about all collectors. The choice of instances does not apply.
func (c collector) alerts() panel {
	return newTable(about{"alerts", "Alerts", "Firing and pending alerts of all collectors. Good is an empty table. The name links to the runbook.", 10},
		look{unit: "none", steps: from("transparent"), none: "Nothing fires, or no Prometheus evaluates the rules in alerts/", overrides: []dashboard.DashboardFieldConfigSourceOverrides{
			field("Alert", "links", linked("Runbook", address(c.options.RunbookURL, collectorName)+"/${__value.text}"), "custom.minWidth", 210),
			field("Severity", "custom.width", 85, "custom.cellOptions", colored(), "mappings", words([2]string{"page", bad}, [2]string{"ticket", warning})),
			field("State", "custom.width", 70, "custom.cellOptions", colored(), "mappings", words([2]string{"firing", bad}, [2]string{"pending", notice})),
		}},
		columns{{attrAlert, "Alert"}, {attrInstance, "Instance"}, {attrSeverity, "Severity"}, {attrAlertState, "State"}, {"Value", ""}},
		"Severity",
		rows("alerts", c.names.series(metricAlerts, equal(semconv.ServiceName, collectorName)).max(attrAlert, attrInstance, attrSeverity, attrAlertState)))
}

func (c collector) throughput() panel {
	return newAreas(about{"throughput", "Received, by signal", "Items per second that receivers accept. Good follows the daily pattern. A step to 0 is a sender that was disconnected.", 7},
		look{unit: "cps", min: new(0.0), none: notScraped}, graph("A", c.signals(ownAccepted).sum(attrSignal), "{{signal}}"))
}

const byInstance = "{{instance}}"

// process shows queues, memory and CPU.
func (c collector) process() []panel {
	return []panel{
		newLimited(about{"queues", "Sending queues", "Usage of each exporter's queue. Good is near 0. A rising line is a backend that accepts data more slowly than it arrives.", 8},
			look{unit: "percentunit", min: new(0.0), max: new(1.0), none: noQueue, steps: queueSteps},
			graph("A", c.fill(attrInstance, attrExporter, attrDataType), "{{exporter}} {{data_type}} "+byInstance)),
		newGraph(about{"memory", "Memory", "Resident memory, and the heap in it. Good is a sawtooth with level peaks. A line that keeps rising is a leak, or growing state.", 8},
			look{unit: "bytes", min: new(0.0), none: notScraped},
			graph("rss", c.of(ownMemory).max(attrInstance), "resident "+byInstance), graph("heap", c.of(ownHeap).max(attrInstance), "heap "+byInstance)),
		newGraph(about{"cpu", "CPU", "CPU cores that each collector uses. Good leaves capacity for the next peak, and for garbage collection when memory is low.", 8},
			look{unit: "suffix:cores", min: new(0.0), none: notScraped},
			graph("A", c.rate(ownCPU, attrInstance), byInstance)),
	}
}
