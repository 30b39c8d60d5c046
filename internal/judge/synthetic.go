// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A synthetic says whether a span is of synthetic traffic.
type synthetic uint8

const (
	notKnown synthetic = iota
	byUser
	byTest
)

// isSynthetic finds spans of checks, and those that a service has of their requests: by the attribute of the semantic conventions, or by the user agent.
func (e *SpanEvent) isSynthetic() bool {
	if e.synthetic == notKnown {
		found := byUser
		e.Span.Attributes().Range(func(key string, value pcommon.Value) bool {
			switch len(key) {
			case len(semconv.SyntheticType):
				if key == semconv.SyntheticType {
					found = byTest
				}
			case len(semconv.UserAgent):
				if key == semconv.UserAgent && strings.HasPrefix(text(value), semconv.CheckAgent) {
					found = byTest
				}
			}
			return found == byUser
		})
		e.synthetic = found
	}
	return e.synthetic == byTest
}
