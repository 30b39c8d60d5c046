// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// MaxLabel is the longest value, in bytes, that a label takes from telemetry.
const MaxLabel = 256

// An Identity is what a resource says of itself. Its strings belong to the input. Environment, Version and Where are valid
// UTF-8 of at most MaxLabel bytes.
type Identity struct {
	Name, Namespace, Environment, Version, Instance string
	Where                                           Where
	// Synthetic says that nobody uses the service: it is checked.
	Synthetic bool
}

// Where is where a service runs: the values of Places, empty if the resource does not say.
type Where [3]string

// Places are the attributes that say where a service runs.
var Places = [len(Where{})]string{semconv.ClusterName, semconv.CloudRegion, semconv.CloudAccount}

// Identify reads a resource in one pass.
func Identify(resource pcommon.Resource) Identity {
	var id Identity
	var deprecated string
	for key, value := range resource.Attributes().All() {
		switch key {
		case semconv.ServiceName:
			id.Name = text(value)
		case semconv.ServiceNamespace:
			id.Namespace = text(value)
		case semconv.ServiceVersion:
			id.Version = text(value)
		case semconv.ServiceInstanceID:
			id.Instance = text(value)
		case semconv.Environment:
			id.Environment = text(value)
		case semconv.SyntheticType:
			id.Synthetic = true
		case semconv.DeprecatedEnvironment:
			deprecated = text(value)
		case semconv.ClusterName:
			id.Where[0] = label(text(value))
		case semconv.CloudRegion:
			id.Where[1] = label(text(value))
		case semconv.CloudAccount:
			id.Where[2] = label(text(value))
		}
	}
	if id.Environment == "" {
		id.Environment = deprecated
	}
	id.Environment, id.Version = label(id.Environment), label(id.Version)
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

// label is s as a valid label: UTF-8 of at most MaxLabel bytes.
func label(s string) string {
	if len(s) <= MaxLabel && utf8.ValidString(s) {
		return s
	}
	if len(s) > MaxLabel {
		cut := MaxLabel
		for cut > MaxLabel-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut]
	}
	// Each invalid run becomes one byte, so it cannot grow past the limit again.
	return strings.ToValidUTF8(s, "?")
}
