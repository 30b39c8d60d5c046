// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	slothv1 "github.com/slok/sloth/pkg/prometheus/api/v1"
	"go.yaml.in/yaml/v3"
)

// The labels of a Sloth spec that become fields.
const (
	ownerLabel     = "owner"
	tierLabel      = "tier"
	namespaceLabel = "service_namespace"
)

// readSloth reads a Sloth spec: one service with all its SLOs.
func (l *loader) readSloth(doc place) {
	d := &definition{Service: &Service{Tier: defaultTier, Position: doc.position()}, at: doc, name: doc.key("service")}
	l.services = append(l.services, d)
	before := l.errors
	defer func() { d.broken = l.errors > before }()

	var spec slothv1.Spec
	labelsAreText(doc.node)
	l.decodeForeign(doc, &spec) // the rest is checked too, so that all problems are reported at once
	if l.pass(doc.key("service"), spec.Service, append([]check{bounded(maxName)}, nameChecks...)...) {
		d.Name = spec.Service
	}
	if len(spec.SLOPlugins.Chain) > 0 {
		l.warning(doc.key("slo_plugins"), "plugins of Sloth are not run", "nothing to do, unless the SLOs depend on them")
	}
	l.slothLabels(d, spec.Labels)
	for i, sloth := range spec.SLOs {
		l.slothSLO(d, doc.key("slos").item(i), sloth)
	}
}

// labelsAreText makes the values of labels and annotations text, as Sloth's own reader does: true and
// 0.2 are labels like any other.
func labelsAreText(n *yaml.Node) {
	for i, child := range n.Content {
		labelsAreText(child)
		if n.Kind != yaml.MappingNode || i%2 == 0 || child.Kind != yaml.MappingNode {
			continue
		}
		if key := n.Content[i-1].Value; key == "labels" || key == "annotations" {
			for j := 1; j < len(child.Content); j += 2 {
				if value := child.Content[j]; value.Kind == yaml.ScalarNode && !isNull(value) {
					value.Tag = "!!str"
				}
			}
		}
	}
}

// slothLabels moves labels to their fields.
func (l *loader) slothLabels(d *definition, labels map[string]string) {
	for _, key := range sortedKeys(labels) {
		at, value := d.at.key("labels", key), labels[key]
		if value == "" || !l.pass(at, key, matches(labelKeyRegexp, "is not a label name", "use letters, digits and _")) ||
			!l.pass(at, value, bounded(maxName), printable(false)) {
			continue
		}
		number, err := strconv.Atoi(value)
		switch {
		case key == ownerLabel:
			d.Owner = value
		case key == tierLabel && err == nil && number >= 1 && number <= 4:
			d.Tier = number
		case key == namespaceLabel && l.pass(at, value, nameChecks...):
			d.Namespace = value
		default:
			if d.Labels == nil {
				d.Labels = map[string]string{}
			}
			d.Labels[key] = value
		}
	}
}

func (l *loader) slothSLO(d *definition, at place, sloth slothv1.SLO) {
	slo := &SLO{
		Name: sloth.Name, Description: sloth.Description, Objective: sloth.Objective,
		Window: Window{Rolling: defaultWindow}, Position: at.position(),
	}
	if s := slug(sloth.Name); s != sloth.Name && s != "" && !sloNameRegexp.MatchString(sloth.Name) {
		slo.Name = s
		l.warning(at.key("name"), quote(sloth.Name)+" is read as "+quote(s), "nothing to do; SLO names are lower-case letters, digits and -")
	}
	ok := l.pass(at.key("name"), slo.Name, bounded(maxName), sloNameCheck)
	ok = l.pass(at.key("objective"), "", checkObjective(slo.Objective)) && ok
	if slo.Description != "" {
		l.pass(at.key("description"), slo.Description, bounded(maxText), printable(true))
	}
	if len(sloth.Labels) > 0 {
		l.warning(at.key("labels"), "labels of an SLO are ignored", "put them on the service")
	}
	if len(sloth.Plugins.Chain) > 0 {
		l.warning(at.key("plugins"), "plugins of Sloth are not run", "nothing to do, unless the SLO depends on them")
	}
	if alerting := sloth.Alerting; len(alerting.Labels)+len(alerting.Annotations) > 0 || changed(alerting.PageAlert) || changed(alerting.TicketAlert) {
		l.warning(at.key("alerting"), "labels, annotations and disabled alerts are not read", "nothing to do; alerts are generated for every SLO")
	}
	if slo.SLI.Prometheus = l.slothQueries(at.key("sli"), sloth.SLI); slo.SLI.Prometheus == nil || !ok {
		return
	}
	if d.has(slo.Name) {
		l.problem(at.key("name"), quote(slo.Name)+" exists twice", "give each SLO its own name")
		return
	}
	reachableAlerts(&l.reader, at, slo)
	d.SLOs = append(d.SLOs, slo)
}

