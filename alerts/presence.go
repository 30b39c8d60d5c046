package alerts

import (
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	// silence is how old the newest telemetry of a service may be. Services that are idle still send
	// their metrics every minute, so ten times nothing is more than one late export.
	silence = 10 * time.Minute
	// presenceFor bridges a restart of the collector.
	presenceFor = 10 * time.Minute
	week        = 7 * 24 * time.Hour
)

// lastSeen is when the service was last heard of, in the environments that the catalog lists.
func (g *generator) lastSeen() string {
	matchers := []matcher{equal(semconv.ServiceName, g.service.Name), equal(semconv.ServiceNamespace, g.service.Namespace)}
	if m, ok := g.environments(); ok {
		matchers = append(matchers, m)
	}
	return g.names.selector(semconv.LastSeen.Metric, matchers...)
}

// environments selects those that the catalog lists, if it lists any.
func (g *generator) environments() (matcher, bool) {
	listed := g.service.Environments
	switch len(listed) {
	case 0:
		return matcher{}, false
	case 1:
		return equal(semconv.Environment, listed[0]), true
	}
	quoted := make([]string, len(listed))
	for i, e := range listed {
		quoted[i] = regexp.QuoteMeta(clean(e))
	}
	return matcher{labels.MatchRegexp, semconv.Environment, strings.Join(quoted, "|")}, true
}

// missing fires when the service is alive and its SLI is not. One that counts no events is idle,
// not missing: its counters stand still, but they are there.
var missing = kind{
	name:     Missing,
	severity: "ticket", when: "the service sends telemetry, but nothing counts the events of its SLI",
	slow: true, behind: 1,
	ofSLO: func(o objective) []rulefmt.Rule { return []rulefmt.Rule{o.missing()} },
	holds: func(s story, _ Alert, _ time.Duration, _ float64) bool { return s.uncounted },
}

func (o objective) missing() rulefmt.Rule {
	a := Alert{
		Name: Missing, SLO: o.SLO, Severity: Ticket, For: presenceFor,
		Annotations: map[string]string{
			"summary": o.title() + " is not measured" + inEnvironment,
		},
	}
	if o.SLI.Prometheus != nil {
		a.Annotations["description"] = "The query for the total of this SLI has had no result for 10 minutes" + inEnvironment + ", so none of its alerts can fire. A service that is idle has one: 0."
		a.Why = "The SLI's query has had no result for 10 minutes. An idle service still has counters, which stand still; without any the metric was renamed or is not scraped."
		a.Expr = o.judged(o.unanswered())
		if len(o.service.Environments) != 1 {
			a.Why += " One of several environments is missed for a day; by then it is back or gone for good."
			o.file.comments[a.Expr] = "Where nothing has a result, there is no environment to name:\npint disable alerts/template"
		}
		return o.alert(a)
	}
	a.Expr = o.judged(o.names.by("max", "time() - "+o.lastSeen()+" < "+seconds(silence), semconv.Environment) +
		"\nunless " + onEnvironment + " count_over_time(" + o.recorded(recordTotal) + "[10m])")
	a.Annotations["description"] = "Telemetry of the service arrived within the last 10 minutes, but its SLI has no counters, so none of its alerts can fire. An idle service has counters that stand still."
	a.Why = "The collector hears the service, yet there are no counters of the SLI for 10 minutes: it runs with another catalog, or its metrics do not arrive."
	return o.alert(a)
}

// unanswered is where a user's query has no result: in the environment that the catalog lists; of several, which not every
// query tells apart, in those that had one within the day; or at all.
func (o objective) unanswered() string {
	listed, environment := o.environments()
	listed.name = label(semconv.Environment)
	if len(o.service.Environments) == 1 {
		return "absent_over_time(" + o.recorded(recordTotal, listed) + "[10m])"
	}
	var where []matcher
	if environment {
		where = append(where, listed)
	}
	return "count by (" + label(semconv.Environment) + ") (count_over_time(" + o.recorded(recordTotal, where...) + "[1d]))" +
		"\nunless " + onEnvironment + " count_over_time(" + o.recorded(recordTotal) + "[10m])" +
		"\nor on () absent_over_time(" + o.recorded(recordTotal) + "[10m])"
}

