// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/change/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/report"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// How many spans of a scope are searched for evaluations of feature flags: of more, each is as likely to be among them. Shares need no more, and
// until one is found, the last span of most requests is enough.
const mostLooked = 10

// flags counts the evaluations of feature flags that the spans of a resource say: as events, and as attributes.
func (c *core) flags(rs ptrace.ResourceSpans, of *sender) {
	most := mostLooked
	if !c.flagsFound.Load() {
		if c.turn.Add(1)%8 != 0 { // the last span is at hand
			if span, ok := lastSpan(rs); ok {
				c.flagsOf(rs, span, of)
				c.evaluated(rs.Resource().Attributes(), of, span.Attributes(), span.EndTimestamp())
			}
			return
		}
		most = 1
	}
	for i := range rs.ScopeSpans().Len() {
		spans := rs.ScopeSpans().At(i).Spans()
		step := 1 + (spans.Len()-1)/most
		first := 0
		if step > 1 {
			first = int(c.turn.Add(1)*2_654_435_761>>8) % step // so that no span that comes at equal distances is always, or never, among them
		}
		for j := first; j < spans.Len(); j += step {
			span := spans.At(j)
			c.flagsOf(rs, span, of)
			if j == first {
				c.evaluated(rs.Resource().Attributes(), of, span.Attributes(), span.EndTimestamp())
			}
		}
	}
}

// flagsOf counts what a span's events say.
func (c *core) flagsOf(rs ptrace.ResourceSpans, span ptrace.Span, of *sender) {
	events := span.Events()
	for k := range events.Len() {
		if event := events.At(k); isEvaluation(event.Name()) {
			c.evaluated(rs.Resource().Attributes(), of, event.Attributes(), event.Timestamp())
		}
	}
}

func isEvaluation(event string) bool {
	return event == semconv.EventFlagEval || event == semconv.EventFlag
}

// evaluated counts what the attributes say of a flag. of is the service of the resource.
func (c *core) evaluated(resource pcommon.Map, of *sender, attributes pcommon.Map, at pcommon.Timestamp) bool {
	key, given, ok := evaluationIn(attributes)
	if !ok {
		return false
	}
	if !c.flagsFound.Load() {
		c.flagsFound.Store(true)
	}
	if !of.read {
		id, known := deployment.Identify(resource)
		of.Service, of.read, of.known = id.Service, true, known && c.admitted(&id, of.now)
	}
	if of.known && !of.again(key, given, at) {
		if of.given == len(of.evaluations) {
			c.tell(of)
		}
		of.evaluations[of.given] = tracker.Evaluation{Flag: key, Given: given, Count: 1, First: at.AsTime(), Last: at.AsTime()}
		of.given++
	}
	return true
}

// tell tells the tracker what the sender was given.
func (c *core) tell(of *sender) {
	if of.given > 0 {
		c.changes.Evaluate(of.Service, of.evaluations[:of.given], of.now)
		of.given = 0
	}
}

// A sender is the service of a resource, once it has been read, and what it was given of flags and the tracker does not know yet. It is on the stack, so
// that it costs no allocation.
type sender struct {
	deployment.Service
	now         time.Time
	read, known bool
	evaluations [4]tracker.Evaluation
	given       int
}

// together is how far apart evaluations may be that are counted as one with a number.
const together = time.Second

// again counts an evaluation that is like one before it.
func (s *sender) again(key, given string, at pcommon.Timestamp) bool {
	for i := range s.evaluations[:s.given] {
		e := &s.evaluations[i]
		if e.Flag != key || e.Given != given || at.AsTime().Sub(e.First).Abs() > together {
			continue
		}
		e.Count++
		if at := at.AsTime(); at.Before(e.First) {
			e.First = at
		} else if at.After(e.Last) {
			e.Last = at
		}
		return true
	}
	return false
}

