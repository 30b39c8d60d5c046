// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// The variant of a flag is what the span was given last; an attribute of the same name comes first.
func TestGroupsByTheVariantOfAFlag(t *testing.T) {
	by := Grouping{"feature_flag.new_check", "host.name"}
	evaluation := func(span ptrace.Span, name, key string, attributes map[string]any) {
		e := span.Events().AppendEmpty()
		e.SetName(name)
		require.NoError(t, e.Attributes().FromRaw(attributes))
		e.Attributes().PutStr("feature_flag.key", key)
	}
	for name, test := range map[string]struct {
		span func(ptrace.Span)
		want string
	}{
		"none": {func(ptrace.Span) {}, "\x00a\x00"},
		"an event": {func(s ptrace.Span) {
			evaluation(s, "feature_flag.evaluation", "new-check", map[string]any{"feature_flag.result.variant": "on"})
		}, "on\x00a\x00"},
		"an older event": {func(s ptrace.Span) {
			evaluation(s, "feature_flag", "new-check", map[string]any{"feature_flag.variant": "off"})
		}, "off\x00a\x00"},
		"a value": {func(s ptrace.Span) {
			evaluation(s, "feature_flag", "new-check", map[string]any{"feature_flag.result.value": true})
		}, "true\x00a\x00"},
		"the last": {func(s ptrace.Span) {
			for _, v := range []string{"off", "on"} {
				evaluation(s, "feature_flag", "new-check", map[string]any{"feature_flag.variant": v})
			}
		}, "on\x00a\x00"},
		"another flag": {func(s ptrace.Span) {
			evaluation(s, "feature_flag", "new-checks", map[string]any{"feature_flag.variant": "on"})
		}, "\x00a\x00"},
		"another event": {func(s ptrace.Span) {
			evaluation(s, "exception", "new-check", map[string]any{"feature_flag.variant": "on"})
		}, "\x00a\x00"},
		"without a variant": {func(s ptrace.Span) { evaluation(s, "feature_flag", "new-check", nil) }, "\x00a\x00"},
		"attributes": {func(s ptrace.Span) {
			s.Attributes().PutStr("feature_flag.key", "new-check")
			s.Attributes().PutStr("feature_flag.result.variant", "on")
		}, "on\x00a\x00"},
		"its own attribute": {func(s ptrace.Span) {
			s.Attributes().PutStr("feature_flag.new_check", "blue")
			evaluation(s, "feature_flag", "new-check", map[string]any{"feature_flag.variant": "on"})
		}, "blue\x00a\x00"},
		"beyond what is searched": {func(s ptrace.Span) {
			evaluation(s, "feature_flag", "new-check", map[string]any{"feature_flag.variant": "on"})
			for range mostEvaluations {
				s.Events().AppendEmpty().SetName("log")
			}
		}, "\x00a\x00"},
	} {
		resource, span := pcommon.NewMap(), ptrace.NewSpan()
		resource.PutStr("host.name", "a")
		test.span(span)
		assert.Equal(t, test.want, string(by.AppendSpanKey(nil, span, resource)), name)
	}
	span := ptrace.NewSpan()
	evaluation(span, "feature_flag", "new-check", map[string]any{"feature_flag.variant": "on"})
	key := make([]byte, 0, 64)
	assert.Zero(t, testing.AllocsPerRun(100, func() { key = by.AppendSpanKey(key[:0], span, span.Attributes()) }))
}
