// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// A slothRule is a rule as Sloth writes it, without its expression.
type slothRule struct {
	Record, Alert       string
	Labels, Annotations map[string]string
}

const slothFolder = "testdata/sloth"

// specifications are the names of those in a folder of testdata/sloth.
func specifications(t *testing.T, folder string) (names []string) {
	files, err := filepath.Glob(filepath.Join(slothFolder, folder, "*.yaml"))
	require.NoError(t, err)
	for _, file := range files {
		if !strings.HasSuffix(file, ".golden.yaml") {
			names = append(names, strings.TrimPrefix(strings.TrimSuffix(filepath.ToSlash(file), ".yaml"), slothFolder+"/"))
		}
	}
	require.NotEmpty(t, names, folder)
	return names
}

// generated are the rules of all services in a specification.
func generated(t *testing.T, c *catalog.Catalog) (all []rulefmt.Rule) {
	for _, service := range c.Services {
		file, _ := Generate(service, DefaultOptions())
		valid(t, rules(t, file))
		for _, g := range file.Groups {
			all = append(all, g.Rules...)
		}
	}
	return all
}

// Whoever moves from Sloth keeps every rule's name and labels, and every alert's name, labels and own annotations, so
// that routes, silences and dashboards go on. What is ours comes on top. Sloth does not read Pyrra's objects and OpenSLO's v1, and numbers the objectives of v1alpha: of
// these, in the folder converted, it has written the rules of what srectl convert makes of them.
func TestRulesHaveTheLabelsOfSloth(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(slothFolder, "output.golden.yaml"))
	require.NoError(t, err)
	var written map[string][]slothRule
	require.NoError(t, yaml.Unmarshal(text, &written))
	names := slices.Concat(specifications(t, ""), specifications(t, "converted"))
	require.Greater(t, len(names), 40)
	require.ElementsMatch(t, names, slices.Collect(maps.Keys(written)), "every specification has its output")
	for name, theirs := range written {
		t.Run(name, func(t *testing.T) {
			c, problems := catalog.Load(filepath.Join(slothFolder, name+".yaml"))
			require.NoError(t, problems.Err())
			require.NotEmpty(t, c.Services)
			ours := generated(t, c)
			// OpenSLO has no name for alerts: those in Sloth's output are of srectl convert, because Sloth needs one. Their records are compared.
			alertsUnnamed := strings.HasPrefix(name, "converted/openslo")
			for _, their := range theirs {
				if their.Record != "" {
					assert.True(t, slices.ContainsFunc(ours, func(our rulefmt.Rule) bool {
						return our.Record == their.Record && contains(our.Labels, their.identity(""))
					}), "%s %v", their.Record, their.Labels)
					continue
				}
				if alertsUnnamed {
					continue
				}
				// An alert has the labels of the series that it reads, and its own over them.
				slo := their.slo(theirs)
				assert.True(t, slices.ContainsFunc(ours, func(our rulefmt.Rule) bool {
					return our.Alert == their.Alert && contains(our.Labels, their.identity(slo)) && contains(our.Labels, series(theirs, slo, their.Labels)) &&
						contains(our.Annotations, their.ownAnnotations())
				}), "%s %v", their.Alert, their.Labels)
			}
			for _, our := range ours { // nobody is called of whom Sloth calls nobody
				severity, called := our.Labels["sloth_severity"]
				assert.True(t, !called || alertsUnnamed || slices.ContainsFunc(theirs, func(their slothRule) bool {
					return their.Labels["sloth_severity"] == severity && (their.slo(theirs) == our.Labels["sloth_slo"])
				}), our.Alert)
			}
		})
	}
}

