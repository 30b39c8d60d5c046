package sli

import (
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	// maxLabel is the longest value, in bytes, that a label takes from telemetry.
	maxLabel = 256
	// overflow is the label of what has no room of its own.
	overflow = "other"
)

// An identity is what a resource says of itself. Its strings belong to the input.
type identity struct{ name, namespace, environment, version string }

// identify reads a resource in one pass.
func identify(resource pcommon.Resource) identity {
	var id identity
	var deprecated string
	for key, value := range resource.Attributes().All() {
		switch key {
		case semconv.ServiceName:
			id.name = text(value)
		case semconv.ServiceNamespace:
			id.namespace = text(value)
		case semconv.ServiceVersion:
			id.version = text(value)
		case semconv.Environment:
			id.environment = text(value)
		case semconv.DeprecatedEnvironment:
			deprecated = text(value)
		}
	}
	if id.environment == "" {
		id.environment = deprecated
	}
	id.environment, id.version = label(id.environment), label(id.version)
	return id
}

// text is the value of a string, number or bool (a version may come as 2); "" for all else.
func text(v pcommon.Value) string {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return v.Str()
	case pcommon.ValueTypeInt, pcommon.ValueTypeDouble, pcommon.ValueTypeBool:
		return v.AsString()
	default:
		return ""
	}
}

// label is s as it may stand in a label: valid UTF-8 of at most maxLabel bytes.
func label(s string) string {
	if len(s) <= maxLabel && utf8.ValidString(s) {
		return s
	}
	if len(s) > maxLabel {
		cut := maxLabel
		for cut > maxLabel-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut]
	}
	// Each invalid run becomes one byte, so it cannot grow past the limit again.
	return strings.ToValidUTF8(s, "?")
}
