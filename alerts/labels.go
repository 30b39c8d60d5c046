// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"slices"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// own are the labels that the rules set themselves. The catalog's do not replace them.
var own = []string{
	"__name__", "alertname", "alertstate", "slo_alert",
	label(semconv.ServiceName), label(semconv.ServiceNamespace), label(semconv.SLOName), label(semconv.Environment),
}

// ownLabels are the labels that the catalog gives to the rules and alerts of a service and, unless it is nil, of an SLO.
// They are not on recorded events, which rules sum over days: a new label would begin new series.
func ownLabels(s *catalog.Service, slo *catalog.SLO) map[string]string {
	labels := map[string]string{}
	add := func(more map[string]string) {
		for name, value := range more {
			name = label(name)
			reserved := slices.Contains(own, name) || strings.HasPrefix(name, "sloth_")
			if !reserved && (slo == nil || !slices.Contains(slo.GroupLabels(), name)) {
				labels[name] = clean(value)
			}
		}
	}
	add(s.Labels)
	if slo != nil {
		add(slo.Labels)
	}
	return labels
}
