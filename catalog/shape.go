// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"maps"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The catalog's fields are described once, in fields.go, as shapes. Reading, the fixes in
// error messages, writing, the JSON Schema and the reference page are derived from them.

// A shape is one form of YAML value and its Go type.
type shape[T any] struct {
	// read reports what is wrong and then returns false; into may be half filled by then.
	read func(r *reader, at place, into *T) bool
	// write is nil for a value that need not be written.
	write  func(T) *yaml.Node
	schema schema
	// name is the form's name in the reference; fields are its keys.
	name   string
	fields []fieldDoc
}

// A schema is a JSON Schema.
type schema map[string]any

// A member is one key of a mapping that is read into a T.
type member[T any] struct {
	key      string
	required bool
	read     func(r *reader, at place, into *T) bool
	write    func(*T) *yaml.Node
	absent   func(*T) // sets the default
	schema   schema
	doc      fieldDoc
}

// A fieldDoc is a line of the reference.
type fieldDoc struct {
	key, name, defaultText, text string
	required                     bool
	fields                       []fieldDoc
}

// need is a required key.
func need[T, V any](key, text string, s shape[V], at func(*T) *V) member[T] {
	m := may(key, text, s, at, *new(V))
	m.required, m.doc.required = true, true
	m.write = func(t *T) *yaml.Node { return s.write(*at(t)) }
	return m
}

// may is an optional key and its default.
func may[T, V any](key, text string, s shape[V], at func(*T) *V, otherwise V) member[T] {
	m := member[T]{
		key:    key,
		read:   func(r *reader, p place, t *T) bool { return s.read(r, p, at(t)) },
		absent: func(t *T) { *at(t) = otherwise },
		write: func(t *T) *yaml.Node {
			if v := *at(t); !reflect.DeepEqual(v, otherwise) {
				return s.write(v)
			}
			return nil
		},
		schema: schema{"description": text},
		doc:    fieldDoc{key: key, name: s.name, text: text, fields: s.fields},
	}
	maps.Copy(m.schema, s.schema)
	if node := writeDefault(s, otherwise); node != nil {
		m.doc.defaultText = inline(node)
		m.schema["default"] = plain(node)
	}
	return m
}

func writeDefault[V any](s shape[V], v V) *yaml.Node {
	if reflect.ValueOf(&v).Elem().IsZero() {
		return nil
	}
	return s.write(v)
}

// literal is a key with a fixed value.
func literal[T any](key, value, text string) member[T] {
	s := oneOf(value)
	return member[T]{
		key: key, required: true,
		read:   func(r *reader, at place, _ *T) bool { return s.read(r, at, new(string)) },
		write:  func(*T) *yaml.Node { return s.write(value) },
		schema: schema{"const": value, "description": text},
		doc:    fieldDoc{key: key, name: "`" + value + "`", text: text, required: true},
	}
}

// group is a key whose fields are those of T itself: metadata and spec.
func group[T any](key, text string, required bool, s shape[T]) member[T] {
	return member[T]{
		key: key, required: required,
		read: s.read,
		absent: func(t *T) { // all the defaults inside
			var none reader
			s.read(&none, place{node: &yaml.Node{Kind: yaml.MappingNode}}, t)
		},
		write: func(t *T) *yaml.Node {
			if node := s.write(*t); required || len(node.Content) > 0 {
				return node
			}
			return nil
		},
		schema: merge(schema{"description": text}, s.schema),
		doc:    fieldDoc{key: key, name: s.name, text: text, required: required, fields: s.fields},
	}
}

// A rule returns the problem of a mapping as a whole.
type rule[T any] func(r *reader, at place, t *T)

// object is a mapping of known keys.
func object[T any](members []member[T], rules ...rule[T]) shape[T] {
	s := shape[T]{name: "mapping"}
	keys := make([]string, len(members))
	properties, required := schema{}, []any{}
	for i, m := range members {
		keys[i] = m.key
		properties[m.key] = m.schema
		if m.required {
			required = append(required, m.key)
		}
		s.fields = append(s.fields, m.doc)
	}
	s.schema = schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s.schema["required"] = required
	}
	s.read = func(r *reader, at place, into *T) bool {
		if !r.mapping(at) {
			return false
		}
		before := r.errors
		r.checkKeys(at, keys)
		for _, m := range members {
			value, ok := at.lookup(m.key)
			switch {
			case ok && isNull(value.node):
				r.problem(value, "has no value", m.valueFix())
			case ok:
				m.read(r, value, into)
			case m.required:
				r.problem(at.key(m.key), "is missing", fmt.Sprintf("add %s: %s", m.key, firstSentence(m.doc.text)))
			case m.absent != nil:
				m.absent(into)
			}
		}
		for _, check := range rules {
			check(r, at, into)
		}
		return r.errors == before
	}
	s.write = func(t T) *yaml.Node {
		node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, m := range members {
			if value := m.write(&t); value != nil {
				node.Content = append(node.Content, textNode(m.key), value)
			}
		}
		return node
	}
	return s
}

