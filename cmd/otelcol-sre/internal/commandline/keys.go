// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package commandline

import (
	"maps"
	"reflect"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/otelcol"
)

// sections are the top-level keys of a config.
var sections = []string{"receivers", "processors", "exporters", "connectors", "extensions", "service"}

// types are the types of components of a section.
func types(factories otelcol.Factories, section string) (names []string) {
	for name := range factoriesOf(factories, section) {
		names = append(names, name.String())
	}
	return names
}

func factoriesOf(factories otelcol.Factories, section string) map[component.Type]component.Factory {
	switch section {
	case "receivers":
		return general(factories.Receivers)
	case "processors":
		return general(factories.Processors)
	case "exporters":
		return general(factories.Exporters)
	case "connectors":
		return general(factories.Connectors)
	case "extensions":
		return general(factories.Extensions)
	}
	return nil
}

func general[F component.Factory](factories map[component.Type]F) map[component.Type]component.Factory {
	out := make(map[component.Type]component.Factory, len(factories))
	for name, factory := range factories {
		out[name] = factory
	}
	return out
}

// keysAt are the keys that a component has at a path, or nil if its Go type does not say.
func keysAt(factories otelcol.Factories, section, id string, path []string) []string {
	name, _, _ := strings.Cut(id, "/")
	typ, err := component.NewType(name)
	if err != nil {
		return nil
	}
	factory := factoriesOf(factories, section)[typ]
	if factory == nil {
		return nil
	}
	at := reflect.TypeOf(factory.CreateDefaultConfig())
	for _, key := range path {
		if at = fields(at)[strings.ToLower(key)]; at == nil {
			return nil
		}
	}
	var keys []string
	for key := range fields(at) {
		keys = append(keys, key)
	}
	return keys
}

// fields are the keys of a config struct, with those of structs that are squashed into it.
func fields(t reflect.Type) map[string]reflect.Type {
	t = inner(t)
	found := map[string]reflect.Type{}
	if t == nil || t.Kind() != reflect.Struct {
		return found
	}
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
		switch {
		case strings.Contains(options, "squash"):
			maps.Copy(found, fields(field.Type))
		case name != "" && name != "-":
			found[name] = field.Type
		}
	}
	return found
}

// inner is what a pointer or a configoptional.Optional holds.
func inner(t reflect.Type) reflect.Type {
	for t != nil {
		switch {
		case t.Kind() == reflect.Pointer:
			t = t.Elem()
		case t.Kind() == reflect.Struct && strings.HasPrefix(t.Name(), "Optional["):
			value, ok := t.FieldByName("value")
			if !ok {
				return nil
			}
			t = value.Type
		default:
			return t
		}
	}
	return t
}
