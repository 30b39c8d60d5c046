// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"
)

// A reader collects the problems of all files.
type reader struct {
	problems Problems
	errors   int // how many of the problems are errors
}

func (r *reader) add(severity Severity, at Position, path, message, fix string) {
	if severity == Error {
		r.errors++
	}
	r.problems = append(r.problems, Problem{Severity: severity, Position: at, Path: onOneLine(truncate(path, maxReason)), Message: message, Fix: fix})
}

func (r *reader) problem(at place, message, fix string) {
	r.add(Error, at.position(), at.path, message, fix)
}

func (r *reader) warning(at place, message, fix string) {
	r.add(Warning, at.position(), at.path, message, fix)
}

// A place is a value in a file and its path of keys.
type place struct {
	file string
	node *yaml.Node
	path string
	// spellings are other spellings of keys, and the ones that they are read as.
	spellings map[string]string
}

func (p place) position() Position {
	if p.node == nil {
		return Position{File: p.file}
	}
	return Position{File: p.file, Line: p.node.Line, Column: p.node.Column}
}

// lookup finds the value of a key of a mapping.
func (p place) lookup(key string) (place, bool) {
	if p.node != nil && p.node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(p.node.Content); i += 2 {
			if k := p.node.Content[i]; k.Kind == yaml.ScalarNode && (k.Value == key || p.spellings[k.Value] == key) {
				return place{file: p.file, node: p.node.Content[i+1], path: joinPath(p.path, k.Value), spellings: p.spellings}, true
			}
		}
	}
	return place{}, false
}

// key is the value of a key; if there is none, the place where it is missing.
func (p place) key(keys ...string) place {
	for _, key := range keys {
		if value, ok := p.lookup(key); ok {
			p = value
		} else {
			p.path = joinPath(p.path, key)
		}
	}
	return p
}

// item is the i-th value of a sequence.
func (p place) item(i int) place {
	path := p.path + "[" + strconv.Itoa(i) + "]"
	if p.node != nil && p.node.Kind == yaml.SequenceNode && i < len(p.node.Content) {
		return place{file: p.file, node: p.node.Content[i], path: path, spellings: p.spellings}
	}
	return place{file: p.file, node: p.node, path: path, spellings: p.spellings}
}

// text is the value of a key if it is a scalar.
func (p place) text(key string) string {
	if value, ok := p.lookup(key); ok && value.node.Kind == yaml.ScalarNode {
		return value.node.Value
	}
	return ""
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (r *reader) mapping(at place) bool {
	if at.node.Kind == yaml.MappingNode {
		return true
	}
	r.problem(at, "is "+kindName(at.node)+", not a mapping", "write key: value pairs, or {}")
	return false
}

// checkKeys reports duplicate keys and, unless known is nil, unknown keys.
func (r *reader) checkKeys(at place, known []string) bool {
	ok := true
	lines := make(map[string]int, len(at.node.Content)/2)
	for i := 0; i+1 < len(at.node.Content); i += 2 {
		k := at.node.Content[i]
		keyAt := place{file: at.file, node: k, path: at.path}
		if k.Kind != yaml.ScalarNode {
			r.problem(keyAt, "a key is "+kindName(k), "write a plain word")
			ok = false
			continue
		}
		keyAt.path = joinPath(at.path, k.Value)
		name := cmp.Or(at.spellings[k.Value], k.Value)
		first, twice := lines[name]
		switch {
		case k.Tag == "!!merge":
			r.problem(keyAt, "merge keys are not supported", "write the keys out")
			ok = false
		case twice:
			r.problem(keyAt, fmt.Sprintf("exists twice, first in line %d", first), "delete one")
			ok = false
		case known != nil && !slices.Contains(known, name):
			r.problem(keyAt, "is not known", meant(k.Value, known))
			ok = false
		}
		if !twice {
			lines[name] = k.Line
		}
	}
	return ok
}

// meant is the fix for an unknown word.
func meant(word string, known []string) string {
	if best := nearest.Word(word, known); best != "" {
		return "did you mean " + best + "?"
	}
	return "allowed: " + strings.Join(known, ", ")
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// kindName names a value of the wrong kind in a message.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "empty"
	case "!!int", "!!float":
		return "the number " + cut(n.Value)
	case "!!bool":
		return "the boolean " + cut(n.Value)
	default:
		return "the text " + quote(n.Value)
	}
}

// Bounds in bytes of text in a message: of a file's text, and of another package's error.
const (
	maxQuoted = 80
	maxReason = 300
)

// quote writes a text from a file for a message: bounded, on one line.
func quote(s string) string { return strconv.Quote(truncate(s, maxQuoted)) }

// cut is quote without the quotes.
func cut(s string) string { return onOneLine(truncate(s, maxQuoted)) }

// explain writes an error of another package for a message.
func explain(err error) string { return onOneLine(truncate(err.Error(), maxReason)) }

func onOneLine(s string) string {
	q := strconv.Quote(s)
	return unquote.Replace(q[1 : len(q)-1])
}

var unquote = strings.NewReplacer(`\"`, `"`, `\\`, `\`)

func truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
