// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
)

// randomness is that of the trace, and the threshold at which it was sampled before: from `rv` and `th` of a tracestate, or the trace's ID
// (https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/).
func randomness(trace pcommon.TraceID, tracestate string) (random, before uint64) {
	random = sampling.TraceIDToRandomness(trace).Unsigned()
	if !strings.Contains(tracestate, "ot=") {
		return random, 0
	}
	state, err := sampling.NewW3CTraceState(tracestate)
	if err != nil {
		return random, 0
	}
	if rv, ok := state.OTelValue().RValueRandomness(); ok {
		random = rv.Unsigned()
	}
	if th, ok := state.OTelValue().TValueThreshold(); ok {
		before = th.Unsigned()
	}
	return random, before
}

// stamp writes the threshold into the span's tracestate, so that its adjusted count is 1 ÷ probability. A tracestate that was sampled at a greater
// threshold before, or that cannot be read, stays as it is.
func stamp(span ptrace.Span, threshold uint64) {
	if threshold == 0 {
		return
	}
	state, err := sampling.NewW3CTraceState(span.TraceState().AsRaw())
	if err != nil {
		return
	}
	th, err := sampling.UnsignedToThreshold(threshold)
	if err != nil || state.OTelValue().UpdateTValueWithSampling(th) != nil {
		return
	}
	var text strings.Builder
	if state.Serialize(&text) == nil {
		span.TraceState().FromRaw(text.String())
	}
}
