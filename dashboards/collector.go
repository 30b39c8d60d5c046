package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// collectorName is what the collector calls itself as a service.
const collectorName = "otelcol-sre"

const variableInstance = "instance"

// collector is the dashboard of the collectors themselves while it is made.
type collector struct {
	names   *names
	options Options
	board   *board
}

func newCollector(n *names, o Options) collector { return collector{n, o, newBoard()} }

// of selects series of the instances that are chosen.
func (c collector) of(m metric, more ...matcher) vector {
	return c.names.series(m, append([]matcher{chosen(attrInstance, variableInstance)}, more...)...)
}

// rate is what a counter gained in a second, by its labels.
func (c collector) rate(m metric, by ...string) vector { return c.of(m).rate().sum(by...) }

// signals is the rate of each signal, by its labels and the signal.
func (c collector) signals(of signalMetric, by ...string) vector {
	all := make([]vector, len(of))
	for i, m := range of {
		all[i] = c.rate(m, by...).labelled(attrSignal, signals[i])
	}
	return either(all...)
}

// orNone is 0 where v has nothing and collectors are there: some counters begin with their first item.
func (c collector) orNone(v vector) vector {
	return v.orAllOf(number(0).times(c.of(ownUptime).max()))
}

// notScraped says why there are no metrics of the collector itself.
const notScraped = "No metrics of the collector itself: does Prometheus scrape its port 8888?"

// dashboard puts first whether anything is lost and where it piles up, then each part of the collector.
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
	c.tracker()

	d := newDashboard(CollectorUID, "Collector", "How the collectors do: what goes through them, what is lost, what piles up, and whether the catalog, "+
		"the SLO engine, correlation and the tracker of deployments are well. From the collector's own metrics on port 8888.")
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
	return newStat(about{"running", "Collectors", "How many collectors run, as far as Prometheus reaches them. Good is as many as you started.", 0},
		look{unit: "short", decimals: new(0.0), brief: "not scraped", none: notScraped, steps: from(neutral)},
		now("A", c.of(ownUptime).count(), "running"))
}

func (c collector) received() panel {
	return newStat(about{"received", "Received", "Spans, data points and log records a second that were taken. Good looks like the same hour yesterday; 0 means that nobody sends.", 0},
		look{unit: "cps", decimals: new(0.0), brief: "not scraped", none: notScraped, steps: from(warning, step(0.001, neutral))},
		now("A", c.signals(ownAccepted).sum(), "a second"))
}

// A loss is one of the ways in which items do not get through.
type loss struct {
	what string
	rate vector
}

func (c collector) lossesByKind() []loss {
	return []loss{
		{"refused: the sender has to try again", c.signals(ownRefused).sum()},
		{"failed in a receiver", c.signals(ownFailed).sum()},
		{"refused to save memory", c.signals(ownLimited).sum()},
		{"not sent after all attempts", c.signals(ownSendFailed).sum()},
		{"dropped: a queue is full", c.signals(ownEnqueueFailed).sum()},
		{"SLO counters that could not be used", c.of(ownPoints, anyOf(attrVerdict, "overflow", "invalid", "too_old")).rate().sum()},
		{"SLO events that could not be judged", c.rate(ownEventsDropped)},
		{"refused after waiting for an ID", c.rate(ownWaitRefused)},
		{"deployments not followed", c.rate(ownDeploymentDropped)},
	}
}

func (c collector) lost() panel {
	kinds := c.lossesByKind()
	all := c.orNone(kinds[0].rate)
	for _, kind := range kinds[1:] {
		all = all.plus(c.orNone(kind.rate))
	}
	return newStat(about{"lost", "Not taken or lost", "Items a second that were refused, dropped or not sent. Good is 0. What is refused may come again; see beside which it is.", 0},
		look{unit: "cps", decimals: new(1.0), brief: "not scraped", none: notScraped, steps: from(good, step(0.001, bad))}, now("A", all, "a second"))
}

func (c collector) losses() panel {
	var targets []variants.Dataquery
	for i, kind := range c.lossesByKind() {
		targets = append(targets, graph(string(rune('A'+i)), c.orNone(kind.rate), kind.what))
	}
	return newAreas(about{"losses", "Not taken or lost, by kind", "What does not get through, and why. Good is flat at 0.", 7},
		look{unit: "cps", min: new(0.0), none: notScraped}, targets...)
}

