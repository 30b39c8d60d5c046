// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// asYAML writes a catalog as one stream, to be read by people and compared.
func asYAML(t *testing.T, c *Catalog) []byte {
	var texts [][]byte
	for _, s := range c.Services {
		text, err := s.YAML()
		require.NoError(t, err)
		texts = append(texts, text)
	}
	return bytes.Join(texts, []byte("---\n"))
}

func TestOpenSLO(t *testing.T) {
	c, problems := Load("testdata/openslo")
	require.NoError(t, problems.Err())
	golden.Equal(t, "testdata/openslo/catalog.golden", asYAML(t, c))
	again := throughOpenSLO(t, c)
	assert.Equal(t, withoutPositions(c), withoutPositions(again))
}

func TestSloth(t *testing.T) {
	c, problems := Load("testdata/sloth")
	require.NoError(t, problems.Err())
	golden.Equal(t, "testdata/sloth/catalog.golden", asYAML(t, c))
	golden.Equal(t, "testdata/sloth/problems.golden", []byte(problems.String()))
	assert.Equal(t, withoutPositions(c), withoutPositions(throughSloth(t, c)))
}

func throughOpenSLO(t *testing.T, c *Catalog) *Catalog {
	var l loader
	for _, s := range c.Services {
		text, problems := s.OpenSLO()
		require.NoError(t, problems.Err())
		l.parse("openslo.yaml", text)
	}
	again, problems := l.finish()
	require.NoError(t, problems.Err())
	return again
}

func throughSloth(t *testing.T, c *Catalog) *Catalog {
	var l loader
	for _, s := range c.Services {
		text, problems := s.Sloth()
		require.NoError(t, problems.Err())
		l.parse("sloth.yaml", text)
	}
	again, problems := l.finish()
	require.NoError(t, problems.Err())
	return again
}

// TestNotExpressible: what a format cannot say is named, the rest is written.
func TestNotExpressible(t *testing.T) {
	c, problems := Parse("a.yaml", []byte(head+`metadata: {name: checkout, labels: {a/b: c, d: e}}
spec:
  owner: me
  tier: 1
  repository: https://example.com
  slos:
    - {name: seen, objective: 99, sli: {availability: {}}}
    - {name: month, objective: 99, calendar: {unit: month}, sli: {prometheus: {errorRatio: 'x{w="{{.window}}"}'}}}
    - {name: reset, objective: 99, resets: [{at: 2026-01-01T00:00:00Z, by: me, reason: drill}], sli: {prometheus: {errorRatio: 'x{w="{{.window}}"}'}}}
    - {name: plain, objective: 99, sli: {prometheus: {errorRatio: 'x{w="{{.window}}"}'}}}
`))
	require.NoError(t, problems.Err())
	s := c.Services[0]

	text, problems := s.Sloth()
	golden.Equal(t, "testdata/sloth/lossy.golden", append([]byte(problems.String()), text...))

	s.Labels = nil
	text, problems = s.OpenSLO()
	golden.Equal(t, "testdata/openslo/lossy.golden", append([]byte(problems.String()), text...))

	s.Name = "Not_OpenSLO"
	text, problems = s.OpenSLO()
	require.Error(t, problems.Err())
	assert.Empty(t, text)

	s.SLOs = s.SLOs[:1]
	text, problems = s.Sloth()
	require.Error(t, problems.Err())
	assert.Nil(t, text)
}

func TestRateOf(t *testing.T) {
	for query, want := range map[string]string{
		`x`:                      `rate(x[{{.window}}])`,
		`sum(x{a="b"})`:          `sum(rate(x{a="b"}[{{.window}}]))`,
		`sum by (c) (x) + y{}`:   `sum by (c) (rate(x[{{.window}}])) + rate(y{}[{{.window}}])`,
		`sum(x offset 5m)`:       ``,
		`sum(x @ 5)`:             ``,
		`clamp_max(x, 1)`:        ``,
		`1`:                      ``,
		`sum({__name__=~"a.*"})`: `sum(rate({__name__=~"a.*"}[{{.window}}]))`,
	} {
		got, ok := rateOf(query)
		assert.Equal(t, want != "", ok, query)
		if ok {
			assert.Equal(t, want, got)
			message, _ := checkQuery(got)
			assert.Empty(t, message, got)
		}
	}
}

// Labels that YAML reads as something else than text are text to Sloth.
func TestSlothLabelsAreText(t *testing.T) {
	c, problems := Parse("sloth.yaml", []byte(`
version: prometheus/v1
service: checkout
labels: {generated: true, actual_le: 0.2}
slos:
  - name: a
    objective: 99
    sli: {raw: {error_ratio_query: 'sum(rate(x[{{.window}}]))'}}
    alerting: {name: A}
`))
	require.NoError(t, problems.Err())
	require.Equal(t, map[string]string{"generated": "true", "actual_le": "0.2"}, c.Services[0].Labels)
}

// Every format, key by key: what is read of it, and what is said about it.
func TestFormats(t *testing.T) {
	files, err := filepath.Glob("testdata/formats/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 40)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			c, problems := Parse(filepath.Base(file), text)
			golden.Equal(t, strings.TrimSuffix(file, ".yaml")+".golden", append([]byte(problems.String()), asYAML(t, c)...))
			again, problems := Parse("again.yaml", asYAML(t, c))
			require.NoError(t, problems.Err())
			require.Equal(t, withoutPositions(c), withoutPositions(again), "what was read can be written and read again")
			throughEveryFormat(t, c)
		})
	}
}

// throughEveryFormat converts services to each format and back. What the format can say is the same then.
func throughEveryFormat(t *testing.T, c *Catalog) {
	for _, s := range c.Services {
		for name, write := range map[string]func(*Service) ([]byte, Problems){"pyrra": (*Service).Pyrra, "sloth-kubernetes": (*Service).PrometheusServiceLevel, "sloth": (*Service).Sloth, "openslo": (*Service).OpenSLO} {
			text, lost := write(s)
			if len(lost) > 0 || len(text) == 0 {
				continue // it says what it cannot say
			}
			again, problems := Parse(name, text)
			require.NoError(t, problems.Err(), "%s:\n%s", name, text)
			require.Len(t, again.Services, 1, "%s:\n%s", name, text)
			require.Len(t, again.Services[0].SLOs, len(s.SLOs), name)
			for i, slo := range again.Services[0].SLOs {
				want := *s.SLOs[i]
				require.Equal(t, want.Name, slo.Name, "%s:\n%s", name, text)
				require.Equal(t, want.Objective, slo.Objective, name)
				require.Equal(t, want.Window, slo.Window, name)
				require.Equal(t, want.GroupBy, slo.GroupBy, "%s:\n%s", name, text)
				for _, severity := range []string{PageSeverity, TicketSeverity} {
					before, after := s.Alerting(&want), again.Services[0].Alerting(slo)
					require.Equal(t, before.Disabled("", severity), after.Disabled("", severity), name)
					require.Equal(t, worded(before, severity), worded(after, severity), "%s:\n%s", name, text)
				}
				for key, value := range joined(s.Labels, want.Labels) {
					require.Equal(t, value, joined(again.Services[0].Labels, slo.Labels)[key], "%s:\n%s", name, text)
				}
			}
		}
	}
}

// worded are an alert's labels and annotations, its severity among them.
func worded(a Alerting, severity string) AlertText {
	text := AlertText{joined(map[string]string{"severity": a.Word(severity)}, nil), nil}
	return text.with(a.Text(severity))
}
