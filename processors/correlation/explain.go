// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/internal/request"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// explainer finds again what the processor found in items that it has passed on.
type explainer struct {
	search    search
	attribute string
}

// maxCandidates is how many candidates of one item are kept, and longestCandidate how much of each.
const (
	maxCandidates    = 16
	longestCandidate = 200
)

// NewExplainer returns an explainer for what a processor with the default sources has written.
func NewExplainer() (request.Explainer, error) { return newExplainer(createDefaultConfig().(*Config)) }

func newExplainer(of *Config) (*explainer, error) {
	cfg := *of
	cfg.Attribute = "correlation.explained" // what the processor wrote is no reason
	cfg.Sources = slices.DeleteFunc(slices.Clone(cfg.Sources), func(s Source) bool { return s.Attribute == of.Attribute })
	p, err := newPlan(&cfg)
	if err != nil {
		return nil, err
	}
	p.attributes.put(key{name: of.Attribute, rank: unranked})
	h := newHygiene(&cfg)
	return &explainer{search{plan: p, hygiene: &h, maxBody: cfg.MaxBody}, of.Attribute}, nil
}

// explainTo gives explainers to the extensions that show them.
func (c *core) explainTo(host component.Host) {
	if c.config.After != nil {
		return // the one before knows the same sources
	}
	for _, one := range host.GetExtensions() {
		if page, ok := one.(request.Explained); ok {
			page.ExplainWith(func() (request.Explainer, error) { return newExplainer(c.config) })
		}
	}
}

// Span explains the ID of a span.
func (e *explainer) Span(resource pcommon.Map, span ptrace.Span) request.Reason {
	rs := ptrace.NewResourceSpans()
	return e.explain(resource, span.Attributes(), span.TraceID(), traces, func(r finding) *finding {
		return e.search.span(context.Background(), rs, rs.ScopeSpans().AppendEmpty(), span, r)
	})
}

// Log explains the ID of a log record.
func (e *explainer) Log(resource pcommon.Map, record plog.LogRecord) request.Reason {
	rl := plog.NewResourceLogs()
	return e.explain(resource, record.Attributes(), record.TraceID(), logs, func(r finding) *finding {
		return e.search.log(context.Background(), rl, rl.ScopeLogs().AppendEmpty(), record, r, nil)
	})
}

func (e *explainer) explain(resource, m pcommon.Map, trace pcommon.TraceID, of signal, find func(finding) *finding) (why request.Reason) {
	id := textOf(m, e.attribute)
	e.search.judge = func(r rank, value string, by evidence, rejected string) {
		if len(why.Candidates) < maxCandidates {
			value = strings.ToValidUTF8(value[:min(len(value), longestCandidate)], "")
			why.Candidates = append(why.Candidates, request.Candidate{Source: e.search.plan.names[r], Evidence: evidenceNames[by], Value: value, Rejected: rejected})
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
