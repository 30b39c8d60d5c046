// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

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
	// silence is the maximum age of the newest telemetry of a service. Idle services still send
	// their metrics every minute, so this is ten missing exports, not one late export.
	silence = 10 * time.Minute
	// presenceFor bridges a restart of the collector.
	presenceFor = 10 * time.Minute
	week        = 7 * 24 * time.Hour
)

// lastSeen is the time of the service's newest telemetry, in the environments that the catalog lists.
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

// missing fires when the service is alive but its SLI is not measured. An SLI without new events is idle,
// not missing: its counters exist, but do not increase.
var missing = kind{
	name:     Missing,
	severity: "ticket", when: "the service sends telemetry, but its SLI has no counters, or counted no event for an hour since it began",
	slow: true, behind: 2, // events of a step, of the period
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
		a.Annotations["description"] = "The query for the total of this SLI has had no result for 10 minutes" + inEnvironment + ", so none of its alerts can fire. For an idle service the result is 0."
		a.Why = "The SLI's query has had no result for 10 minutes. The counters of an idle service exist, but do not increase. If there are none, the metric was renamed or is not scraped. Or there was no event since the query had its first result more than an hour ago: it selects nothing, or the service has never had a request."
		a.Expr = o.judged(o.unanswered() + o.neverSeen(""))
		if len(o.service.Environments) != 1 {
			a.Why += " If there are several environments, the alert fires for a missing one for a day. By then it is back or removed."
			o.file.comments[a.Expr] = "Without a result there is no environment to name:\npint disable alerts/template"
		}
		o.possible(a.Expr)
		return o.alert(a)
	}
	counters := o.names.selector(semconv.SLOEvents.Metric, equal(semconv.ServiceName, o.service.Name), equal(semconv.ServiceNamespace, o.service.Namespace), equal(semconv.SLOName, o.Name))
	a.Expr = o.judged(o.names.by("max", "time() - "+o.lastSeen()+" < "+seconds(silence), semconv.Environment) +
		"\nunless " + onEnvironment + " count_over_time(" + o.recorded(recordTotal) + "[10m])" +
		o.neverSeen("\nand "+onEnvironment+" "+o.names.by("sum", "last_over_time("+counters+"["+catalog.FormatDuration(step)+"])", semconv.Environment)+" == 0"))
	if o.service.Namespace == "" {
		o.possible(a.Expr)
	}
	a.Annotations["description"] = "Telemetry of the service arrived within the last 10 minutes, but its SLI has no counters, or they have not counted one event since they began more than an hour ago, so none of its alerts can fire. An idle service has counters that do not increase."
	a.Why = "The collector receives telemetry of the service, but the SLI has had no counters for 10 minutes: the collector runs with another catalog, or its metrics do not arrive. Or the counters are there for an hour and have not counted one event: the SLI selects nothing, or the service has never had a request."
	return o.alert(a)
}

// neverSeenFor is how long an SLI may have counters, or results, without an event before SLIMissing fires.
const neverSeenFor = time.Hour

// neverSeen adds environments in which the SLI has counted no event since the rules know it: a metric of another name or
// type, a condition that never holds, a service that nobody runs. An SLO with a short period was perhaps only idle.
func (o objective) neverSeen(counters string) string {
	if o.nominalPeriod() < longWindow {
		return ""
	}
	all := o.recorded(recordPeriodAll)
	return "\nor " + onEnvironment + " (sum by (" + label(semconv.Environment) + ") (" + all + ") == 0" +
		"\nand " + onEnvironment + " " + all + " offset " + catalog.FormatDuration(neverSeenFor) + counters + ")"
}

// unanswered finds environments without a result of a user's query: the one that the catalog lists. If the catalog lists several,
// not every query separates them, so it finds those with a result within the last day, or reports that there is no result at all.
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

// believable is how far the bad events of a query may exceed the total, or fall below 0: counters are
// scraped one after the other, and rate() extrapolates at the ends of its range.
const believable = 0.05

// implausible fires when a user's queries contradict each other.
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
		Expr: o.judged(bad + " > " + o.on + " " + decimal(1+believable) + " * " + total +
			"\nor " + bad + " < " + o.on + " -" + decimal(believable) + " * " + total),
		Annotations: map[string]string{
			"summary":     o.title() + " has more bad events than total events, or a negative number" + o.where(),
			"description": "The query for errors gives {{ $value | humanize }} for the last 5 minutes, which is less than 0 or more than the result of the query for the total. One of the queries is wrong, and so are the burn alerts and the budget.",
		},
		Why: "For 15 minutes the SLI's query for errors has been negative, or more than 5 % above its query for the total. The rules limit the number of bad events to the range from 0 to the total.",
	}
	if o.indicator(step).ratio != nil {
		a.Expr = bad + " > " + decimal(1+believable) + "\nor " + bad + " < -" + decimal(believable)
		a.Annotations["summary"] = o.title() + " is not a share of events" + o.where()
		a.Annotations["description"] = "The query of the error ratio gives {{ $value | humanize }}, not a share from 0 to 1. Is it in percent? The burn alerts and the budget are wrong."
		a.Why = "For 15 minutes the SLI's query of the error ratio has been below 0 or above 1 by more than 5 %. The rules use 1 for any value above 1."
	}
	return o.alert(a)
}

// silent fires when no telemetry of a service has arrived for a while although the collector
// was able to receive it.
var silent = kind{
	name:     Silent,
	severity: "ticket; page for tier 1", when: "the service has sent no telemetry for 10 minutes, but sent some at this time a week ago",

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
			"summary":     name + " sends no telemetry" + inEnvironment,
			"description": "No telemetry of any signal has arrived for {{ $value | humanizeDuration }}. The service is down or disconnected, or its exporter is broken. Meanwhile no other alert of the service can fire.",
		},
		Why: "No span, log record or metric of the service has arrived for 10 minutes, while the collector was able to receive it. An idle service is not silent: it still sends its metrics. " +
			"The alert does not fire for a service that was silent at this time a week ago. It pages for tier 1, because no other alert can fire without events.",
	})
}

func (g *generator) serviceAlerts() {
	g.group(clean(g.service.Slug())+"-service", interval, "", ofService(g)...)
	if g.options.GoldenSignals {
		g.goldenSignals()
	}
}