func changed(a slothv1.Alert) bool { return a.Disable || len(a.Labels)+len(a.Annotations) > 0 }

func (l *loader) slothQueries(at place, sli slothv1.SLI) *Prometheus {
	query := func(at place, q string) (string, bool) {
		q = strings.TrimSpace(q)
		return q, l.pass(at, q, bounded(maxText), printable(true), checkQuery)
	}
	switch {
	case sli.Plugin != nil:
		l.problem(at.key("plugin"), "SLI plugins of Sloth cannot be expressed", "write the plugin's queries as events")
	case sli.Events != nil && sli.Raw != nil, sli.Events == nil && sli.Raw == nil:
		l.problem(at, "has no SLI, or more than one", "write events or raw")
	case sli.Events != nil:
		errors, ok1 := query(at.key("events", "error_query"), sli.Events.ErrorQuery)
		total, ok2 := query(at.key("events", "total_query"), sli.Events.TotalQuery)
		if ok1 && ok2 {
			return &Prometheus{Errors: errors, Total: total}
		}
	default:
		if ratio, ok := query(at.key("raw", "error_ratio_query"), sli.Raw.ErrorRatioQuery); ok {
			return &Prometheus{ErrorRatio: ratio}
		}
	}
	return nil
}

var prometheusLabel = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// Sloth writes the service as a Sloth prometheus/v1 spec. The Problems name the SLOs that
// Sloth cannot express, and why; the text has the others. It is nil if there are none.
func (s *Service) Sloth() ([]byte, Problems) {
	w := writer{service: s}
	spec := slothv1.Spec{Version: slothv1.Version, Service: s.Name, Labels: map[string]string{}}
	for _, key := range sortedKeys(s.Labels) {
		if !prometheusLabel.MatchString(key) {
			w.warning("the label "+quote(key)+" is not a valid Prometheus label and is left out", "use letters, digits and _")
			continue
		}
		spec.Labels[key] = s.Labels[key]
	}
	for key, value := range map[string]string{ownerLabel: s.Owner, namespaceLabel: s.Namespace} {
		if value != "" {
			spec.Labels[key] = value
		}
	}
	if s.Tier != defaultTier {
		spec.Labels[tierLabel] = strconv.Itoa(s.Tier)
	}
	if lost := s.lostIn("owner", "tier", "slos"); len(lost) > 0 {
		w.warning("Sloth has no field for "+strings.Join(lost, ", "), "keep them in a catalog document")
	}
	for _, slo := range s.SLOs {
		p := slo.SLI.Prometheus
		switch {
		case p == nil:
			w.slo(slo, "the collector counts its events, but Sloth supports only Prometheus queries", "write it as sli: {prometheus: …} to convert it")
			continue
		case slo.Window != Window{Rolling: defaultWindow}:
			w.slo(slo, "a Sloth spec has no window", "use 30d, or Sloth's --default-slo-period with the window left out")
			continue
		case len(slo.Resets) > 0:
			w.slo(slo, "Sloth cannot reset an error budget", "remove the resets")
			continue
		case slo.Formerly != "":
			w.slo(slo, "Sloth has no former names", "remove formerly")
			continue
		}
		sloth := slothv1.SLO{Name: slo.Name, Description: slo.Description, Objective: slo.Objective, Alerting: slothv1.Alerting{Name: "ErrorBudgetBurn"}}
		if p.ErrorRatio != "" {
			sloth.SLI.Raw = &slothv1.SLIRaw{ErrorRatioQuery: p.ErrorRatio}
		} else {
			sloth.SLI.Events = &slothv1.SLIEvents{ErrorQuery: p.Errors, TotalQuery: p.Total}
		}
		spec.SLOs = append(spec.SLOs, sloth)
	}
	if len(spec.SLOs) == 0 {
		return nil, w.problems
	}
	return w.documents(spec), w.problems
}

// lostIn are the keys of the spec that are set and not among those that can be written.
func (s *Service) lostIn(kept ...string) (lost []string) {
	for _, m := range specMembers {
		if !slices.Contains(kept, m.key) && m.write(s) != nil {
			lost = append(lost, m.key)
		}
	}
	return lost
}