func (c collector) fill(by ...string) vector {
	return c.of(ownQueueSize).max(by...).over(c.of(ownQueueCapacity).max(by...).some())
}

const noQueue = "No exporter here has a sending queue, or Prometheus does not scrape port 8888"

var queueSteps = from(good, step(0.5, notice), step(0.8, bad))

func (c collector) fullest() panel {
	return newStat(about{"fullest", "Fullest queue", "How full the fullest sending queue is. Good is near 0; what grows waits for a slow backend, and what does not fit is dropped. The alert is at 80 %.", 0},
		look{unit: "percentunit", decimals: new(0.0), brief: "no queue", none: noQueue, steps: queueSteps},
		now("A", c.fill(attrInstance, attrExporter, attrDataType).max(), "fullest"))
}

func (c collector) memory() panel {
	return newStat(about{"memory now", "Memory", "Resident memory of the largest collector. Good is well below the limit that its memory_limiter or its container has.", 0},
		look{unit: "bytes", decimals: new(0.0), brief: "not scraped", none: notScraped, steps: from(neutral)}, now("A", c.of(ownMemory).max(), "largest"))
}

func (c collector) problems() panel {
	return newStat(about{"problems", "Catalog errors", "Errors in the catalog as it was last read. Good is 0; with errors the catalog before stays in use. srectl validate says what is wrong.", 0},
		look{unit: "short", decimals: new(0.0), brief: "not scraped", none: notScraped, steps: from(good, step(1, bad))},
		now("A", c.of(ownCatalogProblems, equal(attrSeverity, "error")).max(), "errors"))
}

// alerts are what fires about collectors, whatever instance is chosen.
func (c collector) alerts() panel {
	return newTable(about{"alerts", "Alerts", "What fires or is about to, of all collectors. Good is an empty table. The name leads to the runbook.", 10},
		look{unit: "none", steps: from("transparent"), none: "Nothing fires, or no Prometheus evaluates the rules in alerts/", overrides: []dashboard.DashboardFieldConfigSourceOverrides{
			field("Alert", "links", linked("Runbook", address(c.options.RunbookURL, collectorName)+"/${__value.text}"), "custom.minWidth", 210),
			field("Severity", "custom.width", 85, "custom.cellOptions", coloured(), "mappings", words([2]string{"page", bad}, [2]string{"ticket", warning})),
			field("State", "custom.width", 70, "custom.cellOptions", coloured(), "mappings", words([2]string{"firing", bad}, [2]string{"pending", notice})),
		}},
		columns{{attrAlert, "Alert"}, {attrInstance, "Instance"}, {attrSeverity, "Severity"}, {attrAlertState, "State"}, {"Value", ""}},
		"Severity",
		rows("alerts", c.names.series(metricAlerts, equal(semconv.ServiceName, collectorName)).max(attrAlert, attrInstance, attrSeverity, attrAlertState)))
}

func (c collector) throughput() panel {
	return newAreas(about{"throughput", "Received, by signal", "What receivers take in a second. Good has the shape of the day; a step to 0 is a sender that was cut off.", 7},
		look{unit: "cps", min: new(0.0), none: notScraped}, graph("A", c.signals(ownAccepted).sum(attrSignal), "{{signal}}"))
}

const byInstance = "{{instance}}"

// process is what piles up and what it costs.
func (c collector) process() []panel {
	return []panel{
		newLimited(about{"queues", "Sending queues", "How full each exporter's queue is. Good is near 0; a slope is a backend that is slower than the telemetry.", 8},
			look{unit: "percentunit", min: new(0.0), max: new(1.0), none: noQueue, steps: queueSteps},
			graph("A", c.fill(attrInstance, attrExporter, attrDataType), "{{exporter}} {{data_type}} "+byInstance)),
		newGraph(about{"memory", "Memory", "Resident memory, and the heap in it. Good is a saw with level teeth; a slope that does not end is a leak, or a state that grows.", 8},
			look{unit: "bytes", min: new(0.0), none: notScraped},
			graph("rss", c.of(ownMemory).max(attrInstance), "resident "+byInstance), graph("heap", c.of(ownHeap).max(attrInstance), "heap "+byInstance)),
		newGraph(about{"cpu", "CPU", "Cores that each collector uses. Good leaves room for the next peak, and for the garbage collector when memory gets tight.", 8},
			look{unit: "suffix:cores", min: new(0.0), none: notScraped},
			graph("A", c.rate(ownCPU, attrInstance), byInstance)),
	}
}
