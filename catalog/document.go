// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"

	slothv1 "github.com/slok/sloth/pkg/prometheus/api/v1"
)

// parse reads the documents of one file. The loader keeps the results until finish.
func (l *loader) parse(file string, text []byte) {
	top := place{file: file}
	if len(text) > maxFileSize {
		l.problem(top, fmt.Sprintf("is longer than %d bytes", maxFileSize), "write one file per service")
		return
	}
	if i := invalidUTF8(text); i >= 0 {
		at := Position{File: file, Line: 1 + bytes.Count(text[:i], []byte("\n")), Column: i - bytes.LastIndexByte(text[:i], '\n')}
		l.add(Error, at, "", "is not UTF-8", "save the file as UTF-8")
		return
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			if l.withoutLines {
				l.problem(top, "is not YAML: "+explain(err), "correct the document")
				return
			}
			message, line := syntaxError(err, bytes.Count(text, []byte("\n"))+1)
			fix := "fix the YAML here or just above this line"
			if tab := indentedByTab(text, line); tab > 0 {
				message, fix, line = "is indented by a tab", "indent with spaces; YAML takes no tabs", tab
			}
			l.add(Error, Position{File: file, Line: line, Column: 1}, "", message, fix)
			return
		}
		if len(doc.Content) == 0 || isNull(doc.Content[0]) {
			continue // nothing between two separators
		}
		root := place{file: file, node: doc.Content[0]}
		if !l.expand(root) {
			continue
		}
		if root.node.Kind == yaml.SequenceNode { // OpenSLO allows a list of objects
			for i := range root.node.Content {
				l.document(root.item(i))
			}
			continue
		}
		l.document(root)
	}
}

// document reads one document of any of the known kinds.
func (l *loader) document(doc place) {
	if doc.node.Kind != yaml.MappingNode {
		l.problem(doc, "is "+kindName(doc.node)+", not a catalog document", "begin with apiVersion: "+APIVersion)
		return
	}
	apiVersion, version, kind := doc.text("apiVersion"), doc.text("version"), doc.text("kind")
	items, listed := doc.lookup("items")
	switch {
	case strings.HasSuffix(kind, "List") && listed && items.node.Kind == yaml.SequenceNode: // of Kubernetes
		for i := range items.node.Content {
			l.document(items.item(i))
		}
	case apiVersion == APIVersion && nearest.Word(kind, []string{Kind, KindDefaults}) == KindDefaults:
		l.readDefaults(doc)
	case apiVersion == APIVersion:
		l.readService(doc)
	case strings.HasPrefix(apiVersion, "openslo/"), strings.HasPrefix(apiVersion, "openslo.com/"):
		l.readOpenSLO(doc, apiVersion)
	case apiVersion == "" && version == slothv1.Version:
		l.readSloth(doc)
	case apiVersion == slothGroup:
		l.readSlothObject(doc, kind)
	case slices.Contains(pyrraGroups, apiVersion):
		l.readPyrra(doc, kind)
	case apiVersion == "":
		l.problem(doc, "has no apiVersion and kind", known)
	default:
		l.problem(doc.key("apiVersion"), quote(apiVersion)+" is not known", known)
	}
}

func (l *loader) readSlothObject(doc place, kind string) {
	switch kind {
	case "PrometheusServiceLevel":
		l.readPrometheusServiceLevel(doc)
	case "AlertWindows":
		l.readAlertWindows(doc)
	default:
		l.problem(doc.key("kind"), quote(kind)+" is not a kind of Sloth", "write PrometheusServiceLevel or AlertWindows")
	}
}

const known = "write apiVersion: " + APIVersion + " (openslo/v1, version: " + slothv1.Version + " and " + slothGroup + " of Sloth, and pyrra.dev/v1alpha1 are read too)"

// expand replaces aliases by their values, and rejects documents that would grow without
// bound.
func (l *loader) expand(doc place) bool {
	const inProgress = -1
	sizes := map[*yaml.Node]int{}
	var visit func(n *yaml.Node) (int, bool)
	visit = func(n *yaml.Node) (int, bool) {
		if size, ok := sizes[n]; ok {
			if size == inProgress {
				l.problem(place{file: doc.file, node: n}, "the anchor &"+cut(n.Anchor)+" contains itself", "write the value out")
			}
			return size, size != inProgress
		}
		sizes[n] = inProgress
		if l.withoutLines {
			n.Line, n.Column = 0, 0
		}
		size := 1 + len(n.Value)
		for i, child := range n.Content {
			if child.Kind == yaml.AliasNode {
				n.Content[i] = child.Alias
				child = child.Alias
			}
			childSize, ok := visit(child)
			if !ok {
				return 0, false
			}
			size += childSize
			if size > 2*maxFileSize {
				l.problem(place{file: doc.file, node: n}, "has aliases that expand to too much text", "write the values out")
				return 0, false
			}
		}
		sizes[n] = size
		return size, true
	}
	_, ok := visit(doc.node)
	return ok
}

func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// syntaxError extracts the line from a message of the YAML package, which reports it in no other
// way, and keeps it within the file.
func syntaxError(err error, lines int) (message string, line int) {
	m := yamlLine.FindStringSubmatch(err.Error())
	line, _ = strconv.Atoi(m[1])
	return "is not YAML: " + explain(errors.New(strings.TrimPrefix(err.Error(), m[0]))), min(max(line, 1), lines)
}

// indentedByTab is the number of the line that a tab indents, if it is one of two at which YAML ends, and otherwise 0.
func indentedByTab(text []byte, near int) int {
	number := 0
	for line := range bytes.Lines(text) {
		if number++; number > near+1 {
			break
		}
		if indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]; number >= near-1 && bytes.ContainsRune(indent, '\t') {
			return number
		}
	}
	return 0
}
