// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"context"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/admission"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/report"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func (c *core) traces(td ptrace.Traces) {
	resources, now := td.ResourceSpans(), time.Now()
	for i := range resources.Len() {
		rs := resources.At(i)
		if span, ok := lastSpan(rs); ok {
			of := sender{now: now}
			c.see(rs.Resource().Attributes(), &of, span.EndTimestamp())
			c.flags(rs, &of)
			c.tell(&of)
		}
	}
}

func (c *core) metrics(md pmetric.Metrics) {
	resources, now := md.ResourceMetrics(), time.Now()
	for i := range resources.Len() {
		rm := resources.At(i)
		if at, ok := pointTime(rm); ok {
			c.see(rm.Resource().Attributes(), &sender{now: now}, at)
		}
	}
}

func (c *core) logs(ctx context.Context, ld plog.Logs) {
	resources, now := ld.ResourceLogs(), time.Now()
	for i := range resources.Len() {
		rl := resources.At(i)
		var newest pcommon.Timestamp
		var ordinary bool
		of := sender{now: now}
		for j := range rl.ScopeLogs().Len() {
			records := rl.ScopeLogs().At(j).LogRecords()
			for k := range records.Len() {
				record := records.At(k)
				reports := c.report(ctx, rl.Resource().Attributes(), record)
				if c.change(ctx, rl.Resource().Attributes(), &of, record) || reports {
					continue // the reporter is not the service
				}
				ordinary, newest = true, max(newest, timeOf(record))
			}
		}
		c.tell(&of)
		if ordinary {
			c.see(rl.Resource().Attributes(), &of, newest)
		}
	}
}

// see tells the tracker that the sender of the resource lives, and reads its service.
func (c *core) see(resource pcommon.Map, of *sender, at pcommon.Timestamp) {
	if _, synthetic := resource.Get(semconv.SyntheticType); synthetic {
		of.read = true // a check is not the service
		return
	}
	id, ok := deployment.Identify(resource)
	of.Service, of.read, of.known = id.Service, true, ok && c.admitted(&id, of.now)
	if of.known {
		c.tracker.See(tracker.Sighting{Service: id.Service, Version: id.Version, Source: id.Source, Instance: id.Instance, Time: at.AsTime()})
		if id.Build != (deployment.Build{}) {
			c.tracker.Describe(id.Service, id.Version, id.Build)
		}
	}
}

// admitted reports whether the identity is within the limits. What is beyond them has no version to follow.
func (c *core) admitted(id *deployment.Identity, now time.Time) bool {
	a := c.admission.AdmitAt(admission.Identity{Namespace: id.Namespace, Service: id.Name, Environment: id.Environment, Version: id.Version}, now)
	return a.Service != admission.Overflow && a.Version != admission.Overflow
}

// report gives the tracker what the record reports of a deployment, if it does.
func (c *core) report(ctx context.Context, resource pcommon.Map, record plog.LogRecord) bool {
	d, ok, err := report.Read(resource, record)
	if !ok {
		return false
	}
	if err == nil {
		err = c.tracker.Report(*d)
	}
	if err != nil {
		c.rejected(ctx, err)
	} else {
		c.telemetry.ConnectorDeployeventReports.Add(ctx, 1, accepted)
	}
	return true
}

func timeOf(record plog.LogRecord) pcommon.Timestamp {
	if at := record.Timestamp(); at != 0 {
		return at
	}
	return record.ObservedTimestamp()
}

// lastSpan is the last span of the resource: about the newest.
func lastSpan(rs ptrace.ResourceSpans) (ptrace.Span, bool) {
	for i := rs.ScopeSpans().Len() - 1; i >= 0; i-- {
		if spans := rs.ScopeSpans().At(i).Spans(); spans.Len() > 0 {
			return spans.At(spans.Len() - 1), true
		}
	}
	return ptrace.Span{}, false
}

// pointTime is the time of the first data point of the resource: in an export all are of one time.
func pointTime(rm pmetric.ResourceMetrics) (pcommon.Timestamp, bool) {
	for i := range rm.ScopeMetrics().Len() {
		metrics := rm.ScopeMetrics().At(i).Metrics()
		for j := range metrics.Len() {
			m := metrics.At(j)
			switch m.Type() {
			case pmetric.MetricTypeGauge:
				if p := m.Gauge().DataPoints(); p.Len() > 0 {
					return p.At(0).Timestamp(), true
				}
			case pmetric.MetricTypeSum:
				if p := m.Sum().DataPoints(); p.Len() > 0 {
					return p.At(0).Timestamp(), true
				}
			case pmetric.MetricTypeHistogram:
				if p := m.Histogram().DataPoints(); p.Len() > 0 {
					return p.At(0).Timestamp(), true
				}
			case pmetric.MetricTypeExponentialHistogram:
				if p := m.ExponentialHistogram().DataPoints(); p.Len() > 0 {
					return p.At(0).Timestamp(), true
				}
			case pmetric.MetricTypeSummary:
				if p := m.Summary().DataPoints(); p.Len() > 0 {
					return p.At(0).Timestamp(), true
				}
			}
		}
	}
	return 0, false
}
