// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import "github.com/otelcol-sre/otelcol-sre/internal/semconv"

var (
	// byPlace is a service in an environment.
	byPlace = []string{semconv.ServiceNamespace, semconv.ServiceName, semconv.Environment}
	// byDeployment is one deployment. Its status and its revision may become known later.
	byDeployment = []string{semconv.ServiceNamespace, semconv.ServiceName, semconv.Environment, semconv.ServiceVersion, semconv.DeploymentID}
)

// changes are the DORA metrics, from the metrics of the deployment tracker and the SLO engine. of are
// the matchers of the chosen variables.
type changes struct {
	names *names
	of    func(...matcher) []matcher
}

func (c changes) start(more ...matcher) vector {
	return c.names.series(metricStart, c.of(more...)...)
}

func (c changes) info(more ...matcher) vector {
	return c.names.series(metricInfo, c.of(more...)...)
}

// all are the deployments that began in the chosen time range, with their start. The oldest version of a service is the one that
// ran before, or when the collector first saw the service. It is not a change. Nor is a rollback: it says that the deployment
// before it failed.
func (c changes) all() vector {
	starts := c.start(equal(semconv.DeploymentRollback, "")).latest().max(byDeployment...)
	since := vector{promQL: "(time() - " + chosenSeconds + ")"}
	return starts.above(since).aboveOn(c.start().latest().min(byPlace...), byPlace...)
}

// failed are the deployments that were rolled back or failed, and those after which an SLO of the service began to burn. The tracker
// reports a version that disappeared as rolled back. A deployment without any telemetry may only have lost its collector.
func (c changes) failed() vector {
	undone := c.start(anyOf(semconv.DeploymentStatus, undoneStatuses...)).latest().max(byDeployment...)
	return c.all().where(either(undone, c.burned()), byDeployment...)
}

var (
	undoneStatuses = []string{"rolled_back", "failed"}
	openStatuses   = []string{"started", "canary"}
)

// burned are those within whose first hour an SLO of the service burned that did not burn just before.
func (c changes) burned() vector {
	const hour, born, justBefore = 3600, 360, "6m" // a look every 5 minutes falls into the first 6
	age := c.start().max(byDeployment...).age()
	after := age.below(number(hour)).where(c.burning(""), byPlace...).ever(coarsePace)
	before := age.below(number(born)).where(c.burning(justBefore), byPlace...).ever(coarsePace)
	return after.without(before, byDeployment...)
}

// burning are the services with a missed objective: an SLO burns or is spent, and it has bad events still. A state that looks at hours goes on when
// the service is restored.
func (c changes) burning(ago string) vector {
	state := c.names.series(metricState, c.of(anyOf(semconv.SLOState, semconv.StateBurningFast, semconv.StateBurningSlow, semconv.StateExhausted))...).before(ago).is(1).max(bySLO...)
	losing := c.names.series(metricBurnRate, c.of(equal(semconv.SLOWindow, "5m"))...).before(ago).max(bySLO...).above(number(1))
	return state.where(losing, bySLO...).max(byPlace...)
}

// broken is the number of seconds in which an objective was missed, and incidents is how often that ended. What is not over has
// not been restored: the time since it began does not count.
func (c changes) broken() vector {
	calm := c.known().without(c.burning(""), byPlace...).times(number(0)).plus(clock).ever(coarsePace)
	ongoing := vector{"floor((time() - " + calm.promQL + ") / 300) * 300", calm.names}
	ended := c.burning("").often(coarsePace).times(number(300)).on("-", ongoing, byPlace)
	return vector{"clamp_min(" + ended.promQL + ", 0)", ended.names}
}

func (c changes) incidents() vector {
	return c.burning("5m").without(c.burning(""), byPlace...).where(c.known(), byPlace...).often(coarsePace)
}

// known are the services whose SLOs have a state.
func (c changes) known() vector { return c.names.series(metricState, c.of()...).max(byPlace...) }

// days is for how many days deployments are known, in the chosen time range; nothing for less than a week, as a rate of it says
// little. The earliest look is up to an hour after the first.
func (c changes) days() vector {
	first := c.start().count().times(number(0)).plus(clock)
	return vector{"((time() - " + first.during("min_over_time", hourlyPace).promQL + ") / 86400 > 6.9)", first.names}
}

// clock is the time of each look.
var clock = vector{promQL: "time()"}

// completed is when Prometheus first saw a deployment complete.
func (c changes) completed() vector {
	return c.info(equal(semconv.DeploymentStatus, "completed")).max(byDeployment...).times(vector{promQL: "time()"}).first(finePace)
}

// rolledOut is how many seconds a deployment took.
func (c changes) rolledOut() vector {
	return c.completed().minus(c.start().latest().max(byDeployment...))
}

// led is the number of seconds from the commit to the deployment, if a report has the time of the commit.
func (c changes) led() vector {
	return c.completed().minus(c.names.series(metricCommitted, c.of()...).latest().max(byDeployment...))
}

// settled is each deployment with the last status that it had, and its start.
func (c changes) settled() vector {
	by := append([]string{semconv.DeploymentStatus, semconv.Revision}, byDeployment...)
	with := func(statuses ...string) vector {
		return c.start(anyOf(semconv.DeploymentStatus, statuses...)).latest().max(by...)
	}
	undone := with(undoneStatuses...)
	complete := with("completed").without(undone, byDeployment...)
	canary := with("canary").without(with("completed", "rolled_back", "failed"), byDeployment...)
	started := with("started").without(with("canary", "completed", "rolled_back", "failed"), byDeployment...)
	return either(undone, complete, canary, started)
}
