// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// SLOs that only rules evaluate are rows too: one per group, and one of which nothing was ever counted is not healthy.
func TestSLOsOfRules(t *testing.T) {
	const edge = `"service_name":"edge","slo_name":"availability","owner":"net"`
	vector := func(samples ...string) string {
		all := ""
		for i, s := range samples {
			if i > 0 {
				all += ","
			}
			all += s
		}
		return `{"status":"success","data":{"resultType":"vector","result":[` + all + `]}}`
	}
	sample := func(labels, value string) string { return fmt.Sprintf(`{"metric":{%s},"value":[1,%q]}`, labels, value) }
	answers := map[string]string{
		queryGroups: vector(sample(`"service_name":"edge","slo_name":"availability","host":"a"`, "10"), sample(`"service_name":"edge","slo_name":"availability","host":"b"`, "10"),
			sample(`"service_name":"leters","slo_name":"a"`, "0"), sample(`"service_name":"checkout","service_namespace":"shop","slo_name":"availability"`, "1")),
		queryObjective: vector(sample(edge, "0.999"), sample(`"service_name":"leters","slo_name":"a"`, "0.99")),
		queryRemaining: vector(sample(edge+`,"host":"a"`, "0.5"), sample(edge+`,"host":"b"`, "-3"), sample(`"service_name":"leters","slo_name":"a"`, "1")),
		queryErrors:    vector(sample(edge+`,"host":"a"`, "0.0005"), sample(edge+`,"host":"b"`, "0.02")),
		queryNever:     vector(sample(`"service_name":"leters","slo_name":"a"`, "0")),
		queryFiring:    vector(sample(edge+`,"host":"b","sloth_severity":"page","severity":"critical"`, "1")),
	}
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.URL.Query().Get("query")]
		assert.True(t, known, r.URL)
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(prometheus.Close)

	collector := endpoint(t, "text/plain", exampleMetrics(t))
	_, without, _ := status("--endpoint", collector, "--prometheus", "", "-o", "json")
	_, out, err := status("--endpoint", collector, "--prometheus", prometheus.URL, "-o", "json")
	require.Error(t, err, "host b burns")
	var before, rows []sloStatus
	require.NoError(t, json.Unmarshal([]byte(without), &before))
	require.NoError(t, json.Unmarshal([]byte(out), &rows))
	found := map[string]sloStatus{}
	for _, row := range rows {
		if row.Service == "edge" || row.Service == "leters" {
			found[row.Service+row.group()] = row
		}
	}
	require.Len(t, found, 3, out)
	assert.Len(t, rows, len(before)+3, "what the collector counts is there once")
	assert.EqualValues(t, "burning_fast", found["edge{host=b}"].State)
	assert.InDelta(t, 20, float64(found["edge{host=b}"].Burn1h), 1e-9)
	assert.EqualValues(t, "ok", found["edge{host=a}"].State)
	assert.InDelta(t, 0.5, float64(found["edge{host=a}"].BudgetLeft), 1e-9)
	assert.EqualValues(t, "never_seen", found["leters"].State)

	_, table, _ := status("--endpoint", collector, "--prometheus", prometheus.URL)
	assert.Contains(t, table, "availability{host=b}")
}

// A misspelled service: the one that sends telemetry is named.
func TestHintOfAnUnseenService(t *testing.T) {
	const metrics = `slo_state{service_name="leters",slo_name="a",slo_state="never_seen"} 1
slo_state{service_name="parcels",slo_name="b",slo_state="never_seen"} 1
slo_state{service_name="stamps",slo_name="c",slo_state="ok"} 1
service_telemetry_last_seen_seconds{service_name="letters"} 1
service_telemetry_last_seen_seconds{service_name="parcels"} 1
`
	statuses, err := readStatuses([]byte(metrics), "text/plain")
	require.NoError(t, err)
	hints := map[string]string{}
	for _, s := range statuses {
		hints[s.Service] = s.Hint
	}
	assert.Equal(t, "letters sends telemetry, leters does not", hints["leters"])
	assert.Contains(t, hints["parcels"], "has counted no event")
	assert.Empty(t, hints["stamps"])
}
