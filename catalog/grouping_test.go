// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Events are grouped by attributes, unless Prometheus or an alert would take them for something else.
func TestGroupsOfCountedSLOs(t *testing.T) {
	parse := func(slo string) (*Catalog, Problems) {
		return Parse("edge.yaml", []byte("apiVersion: "+APIVersion+"\nkind: Service\nmetadata: {name: edge}\nspec:\n  slos: [{name: a, objective: 99, "+slo+"}]\n"))
	}
	c, problems := parse("groupBy: [host.name, tenant], maxGroups: 7, sli: {logs: {good: 'true'}}")
	require.NoError(t, problems.Err())
	assert.Equal(t, []string{"host_name", "tenant"}, c.Services[0].SLOs[0].GroupLabels())
	assert.Equal(t, 7, c.Services[0].SLOs[0].GroupLimit())
	for slo, want := range map[string]string{
		"groupBy: [service.name], sli: {availability: {}}":                                                         "is a label that the rules set themselves",
		"groupBy: [deployment.environment.name], sli: {availability: {}}":                                          "is a label that the rules set themselves",
		"groupBy: [service.version], sli: {availability: {}}":                                                      "events are split by service.version anyway",
		"groupBy: [slo.window], sli: {availability: {}}":                                                           "has another meaning in counters and alerts",
		"groupBy: [job], sli: {availability: {}}":                                                                  "has another meaning in counters and alerts",
		"groupBy: [a.b, a_b], sli: {availability: {}}":                                                             "are one label in Prometheus: a_b",
		"groupBy: [a-b], sli: {availability: {}}":                                                                  "is not a name that groups can have",
		"groupBy: [a, b, c, d, e, f], sli: {availability: {}}":                                                     "has 6 attributes, more than 5",
		"maxGroups: 3, sli: {availability: {}}":                                                                    "is set without groupBy",
		"groupBy: [host.name], sli: {prometheus: {errors: 'rate(a[{{.window}}])', total: 'rate(b[{{.window}}])'}}": "is not a label name of Prometheus",
	} {
		_, problems := parse(slo)
		require.Error(t, problems.Err(), slo)
		assert.Contains(t, problems.Err().Error(), want, slo)
	}
}
