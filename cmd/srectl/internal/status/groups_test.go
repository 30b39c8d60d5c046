// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
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

// The table has the ten worst groups of an SLO and says how many more there are; the other formats have all.
func TestManyGroups(t *testing.T) {
	var text strings.Builder
	for n := range 101 {
		fmt.Fprintf(&text, "slo_burn_rate_ratio{service_name=\"edge\",slo_name=\"hosts\",host_name=\"h%d\",slo_window=\"1h\"} %d\n", n, n)
		fmt.Fprintf(&text, "slo_state{service_name=\"edge\",slo_name=\"hosts\",host_name=\"h%d\",slo_state=\"ok\"} 1\n", n)
	}
	fmt.Fprintln(&text, `slo_state{service_name="edge",slo_name="all",slo_state="ok"} 1`)
	rows, err := readStatuses([]byte(text.String()), "text/plain")
	require.NoError(t, err)
	for format, lines := range map[string]int{output.Table: 1 + 10 + 1 + 1, output.Wide: 1 + 102} {
		var out strings.Builder
		require.NoError(t, writeStatuses(&out, format, rows, false))
		assert.Equal(t, lines, strings.Count(out.String(), "\n"), out.String())
		assert.Equal(t, format == output.Table, strings.Contains(out.String(), "91 more groups of SLO hosts of edge: -o wide shows all"), out.String())
		assert.Contains(t, out.String(), "hosts{host_name=h100}")
	}
}
