// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
)

// maxWeight is the maximum number of spans that one sampled span represents. A tracestate that claims more
// is a mistake or an attack, and one span of it would outweigh an SLO's whole budget.
const maxWeight = 1 << 20

// weight is the number of spans that the span of this tracestate represents: its adjusted count, from
// the sampling threshold in `ot=th:…`. reason is not empty when it was not taken as it was sent.
func weight(tracestate string) (_ float64, reason string) {
	for member := range strings.SplitSeq(tracestate, ",") {
		value, ok := strings.CutPrefix(strings.Trim(member, " \t"), "ot=")
		if !ok {
			continue
		}
		parsed, err := sampling.NewOpenTelemetryTraceState(value)
		if err != nil {
			return 1, reasonTracestate
		}
		switch n := parsed.AdjustedCount(); {
		case n > maxWeight:
			return maxWeight, reasonWeightCapped
		case n >= 1:
			return n, ""
		}
		return 1, ""
	}
	return 1, ""
}
