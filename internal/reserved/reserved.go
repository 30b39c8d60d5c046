// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package reserved knows the names of metrics that only collectors may send. The processor admission refuses them from others, and
// series_limit does not limit them.
package reserved

import (
	"strings"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/promname"
)

// families are the beginnings of the names of metrics that only collectors may send, as they are in Prometheus. The names of
// recording rules and of alerts are among them: a metric of the same name would be read in their place.
var families = [...]string{"slo_", "sloth_", "service_telemetry_", "deployment_", "change_time", "ALERTS"}

// names are what Prometheus calls metrics, suffixes included.
var names = promname.New(otlptranslator.UnderscoreEscapingWithSuffixes)

// Family is the family that the metric is of, such as slo_; empty if its name is not reserved.
func Family(m pmetric.Metric) string {
	if !suspicious(m.Name()) {
		return ""
	}
	name := names.OTLP(m)
	for _, translated := range [...]string{name, m.Name()} {
		translated = underscored(translated)
		for _, family := range families {
			if strings.HasPrefix(translated, family) {
				return family
			}
		}
	}
	return ""
}

// suspicious reports whether the name begins as one of a family does. A translation adds nothing in front.
func suspicious(name string) bool {
	name = strings.TrimLeftFunc(name, func(r rune) bool { return !letter(r) })
	for _, family := range families {
		if first, _, _ := strings.Cut(family, "_"); strings.HasPrefix(name, first) {
			return true
		}
	}
	return false
}

// underscored is the name with one underscore for everything that is neither a letter nor a digit.
func underscored(name string) string {
	var b strings.Builder
	b.Grow(len(name))
	gap := false
	for _, r := range name {
		if letter(r) || r >= '0' && r <= '9' {
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			b.WriteRune(r)
			gap = false
		} else {
			gap = true
		}
	}
	return b.String()
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
