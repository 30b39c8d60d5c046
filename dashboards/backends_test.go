// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// kindsOf are the kinds of data sources that panels ask, and those that can be chosen.
func kindsOf(d map[string]any) (asked, chosen []string) {
	add := func(kinds []string, kind any) []string {
		if name, ok := kind.(string); ok && !slices.Contains(kinds, name) {
			kinds = append(kinds, name)
		}
		return kinds
	}
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if source, ok := v["datasource"].(map[string]any); ok {
				asked = add(asked, source["type"])
			}
			for _, inside := range v {
				look(inside)
			}
		case []any:
			for _, inside := range v {
				look(inside)
			}
		}
	}
	look(d["panels"])
	for _, one := range d["templating"].(map[string]any)["list"].([]any) {
		if variable := one.(map[string]any); variable["type"] == "datasource" {
			chosen = add(chosen, variable["query"])
		}
	}
	return asked, chosen
}

// placesOf are the panels' rectangles, of one line of rows after the other; a row without panels is an error.
func placesOf(t *testing.T, d map[string]any) (all [][4]float64) {
	t.Helper()
	place := func(panel map[string]any) {
		at := panel["gridPos"].(map[string]any)
		x, _ := at["x"].(float64)
		y, _ := at["y"].(float64)
		all = append(all, [4]float64{x, y, at["w"].(float64), at["h"].(float64)})
	}
	panels := d["panels"].([]any)
	for i, one := range panels {
		panel := one.(map[string]any)
		if panel["type"] != "row" {
			place(panel)
			continue
		}
		if panel["collapsed"] == true {
			require.NotEmpty(t, panel["panels"], panel["title"])
			continue
		}
		require.Less(t, i+1, len(panels), panel["title"])
		require.NotEqual(t, "row", panels[i+1].(map[string]any)["type"], panel["title"])
	}
	return all
}

// Of every choice of backends, the dashboards have panels and variables of those alone, nothing empty, no gap and no overlap; with all of them
// they are what they were.
func TestPanelsOfMissingBackendsAreLeftOut(t *testing.T) {
	services := append(examples(t), &catalog.Service{Name: "empty"})
	whole := map[string]string{}
	for choice := range 1 << len(Backends) {
		having := []string{}
		for i, kind := range Backends {
			if choice&(1<<i) != 0 {
				having = append(having, kind)
			}
		}
		o := DefaultOptions()
		var err error
		o.Without, err = Without(having)
		require.NoError(t, err)
		files, _ := Generate(services, o)
		everywhere := []string{}
		for _, f := range files {
			if len(having) == len(Backends) {
				whole[f.Path] = string(f.JSON)
			}
			d := decode(t, f.JSON)
			asked, chosen := kindsOf(d)
			assert.Subset(t, append([]string{"prometheus", "grafana", "datasource"}, having...), asked, f.Path)
			assert.Subset(t, append([]string{"prometheus"}, having...), chosen, f.Path)
			for _, kind := range asked {
				if slices.Contains(Backends, kind) {
					assert.Contains(t, chosen, kind, f.Path)
					everywhere = append(everywhere, kind)
				}
			}
			names := map[string]bool{}
			for _, one := range d["templating"].(map[string]any)["list"].([]any) {
				names[one.(map[string]any)["name"].(string)] = true
			}
			walk(d, func(_, text string) {
				for _, m := range variable.FindAllStringSubmatch(text, -1) {
					for _, known := range []string{variableLoki, variableTempo, variableElasticsearch, variableJaeger, variableCorrelation} {
						assert.False(t, m[1]+m[2]+m[4] == known && !names[known], "%s: %s", f.Path, text)
					}
				}
			})
			places := placesOf(t, d)
			for i, a := range places {
				assert.LessOrEqual(t, a[0]+a[2], float64(gridWidth), f.Path)
				for _, b := range places[:i] {
					apart := a[0]+a[2] <= b[0] || b[0]+b[2] <= a[0] || a[1]+a[3] <= b[1] || b[1]+b[3] <= a[1]
					assert.True(t, apart, "%s: %v %v", f.Path, a, b)
				}
			}
		}
		for _, kind := range having {
			assert.Contains(t, everywhere, kind)
		}
	}
	files, _ := Generate(services, DefaultOptions())
	for _, f := range files {
		assert.Equal(t, whole[f.Path], string(f.JSON), f.Path)
	}
	_, err := Without([]string{"loki", "splunk\x1b"})
	require.ErrorContains(t, err, `"splunk�" is no data source`)
}
