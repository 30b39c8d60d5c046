package deployment

import (
	"strconv"

	"github.com/prometheus/otlptranslator"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
)

// The questions behind the DORA figures have the shape of those of the dashboard of deployments, so that a page and
// Grafana never tell two stories. Each looks at the last 30 days.

var (
	info      = gauge("deployment.info", "")
	committed = gauge("deployment.commit_time", "s")
	state     = gauge("slo.state", "")
)

func gauge(name, unit string) string {
	return names.Metric(otlptranslator.Metric{Name: name, Unit: unit, Type: otlptranslator.MetricTypeGauge})
}

const (
	service = fleet.LabelNamespace + ", " + fleet.LabelService
	place   = service + ", " + fleet.LabelEnvironment
	slo     = place + ", " + fleet.LabelSLO
	// change is one deployment. Its status and its revision may become known later.
	change = place + ", " + labelVersion + ", deployment_id"
)

var (
	// changes are the deployments that began in that time. The version that ran before, or when the collector first
	// heard of a service, is the oldest one there, and is no change.
	changes = "((" + by("max", change, latest(start)) + " > (time() - " + strconv.Itoa(Days*86400) + "))" +
		" > on (" + place + ") group_left () " + by("min", place, latest(start)) + ")"

	// failed are those that were rolled back or failed, and those after which an SLO of the service began to burn.
	failed = "(" + changes + " and on (" + change + ") (" +
		by("max", change, latest(start+"{"+labelStatus+`=~"rolled_back|failed"}`)) + " or " + burned + "))"

	// burned are those within whose first hour an SLO burned that did not burn just before. A look every 5 minutes
	// falls into the first 6.
	burned = "(" + ever(burningAtAge("3600", "")) + " unless on (" + change + ") " + ever(burningAtAge("360", " offset 6m")) + ")"

	// reported are those of which a report told when the commit was made, and led the seconds from then until
	// Prometheus first saw them complete.
	reported = by("max", change, latest(committed))
	led      = "((min_over_time((" + by("max", change, info+"{"+labelStatus+`="completed"}`) + " * time())[" + lately + ":1m]) - " +
		reported + ") and on (" + change + ") " + changes + ")"

	// incidents is how often services began to break a promise, and broken for how many seconds they did.
	incidents = "count_over_time((" + burning("") + " unless on (" + place + ") " + burning(" offset 5m") + ")[" + lately + ":5m])"
	broken    = "(count_over_time(" + burning("") + "[" + lately + ":5m]) * 300)"
)

func by(aggregate, labels, of string) string { return aggregate + " by (" + labels + ") (" + of + ")" }

// latest is the newest value of each series, also of those that have ended.
func latest(series string) string { return "last_over_time(" + series + "[" + lately + "])" }

// ever keeps what there was at any time.
func ever(of string) string { return "max_over_time(" + of + "[" + lately + ":5m])" }

// burning are the places that break a promise: an SLO burns, or has no budget left and goes on losing events.
func burning(ago string) string {
	is := func(words string) string {
		return by("max", slo, state+`{slo_state=~"`+words+`"}`+ago+" == 1")
	}
	losing := by("max", slo, fleet.BurnRate+"{"+fleet.LabelWindow+`="5m"}`+ago)
	return by("max", place, is("burning_fast|burning_slow")+" or ("+is("exhausted")+" and on ("+slo+") ("+losing+" > 1))")
}

// burningAtAge are deployments no older than that, in seconds, whose place burns.
func burningAtAge(age, ago string) string {
	return "(((time() - " + by("max", change, start) + ") < " + age + ") and on (" + place + ") " + burning(ago) + ")"
}
