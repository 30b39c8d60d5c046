// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"crypto/rand"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	otel "go.opentelemetry.io/otel/semconv/v1.40.0"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
	"github.com/otelcol-sre/otelcol-sre/receivers/checks/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/receivers/checks/internal/probe"
)

// newQuestion is a run of the check with a trace of its own, which goes on in the service.
func newQuestion(t *task) *probe.Question {
	q := &probe.Question{Check: &t.Check, Service: t.service}
	_, _ = rand.Read(q.TraceID[:]) // it never fails
	_, _ = rand.Read(q.SpanID[:])
	return q
}

// about writes what is checked, as a resource that no user made.
func (c *checker) about(t *task, resource pcommon.Resource) {
	for _, pair := range [...][2]string{
		{semconv.ServiceName, t.service.Name}, {semconv.ServiceNamespace, t.service.Namespace}, {semconv.Environment, t.service.Environment},
		{semconv.SyntheticType, semconv.SyntheticTest},
	} {
		if pair[1] != "" {
			resource.Attributes().PutStr(pair[0], pair[1])
		}
	}
}

func (c *checker) describe(t *task, to pcommon.Map) {
	to.PutStr(semconv.CheckName, t.Name)
	to.PutStr(semconv.CheckKind, t.Kind())
	if c.config.Location != "" {
		to.PutStr(semconv.CheckLocation, c.config.Location)
	}
}

// span is the result as a span of a client, with an event for each step.
func (c *checker) span(t *task, q *probe.Question, r *probe.Result) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	c.about(t, rs.Resource())
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName(metadata.ScopeName)
	ss.Scope().SetVersion(c.version)
	span := ss.Spans().AppendEmpty()
	span.SetTraceID(q.TraceID)
	span.SetSpanID(q.SpanID)
	span.SetFlags(1) // sampled
	span.SetKind(ptrace.SpanKindClient)
	span.SetName("check " + t.Name)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(r.Start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(r.End))
	a := span.Attributes()
	c.describe(t, a)
	a.PutStr(semconv.SyntheticType, semconv.SyntheticTest)
	for _, pair := range [...][2]string{
		{string(otel.ServerAddressKey), r.Host}, {string(otel.URLFullKey), r.URL}, {semconv.CheckStep, r.Step}, {string(otel.ErrorTypeKey), r.Step},
	} {
		if pair[1] != "" {
			a.PutStr(pair[0], pair[1])
		}
	}
	if t.HTTP != nil {
		a.PutStr(string(otel.HTTPRequestMethodKey), t.HTTP.Method)
	}
	if r.Status != 0 {
		a.PutInt(string(otel.HTTPResponseStatusCodeKey), int64(r.Status))
	}
	for _, step := range r.Steps {
		event := span.Events().AppendEmpty()
		event.SetName(step.Name)
		event.SetTimestamp(pcommon.NewTimestampFromTime(step.At))
	}
	if r.Step != "" {
		span.Status().SetCode(ptrace.StatusCodeError)
		span.Status().SetMessage(r.Step + ": " + r.Why)
	}
	return td
}

// point is the result as a metric: when the check passed, or failed in the step. A reader takes the newest.
func (c *checker) point(t *task, r *probe.Result) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	c.about(t, rm.Resource())
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName(metadata.ScopeName)
	sm.Scope().SetVersion(c.version)
	m := sm.Metrics().AppendEmpty()
	m.SetName(semconv.CheckTime.Name)
	m.SetUnit(semconv.CheckTime.Unit)
	m.SetDescription(semconv.CheckTime.Description)
	dp := m.SetEmptyGauge().DataPoints().AppendEmpty()
	dp.SetTimestamp(pcommon.NewTimestampFromTime(r.End))
	dp.SetDoubleValue(float64(r.End.UnixMilli()) / 1000)
	a := dp.Attributes()
	a.PutStr(semconv.ServiceName, t.service.Name)
	for _, pair := range [...][2]string{{semconv.ServiceNamespace, t.service.Namespace}, {semconv.Environment, t.service.Environment}} {
		if pair[1] != "" {
			a.PutStr(pair[0], pair[1])
		}
	}
	c.describe(t, a)
	outcome := semconv.CheckPassed
	if r.Step != "" {
		outcome = semconv.CheckFailed
		a.PutStr(semconv.CheckStep, r.Step)
	}
	a.PutStr(semconv.CheckOutcome, outcome)
	return md
}
