// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Candidate is a value that a source has for the ID of an item.
type Candidate struct {
	// Source is the source, such as "logfmt:request_id", and Evidence how well it says so: span, log, text or pattern.
	Source   string `json:"source"`
	Evidence string `json:"evidence"`
	Value    string `json:"value"`
	// Rejected says why the value is not used. It is empty for one that is.
	Rejected string `json:"rejected,omitempty"`
}

// A Reason says where the correlation ID of an item comes from.
type Reason struct {
	// Origin is "source", if a source of the item has it; "trace", if other items of its trace have; "generated"; "batch", if the
	// item has the IDs of several requests; or "none".
	Origin     string      `json:"origin"`
	Evidence   string      `json:"evidence,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"`
}

// An Explainer finds again what the processor found in items that it has passed on, with the default sources.
type Explainer struct{ search search }

// maxCandidates is how many candidates of one item are kept, and longestCandidate how much of each.
const (
	maxCandidates    = 16
	longestCandidate = 200
)

// NewExplainer returns an explainer, to be used by one goroutine at a time.
func NewExplainer() (*Explainer, error) {
	cfg := createDefaultConfig().(*Config)
	cfg.Attribute = "correlation.explained" // what the processor wrote is no reason
	cfg.Sources = cfg.Sources[1:]
	p, err := newPlan(cfg)
	if err != nil {
		return nil, err
	}
	p.attributes.put(key{name: semconv.CorrelationID, rank: unranked})
	h := newHygiene(cfg)
	return &Explainer{search{plan: p, hygiene: &h, maxBody: cfg.MaxBody}}, nil
}

// Span explains the ID of a span.
func (e *Explainer) Span(resource pcommon.Map, span ptrace.Span) Reason {
	rs := ptrace.NewResourceSpans()
	return e.explain(resource, span.Attributes(), span.TraceID(), traces, func(r finding) *finding {
		return e.search.span(context.Background(), rs, rs.ScopeSpans().AppendEmpty(), span, r)
	})
}

// Log explains the ID of a log record.
func (e *Explainer) Log(resource pcommon.Map, record plog.LogRecord) Reason {
	rl := plog.NewResourceLogs()
	return e.explain(resource, record.Attributes(), record.TraceID(), logs, func(r finding) *finding {
		return e.search.log(context.Background(), rl, rl.ScopeLogs().AppendEmpty(), record, r, nil)
	})
}

func (e *Explainer) explain(resource, m pcommon.Map, trace pcommon.TraceID, of signal, find func(finding) *finding) (why Reason) {
	id := textOf(m, semconv.CorrelationID)
	e.search.judge = func(r rank, value string, by evidence, rejected string) {
		if len(why.Candidates) < maxCandidates {
			value = strings.ToValidUTF8(value[:min(len(value), longestCandidate)], "")
			why.Candidates = append(why.Candidates, Candidate{e.search.plan.names[r], evidenceNames[by], value, rejected})
		}
	}
	f := find(e.search.resource(resource, of))
	e.search.judge = nil
	for i := range why.Candidates {
		if c := &why.Candidates[i]; c.Rejected == "" && c.Value != f.id && !strings.EqualFold(strings.TrimSpace(c.Value), f.id) {
			c.Rejected = "a better source has one"
		} else if c.Rejected == "" && f.id != id {
			c.Rejected = "the trace has another ID, by better or earlier evidence"
		}
	}
	if list, ok := m.Get(semconv.CorrelationIDs); ok && list.Type() == pcommon.ValueTypeSlice && list.Slice().Len() > 0 {
		why.Origin = "batch"
		return why
	}
	switch {
	case id == "":
		why.Origin = "none"
	case f.id == id:
		why.Origin, why.Evidence = "source", evidenceNames[f.by]
	case isTraceID(id, trace):
		why.Origin = "generated"
	default:
		why.Origin, why.Evidence = "trace", textOf(m, semconv.CorrelationEvidence)
	}
	return why
}

func textOf(m pcommon.Map, key string) string {
	if v, ok := m.Get(key); ok && v.Type() == pcommon.ValueTypeStr {
		return v.Str()
	}
	return ""
}
