// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package request

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
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

// An Explainer finds again what the correlation processor found in items that it has passed on. One goroutine may use it at a time.
type Explainer interface {
	Span(resource pcommon.Map, span ptrace.Span) Reason
	Log(resource pcommon.Map, record plog.LogRecord) Reason
}

// Explain is the reason for the ID of a record.
func Explain(e Explainer, r Record) Reason {
	if r.IsSpan {
		return e.Span(r.Resource, r.Span)
	}
	return e.Log(r.Resource, r.Log)
}

// Explained is an extension that shows reasons. The correlation processor gives it what makes explainers, which know its sources.
type Explained interface {
	ExplainWith(explainer func() (Explainer, error))
}
