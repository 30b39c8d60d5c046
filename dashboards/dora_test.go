// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// changing is a service in production with four deployments: one that has completed, one that was rolled back, and one under
// way, after which an SLO burns.
func changing(service string) string {
	var b strings.Builder
	about := fmt.Sprintf(`service_name=%q, service_namespace="shop", deployment_environment_name="production"`, service)
	for _, d := range []struct{ version, id, status, start, there string }{
		{"2.0.0", "2", "completed", "50", "_x2 %sx18"},
		{"3.0.0", "3", "rolled_back", "100", "_x4 %sx4 stale"},
		{"4.0.0", "4", "started", "200", "_x7 %sx13"},
	} {
		labels := fmt.Sprintf(`%s, service_version=%q, deployment_id=%q, deployment_status=%q`, about, d.version, d.id, d.status)
		for name, value := range map[string]string{"deployment_start_time_seconds": d.start, "deployment_info": "1", "deployment_instances": "1", "deployment_commit_time_seconds": "-3600"} {
			fmt.Fprintf(&b, "  %s{%s} %s\n", name, labels, fmt.Sprintf(d.there, value))
		}
	}
	fmt.Fprintf(&b, "  slo_state{%s, slo_name=\"availability\", slo_state=\"burning_fast\"} _x9 1x5 0x6\n", about)
	fmt.Fprintf(&b, "  slo_burn_rate_ratio{%s, slo_name=\"availability\", slo_window=\"5m\", instance=\"b\"} _x9 9x5 0x6\n", about)
	return b.String()
}

// What each service went through in six hours, and what the dashboard makes of it.
func TestChangesAreCountedAsDORADoes(t *testing.T) {
	const story = `
load 1m
  # quiet: 1 has always run; 2 replaced it after an hour, in 6 minutes, 56 after its commit, and nothing burned.
  deployment_start_time_seconds{service_name="quiet", deployment_environment_name="p", service_version="1", deployment_id="q1", deployment_status="completed"} 0x65 stale
  deployment_start_time_seconds{service_name="quiet", deployment_environment_name="p", service_version="2", deployment_id="q2", deployment_status="started"} _x61 3600x4 stale
  deployment_start_time_seconds{service_name="quiet", deployment_environment_name="p", service_version="2", deployment_id="q2", deployment_status="completed"} _x66 3600x300
  deployment_info{service_name="quiet", deployment_environment_name="p", service_version="2", deployment_id="q2", deployment_status="completed"} _x66 1x300
  deployment_commit_time_seconds{service_name="quiet", deployment_environment_name="p", service_version="2", deployment_id="q2", deployment_status="completed"} _x66 600x300
  slo_state{service_name="quiet", deployment_environment_name="p", slo_name="a", slo_state="ok"} 1x400

  # broken: 2 came after an hour, and burned 20 minutes later for an hour; 1 came back while it did, and is not to blame.
  deployment_start_time_seconds{service_name="broken", deployment_environment_name="p", service_version="1", deployment_id="b1", deployment_status="completed"} 0x65 stale
  deployment_start_time_seconds{service_name="broken", deployment_environment_name="p", service_version="2", deployment_id="b2", deployment_status="completed"} _x61 3600x60 stale
  deployment_start_time_seconds{service_name="broken", deployment_environment_name="p", service_version="1", deployment_id="b3", deployment_status="completed", deployment_rollback="true"} _x121 7200x300
  deployment_info{service_name="broken", deployment_environment_name="p", service_version="1", deployment_id="b3", deployment_status="completed", deployment_rollback="true"} _x121 1x300
  slo_state{service_name="broken", deployment_environment_name="p", slo_name="a", slo_state="burning_fast"} 0x80 1x60 0x260
  slo_burn_rate_ratio{service_name="broken", deployment_environment_name="p", slo_name="a", slo_window="5m"} 0x80 9x60 0x260

  # vanished: 2 was on its way for 20 minutes and went away, which the tracker calls rolled back for half an hour.
  deployment_start_time_seconds{service_name="vanished", deployment_environment_name="p", service_version="1", deployment_id="v1", deployment_status="completed"} 0x400
  deployment_start_time_seconds{service_name="vanished", deployment_environment_name="p", service_version="2", deployment_id="v2", deployment_status="started"} _x61 3600x20 stale
  deployment_start_time_seconds{service_name="vanished", deployment_environment_name="p", service_version="2", deployment_id="v2", deployment_status="rolled_back"} _x82 3600x30 stale
  deployment_info{service_name="vanished", deployment_environment_name="p", service_version="1", deployment_id="v1", deployment_status="completed"} 1x400

  # lost: its collector went away while 2 was on its way. Nobody knows what became of it.
  deployment_start_time_seconds{service_name="lost", deployment_environment_name="p", service_version="1", deployment_id="l1", deployment_status="completed"} 0x80 stale
  deployment_start_time_seconds{service_name="lost", deployment_environment_name="p", service_version="2", deployment_id="l2", deployment_status="started"} _x61 3600x19 stale

  # told: a pipeline said that 2 failed.
  deployment_start_time_seconds{service_name="told", deployment_environment_name="p", service_version="1", deployment_id="t1", deployment_status="completed"} 0x400
  deployment_start_time_seconds{service_name="told", deployment_environment_name="p", service_version="2", deployment_id="t2", deployment_status="failed"} _x61 3600x20 stale
  deployment_info{service_name="told", deployment_environment_name="p", service_version="1", deployment_id="t1", deployment_status="completed"} 1x400

  # spent: no budget is left all along, and it lost more for half an hour, long after anything was deployed.
  deployment_info{service_name="spent", deployment_environment_name="p", service_version="1", deployment_id="s1", deployment_status="completed"} 1x400
  deployment_start_time_seconds{service_name="spent", deployment_environment_name="p", service_version="1", deployment_id="s1", deployment_status="completed"} 0x400
  slo_state{service_name="spent", deployment_environment_name="p", slo_name="a", slo_state="exhausted"} 1x400
  slo_burn_rate_ratio{service_name="spent", deployment_environment_name="p", slo_name="a", slo_window="5m"} 0x200 9x30 0x200
`
	c := changes{newNames(DefaultOptions().Translation), releases{}.of}
	ask := asking(t, story, 6*time.Hour)

	id := semconv.DeploymentID
	assert.Equal(t, map[string]float64{"q2": 3600, "b2": 3600, "v2": 3600, "l2": 3600, "t2": 3600}, ask(c.all().max(id)))
	assert.Equal(t, map[string]float64{"b2": 1, "v2": 1, "t2": 1}, ask(c.failed().count(id)))
	assert.Equal(t, map[string]float64{"b2": 1}, ask(c.burned().count(id)))
	assert.Equal(t, map[string]float64{"completed": 9, "failed": 1, "rolled_back": 1, "started": 1}, ask(c.settled().count(semconv.DeploymentStatus)), "each deployment once")
	assert.Equal(t, map[string]float64{"q2": 6 * 60}, ask(c.rolledOut().above(number(60)).max(id)))
	assert.Equal(t, map[string]float64{"q2": 56 * 60}, ask(c.led().max(id)), "nothing is known of the others")
	assert.Equal(t, map[string]float64{"broken": 1, "spent": 1}, ask(c.incidents().max(semconv.ServiceName)))
	assert.Equal(t, map[string]float64{"broken": 3600, "spent": 1800}, ask(c.broken().max(semconv.ServiceName)))
	assert.Empty(t, ask(c.days()), "six hours are no week")
}

