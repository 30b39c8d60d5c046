// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/nobl9/govy/pkg/govy"
	"go.yaml.in/yaml/v3"
)

// Documents of other projects are read into those projects' own Go types, whose JSON tags define
// the keys. A value that does not fit the type is a problem at its own line.

// decodeForeign fills *into with all values that fit, and reports whether all of them did.
func (r *reader) decodeForeign(doc place, into any) bool {
	before := r.errors
	r.checkForeign(doc, reflect.TypeOf(into).Elem())
	err := remarshal(respelled(doc.node, doc.spellings), into)
	if err != nil && r.errors == before {
		r.problem(doc, "cannot be read: "+explain(err), "compare it with the reference of the format")
	}
	return r.errors == before
}

// respelled is a value with its keys as they are read.
func respelled(n *yaml.Node, spellings map[string]string) *yaml.Node {
	if len(spellings) == 0 || len(n.Content) == 0 {
		return n
	}
	same := *n
	same.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		same.Content[i] = respelled(child, spellings)
		if name := spellings[child.Value]; name != "" && n.Kind == yaml.MappingNode && i%2 == 0 {
			same.Content[i] = textNode(name)
		}
	}
	return &same
}

func remarshal(n *yaml.Node, into any) error {
	text, err := json.Marshal(plain(n))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func (r *reader) checkForeign(at place, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if isNull(at.node) {
		return // JSON's null: as if the key were not there
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) || implementsText(t) {
		if err := remarshal(at.node, reflect.New(t).Interface()); err != nil {
			r.problem(at, "cannot be read: "+explain(err), "compare it with the reference of the format")
		}
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if !r.mapping(at) {
			return
		}
		fields := jsonFields(t)
		r.checkKeys(at, sortedKeys(fields))
		for key, fieldType := range fields {
			if value, ok := at.lookup(key); ok {
				r.checkForeign(value, fieldType)
			}
		}
	case reflect.Map:
		if r.mapping(at) && r.checkKeys(at, nil) {
			for i := 0; i+1 < len(at.node.Content); i += 2 {
				r.checkForeign(at.key(at.node.Content[i].Value), t.Elem())
			}
		}
	case reflect.Slice:
		if at.node.Kind != yaml.SequenceNode {
			r.problem(at, "is "+kindName(at.node)+", not a list", "write one value per line after a dash")
			return
		}
		for i := range at.node.Content {
			r.checkForeign(at.item(i), t.Elem())
		}
	case reflect.Interface:
	default:
		if err := remarshal(at.node, reflect.New(t).Interface()); err != nil {
			r.problem(at, "is "+kindName(at.node)+", not "+foreignKind(t.Kind()), "correct the value")
		}
	}
}

func foreignKind(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "a boolean"
	default:
		return "a number"
	}
}

func implementsText(t reflect.Type) bool {
	_, ok := reflect.TypeAssert[interface{ UnmarshalText([]byte) error }](reflect.New(t))
	return ok
}

// jsonFields are the keys of a struct type, those of embedded structs included.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if key, _, _ := strings.Cut(f.Tag.Get("json"), ","); key != "" && key != "-" {
			fields[key] = f.Type
		}
	}
	return fields
}

// checkSDK reports what OpenSLO's own validation finds.
func (r *reader) checkSDK(at place, err error) {
	var invalid *govy.ValidatorError
	if !errors.As(err, &invalid) {
		if err != nil {
			r.problem(at, explain(err), openSLOFix)
		}
		return
	}
	for _, property := range invalid.Errors {
		for _, broken := range property.Errors {
			r.problem(at.follow(property.PropertyPath.String()), onOneLine(truncate(broken.Message, maxReason)), openSLOFix)
		}
	}
}

const openSLOFix = "see the OpenSLO v1 specification"

// follow walks a path such as $.spec.objectives[0].target.
func (p place) follow(path string) place {
	for _, step := range strings.FieldsFunc(path, func(c rune) bool { return c == '.' || c == '[' || c == ']' }) {
		if step == "$" {
			continue
		}
		if i, err := strconv.Atoi(step); err == nil {
			p = p.item(i)
		} else {
			p = p.key(strings.Trim(step, `'"`))
		}
	}
	return p
}
