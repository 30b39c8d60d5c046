// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
	"encoding/json"
	"maps"
)

// SchemaID is the $id of the JSON Schema.
const SchemaID = "https://otelcol-sre.dev/schemas/catalog/v1/service.schema.json"

// JSONSchema is the JSON Schema (draft 2020-12) of a catalog document, for editors. It checks
// keys, types, patterns and bounds. Only the loader checks OTTL, PromQL and names that
// must be unique.
func JSONSchema() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(schema{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         SchemaID,
		"title":       "Service or Defaults",
		"description": "A service of the catalog and its objectives, or what services get that are not in it.",
		"if":          schema{"properties": schema{"kind": schema{"const": KindDefaults}}, "required": []any{"kind"}},
		"then":        merge(defaultsSchema(), schema{"title": KindDefaults}),
		"else":        merge(serviceShape.schema, schema{"title": Kind}),
	})
	return b.Bytes(), err
}

// defaultsSchema is that of Defaults. What these have in common with a service is there once.
func defaultsSchema() schema {
	spec := maps.Clone(defaultsSpecShape.schema["properties"].(schema))
	for _, m := range templateMembers() {
		spec[m.key] = schema{"$ref": "#/else/properties/spec/properties/" + m.key}
	}
	keys := maps.Clone(defaultsShape.schema["properties"].(schema))
	keys["spec"] = merge(keys["spec"].(schema), schema{"properties": spec})
	return merge(defaultsShape.schema, schema{"properties": keys})
}
