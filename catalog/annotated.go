// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
)

// Objects of other projects keep what their format has no field for in annotations, as YAML.

// annotationPrefix marks these annotations. The rest of the key is a key of the catalog.
const annotationPrefix = "catalog.otelcol-sre.dev/"

// annotated are the members of a service that are kept in annotations.
var annotated = func() []member[Service] {
	members := []member[Service]{namespaceMember}
	for _, m := range specMembers {
		if m.key != "description" && m.key != "slos" {
			members = append(members, m)
		}
	}
	return members
}()

// annotatedSLO are the members of an SLO that are kept in annotations.
var annotatedSLO = slices.DeleteFunc(slices.Clone(sloMembers), func(m member[SLO]) bool {
	return slices.Contains([]string{"name", "description", "objective", "window", "calendar", "sli", "budgeting"}, m.key)
})

// readAnnotated reads what annotations say of an SLO.
func (l *loader) readAnnotated(metadata place, slo *SLO) {
	annotations := metadata.key("annotations")
	for _, m := range annotatedSLO {
		if value, ok := annotations.lookup(annotationPrefix + m.key); ok {
			if value, ok = l.nested(value); ok {
				m.read(&l.reader, value, slo)
			}
		}
	}
	orderResets(nil, place{}, slo)
}

// readEnvironmentLabel reads a key of the SLI, which is an annotation too.
func (l *loader) readEnvironmentLabel(metadata place, p *Prometheus) {
	if value, ok := metadata.key("annotations").lookup(annotationPrefix + "environmentLabel"); ok {
		promName.read(&l.reader, value, &p.EnvironmentLabel)
	}
}

// writeAnnotated are the annotations of an SLO, without the keys that the format has fields for.
func writeAnnotated(slo *SLO, fields ...string) map[string]string {
	var annotations map[string]string
	for _, m := range annotatedSLO {
		if node := m.write(slo); node != nil && !slices.Contains(fields, m.key) {
			set(&annotations, annotationPrefix+m.key, inline(node))
		}
	}
	if p := slo.SLI.Prometheus; p != nil && p.EnvironmentLabel != "" {
		set(&annotations, annotationPrefix+"environmentLabel", p.EnvironmentLabel)
	}
	return annotations
}
