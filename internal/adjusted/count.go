// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package adjusted says how many spans a sampled span represents.
package adjusted

import (
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
)

// Max is the maximum number of spans that one sampled span represents. A tracestate that claims more
// is a mistake or an attack, and one span of it would outweigh all others.
const Max = 1 << 20

// A Problem says why a tracestate is not taken as it was sent.
type Problem uint8

const (
	// None is that it is taken as it was sent.
	None Problem = iota
	// Malformed is a sampling threshold that cannot be read; the span counts once.
	Malformed
	// Capped is a span that claims to represent more than [Max] spans.
	Capped
)

// Count is the number of spans that the span of this tracestate represents: its adjusted count, from
// the sampling threshold in `ot=th:…`, at least 1
// (https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/).
func Count(tracestate string) (float64, Problem) {
	for member := range strings.SplitSeq(tracestate, ",") {
		value, ok := strings.CutPrefix(strings.Trim(member, " \t"), "ot=")
		if !ok {
			continue
		}
		parsed, err := sampling.NewOpenTelemetryTraceState(value)
		if err != nil {
			return 1, Malformed
		}
		switch n := parsed.AdjustedCount(); {
		case n > Max:
			return Max, Capped
		case n >= 1:
			return n, None
		}
		return 1, None
	}
	return 1, None
}
