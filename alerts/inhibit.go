// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"io"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// An InhibitRule mutes target alerts while a source alert fires, as Alertmanager's inhibit_rules.
type InhibitRule struct {
	SourceMatchers []string `yaml:"source_matchers"`
	TargetMatchers []string `yaml:"target_matchers"`
	Equal          []string `yaml:"equal,omitempty"`
}

// Inhibitions are Alertmanager's inhibit_rules.
type Inhibitions struct {
	InhibitRules []InhibitRule `yaml:"inhibit_rules"`
}

// The labels that the alerts of one SLO, and of one service, have in common.
var (
	perService = []string{label(semconv.ServiceName), label(semconv.ServiceNamespace), "environment"}
	perSLO     = []string{label(semconv.ServiceName), label(semconv.ServiceNamespace), label(semconv.SLOName), "environment"}
)

// Inhibition mutes alerts while another one reports the same problem. All but the last rules name
// alerts, not services, and hold for all services.
//
// A pair mutes the slower ones of its own SLO in its own environment and group. An alert without the label of a group is in no group,
// so the labels of all services' groups can be compared for all of them. A service mutes the pages of those that depend on it.
func Inhibition(services ...*catalog.Service) Inhibitions {
	var all Inhibitions
	pairs := catalog.DefaultBurnPairs
	per := slices.Concat(perSLO, groupLabels(services))
	for i, p := range pairs {
		k := kind{name: burnPrefix + p.Name, named: "slo_alert", per: per}
		for _, slower := range pairs[i+1:] {
			k.mutes = append(k.mutes, burnPrefix+slower.Name)
		}
		if p.Page {
			k.mutes = append(k.mutes, Exhausted)
		}
		if len(k.mutes) > 0 {
			all.InhibitRules = append(all.InhibitRules, k.inhibition())
		}
	}
	for _, k := range kinds {
		if len(k.mutes) > 0 {
			all.InhibitRules = append(all.InhibitRules, k.inhibition())
		}
	}
	all.InhibitRules = append(all.InhibitRules, dependencies(services)...)
	return all
}

func groupLabels(services []*catalog.Service) (labels []string) {
	for _, s := range services {
		for _, slo := range s.SLOs {
			labels = append(labels, slo.GroupLabels()...)
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// Write writes the rules as a part of Alertmanager's configuration.
func (i Inhibitions) Write(w io.Writer) error {
	if _, err := io.WriteString(w, Header+"# A part of Alertmanager's configuration.\n"); err != nil {
		return err
	}
	return encode(w, i)
}

func encode(w io.Writer, v any) error {
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return err
	}
	return e.Close()
}
