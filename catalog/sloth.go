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

// slothSpellings are the keys of Sloth's Kubernetes objects, and the same keys in its files.
var slothSpellings = map[string]string{
	"errorQuery": "error_query", "totalQuery": "total_query", "errorRatioQuery": "error_ratio_query",
	"pageAlert": "page_alert", "ticketAlert": "ticket_alert", "sloPlugins": "slo_plugins",
}

// A slothSLO is an SLO of Sloth, which has no period and no windows of its own.
type slothSLO struct {
	*SLO
	at place
}

// readSloth reads a Sloth spec: one service with all its SLOs.
func (l *loader) readSloth(doc place) {
	doc.spellings = slothSpellings
	l.slothSpec(doc, doc)
}

// readPrometheusServiceLevel reads Sloth's Kubernetes object.
func (l *loader) readPrometheusServiceLevel(doc place) {
	spec, ok := doc.lookup("spec")
	if !ok {
		l.problem(doc.key("spec"), "is missing", "add spec: with service and slos")
		return
	}
	spec.spellings = slothSpellings
	l.slothSpec(doc, spec)
}

func (l *loader) slothSpec(doc, at place) {
	d := &definition{Service: &Service{Tier: defaultTier, Position: doc.position()}, at: at, name: at.key("service"), joins: true}
	l.services = append(l.services, d)
	before := l.errors
	defer func() { d.broken = l.errors > before }()

	var spec slothv1.Spec
	textLabels(at.node)
	l.decodeForeign(at, &spec) // the rest is checked too, so that all problems are reported at once
	if l.pass(at.key("service"), spec.Service, append([]check{bounded(maxName)}, nameChecks...)...) {
		d.Name = spec.Service
	}
	l.refusePlugins(at.key("slo_plugins"), spec.SLOPlugins)
	l.slothLabels(d, spec.Labels)
	for i, sloth := range spec.SLOs {
		l.slothSLO(d, at.key("slos").item(i), spec, sloth)
	}
}

// textLabels makes the values of labels and annotations text, as Sloth's own reader does: true and
// 0.2 are labels like any other.
func textLabels(n *yaml.Node) {
	for i, child := range n.Content {
		textLabels(child)
		if n.Kind != yaml.MappingNode || i%2 == 0 || child.Kind != yaml.MappingNode {
			continue
		}
		if key := n.Content[i-1].Value; key == "labels" || key == "annotations" || key == "options" {
			for j := 1; j < len(child.Content); j += 2 {
				if value := child.Content[j]; value.Kind == yaml.ScalarNode && !isNull(value) {
					value.Tag = "!!str"
				}
			}
		}
	}
}

// needless are the plugins of Sloth whose work the rules do anyway.
var needless = []string{
	"sloth.dev/core/", "sloth.dev/contrib/denominator_corrected_rules/", "sloth.dev/contrib/error_budget_exhausted_alert/",
}

// refusePlugins reports each plugin that would change the rules.
func (l *loader) refusePlugins(at place, plugins slothv1.SLOPlugins) {
	for i, plugin := range plugins.Chain {
		if !slices.ContainsFunc(needless, func(prefix string) bool { return strings.HasPrefix(plugin.ID, prefix) }) {
			l.problem(at.key("chain").item(i), "the plugin "+quote(plugin.ID)+" of Sloth cannot be run", "delete it, and write what it does as fields of the catalog")
		}
	}
}

// slothLabels keeps the labels, which are on all rules, and fills the fields that some of them mean.
func (l *loader) slothLabels(d *definition, labels map[string]string) {
	for _, key := range sortedKeys(labels) {
		at, value := d.at.key("labels", key), labels[key]
		if value == "" || !l.passLabel(at, key, value) {
			continue
		}
		number, err := strconv.Atoi(value)
		if key == namespaceLabel {
			if l.pass(at, value, nameChecks...) {
				d.Namespace = value
			}
			continue
		}
		switch {
		case key == ownerLabel:
			d.Owner = value
		case key == tierLabel && err == nil && number >= 1 && number <= 4:
			d.Tier = number
		}
		set(&d.Labels, key, value) // Sloth has it on its rules
	}
}

func set(m *map[string]string, key, value string) {
	if *m == nil {
		*m = map[string]string{}
	}
	(*m)[key] = value
}

// passLabel checks a label that comes to rules and alerts.
func (l *loader) passLabel(at place, key, value string) bool {
	return l.pass(at, key, matches(prometheusLabel, "is not a label name of Prometheus", "use letters, digits and _"), notReserved) &&
		l.pass(at, value, bounded(maxName), printable(false))
}

func (l *loader) passLabels(at place, labels map[string]string) map[string]string {
	var passed map[string]string
	for _, key := range sortedKeys(labels) {
		if labels[key] != "" && l.passLabel(at.key(key), key, labels[key]) {
			set(&passed, key, labels[key])
		}
	}
	return passed
}

