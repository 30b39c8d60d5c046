// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each group of an SLO is a row, the worst first.
func TestGroupsOfTheCollector(t *testing.T) {
	rows, err := readStatuses([]byte(`
slo_burn_rate_ratio{job="c",instance="1",service_name="edge",slo_name="hosts",host_name="a",slo_window="1h",otel_scope_name="slo"} 0.1
slo_burn_rate_ratio{job="c",instance="1",service_name="edge",slo_name="hosts",host_name="b",slo_window="1h",otel_scope_name="slo"} 500
slo_state{service_name="edge",slo_name="hosts",host_name="a",slo_state="ok"} 1
slo_state{service_name="edge",slo_name="hosts",host_name="b",slo_state="burning_fast"} 1
slo_state{service_name="edge",slo_name="all",slo_state="ok"} 1
`), "text/plain")
	require.NoError(t, err)
	require.Len(t, rows, 3)
	assert.Equal(t, map[string]string{"host_name": "b"}, rows[0].Group)
	assert.InDelta(t, 500, float64(rows[0].Burn1h), 0)
	assert.Equal(t, "{host_name=b}", rows[0].group())
	assert.Equal(t, map[string]string{"host_name": "a"}, rows[1].Group)
	assert.Nil(t, rows[2].Group)
}
