// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
	"encoding/json"
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
	err := encoder.Encode(merge(serviceShape.schema, schema{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"$id":         SchemaID,
		"title":       "Service",
		"description": "A service of the catalog and its objectives.",
	}))
	return b.Bytes(), err
}