// valueFix is what to write where a key has no value. Where all keys below it have defaults, it is an empty mapping.
func (m member[T]) valueFix() string {
	if m.schema["type"] == "object" && m.schema["required"] == nil && m.schema["properties"] != nil {
		return "write " + m.key + ": {} for its defaults, or delete the line"
	}
	return "add one, or delete the line"
}

// also adds conditions to the shape's schema that its members do not have.
func (s shape[T]) also(more schema) shape[T] {
	s.schema = merge(s.schema, more)
	return s
}

func merge(schemas ...schema) schema {
	all := schema{}
	for _, s := range schemas {
		maps.Copy(all, s)
	}
	return all
}

// pointer is a shape whose absence is nil.
func pointer[T any](s shape[T]) shape[*T] {
	return shape[*T]{
		read: func(r *reader, at place, into **T) bool {
			*into = new(T)
			return s.read(r, at, *into)
		},
		write: func(t *T) *yaml.Node {
			if t == nil {
				return nil
			}
			return s.write(*t)
		},
		schema: s.schema, name: s.name, fields: s.fields,
	}
}

// list is a sequence. Identical texts in it are an error.
func list[T any](s shape[T]) shape[[]T] {
	array := schema{"type": "array", "items": s.schema}
	if _, objects := s.schema["properties"]; !objects {
		array["uniqueItems"] = true
	}
	return shape[[]T]{
		name: "list of " + strings.Replace(s.name, "mapping", "mappings", 1), fields: s.fields,
		schema: array,
		read: func(r *reader, at place, into *[]T) bool {
			if at.node.Kind != yaml.SequenceNode {
				r.problem(at, "is "+kindName(at.node)+", not a list", "write [a, b], or one value per line after a dash")
				return false
			}
			*into = make([]T, 0, len(at.node.Content))
			ok := true
			seen := map[string]bool{}
			for i, node := range at.node.Content {
				item := at.item(i)
				var t T
				ok = s.read(r, item, &t) && ok
				if node.Kind == yaml.ScalarNode && seen[node.Value] {
					r.problem(item, quote(node.Value)+" exists twice", "delete one")
					ok = false
				}
				seen[node.Value] = true
				*into = append(*into, t)
			}
			if len(*into) == 0 {
				*into = nil
			}
			return ok
		},
		write: func(ts []T) *yaml.Node {
			if len(ts) == 0 {
				return nil
			}
			node := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
			for _, t := range ts {
				node.Content = append(node.Content, s.write(t))
			}
			if node.Content[0].Kind == yaml.ScalarNode {
				node.Style = yaml.FlowStyle
			}
			return node
		},
	}
}

// texts is a mapping of free keys to texts.
func texts(key, value shape[string]) shape[map[string]string] {
	return shape[map[string]string]{
		name:   "mapping of text",
		schema: schema{"type": "object", "additionalProperties": value.schema, "propertyNames": key.schema},
		read: func(r *reader, at place, into *map[string]string) bool {
			if !r.mapping(at) || !r.checkKeys(at, nil) {
				return false
			}
			ok := true
			for i := 0; i+1 < len(at.node.Content); i += 2 {
				var k, v string
				keyAt := place{file: at.file, node: at.node.Content[i], path: at.path}
				if key.read(r, keyAt, &k) && value.read(r, at.key(k), &v) {
					if *into == nil {
						*into = map[string]string{}
					}
					(*into)[k] = v
				} else {
					ok = false
				}
			}
			return ok
		},
		write: func(m map[string]string) *yaml.Node {
			if len(m) == 0 {
				return nil
			}
			node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			for _, k := range sortedKeys(m) {
				node.Content = append(node.Content, textNode(k), textNode(m[k]))
			}
			return node
		},
	}
}
