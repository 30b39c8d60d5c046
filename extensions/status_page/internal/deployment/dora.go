// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// The queries for the DORA figures equal those of the dashboard of deployments, so that the page and
// Grafana show the same values. Each covers the last 30 days.
type questions struct {
	// service, place, slo and change are labels. A change is one deployment; its status and its revision may become
	// known later.
	names                       names.Names
	service, place, slo, change string
}

func questionsTo(n names.Names) questions {
	q := questions{names: n, service: names.List(n.Namespace, n.Service)}
	q.place = q.service + ", " + n.Environment.String()
	q.slo = q.place + ", " + n.SLO.String()
	q.change = q.place + ", " + names.List(n.Version, n.Deployment)
	return q
}

// changes are the deployments that began in that time. The oldest version of a service ran before, or when the collector first
// received its telemetry. It is not a change. Nor is a rollback: it says that the deployment before it failed.
func (q questions) changes() string {
	start := latest(q.names.Start.With())
	forward := latest(q.names.Start.With(q.names.Rollback.Equal("")))
	return "((" + names.By("max", q.change, forward) + " > (time() - " + strconv.Itoa(Days*86400) + "))" +
		" > on (" + q.place + ") group_left () " + names.By("min", q.place, start) + ")"
}

// failed are those that were rolled back or failed, and those after which an SLO of the service began to burn.
func (q questions) failed() string {
	reported := q.names.Start.With(q.names.Status.Matches("rolled_back|failed"))
	return "(" + q.changes() + " and on (" + q.change + ") (" + names.By("max", q.change, latest(reported)) + " or " + q.burned() + "))"
}

// burned are those within whose first hour an SLO burned that did not burn just before. A look every 5 minutes
// falls into the first 6.
func (q questions) burned() string {
	return "(" + ever(q.burningAtAge("3600", "")) + " unless on (" + q.change + ") " + ever(q.burningAtAge("360", " offset 6m")) + ")"
}

// reported are the deployments whose report has the time of the commit.
func (q questions) reported() string { return names.By("max", q.change, latest(q.names.Commit.With())) }

// led is the seconds from the commit until Prometheus first saw a reported change complete.
func (q questions) led() string {
	complete := names.By("max", q.change, q.names.Info.With(q.names.Status.Equal("completed")))
	return "((min_over_time((" + complete + " * time())[" + lately + ":1m]) - " + q.reported() + ") and on (" + q.change + ") " + q.changes() + ")"
}

// incidents is how often services ceased to miss an objective. What is not over has not been restored.
func (q questions) incidents() string {
	return "count_over_time((" + q.burning(" offset 5m") + " unless on (" + q.place + ") " + q.burning("") + " and on (" + q.place + ") " + q.known() + ")[" + lately + ":5m])"
}

// broken is the number of seconds in which they missed it, without those since the last time that they did not.
func (q questions) broken() string {
	calm := "max_over_time(((" + q.known() + " unless on (" + q.place + ") " + q.burning("") + ") * 0 + time())[" + lately + ":5m])"
	return "clamp_min(count_over_time(" + q.burning("") + "[" + lately + ":5m]) * 300 - on (" + q.place + ") floor((time() - " + calm + ") / 300) * 300, 0)"
}

// known are the places whose SLOs have a state.
func (q questions) known() string { return names.By("max", q.place, q.names.States.With()) }

// days is for how many days deployments are known; nothing for less than a week, as a rate of it says little.
func (q questions) days() string {
	return "(time() - min_over_time((count(" + q.names.Start.With() + ") * 0 + time())[" + lately + ":1h])) / 86400 > 6.9"
}

// latest is the newest value of each series, also of those that have ended.
func latest(series string) string { return "last_over_time(" + series + "[" + lately + "])" }

// ever keeps what there was at any time.
func ever(of string) string { return "max_over_time(" + of + "[" + lately + ":5m])" }

// burning are the places that miss an objective: an SLO burns or is spent, and it has bad events still. A state that looks at hours goes on when
// the service is restored.
func (q questions) burning(ago string) string {
	missed := alternatives([]semconv.State{semconv.StateBurningFast, semconv.StateBurningSlow, semconv.StateExhausted})
	state := names.By("max", q.slo, q.names.States.With(q.names.State.Matches(missed))+ago+" == 1")
	losing := names.By("max", q.slo, q.names.BurnRate.With(q.names.Window.Equal("5m"))+ago)
	return names.By("max", q.place, state+" and on ("+q.slo+") ("+losing+" > 1)")
}

// burningAtAge are deployments no older than that, in seconds, whose place burns.
func (q questions) burningAtAge(age, ago string) string {
	return "(((time() - " + names.By("max", q.change, q.names.Start.With()) + ") < " + age + ") and on (" + q.place + ") " + q.burning(ago) + ")"
}

// alternatives is a regular expression for one of the states.
func alternatives(states []semconv.State) string {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return strings.Join(words, "|")
}