// What burns still has not been restored, and does not count yet.
func TestIncidentsThatAreNotOver(t *testing.T) {
	c := changes{newNames(DefaultOptions().Translation), releases{}.of}
	ask := asking(t, `
load 1m
  slo_state{service_name="twice", deployment_environment_name="p", slo_name="a", slo_state="burning_fast"} 0x60 1x29 0x200 1x200
  slo_burn_rate_ratio{service_name="twice", deployment_environment_name="p", slo_name="a", slo_window="5m"} 0x60 9x29 0x200 9x200
  slo_state{service_name="still", deployment_environment_name="p", slo_name="a", slo_state="burning_fast"} 0x60 1x400
  slo_burn_rate_ratio{service_name="still", deployment_environment_name="p", slo_name="a", slo_window="5m"} 0x60 9x400
`, 6*time.Hour)
	assert.Equal(t, map[string]float64{"twice": 1}, ask(c.incidents().max(semconv.ServiceName)))
	assert.Equal(t, map[string]float64{"twice": 1800, "still": 0}, ask(c.broken().max(semconv.ServiceName)))
}

var remark = regexp.MustCompile(`(?m)^ *(#.*)?\n`)

// asking gives the values of a query by the label that it has, over a day that ends at the time.
func asking(t *testing.T, series string, at time.Duration) func(vector) map[string]float64 {
	t.Helper()
	storage := promqltest.LoadedStorage(t, remark.ReplaceAllString(series, "")) // which ends a load
	t.Cleanup(func() { assert.NoError(t, storage.Close()) })
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, promqltest.DefaultMaxSamplesPerQuery)
	filled := strings.NewReplacer("$environment", ".*", "$namespace", ".*", "$service", ".*")
	return func(v vector) map[string]float64 {
		q, err := engine.NewInstantQuery(t.Context(), storage, nil, filled.Replace(filledByGrafana.Replace(v.promQL)), time.Unix(0, 0).Add(at))
		require.NoError(t, err, v.promQL)
		defer q.Close()
		result, err := q.Exec(t.Context()).Vector()
		require.NoError(t, err, v.promQL)
		found := map[string]float64{}
		for _, sample := range result {
			sample.Metric.Range(func(l labels.Label) { found[l.Value] = sample.F })
		}
		return found
	}
}
