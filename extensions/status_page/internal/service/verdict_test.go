// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A version had 400 failures of 10,000 where the others had 100: 300 more. At an objective of 99.9 % and 20,000 events an hour, the budget allows 20 an
// hour, so it cost 15 hours.
func TestVerdictOfADeployment(t *testing.T) {
	l := loader{context: t.Context(), names: usual, service: &Service{Service: &catalog.Service{Name: "checkout", SLOs: []*catalog.SLO{
		{Name: "availability", Objective: 99.9}, {Name: "latency", Objective: 99},
	}}}}
	answers := map[string]float64{"young_version_total": 10_000, "young_version_bad": 400, "beside_version_total": 10_000, "beside_version_bad": 100}
	verdicts := l.askVerdicts(func(query string) model.Vector {
		for name, value := range answers {
			if strings.Contains(query, name) {
				worse := sample(value, "slo_name", "availability", "service_version", "1.3")
				same := sample(answers[strings.Replace(name, "young", "beside", 1)], "slo_name", "latency", "service_version", "1.3")
				return model.Vector{worse, same}
			}
		}
		return model.Vector{sample(20_000, "slo_name", "availability"), sample(20_000, "slo_name", "latency")}
	})
	v := verdicts["1.3"]
	require.NotNil(t, v)
	assert.Equal(t, "availability", v.SLO)
	assert.InDelta(t, 4, float64(v.Times), 1e-9)
	assert.True(t, v.Worse())
	assert.InDelta(t, 15*3600, float64(v.Spent), 1)

	require.Nil(t, l.askVerdicts(func(string) model.Vector { return nil }), "no rules")
}
