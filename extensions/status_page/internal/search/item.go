// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package search

import (
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/request"
)

// Bounds on the shown parts of an item, in characters and numbers.
const (
	maxName       = 120
	maxText       = 1000
	maxValue      = 200
	maxAttributes = 24
	maxEvents     = 16
)

// The signals of items.
const (
	SignalSpan  = "span"
	SignalEvent = "event" // of a span
	SignalLog   = "log"
)

// An Item is a span, an event of one, or a log record. Its texts are bounded and can be shown.
type Item struct {
	Signal        string            `json:"signal"`
	Service       string            `json:"service"`
	Namespace     string            `json:"namespace"`
	Environment   string            `json:"environment"`
	Version       string            `json:"version"`
	TraceID       string            `json:"trace_id"`
	SpanID        string            `json:"span_id"`
	ParentSpanID  string            `json:"parent_span_id"`
	CorrelationID string            `json:"correlation_id"`
	Name          string            `json:"name"`
	Kind          string            `json:"kind"`
	Severity      string            `json:"severity"`
	Body          string            `json:"body"`
	Message       string            `json:"status_message"`
	Failed        bool              `json:"failed"`
	Attributes    map[string]string `json:"attributes"`
	// Depth is the number of enclosing spans that were found.
	Depth int `json:"depth"`
	// Requests are the places of the requests that it belongs to, if several have the ID.
	Requests []int `json:"requests,omitempty"`
	// Why says where the correlation ID of a span or log record comes from.
	Why *request.Reason `json:"why,omitempty"`

	// Start and End are zero if they are not known.
	Start time.Time `json:"-"`
	End   time.Time `json:"-"`
}

// newItems are a span with its events, or a log record.
func newItems(r request.Record, of []int, explainer request.Explainer) []*Item {
	item := &Item{
		Service: attribute(r.Resource, "service.name"), Namespace: attribute(r.Resource, "service.namespace"),
		Environment: attribute(r.Resource, "deployment.environment.name", "deployment.environment"),
		Version:     attribute(r.Resource, "service.version"),
		TraceID:     r.TraceID().String(), SpanID: r.SpanID().String(), CorrelationID: shown(r.CorrelationID(), request.MaxID),
		Attributes: attributes(r.Attributes()), Requests: of, Why: why(r, explainer),
	}
	item.Start, item.End = r.Times()
	if !r.IsSpan {
		item.fromLog(r.Log)
		return []*Item{item}
	}
	item.fromSpan(r.Span)
	items := []*Item{item}
	for i, event := range r.Span.Events().All() {
		if i == maxEvents {
			break
		}
		items = append(items, item.event(event))
	}
	return items
}

func (i *Item) fromSpan(span ptrace.Span) {
	i.Signal = SignalSpan
	i.ParentSpanID = span.ParentSpanID().String()
	i.Name = shown(span.Name(), maxName)
	i.Kind = strings.ToLower(span.Kind().String())
	i.Failed = span.Status().Code() == ptrace.StatusCodeError
	i.Message = shown(span.Status().Message(), maxText)
}

func (i *Item) fromLog(log plog.LogRecord) {
	i.Signal = SignalLog
	i.Name = shown(log.EventName(), maxName)
	i.Severity = shown(log.SeverityText(), maxName)
	if n := log.SeverityNumber(); i.Severity == "" && n != plog.SeverityNumberUnspecified {
		i.Severity = strings.ToUpper(n.String())
	}
	i.Failed = log.SeverityNumber() >= plog.SeverityNumberError
	i.Body = shown(log.Body().AsString(), maxText)
}

// event is one of the span's.
func (i *Item) event(from ptrace.SpanEvent) *Item {
	at := request.Moment(from.Timestamp())
	return &Item{
		Signal: SignalEvent, Service: i.Service, Namespace: i.Namespace, Environment: i.Environment, Version: i.Version,
		TraceID: i.TraceID, SpanID: i.SpanID, CorrelationID: i.CorrelationID, Requests: i.Requests,
		Name: shown(from.Name(), maxName), Failed: from.Name() == "exception", Body: shown(value(from.Attributes(), "exception.message"), maxText),
		Attributes: attributes(from.Attributes()), Start: at, End: at,
	}
}

// why explains the correlation ID of an item.
func why(r request.Record, explainer request.Explainer) *request.Reason {
	if explainer == nil {
		return nil
	}
	reason := request.Explain(explainer, r)
	for i := range reason.Candidates {
		reason.Candidates[i].Value = shown(reason.Candidates[i].Value, maxValue)
	}
	return &reason
}

// attribute is the first that there is.
func attribute(m pcommon.Map, names ...string) string {
	for _, name := range names {
		if text := value(m, name); text != "" {
			return shown(text, maxName)
		}
	}
	return ""
}

func value(m pcommon.Map, name string) string {
	if found, ok := m.Get(name); ok {
		return found.AsString()
	}
	return ""
}

// attributes are as many as are shown.
func attributes(m pcommon.Map) map[string]string {
	kept := make(map[string]string, min(m.Len(), maxAttributes))
	for name, value := range m.All() {
		if len(kept) == maxAttributes {
			break
		}
		kept[shown(name, maxName)] = shown(value.AsString(), maxValue)
	}
	return kept
}

// shown is text for people.
func shown(text string, length int) string { return words.Shown(text, length) }

// arranged puts each item after the span that is around it, and by time.
func arranged(items []*Item) []*Item {
	entries := make([]request.Entry, len(items))
	for i, item := range items {
		e := &entries[i]
		e.Start, e.End = item.Start, item.End
		if item.Signal == SignalSpan {
			e.Is, e.Around = request.Place{Trace: item.TraceID, Span: item.SpanID}, request.Place{Trace: item.TraceID, Span: item.ParentSpanID}
		} else {
			e.Around = request.Place{Trace: item.TraceID, Span: item.SpanID}
		}
	}
	order := make([]*Item, len(items))
	for i, position := range request.Arrange(entries) {
		order[i] = items[position.Index]
		order[i].Depth = position.Depth
	}
	return order
}
