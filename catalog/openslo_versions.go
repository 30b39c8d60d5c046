// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	openslov1 "github.com/OpenSLO/go-sdk/pkg/openslo/v1"
)

// Documents of the other versions of OpenSLO are rewritten as v1. Their values keep their lines.

func (l *loader) openSLOv1(doc place, apiVersion string) (place, bool) {
	convert := map[string]func(*loader, place) bool{
		"openslo/v1alpha": (*loader).fromV1alpha, "openslo/v2alpha": (*loader).fromV2alpha, "openslo.com/v2alpha": (*loader).fromV2alpha,
		openSLOGroup: (*loader).fromObject,
	}[apiVersion]
	if convert == nil {
		l.problem(doc.key("apiVersion"), quote(apiVersion)+" is not read", "use "+string(openslov1.APIVersion))
		return place{}, false
	}
	if !convert(l, doc) {
		return place{}, false
	}
	rename(doc.node, "apiVersion", "apiVersion", textNode(string(openslov1.APIVersion)))
	return doc, true
}

// openSLOGroup is the apiVersion of OpenSLO's v1 as objects of Kubernetes, whose groups are names of a domain.
const openSLOGroup = "openslo.com/v1"

// fromObject leaves out what an object of Kubernetes has besides.
func (l *loader) fromObject(doc place) bool {
	if metadata := doc.key("metadata"); metadata.node.Kind == yaml.MappingNode {
		remove(metadata.node, "namespace")
	}
	return true
}

// rename renames a key of a mapping and, unless value is nil, replaces its value.
func rename(n *yaml.Node, from, to string, value *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key, old := n.Content[i], n.Content[i+1]; key.Value == from {
			key.Value = to
			if value != nil {
				value.Line, value.Column = old.Line, old.Column
				n.Content[i+1] = value
			}
		}
	}
}

func remove(n *yaml.Node, key string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			return
		}
	}
}

var v1alphaUnits = map[string]string{"Day": "d", "Week": "w", "Month": "M", "Quarter": "Q", "Year": "Y"}

// fromV1alpha: there, a ratio is in each objective, and a threshold metric has its source as text.
func (l *loader) fromV1alpha(doc place) bool {
	spec := doc.key("spec")
	if doc.text("kind") != "SLO" {
		return true
	}
	if windows, ok := spec.lookup("timeWindows"); ok && windows.node.Kind == yaml.SequenceNode {
		for i, w := range windows.node.Content {
			at := windows.item(i)
			count, err := strconv.Atoi(at.text("count"))
			unit, known := v1alphaUnits[at.text("unit")]
			if err != nil || !known {
				l.problem(at, "is not a window of days, weeks, months or quarters", "write unit: Day and count: 30")
				return false
			}
			remove(w, "count")
			rename(w, "unit", "duration", textNode(strconv.Itoa(count)+unit))
		}
		rename(spec.node, "timeWindows", "timeWindow", nil)
	}
	objectives := spec.key("objectives")
	if spec.text("budgetingMethod") == string(openslov1.SLOBudgetingMethodTimeslices) && objectives.node.Kind == yaml.SequenceNode {
		for _, objective := range objectives.node.Content {
			if objective.Kind == yaml.MappingNode {
				objective.Content = append(objective.Content, mappingAt(objective, "timeSliceWindow", "1m").Content...)
			}
		}
	}
	if threshold, ok := spec.key("indicator").lookup("thresholdMetric"); ok {
		source, ok := l.v1alphaSource(threshold)
		if !ok {
			return false
		}
		rename(spec.node, "indicator", "indicator", mappingAt(threshold.node,
			"metadata", mappingAt(threshold.node, "name", "indicator"), "spec", mappingAt(threshold.node, "thresholdMetric", source)))
		return true
	}
	if objectives.node.Kind != yaml.SequenceNode || len(objectives.node.Content) == 0 {
		return true // the SDK says what is wrong
	}
	ratio, ok := objectives.item(0).lookup("ratioMetrics")
	if !ok {
		return true
	}
	for i, node := range objectives.node.Content {
		other, ok := objectives.item(i).lookup("ratioMetrics")
		if !ok || i > 0 && inline(other.node) != inline(ratio.node) {
			l.problem(objectives.item(i), "has other ratioMetrics than the first objective", "write an SLO for each")
			return false
		}
		remove(node, "ratioMetrics")
		remove(node, "value")
	}
	good, okGood := l.v1alphaSource(ratio.key("good"))
	total, okTotal := l.v1alphaSource(ratio.key("total"))
	if !okGood || !okTotal {
		return false
	}
	counter := scalar("!!bool", strconv.FormatBool(ratio.text("incremental") == "true"))
	metric := mappingAt(ratio.node, "counter", counter, "good", good, "total", total)
	indicator := mappingAt(ratio.node, "indicator", mappingAt(ratio.node,
		"metadata", mappingAt(ratio.node, "name", "indicator"), "spec", mappingAt(ratio.node, "ratioMetric", metric)))
	spec.node.Content = append(spec.node.Content, indicator.Content...)
	return true
}

// v1alphaSource is a metric source of v1.
func (l *loader) v1alphaSource(at place) (*yaml.Node, bool) {
	query, ok := at.lookup("query")
	if !ok {
		l.problem(at.key("query"), "is missing", "add the query in PromQL")
		return nil, false
	}
	return mappingAt(at.node, "metricSource", mappingAt(at.node, "type", at.text("source"), "spec", mappingAt(query.node, "query", query.node))), true
}

// fromV2alpha: there, references have other names, and a source is not nested.
func (l *loader) fromV2alpha(doc place) bool {
	metadata, spec := doc.key("metadata").node, doc.key("spec")
	if metadata != nil && metadata.Kind == yaml.MappingNode {
		for _, labels := range metadata.Content {
			for i := 1; labels.Kind == yaml.MappingNode && i < len(labels.Content); i += 2 {
				labels.Content[i].Tag = "!!str"
			}
		}
	}
	for from, to := range map[string]string{"serviceRef": "service", "sli": "indicator", "sliRef": "indicatorRef"} {
		rename(spec.node, from, to, nil)
		for _, objective := range spec.key("objectives").node.Content {
			rename(objective, from, to, nil)
		}
	}
	var sources func(n *yaml.Node)
	sources = func(n *yaml.Node) {
		for i, child := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 1 {
				switch n.Content[i-1].Value {
				case "good", "bad", "total", "raw", "thresholdMetric":
					if child.Kind == yaml.MappingNode {
						n.Content[i] = mappingAt(child, "metricSource", v2alphaSource(child))
						continue
					}
				}
			}
			sources(child)
		}
	}
	sources(spec.node)
	return true
}

func v2alphaSource(n *yaml.Node) *yaml.Node {
	if inlined, ok := (place{node: n}).lookup("dataSourceSpec"); ok {
		rename(n, "dataSourceSpec", "type", textNode(strings.TrimSpace(inlined.text("type"))))
	}
	rename(n, "dataSourceRef", "metricSourceRef", nil)
	return n
}
