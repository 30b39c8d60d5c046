// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What has no value is colored neither as good nor as bad: a tile is grey, and a cell of a colored column is as the table is.
func TestNothingKnownIsNeitherGoodNorBad(t *testing.T) {
	tiles, columns := 0, 0
	for _, f := range generate(t, examples(t)...) {
		for _, p := range panelsOf(t, decode(t, f.JSON)) {
			if p["type"] == "stat" {
				tiles++
				assert.Equal(t, unknown, colorOfNothing(defaults(p)["mappings"]), "%s: %v", f.Path, p["title"])
			}
			if p["type"] != "table" || dataSource(p) != "prometheus" {
				continue
			}
			overrides := p["fieldConfig"].(map[string]any)["overrides"].([]any)
			matcher, all := override(overrides[0])
			require.Equal(t, "/.*/", matcher["options"], "%s: %v", f.Path, p["title"])
			for _, o := range overrides {
				matcher, own := override(o)
				if own["custom.cellOptions"] == nil {
					continue
				}
				columns++
				if own["mappings"] == nil {
					own["mappings"] = all["mappings"]
				}
				assert.Equal(t, "transparent", colorOfNothing(own["mappings"]), "%s: %v: %v", f.Path, p["title"], matcher["options"])
			}
		}
	}
	assert.Positive(t, tiles)
	assert.Positive(t, columns)
}

// override is which fields an override is for, and their properties.
func override(o any) (matcher, properties map[string]any) {
	properties = map[string]any{}
	for _, one := range o.(map[string]any)["properties"].([]any) {
		properties[one.(map[string]any)["id"].(string)] = one.(map[string]any)["value"]
	}
	return o.(map[string]any)["matcher"].(map[string]any), properties
}

// colorOfNothing is the color that mappings give to what has no value.
func colorOfNothing(mappings any) any {
	for _, m := range mappings.([]any) {
		if options := m.(map[string]any)["options"].(map[string]any); options["match"] == "null+nan" {
			return options["result"].(map[string]any)["color"]
		}
	}
	return nil
}
