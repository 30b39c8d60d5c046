// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package find

import (
	"encoding/base64"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
	"github.com/otelcol-sre/otelcol-sre/internal/request"
)

// The signals and the statuses of items.
const (
	signalSpan  = "span"
	signalLog   = "log"
	statusOK    = "ok"
	statusError = "error"
)

// A findItem holds the shown parts of a span or log record. Its texts are bounded, but not yet safe to print.
type findItem struct {
	Time          string         `json:"time,omitempty"`
	Offset        string         `json:"offset,omitempty"`
	Signal        string         `json:"signal"`
	Service       string         `json:"service"`
	Namespace     string         `json:"namespace,omitempty"`
	Environment   string         `json:"environment"`
	Version       string         `json:"version"`
	TraceID       string         `json:"traceId,omitempty"`
	SpanID        string         `json:"spanId,omitempty"`
	ParentSpanID  string         `json:"parentSpanId,omitempty"`
	CorrelationID string         `json:"correlationId,omitempty"`
	Name          string         `json:"name,omitempty"`
	Body          any            `json:"body,omitempty"`
	Kind          string         `json:"kind,omitempty"`
	Severity      string         `json:"severity,omitempty"`
	DurationNanos *int64         `json:"durationNanos,omitempty"`
	Status        string         `json:"status,omitempty"`
	StatusMessage string         `json:"statusMessage,omitempty"`
	Attributes    map[string]any `json:"attributes"`

	// Requests are the places in the list of requests, if there are several.
	Requests []int `json:"requests,omitempty"`
	// Why says where the correlation ID comes from.
	Why *request.Reason `json:"why,omitempty"`

	of         []int     // the requests that it belongs to
	start, end time.Time // zero is unknown
	failed     bool
	depth      int // how many spans are around it, as far as they were found
}

func newFindItem(r request.Record) *findItem {
	clip := &clipper{left: maxItem}
	resource := func(names ...string) string {
		for _, name := range names {
			if value, ok := r.Resource.Get(name); ok {
				return clip.text(value.AsString())
			}
		}
		return ""
	}
	item := &findItem{
		Signal:        signalLog,
		Service:       resource("service.name"),
		Namespace:     resource("service.namespace"),
		Environment:   resource("deployment.environment.name", "deployment.environment"),
		Version:       resource("service.version"),
		TraceID:       r.TraceID().String(),
		SpanID:        r.SpanID().String(),
		CorrelationID: clip.text(r.CorrelationID()),
	}
	item.start, item.end = r.Times()
	if r.IsSpan {
		item.fromSpan(r.Span, clip)
	} else {
		item.fromLog(r.Log, clip)
	}
	item.Attributes = clip.attributes(r.Attributes(), 0)
	return item
}

func (i *findItem) fromSpan(span ptrace.Span, clip *clipper) {
	i.Signal = signalSpan
	i.ParentSpanID = span.ParentSpanID().String()
	i.Name = clip.text(span.Name())
	i.Kind = strings.ToLower(span.Kind().String())
	duration := i.end.Sub(i.start).Nanoseconds()
	i.DurationNanos = &duration
	switch span.Status().Code() {
	case ptrace.StatusCodeOk:
		i.Status = statusOK
	case ptrace.StatusCodeError:
		i.Status, i.failed = statusError, true
	}
	i.StatusMessage = clip.text(span.Status().Message())
}

func (i *findItem) fromLog(log plog.LogRecord, clip *clipper) {
	i.Name = clip.text(log.EventName())
	i.Severity = clip.text(log.SeverityText())
	if n := log.SeverityNumber(); i.Severity == "" && n != plog.SeverityNumberUnspecified {
		i.Severity = strings.ToUpper(n.String())
	}
	i.failed = log.SeverityNumber() >= plog.SeverityNumberError
	i.Body = clip.value(log.Body(), 0)
}

// Bounds on the kept parts of an item, in bytes and levels.
const (
	maxText  = 4 << 10
	maxItem  = 64 << 10
	maxLevel = 8
)

// A clipper bounds the size of an item.
type clipper struct{ left int }

func (c *clipper) text(text string) string {
	n := min(len(text), maxText, max(c.left, 0))
	c.left -= n
	if n == len(text) {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return strings.Clone(text[:n]) + "…" // the clone lets go of the rest
}

func (c *clipper) attributes(m pcommon.Map, level int) map[string]any {
	kept := map[string]any{}
	for key, value := range m.All() {
		if c.left <= 0 {
			break
		}
		kept[c.text(key)] = c.value(value, level)
	}
	return kept
}

// value is what JSON has for it.
func (c *clipper) value(value pcommon.Value, level int) any {
	const small = 8
	c.left -= small
	switch value.Type() {
	case pcommon.ValueTypeStr:
		return c.text(value.Str())
	case pcommon.ValueTypeInt:
		return value.Int()
	case pcommon.ValueTypeDouble:
		return output.Number(value.Double())
	case pcommon.ValueTypeBool:
		return value.Bool()
	case pcommon.ValueTypeBytes:
		bytes := value.Bytes().AsRaw()
		return c.text(base64.StdEncoding.EncodeToString(bytes))
	case pcommon.ValueTypeMap:
		if level == maxLevel {
			return "…"
		}
		return c.attributes(value.Map(), level+1)
	case pcommon.ValueTypeSlice:
		if level == maxLevel {
			return "…"
		}
		kept := []any{}
		for _, element := range value.Slice().All() {
			if c.left <= 0 {
				break
			}
			kept = append(kept, c.value(element, level+1))
		}
		return kept
	default:
		return nil
	}
}
