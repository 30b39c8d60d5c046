// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"cmp"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/connectors/deployevent/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// An emitter writes what the tracker knows.
type emitter struct {
	resource pcommon.Resource // of the metrics: the collector that wrote them
	scope    pcommon.InstrumentationScope
	last     map[series]bool // that were written before, to be ended when they are not written again
	// described are those of the gauge that has the facts.
	described map[described]bool
	// changed are the series of changes that were written before.
	changed map[changed]bool
	// effected are the series of effects that were written before.
	effected map[effected]bool
	// gated are the series of what gates said that were written before.
	gated map[gated]bool
	// judged are the series of verdicts on changes that were written before.
	judged map[judged]bool
}

func newEmitter(set component.TelemetrySettings, info component.BuildInfo) *emitter {
	e := &emitter{resource: pcommon.NewResource(), scope: pcommon.NewInstrumentationScope()}
	e.scope.SetName(metadata.ScopeName)
	e.scope.SetVersion(info.Version)
	for _, name := range []string{semconv.ServiceName, semconv.ServiceInstanceID} {
		if v, ok := set.Resource.Attributes().Get(name); ok {
			v.CopyTo(e.resource.Attributes().PutEmpty(name))
		}
	}
	return e
}

// events are the log records of what has happened.
func (e *emitter) events(happened []deployment.Deployment, now time.Time) plog.Logs {
	return deployment.Events(happened, e.scope, now)
}

// running is a version that is deployed or on its way.
type running struct {
	deployment.Deployment
	instances int
}

// series is what tells the series of two versions apart.
type series struct {
	deployment.Service
	version, id, revision string
	status                deployment.Status
	rollback              bool
}

// facts are what only the gauge of what is deployed says besides: more of them become known.
type facts struct{ previous, compare, repository, change, run, actor, tickets string }

// described is a series with them.
type described struct {
	series
	facts
}

func factsOf(r *running) facts {
	return facts{r.Previous, r.Compare, r.Repository, r.Change, r.RunURL, r.Actor, r.Tickets}
}

func (f facts) write(dp pmetric.NumberDataPoint) {
	for _, pair := range [...][2]string{
		{semconv.DeploymentPreviousVersion, f.previous}, {semconv.DeploymentCompareURL, f.compare}, {semconv.Repository, f.repository},
		{semconv.Change, f.change}, {semconv.PipelineURL, f.run}, {semconv.UserName, f.actor}, {semconv.DeploymentTickets, f.tickets},
	} {
		if pair[1] != "" {
			dp.Attributes().PutStr(pair[0], pair[1])
		}
	}
}

func seriesOf(r *running) series {
	return series{r.Service, r.Version, r.ID, r.Revision, r.Status, r.Rollback}
}

// metrics are the gauges of all versions that run. Series that were there before and are not any
// more get a last point without a value, so that readers drop them at once.
func (e *emitter) metrics(all []running, now time.Time) pmetric.Metrics {
	slices.SortFunc(all, func(a, b running) int {
		return cmp.Or(a.Service.Compare(b.Service), cmp.Compare(a.Version, b.Version))
	})
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	e.resource.CopyTo(rm.Resource())
	sm := rm.ScopeMetrics().AppendEmpty()
	e.scope.CopyTo(sm.Scope())
	at := pcommon.NewTimestampFromTime(now)

	present, known := make(map[series]bool, len(all)), make(map[described]bool, len(all))
	var points [len(gauges)]pmetric.NumberDataPointSlice
	for i := range gauges {
		points[i] = gauges[i].in(sm)
	}
	for i := range all {
		r := &all[i]
		one := seriesOf(r)
		present[one] = true
		info := described{one, factsOf(r)}
		known[info] = true
		for j, gauge := range gauges {
			if gauge.known != nil && !gauge.known(r) {
				continue
			}
			dp := one.point(points[j], at)
			if gauge.described {
				info.facts.write(dp)
			}
			gauge.value(dp, r)
		}
	}
	for info := range e.described {
		if !known[info] {
			for j := range gauges {
				if gauges[j].described {
					dp := info.point(gauges[j].in(sm), at)
					info.facts.write(dp)
					dp.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
				}
			}
		}
	}
	for one := range e.last {
		if present[one] {
			continue
		}
		for j := range gauges {
			if gauges[j].described {
				continue
			}
			// Each in a metric of its own: contrib's Prometheus exporter (v0.152) takes the first point without
			// a value of a metric, and drops whatever follows.
			dp := one.point(gauges[j].in(sm), at)
			dp.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		}
	}
	e.last, e.described = present, known
	e.effects(md, all, now)
	e.gates(md, all, now)
	sm.Metrics().RemoveIf(func(m pmetric.Metric) bool { return m.Gauge().DataPoints().Len() == 0 })
	return md
}

// A gauge is one of the metrics of a version that runs.
type gauge struct {
	semconv.Metric
	value func(pmetric.NumberDataPoint, *running)
	known func(*running) bool // nil: it always is
	// described says that the gauge has the facts.
	described bool
}

var gauges = [...]gauge{
	{semconv.DeploymentInfo, func(dp pmetric.NumberDataPoint, _ *running) {
		dp.SetIntValue(1)
	}, nil, true},
	{semconv.DeploymentStart, func(dp pmetric.NumberDataPoint, r *running) {
		dp.SetDoubleValue(seconds(r.Start))
	}, nil, false},
	{semconv.DeploymentInstances, func(dp pmetric.NumberDataPoint, r *running) {
		dp.SetIntValue(int64(r.instances))
	}, func(r *running) bool { return r.instances >= 0 }, false},
	{semconv.DeploymentCommitted, func(dp pmetric.NumberDataPoint, r *running) {
		dp.SetDoubleValue(seconds(r.Committed))
	}, func(r *running) bool { return !r.Committed.IsZero() }, false},
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (g *gauge) in(sm pmetric.ScopeMetrics) pmetric.NumberDataPointSlice {
	m := sm.Metrics().AppendEmpty()
	m.SetName(g.Name)
	m.SetUnit(g.Unit)
	m.SetDescription(g.Description)
	return m.SetEmptyGauge().DataPoints()
}

func (s series) point(to pmetric.NumberDataPointSlice, at pcommon.Timestamp) pmetric.NumberDataPoint {
	dp := to.AppendEmpty()
	dp.SetTimestamp(at)
	attributes := dp.Attributes()
	attributes.EnsureCapacity(10)
	attributes.PutStr(semconv.ServiceName, s.Name)
	for _, pair := range [...][2]string{
		{semconv.ServiceNamespace, s.Namespace}, {semconv.Environment, s.Environment},
		{semconv.ClusterName, s.Cluster}, {semconv.CloudRegion, s.Region}, {semconv.CloudAccount, s.Account}, {semconv.ServiceVersion, s.version},
		{semconv.DeploymentID, s.id}, {semconv.DeploymentStatus, string(s.status)}, {semconv.Revision, s.revision},
	} {
		if pair[1] != "" {
			attributes.PutStr(pair[0], pair[1])
		}
	}
	if s.rollback {
		attributes.PutStr(semconv.DeploymentRollback, "true")
	}
	return dp
}
