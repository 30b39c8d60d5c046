// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	slothv1 "github.com/slok/sloth/pkg/prometheus/api/v1"
	"go.yaml.in/yaml/v3"
)

// Sloth writes the service as a Sloth prometheus/v1 spec. The Problems name the SLOs that
// Sloth cannot express, and why; the text has the others. It is nil if there are none.
func (s *Service) Sloth() ([]byte, Problems) {
	w := writer{service: s}
	spec := w.slothSpec()
	if len(spec.SLOs) == 0 {
		return nil, w.problems
	}
	return w.documents(spec), w.problems
}

// PrometheusServiceLevel writes the service as Sloth's Kubernetes object, as Sloth does.
func (s *Service) PrometheusServiceLevel() ([]byte, Problems) {
	w := writer{service: s}
	spec := w.slothSpec()
	if len(spec.SLOs) == 0 {
		return nil, w.problems
	}
	spec.Version = ""
	node, err := jsonNode(spec)
	if err != nil {
		w.add(Error, s.Position, "", "cannot be written: "+explain(err), "")
		return nil, w.problems
	}
	camelCase(node)
	remove(node, "version")
	document := mappingAt(node, "apiVersion", slothGroup, "kind", "PrometheusServiceLevel", "metadata", mappingAt(node, "name", objectName(s.Slug())), "spec", node)
	text, err := marshal(document)
	if err != nil {
		w.add(Error, s.Position, "", "cannot be written: "+explain(err), "")
		return nil, w.problems
	}
	return text, w.problems
}

// camelCase writes keys as Sloth's Kubernetes objects have them.
func camelCase(n *yaml.Node) {
	for i, child := range n.Content {
		camelCase(child)
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			for camel, snake := range slothSpellings {
				if child.Value == snake {
					child.Value = camel
				}
			}
		}
	}
}

// objectName is a name of a Kubernetes object.
func objectName(name string) string {
	if object := slug(name); object != "" {
		return object[:min(len(object), 63)]
	}
	return "service"
}

func (w *writer) slothSpec() slothv1.Spec {
	s := w.service
	spec := slothv1.Spec{Version: slothv1.Version, Service: s.Name, Labels: w.prometheusLabels(s.Labels, "")}
	for key, value := range map[string]string{ownerLabel: s.Owner, namespaceLabel: s.Namespace} {
		if value != "" {
			spec.Labels[key] = value
		}
	}
	if s.Tier != defaultTier {
		spec.Labels[tierLabel] = strconv.Itoa(s.Tier)
	}
	if lost := s.lostIn("owner", "tier", "slos", "alerts"); len(lost) > 0 {
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
		case slo.Budgeting.Method != Occurrences:
			w.slo(slo, "Sloth has no budget of time slices", "delete budgeting")
			continue
		case len(slo.Resets) > 0:
			w.slo(slo, "Sloth cannot reset an error budget", "remove the resets")
			continue
		case len(slo.Maintenance)+len(slo.OperatingHours)+len(slo.Corrections) > 0:
			w.slo(slo, "Sloth has no maintenance, operating hours and corrections", "remove them, or write them for the service")
			continue
		case slo.Formerly != "":
			w.slo(slo, "Sloth has no former names", "remove formerly")
			continue
		}
		spec.SLOs = append(spec.SLOs, w.slothSLO(slo))
	}
	return spec
}

// prometheusLabels are the labels that Prometheus takes.
func (w *writer) prometheusLabels(labels map[string]string, of string) map[string]string {
	written := map[string]string{}
	for _, key := range sortedKeys(labels) {
		if !prometheusLabel.MatchString(key) || slices.Contains(reservedLabels, key) {
			w.warning("the label "+quote(key)+of+" is not a valid Prometheus label and is left out", "use letters, digits and _")
			continue
		}
		written[key] = labels[key]
	}
	return written
}

func (w *writer) slothSLO(slo *SLO) slothv1.SLO {
	s, p := w.service, slo.SLI.Prometheus
	a := s.Alerting(slo)
	if lost := lostAlerting(s, slo); len(lost) > 0 {
		w.warning("SLO "+quote(slo.Name)+": Sloth has no field for "+strings.Join(lost, ", "), "keep them in a catalog document")
	}
	alert := func(severity string, text AlertText) slothv1.Alert {
		if word := a.Word(severity); word != severity {
			set(&text.Labels, "severity", word)
		}
		return slothv1.Alert{Disable: slices.Contains(a.Disable, severity), Labels: text.Labels, Annotations: text.Annotations}
	}
	sloth := slothv1.SLO{
		Name: slo.Name, Description: slo.Description, Objective: slo.Objective, Labels: w.prometheusLabels(slo.Labels, " of SLO "+quote(slo.Name)),
		Alerting: slothv1.Alerting{
			Name: a.Name, Labels: a.Labels, Annotations: a.Annotations, PageAlert: alert(PageSeverity, a.Page), TicketAlert: alert(TicketSeverity, a.Ticket),
		},
	}
	if a.Name == "" {
		sloth.Alerting.Name = "ErrorBudgetBurn"
	}
	if p.ErrorRatio != "" {
		sloth.SLI.Raw = &slothv1.SLIRaw{ErrorRatioQuery: s.grouped(slo, "max", p.ErrorRatio)}
	} else {
		sloth.SLI.Events = &slothv1.SLIEvents{ErrorQuery: s.errorQuery(slo), TotalQuery: s.grouped(slo, "sum", p.Total)}
	}
	return sloth
}

// lostAlerting are the settings of alerts, and of groups, that are no labels.
func lostAlerting(s *Service, slo *SLO) (lost []string) {
	a := s.Alerting(slo)
	if len(a.Pairs) > 0 {
		lost = append(lost, "alerts.pairs")
	}
	if a.MinimumFailures != 0 {
		lost = append(lost, "alerts.minimumFailures")
	}
	if slices.ContainsFunc(a.Disable, func(name string) bool { return name != PageSeverity && name != TicketSeverity }) {
		lost = append(lost, "alerts.disable of single alerts")
	}
	if slo.MaxGroups != 0 {
		lost = append(lost, "maxGroups")
	}
	if s.EnvironmentOf(slo) != DefaultEnvironmentLabel {
		lost = append(lost, "environmentLabel")
	}
	return lost
}

// kept are the labels that distinguish results of the SLO's queries.
func (s *Service) kept(slo *SLO) []string {
	return append([]string{s.EnvironmentOf(slo)}, slo.GroupBy...)
}

// grouped is a query that keeps the labels of the SLO's groups, by itself or by an aggregation.
func (s *Service) grouped(slo *SLO, function, query string) string {
	labels, ok := labelsOf(query)
	if len(slo.GroupBy) == 0 || ok && len(without(slo.GroupBy, labels...)) == 0 && len(without(labels, s.kept(slo)...)) == 0 {
		return query
	}
	return fmt.Sprintf("%s by (%s) (%s)", function, strings.Join(s.kept(slo), ", "), query)
}

// errorQuery counts bad events. Where only all and the good ones are counted, good events without a result are 0.
func (s *Service) errorQuery(slo *SLO) string {
	p := slo.SLI.Prometheus
	if p.Errors != "" {
		return s.grouped(slo, "sum", p.Errors)
	}
	by := func(query string) string { return sumBy(s.kept(slo), query) }
	return fmt.Sprintf("%s - (%s or 0 * %s)", by(p.Total), by(p.Good), by(p.Total))
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
