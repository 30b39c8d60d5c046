// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
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