// evaluationIn is the flag and the variant that the attributes name. A variant that has no name is its value.
func evaluationIn(attributes pcommon.Map) (key, given string, ok bool) {
	v, ok := attributes.Get(semconv.FlagKey)
	if !ok || v.Type() != pcommon.ValueTypeStr {
		return "", "", false
	}
	for _, name := range [...]string{semconv.FlagVariant, semconv.FlagOldVariant, semconv.FlagValue} {
		given, found := attributes.Get(name)
		if !found {
			continue
		}
		switch given.Type() {
		case pcommon.ValueTypeStr:
			return v.Str(), given.Str(), true
		case pcommon.ValueTypeBool:
			if given.Bool() {
				return v.Str(), "true", true
			}
			return v.Str(), "false", true
		case pcommon.ValueTypeInt, pcommon.ValueTypeDouble:
			return v.Str(), given.AsString(), true
		}
	}
	return "", "", false
}

// change takes what a record reports or shows of a change. It is true for a report: its sender is not the service.
func (c *core) change(ctx context.Context, resource pcommon.Map, of *sender, record plog.LogRecord) bool {
	evaluation, may := looksLike(record)
	if evaluation && c.evaluated(resource, of, record.Attributes(), timeOf(record)) || !may {
		return false
	}
	changes, ok, err := report.Changes(resource, record, c.sum)
	if !ok {
		return false
	}
	if err != nil {
		c.rejected(ctx, err)
		return true
	}
	for _, one := range changes {
		c.changes.Take(one)
	}
	c.telemetry.ConnectorDeployeventReports.Add(ctx, 1, accepted)
	return true
}

// looksLike finds the records that are worth reading, of which every one comes by here: that may be an evaluation, and that may report a change.
func looksLike(record plog.LogRecord) (evaluation, report bool) {
	switch name := record.EventName(); {
	case name == "":
		record.Attributes().Range(func(key string, v pcommon.Value) bool {
			switch len(key) {
			case len(semconv.FlagKey):
				evaluation = evaluation || key == semconv.FlagKey
			case len("event.name"):
				if key == "event.name" {
					evaluation, report = evaluation || isEvaluation(v.Str()), report || strings.HasPrefix(v.Str(), semconv.EventChange)
				}
			}
			return true
		})
	case isEvaluation(name):
		return true, false
	case strings.HasPrefix(name, semconv.EventChange):
		return false, true
	}
	switch body := record.Body(); body.Type() {
	case pcommon.ValueTypeMap:
		report = true
	case pcommon.ValueTypeStr:
		report = report || strings.HasPrefix(strings.TrimLeft(body.Str(), " \t\r\n"), "{")
	}
	return evaluation, report
}

// changed is what tells the series of two changes apart.
type changed struct {
	deployment.Service
	id, kind, name, previous, value, status, summary, url, actor string
}

func seriesOfChange(c *change.Change) changed {
	return changed{c.Service, c.ID, string(c.Kind), c.Name, c.Previous, c.Value, c.Status, c.Summary, c.URL, c.Actor}
}

// changes adds the gauge of changes that are recent. Series that were there before and are not any more get a last point without a value.
func (e *emitter) changes(md pmetric.Metrics, all []change.Change, now time.Time) {
	present := make(map[changed]bool, len(all))
	if len(all) == 0 && len(e.changed) == 0 {
		return
	}
	scope := md.ResourceMetrics().At(0).ScopeMetrics().At(0)
	gauge := gauge{Metric: semconv.ChangeTime}
	at := pcommon.NewTimestampFromTime(now)
	if len(all) > 0 {
		points := gauge.in(scope)
		for i := range all {
			one := seriesOfChange(&all[i])
			if present[one] {
				continue
			}
			present[one] = true
			one.point(points, at).SetDoubleValue(seconds(all[i].Start))
		}
	}
	for one := range e.changed {
		if !present[one] {
			one.point(gauge.in(scope), at).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		}
	}
	e.changed = present
}

func (s changed) point(to pmetric.NumberDataPointSlice, at pcommon.Timestamp) pmetric.NumberDataPoint {
	c := change.Change{
		Service: s.Service, ID: s.id, Kind: change.Kind(s.kind), Name: s.name, Previous: s.previous, Value: s.value, Status: s.status,
		Summary: s.summary, URL: s.url, Actor: s.actor,
	}
	dp := to.AppendEmpty()
	dp.SetTimestamp(at)
	c.Attributes(dp.Attributes())
	return dp
}