// passTexts are labels or annotations of alerts, which are templates.
func (l *loader) passTexts(at place, key string, texts map[string]string) map[string]string {
	var passed map[string]string
	for _, name := range sortedKeys(texts) {
		valueAt, value := at.key(key, name), texts[name]
		checks := []check{bounded(maxText), printable(true), checkTemplate}
		if key == "labels" {
			checks[0] = bounded(maxName)
		}
		if l.pass(valueAt, name, matches(prometheusLabel, "is not a label name of Prometheus", "use letters, digits and _"), notReserved) && l.pass(valueAt, value, checks...) && value != "" {
			set(&passed, name, value)
		}
	}
	return passed
}

func (l *loader) slothSLO(d *definition, at place, spec slothv1.Spec, sloth slothv1.SLO) {
	slo := &SLO{
		Name: sloth.Name, Description: sloth.Description, Objective: sloth.Objective,
		Window: Window{Rolling: defaultWindow}, Position: at.position(),
	}
	if s := slug(sloth.Name); s != sloth.Name && s != "" && !sloNameRegexp.MatchString(sloth.Name) {
		slo.Name = s
		l.warning(at.key("name"), quote(sloth.Name)+" is read as "+quote(s), "nothing to do; SLO names are letters, digits, - _ and .")
	}
	ok := l.pass(at.key("name"), slo.Name, bounded(maxName), sloNameCheck)
	ok = l.pass(at.key("objective"), "", checkObjective(slo.Objective), likelyObjective(slo.Objective)) && ok
	if slo.Description != "" {
		l.pass(at.key("description"), slo.Description, bounded(maxText), printable(true))
	}
	slo.Labels = l.passLabels(at.key("labels"), sloth.Labels)
	l.refusePlugins(at.key("plugins"), sloth.Plugins)
	slo.Alerts = l.slothAlerting(at.key("alerting"), sloth.Alerting)
	fill := slothVariables(spec, sloth)
	if slo.SLI.Prometheus = l.slothQueries(at.key("sli"), sloth.SLI, fill); slo.SLI.Prometheus == nil || !ok {
		return
	}
	if d.has(slo.Name) {
		l.problem(at.key("name"), quote(slo.Name)+" exists twice", "give each SLO its own name")
		return
	}
	d.group(&l.reader, at.key("sli"), slo)
	d.SLOs = append(d.SLOs, slo)
	l.slothSLOs = append(l.slothSLOs, slothSLO{slo, at})
}

func (l *loader) slothAlerting(at place, sloth slothv1.Alerting) Alerting {
	a := Alerting{Name: sloth.Name, Labels: l.passTexts(at, "labels", sloth.Labels), Annotations: l.passTexts(at, "annotations", sloth.Annotations)}
	if a.Name != "" {
		l.pass(at.key("name"), a.Name, bounded(maxName), matches(alertNameRegexp, "is not a name of an alert", "use letters, digits and _"))
	}
	for _, one := range []struct {
		key, severity string
		sloth         slothv1.Alert
		into          *AlertText
	}{{"page_alert", PageSeverity, sloth.PageAlert, &a.Page}, {"ticket_alert", TicketSeverity, sloth.TicketAlert, &a.Ticket}} {
		if one.sloth.Disable {
			a.Disable = append(a.Disable, one.severity)
		}
		key := at.key(one.key)
		one.into.Labels, one.into.Annotations = l.passTexts(key, "labels", one.sloth.Labels), l.passTexts(key, "annotations", one.sloth.Annotations)
	}
	return a
}

// slothVariables replaces the template variables of a query that are known before any window is.
func slothVariables(spec slothv1.Spec, slo slothv1.SLO) func(string) string {
	values := map[string]string{"service": spec.Service, "slo": slo.Name, "objective": formatNumber(slo.Objective)}
	for _, labels := range []map[string]string{spec.Labels, slo.Labels} {
		for key, value := range labels {
			values["labels."+key] = value
		}
	}
	return func(query string) string {
		return templateVariable.ReplaceAllStringFunc(query, func(variable string) string {
			if value, ok := values[templateVariable.FindStringSubmatch(variable)[1]]; ok && !strings.ContainsAny(value, "\"\\'`{}\n") {
				return value
			}
			return variable
		})
	}
}

var templateVariable = regexp.MustCompile(`\{\{-?\s*\.([a-zA-Z_][a-zA-Z0-9_.]*)\s*-?\}\}`)

func (l *loader) slothQueries(at place, sli slothv1.SLI, fill func(string) string) *Prometheus {
	query := func(at place, q string) (string, bool) {
		q = fill(strings.TrimSpace(q))
		return q, l.pass(at, q, bounded(maxText), printable(true), checkQuery)
	}
	switch {
	case sli.Plugin != nil:
		l.problem(at.key("plugin"), "the SLI plugin "+quote(sli.Plugin.ID)+" of Sloth cannot be run", "write the plugin's queries as events")
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
