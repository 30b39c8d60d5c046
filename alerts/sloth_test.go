// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
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
)

// A slothRule is a rule as Sloth writes it, without its expression.
type slothRule struct {
	Record, Alert       string
	Labels, Annotations map[string]string
}

// Whoever moves from Sloth keeps every rule's name and labels, and every alert's name, labels and own annotations, so
// that routes, silences and dashboards go on. What is ours comes on top.
func TestRulesHaveTheLabelsOfSloth(t *testing.T) {
	const folder = "testdata/sloth"
	text, err := os.ReadFile(filepath.Join(folder, "output.golden.yaml"))
	require.NoError(t, err)
	var written map[string][]slothRule
	require.NoError(t, yaml.Unmarshal(text, &written))
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	require.NoError(t, err)
	require.Len(t, written, len(files)-1, "every specification has its output")
	for name, theirs := range written {
		t.Run(name, func(t *testing.T) {
			c, problems := catalog.Load(filepath.Join(folder, name+".yaml"))
			require.NoError(t, problems.Err())
			require.Len(t, c.Services, 1)
			file, _ := Generate(c.Services[0], DefaultOptions())
			valid(t, rules(t, file))
			var ours []rulefmt.Rule
			for _, g := range file.Groups {
				ours = append(ours, g.Rules...)
			}
			for _, their := range theirs {
				if their.Record != "" {
					assert.True(t, slices.ContainsFunc(ours, func(our rulefmt.Rule) bool {
						return our.Record == their.Record && contains(our.Labels, their.identity(""))
					}), "%s %v", their.Record, their.Labels)
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
				assert.True(t, !called || slices.ContainsFunc(theirs, func(their slothRule) bool {
					return their.Labels["sloth_severity"] == severity && (their.slo(theirs) == our.Labels["sloth_slo"])
				}), our.Alert)
			}
		})
	}
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
