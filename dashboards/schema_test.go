// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// schemas are the SDK's, of the version in go.mod. That of a dashboard leaves open what belongs to a
// plug-in, so a check of it alone is shallow.
type schemas struct {
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

func newSchemas(t *testing.T) schemas {
	t.Helper()
	c := jsonschema.NewCompiler()
	entries, err := os.ReadDir("testdata/schemas")
	require.NoError(t, err)
	for _, e := range entries {
		f, err := os.Open("testdata/schemas/" + e.Name())
		require.NoError(t, err)
		parsed, err := jsonschema.UnmarshalJSON(f)
		require.NoError(t, errors.Join(err, f.Close()))
		if e.Name() == "dashboard.jsonschema.json" {
			openAny(parsed)
		}
		require.NoError(t, c.AddResource("mem:///"+e.Name(), parsed))
	}
	return schemas{c, map[string]*jsonschema.Schema{}}
}

// openAny fixes the schema where the type in Grafana, and in the SDK, is any: the schema says object.
func openAny(schema any) {
	definitions := schema.(map[string]any)["definitions"].(map[string]any)
	for definition, property := range map[string]string{"DynamicConfigValue": "value", "MatcherConfig": "options"} {
		definitions[definition].(map[string]any)["properties"].(map[string]any)[property] = map[string]any{}
	}
}

// check gives what is wrong with a value by a definition of a plug-in's schema.
func (s schemas) check(plugin, definition string, value any) error {
	name := "mem:///" + strings.ReplaceAll(plugin, "-", "") + ".jsonschema.json"
	if definition != "" {
		name += "#/definitions/" + definition
	}
	if s.compiled[name] == nil {
		compiled, err := s.compiler.Compile(name)
		if err != nil {
			return err
		}
		s.compiled[name] = compiled
	}
	return s.compiled[name].Validate(value)
}

// dashboard checks all of a dashboard, as deep as there are schemas.
func (s schemas) dashboard(t *testing.T, d map[string]any) error {
	t.Helper()
	errs := []error{s.check("dashboard", "Dashboard", d)}
	for _, p := range panelsOf(t, d) {
		if p["type"] == "row" {
			continue
		}
		name := fmt.Sprintf("panel %v", p["title"])
		plugin := p["type"].(string)
		check := func(what, plugin, definition string, value any) {
			if err := s.check(plugin, definition, value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: %w", name, what, err))
			}
		}
		check("options", plugin, "Options", p["options"])
		if config, ok := p["fieldConfig"].(map[string]any); ok {
			if custom, ok := config["defaults"].(map[string]any)["custom"]; ok {
				check("custom", plugin, "FieldConfig", custom)
			}
		}
		targets, _ := p["targets"].([]any)
		for _, one := range targets {
			check("target", dataSource(one), "", one)
		}
	}
	return errors.Join(errs...)
}

func dataSource(target any) string {
	source, _ := target.(map[string]any)["datasource"].(map[string]any)
	name, _ := source["type"].(string)
	return name
}

func decode(t *testing.T, file []byte) map[string]any {
	t.Helper()
	var d map[string]any
	require.NoError(t, json.Unmarshal(file, &d))
	return d
}

// panelsOf are all panels, rows and what is in them.
func panelsOf(t *testing.T, d map[string]any) []map[string]any {
	t.Helper()
	var all []map[string]any
	for _, one := range d["panels"].([]any) {
		p := one.(map[string]any)
		all = append(all, p)
		inside, _ := p["panels"].([]any)
		for _, one := range inside {
			all = append(all, one.(map[string]any))
		}
	}
	return all
}

func TestDashboardsAreAsGrafanaReadsThem(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	s := newSchemas(t)
	for _, f := range generate(t, examples(t)...) {
		assert.NoError(t, s.dashboard(t, decode(t, f.JSON)), f.Path)
		var strict document
		// Without an error the SDK gives an empty list, which is not nil.
		if err := strict.UnmarshalJSONStrict(f.JSON); err != nil {
			assert.Empty(t, err.Error(), f.Path)
		}
	}
}

// A check that finds nothing is worth as much as what it finds when there is something.
func TestDefectsAreFound(t *testing.T) {
	file := generate(t, examples(t)...)[0].JSON
	s := newSchemas(t)
	first := func(d map[string]any, kind string) map[string]any {
		for _, p := range panelsOf(t, d) {
			if p["type"] == kind {
				return p
			}
		}
		require.Fail(t, "no panel", kind)
		return nil
	}
	for name, plant := range map[string]func(d map[string]any){
		"dashboard": func(d map[string]any) { d["schemaVersion"] = "42" },
		"variable": func(d map[string]any) {
			d["templating"].(map[string]any)["list"].([]any)[0].(map[string]any)["hide"] = "no"
		},
		"panel":          func(d map[string]any) { first(d, "stat")["titel"] = "x" },
		"option":         func(d map[string]any) { first(d, "stat")["options"].(map[string]any)["graphMode"] = "" },
		"option missing": func(d map[string]any) { delete(first(d, "timeseries")["options"].(map[string]any), "legend") },
		"logs option":    func(d map[string]any) { first(d, "logs")["options"].(map[string]any)["sortOrder"] = "newest" },
		"heatmap color":  func(d map[string]any) { first(d, "heatmap")["options"].(map[string]any)["color"] = "orange" },
		"heatmap axis":   func(d map[string]any) { delete(first(d, "heatmap")["options"].(map[string]any), "yAxis") },
		"custom heatmap": func(d map[string]any) { custom(first(d, "heatmap"))["lineWidth"] = 1 },
		"text mode":      func(d map[string]any) { first(d, "text")["options"].(map[string]any)["mode"] = "md" },
		"footer": func(d map[string]any) {
			first(d, "table")["options"].(map[string]any)["footer"] = map[string]any{"show": false, "reducer": nil}
		},
		"custom field":     func(d map[string]any) { custom(first(d, "timeseries"))["drawStyle"] = "curve" },
		"custom of table":  func(d map[string]any) { custom(first(d, "table"))["align"] = "middle" },
		"target":           func(d map[string]any) { target(first(d, "stat"))["expression"] = "up" },
		"target of traces": func(d map[string]any) { delete(target(first(d, "logs")), "expr") },
		"thresholds":       func(d map[string]any) { defaults(first(d, "stat"))["thresholds"].(map[string]any)["mode"] = "" },
	} {
		t.Run(name, func(t *testing.T) {
			d := decode(t, file)
			require.NoError(t, s.dashboard(t, d))
			plant(d)
			assert.Error(t, s.dashboard(t, d))
		})
	}
}

func defaults(p map[string]any) map[string]any {
	return p["fieldConfig"].(map[string]any)["defaults"].(map[string]any)
}

func custom(p map[string]any) map[string]any { return defaults(p)["custom"].(map[string]any) }

func target(p map[string]any) map[string]any { return p["targets"].([]any)[0].(map[string]any) }

// aboveTheFold is what has to be seen first of the dashboards that are of no single service.
var aboveTheFold = map[string][]string{
	"fleet.json":       {"SLOs by state", "Top burners", "Firing", "All SLOs, least budget first"},
	"deployments.json": {"Deployments per day", "Lead time", "Change failure rate", "Time to restore", "Running versions", "Deployed"},
	"correlation.json": {"Log lines by service", "Traces", "Spans", "Logs"},
	"collector.json":   {"Collectors", "Received", "Refused or lost", "Fullest queue", "Catalog errors", "Alerts", "Memory", "CPU"},
}

// What an SRE reads at 3 am: each panel says what it is, what good looks like, and why it is empty; nothing
// overlaps or leaves the grid; what matters is above the fold of a laptop.
func TestPanelsAreComplete(t *testing.T) {
	const fold = 16 // rows of the grid on 1366 × 768, below Grafana's own bars
	for _, f := range generate(t, examples(t)...) {
		d := decode(t, f.JSON)
		taken := map[[2]int]any{}
		var above []string
		for _, p := range panelsOf(t, d) {
			at := p["gridPos"].(map[string]any)
			x, y, w, h := int(at["x"].(float64)), int(at["y"].(float64)), int(at["w"].(float64)), int(at["h"].(float64))
			assert.LessOrEqual(t, x+w, gridWidth)
			assert.Positive(t, w*h)
			assert.NotEmpty(t, p["title"], "%s: %v", f.Path, p["id"])
			if y+h <= fold {
				above = append(above, p["title"].(string))
			}
			if p["type"] == "row" {
				continue
			}
			assert.Contains(t, strings.ToLower(p["description"].(string)), "good", "%s: %v", f.Path, p["title"])
			if p["type"] == "text" {
				continue
			}
			assert.NotEmpty(t, defaults(p)["noValue"], "%s: %v", f.Path, p["title"])
			if dataSource(p) != "tempo" {
				assert.NotEmpty(t, defaults(p)["unit"], "%s: %v", f.Path, p["title"])
			}
		}
		for _, one := range d["panels"].([]any) { // those of collapsed rows are not shown
			p := one.(map[string]any)
			at := p["gridPos"].(map[string]any)
			for x := int(at["x"].(float64)); x < int(at["x"].(float64)+at["w"].(float64)); x++ {
				for y := int(at["y"].(float64)); y < int(at["y"].(float64)+at["h"].(float64)); y++ {
					assert.Nil(t, taken[[2]int{x, y}], "%s: %v overlaps %v", f.Path, p["title"], taken[[2]int{x, y}])
					taken[[2]int{x, y}] = p["title"]
				}
			}
		}
		if shared := aboveTheFold[filepath.Base(f.Path)]; shared != nil {
			assert.Subset(t, above, shared, f.Path)
			continue
		}
		for _, want := range []string{"SLOs", "Alerts", "Who", "Good events", "Error budget left", "Burn rate, 1 h", "Budget spent in"} {
			assert.Contains(t, above, want, f.Path)
		}
	}
}