// believable is how far past all events, or below none, the bad ones of a query may be: counters are
// scraped one after the other, and rate() guesses at the ends of its range.
const believable = 0.05

// implausible fires when a user's queries cannot both be right.
var implausible = kind{
	name:     Implausible,
	severity: "ticket", when: "the queries of a `prometheus` SLI contradict each other",
	behind: 1,
	ofSLO: func(o objective) []rulefmt.Rule {
		if o.SLI.Prometheus == nil {
			return nil
		}
		return []rulefmt.Rule{o.implausible()}
	},
}

func (o objective) implausible() rulefmt.Rule {
	bad, total := o.recorded(recordQueried), o.recorded(recordQueriedTotal)
	a := Alert{
		Name: Implausible, SLO: o.SLO, Severity: Ticket, For: 15 * time.Minute,
		Expr: o.judged(bad + " > " + onEnvironment + " " + decimal(1+believable) + " * " + total +
			"\nor " + bad + " < " + onEnvironment + " -" + decimal(believable) + " * " + total),
		Annotations: map[string]string{
			"summary":     o.title() + " has more bad events than events, or fewer than none" + inEnvironment,
			"description": "The query for errors gives {{ $value | humanize }} for the last 5 minutes, which is less than 0 or more than the query for the total gives. One of them is wrong, and so are the burn alerts and the budget.",
		},
		Why: "For 15 minutes the SLI's query for errors has given less than nothing, or more than its query for the total does (by 5 %). The rules count no fewer bad events than 0 and no more than all.",
	}
	if o.SLI.Prometheus.ErrorRatio != "" {
		a.Expr = bad + " > " + decimal(1+believable) + "\nor " + bad + " < -" + decimal(believable)
		a.Annotations["summary"] = o.title() + " is no share of events" + inEnvironment
		a.Annotations["description"] = "The query of the error ratio gives {{ $value | humanize }}, not a share from 0 to 1. Is it in percent? The burn alerts and the budget are wrong."
		a.Why = "For 15 minutes the SLI's query of the error ratio has given less than 0 or more than 1 (by 5 %). The rules take anything above 1 for 1."
	}
	return o.alert(a)
}

// silent fires when nothing has been heard of a service for a while, and the collector that would
// have heard it is there to say so.
var silent = kind{
	name:     Silent,
	severity: "ticket; page for tier 1", when: "the service has sent no telemetry for 10 minutes; at this time a week ago it did",

	ofService: func(g *generator) []rulefmt.Rule { return []rulefmt.Rule{g.silent()} },
	mutes:     []string{Missing}, per: perService,
	holds: func(s story, _ Alert, at time.Duration, _ float64) bool {
		return s.silentAt > 0 && at-s.silentAt > silence
	},
}

func (g *generator) silent() rulefmt.Rule {
	age := func(offset string, shift string) string {
		return g.names.by("min", "time()"+shift+" - "+g.lastSeen()+offset, semconv.Environment) + " > " + seconds(silence)
	}
	severity := Ticket
	if g.service.Tier == 1 {
		severity = Page
	}
	name := literal(oneLine(g.service.Name))
	return g.alert(Alert{
		Name: Silent, Severity: severity, For: 5 * time.Minute,
		Expr: age("", "") + "\nunless " + onEnvironment + " " + age(" offset "+catalog.FormatDuration(week), " - "+seconds(week)),
		Annotations: map[string]string{
			"summary":     name + " has fallen silent" + inEnvironment,
			"description": "No telemetry of any signal has arrived for {{ $value | humanizeDuration }}. The service is down, cut off, or its exporter is broken; no other alert of it can fire meanwhile.",
		},
		Why: "No span, log record or metric of the service has arrived for 10 minutes, while the collector was there to receive it. Idle is not silent: an idle service still sends its metrics. " +
			"One that was silent at this time a week ago is expected to be. It pages for tier 1, as nothing else can while there is nothing to count.",
	})
}

func (g *generator) serviceAlerts() {
	g.group(clean(g.service.Slug())+"-service", interval, "", ofService(g)...)
	if g.options.GoldenSignals {
		g.goldenSignals()
	}
}
