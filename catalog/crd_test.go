// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/golden"
)

// Each definition is in two files: Kustomize and Helm read nothing outside of their own folders.
func TestCustomResourceDefinitionsAreCommitted(t *testing.T) {
	for plural, chart := range map[string]string{Plural: "crd.yaml", PluralDefaults: "crd-defaults.yaml"} {
		text, err := CustomResourceDefinition(plural)
		require.NoError(t, err)
		golden.Equal(t, "../deploy/kustomize/crd/"+plural+".yaml", text)
		golden.Equal(t, "../deploy/helm/otelcol-sre/files/"+chart, text)
	}
}

// TestSchemaIsStructural: every value has a type or is left to the reader, patterns are Go's, and each key of a kind is there.
func TestSchemaIsStructural(t *testing.T) {
	var free []string
	var visit func(t *testing.T, path string, from, got schema)
	visit = func(t *testing.T, path string, from, got schema) {
		t.Helper()
		if got["x-kubernetes-preserve-unknown-fields"] == true {
			free = append(free, path)
			return
		}
		assert.Contains(t, got, "type", path)
		if pattern, ok := got["pattern"].(string); ok {
			_, err := regexp.Compile(pattern)
			assert.NoError(t, err, path)
		}
		for _, never := range []string{"const", "propertyNames", "uniqueItems", "dependentRequired", "default", "$ref"} {
			assert.NotContains(t, got, never, path)
		}
		properties, _ := from["properties"].(schema)
		for key, property := range properties {
			kept, ok := got["properties"].(schema)[key].(schema)
			if assert.True(t, ok, "%s.%s", path, key) {
				visit(t, path+"."+key, property.(schema), kept)
			}
		}
		for _, word := range []string{"items", "additionalProperties"} {
			if inner, ok := from[word].(schema); ok {
				visit(t, path+"."+word, inner, got[word].(schema))
			} else {
				assert.NotContains(t, got, word, path)
			}
		}
	}
	for kind, shape := range map[string]schema{Kind: serviceShape.schema, KindDefaults: defaultsShape.schema} {
		t.Run(kind, func(t *testing.T) {
			free = nil
			spec := shape["properties"].(schema)["spec"].(schema)
			visit(t, "spec", spec, structural(spec))
			assert.ElementsMatch(t, []string{
				"spec.alerts.severity", "spec.slos.items.alerts.severity", "spec.slos.items.sli.metrics.good.threshold",
				"spec.slos.items.sli.metrics.bad.threshold", "spec.slos.items.sli.metrics.total.threshold",
			}, free, "values of several types")
		})
	}
}

func TestTextsAreFurtherFiles(t *testing.T) {
	service := func(name, spec string) string {
		return `{"apiVersion":"catalog.otelcol-sre.dev/v1","kind":"Service","metadata":{"name":"` + name + `"},"spec":{` + spec + `}}`
	}
	c, problems := LoadWith([]Text{
		{"kubernetes:shop/Service/a", []byte(service("checkout", `"owner":"b"`))},
		{"kubernetes:shop/Service/b", []byte(service("payment", `"slos":[{"name":"a","objective":100}]`))},
		{"kubernetes:shop/Service/c", []byte(service("checkout", ""))},
		{"kubernetes:shop/Service/d", []byte(service("mailer", ""))},
		{"kubernetes:shop/Service/e", []byte("{")},
	}, t.TempDir())
	require.Len(t, c.Services, 1)
	assert.Equal(t, "mailer", c.Services[0].Name)
	assert.Equal(t, Position{File: "kubernetes:shop/Service/d"}, c.Services[0].Position)
	var files []string
	for _, p := range problems {
		assert.Equal(t, Error, p.Severity, "an empty folder is none: %s", p)
		assert.Zero(t, p.Line, p)
		files = append(files, p.File)
	}
	assert.Equal(t, []string{"kubernetes:shop/Service/b", "kubernetes:shop/Service/b", "kubernetes:shop/Service/c", "kubernetes:shop/Service/e"}, files)
	assert.Contains(t, problems.String(), "kubernetes:shop/Service/c: error: metadata.name: the service \"checkout\" is also defined at kubernetes:shop/Service/a;")
}

func TestOpenSLOObjects(t *testing.T) {
	c, problems := LoadWith([]Text{{"kubernetes:shop/SLO/a", []byte(`{"apiVersion":"openslo.com/v1","kind":"SLO","metadata":{"name":"requests","namespace":"shop"},"spec":{
"service":"checkout","budgetingMethod":"Occurrences","timeWindow":[{"duration":"28d","isRolling":true}],
"indicator":{"metadata":{"name":"ratio"},"spec":{"ratioMetric":{"counter":true,
"good":{"metricSource":{"type":"Prometheus","spec":{"query":"good_total"}}},"total":{"metricSource":{"type":"Prometheus","spec":{"query":"all_total"}}}}}},
"objectives":[{"displayName":"a","target":0.99}]}}`)}})
	require.NoError(t, problems.Err())
	require.Len(t, c.Services, 1)
	assert.Equal(t, "checkout", c.Services[0].Name)
	assert.InDelta(t, 99, c.Services[0].SLOs[0].Objective, 1e-9)
}