// The table says of each specification in which format it is and what is compared: with Sloth's own output, with that for what srectl convert makes of it, or, where
// Sloth cannot say it, nothing but the labels by which Sloth's UI finds an SLO; and of what nobody can say, that it is refused by name.
func TestTableOfSpecifications(t *testing.T) {
	var table strings.Builder
	table.WriteString(tableBegins)
	row := func(name, format, compared string) {
		fmt.Fprintf(&table, "| [%s](%s.yaml) | %s | %s |\n", name, name, format, compared)
	}
	for _, name := range specifications(t, "") {
		row(name, formatOf(t, name), "Sloth's own output")
	}
	for _, name := range specifications(t, "converted") {
		row(name, formatOf(t, name), "Sloth's output for `srectl convert --to sloth`")
	}
	for _, name := range specifications(t, "beyond") {
		c, problems := catalog.Load(filepath.Join(slothFolder, name+".yaml"))
		if problems.Err() != nil {
			row(name, formatOf(t, name), "refused: "+cell(problems.Errors()[0]))
			continue
		}
		require.NotEmpty(t, c.Services, name)
		var lost catalog.Problems
		for _, service := range c.Services {
			_, cannot := service.Sloth()
			lost = append(lost, cannot...)
		}
		require.NotEmpty(t, lost, "%s: Sloth can say it: it belongs in the folder converted", name)
		row(name, formatOf(t, name), "Sloth cannot say it: "+cell(lost[0]))
		for _, rule := range generated(t, c) {
			if rule.Labels["sloth_severity"] == "" {
				continue
			}
			for _, label := range []string{"sloth_id", "sloth_service", "sloth_slo", "slo_alert"} {
				assert.NotEmpty(t, rule.Labels[label], "%s: %s", name, rule.Alert)
			}
		}
	}
	golden.Equal(t, filepath.Join(slothFolder, "README.md"), []byte(table.String()))
}

const tableBegins = `# Specifications whose rules are compared with Sloth's output

output.golden.yaml has what Sloth writes for them: make test-compliance builds Sloth and compares. TestRulesHaveTheLabelsOfSloth compares the labels, alert names and annotations of
our rules with it. TestEachKeyOfEachFormatIsInASpecification sees to it that each key of each format is in one of them.

| specification | format | compared with |
| --- | --- | --- |
`

// formatOf is the format of the first document of a specification.
func formatOf(t *testing.T, name string) string {
	text, err := os.ReadFile(filepath.Join(slothFolder, name+".yaml"))
	require.NoError(t, err)
	var document struct {
		Version    string
		APIVersion string `yaml:"apiVersion"`
		Kind       string
	}
	require.NoError(t, yaml.Unmarshal(text, &document))
	return strings.TrimSpace(document.Version + document.APIVersion + " " + document.Kind)
}

// cell is what a problem says, as a cell of a table.
func cell(p catalog.Problem) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(strings.TrimPrefix(p.Path+" ", " ") + p.Message)
}

// slo is the SLO of an alert, which Sloth names after it in no label. Its alerts come after the recordings of their SLO.
func (r slothRule) slo(all []slothRule) (slo string) {
	for _, other := range all {
		if name := other.Labels["sloth_slo"]; name != "" {
			slo = name
		}
		if other.Alert == r.Alert && other.Labels["sloth_severity"] == r.Labels["sloth_severity"] && other.Alert != "" {
			return slo
		}
	}
	return slo
}

// identity are the labels that are compared: who wrote a rule, and in which mode, differs.
func (r slothRule) identity(slo string) map[string]string {
	l := maps.Clone(r.Labels)
	maps.DeleteFunc(l, func(name, _ string) bool {
		return slices.Contains([]string{"sloth_version", "sloth_mode", "sloth_spec"}, name)
	})
	if slo != "" {
		l["sloth_slo"] = slo
	}
	return l
}

// ownAnnotations are those of the specification. Sloth's own title and summary are not kept.
func (r slothRule) ownAnnotations() map[string]string {
	a := maps.Clone(r.Annotations)
	maps.DeleteFunc(a, func(name, text string) bool {
		return (name == "title" || name == "summary") && strings.Contains(text, "SLO error budget burn rate is")
	})
	return a
}

// series are the labels of the series of an SLO that an alert does not replace.
func series(all []slothRule, slo string, own map[string]string) map[string]string {
	for _, r := range all {
		if strings.HasPrefix(r.Record, "slo:sli_error:ratio_rate") && r.Labels["sloth_slo"] == slo {
			l := maps.Clone(r.Labels)
			maps.DeleteFunc(l, func(name, _ string) bool { _, replaced := own[name]; return replaced || name == "sloth_window" })
			return l
		}
	}
	return nil
}

func contains(all, some map[string]string) bool {
	for name, value := range some {
		// A brace is written as a template that gives a brace.
		if all[name] != value && strings.ReplaceAll(all[name], `{{"{"}}`, "{") != value {
			return false
		}
	}
	return true
}
