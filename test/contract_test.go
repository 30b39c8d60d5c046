// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// missing is what must be gone for an alert to fire.
var missing = map[string]string{
	"SLIMissing":    "slo:sli_total:increase5m",
	"CollectorDown": "otelcol_process_uptime",
}

// swapped is a service whose queries for errors and for all events are the wrong way round; those of the example are right. Its
// alerts fire in place of the example's.
const swapped = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: swapped}
spec:
  owner: nobody
  slos:
    - name: served
      objective: 99
      sli:
        prometheus:
          errors: 'sum(rate(http_server_request_duration_seconds_count{job="shop/frontend"}[{{.window}}]))'
          total: 'sum(rate(http_server_request_duration_seconds_count{job="shop/frontend", http_response_status_code=~"5.."}[{{.window}}]))'
`

var firingOfSwapped = map[string]string{
	"SLIImplausible": `ALERTS{alertname="SLIImplausible",alertstate="firing",service_name="swapped"}`,
}

func rulesOfSwapped(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	file := filepath.Join(folder, "swapped.yaml")
	require.NoError(t, os.WriteFile(file, []byte(swapped), 0o600))
	out, err := exec.CommandContext(t.Context(), "../bin/srectl", "generate", "alerts", "--catalog", file, "--out", folder).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return filepath.Join(folder, "alerts", "swapped.rules.yaml")
}

// Every query of the generated dashboards, rules and runbooks is asked of what the collector, the shop and
// the rules write in a run with an incident of each kind. Each has an answer, of finite numbers, on which Prometheus has
// no remark. Were any one of the metrics called differently, it would show.
func TestEveryQueryHasAnAnswer(t *testing.T) {
	ctx := t.Context()
	files, err := filepath.Glob("../alerts/examples/*.rules.yaml")
	require.NoError(t, err)
	questions := allQuestions(t, files)

	scene, err := observed.Begin(ctx, observed.SceneConfig{
		Bin: "../bin", Catalog: "../examples/catalog", Folder: t.TempDir(), Rules: append(files, rulesOfSwapped(t)),
		Lapse: observed.Lapse{Length: observed.Story + slowest, Factor: 20},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, scene.Close()) })
	require.NoError(t, scene.Live(ctx))
	check := observed.Check{From: scene.Prometheus, At: scene.Prometheus.Now()}
	offsets := observed.Offsets(questions)
	// What looks back a week looks once an hour, or every five minutes for a burn that ended where the next copy begins. One copy
	// follows the other, however long the run was: where they overlap, the calm of the next is hidden.
	const week = 7 * 24 * time.Hour
	length := check.At.Sub(scene.Prometheus.Began())
	for later := length; later < time.Hour+length; later += length {
		offsets[week-later] = true
	}
	for offset := range offsets {
		require.NoError(t, scene.Prometheus.Copy(ctx, scene.Prometheus.Began(), check.At, -offset), offset)
	}

	// The copy for `offset 6m` overlaps the run itself, so that an SLO may seem to have burned before the deployment that it burned after.
	without := observed.OfTheShop()
	for _, panel := range []string{`"Deployed" target burned`, `"Change failure rate" target A`, `"DORA metrics by service" target failed`} {
		without = append(without, observed.Exemption{
			Where: "deployments.json: panel " + panel, Part: "})) < 360) and on", Why: "the copy of the run overlaps it", Perhaps: true,
		})
	}
	t.Run("answers", func(t *testing.T) { assert.NoError(t, check.Answered(ctx, questions, without, answersWithin)) })
	scene.Silence()
	t.Run("alerts", func(t *testing.T) { assertAlertsFire(t, check, questions) })
	t.Run("renamed", func(t *testing.T) { assertRenamingShows(t, check, questions) })
}

// How long an answer may be missing while the trouble goes on, how long an alert when the shop has ended, and how long a slow
// machine may take for both.
const (
	answersWithin = 30 * time.Second
	alertsWithin  = time.Minute
	slowest       = 5 * time.Minute
)

func allQuestions(t *testing.T, files []string) []observed.Question {
	t.Helper()
	rules, err := observed.FromRules(files)
	require.NoError(t, err)
	panels, elsewhere, err := observed.FromDashboards("../dashboards/examples")
	require.NoError(t, err)
	pages, err := observed.FromRunbooks("../runbooks/examples", rules)
	require.NoError(t, err)
	require.NotEmpty(t, rules)
	require.NotEmpty(t, panels)
	require.NotEmpty(t, pages)
	questions := observed.Distinct(slices.Concat(panels, rules, pages))
	t.Logf("%d queries of dashboards, %d of rules, %d of runbooks, %d of them distinct; to others than Prometheus: %v",
		len(panels), len(rules), len(pages), len(questions), elsewhere)
	known := []string{"elasticsearch", "grafana", "jaeger", "loki", "tempo"} // which other tests ask
	for kind := range elsewhere {
		assert.Contains(t, known, kind, "nobody checks these queries")
	}
	return questions
}

// assertRenamingShows hides metric by metric: every query that names it fails then.
func assertRenamingShows(t *testing.T, check observed.Check, questions []observed.Question) {
	naming := map[string][]observed.Question{}
	for _, q := range questions {
		for _, name := range q.Names() {
			naming[name] = append(naming[name], q)
		}
	}
	require.Greater(t, len(naming), 50)
	for name, asking := range naming {
		check.Hidden = name
		for _, q := range asking {
			assert.NotEmpty(t, check.Problems(t.Context(), q), "%s may be missing: %s", name, q.Where)
		}
	}
}

// ofThePeriod is what makes the budget of what was measured that of the whole period, if the rules compute it, and the threshold.
var ofThePeriod = regexp.MustCompile(`(?: \* slo:period_coverage:ratio\{[^}]*\})? >= 1\n`)

// ofTheEntry is the number of the catalog's entry that rules were made from.
var ofTheEntry = regexp.MustCompile(`!= \d+\n`)

// assertAlertsFire looks for each rule's alert: it fired in the run, or now that the shop is silent, or it holds
// without the metric that it is there to miss. A run is a small part of a period. Some SLOs spend the budget of the whole period in it; others
// cannot, and of their alert all but the threshold holds.
func assertAlertsFire(t *testing.T, check observed.Check, questions []observed.Question) {
	var waiting []observed.Question
	spent := 0
	for _, q := range questions {
		if q.Firing == "" {
			continue
		}
		if name := missing[q.Alert]; name != "" {
			gone := check
			gone.Hidden = name
			holds, err := gone.Holds(t.Context(), q.Query)
			require.NoError(t, err, q.Where)
			assert.True(t, holds, "%s without %s", q.Where, name)
			continue
		}
		if q.Alert == alerts.Outdated { // the rules are the catalog's; of another entry they would be outdated
			holds, err := check.Holds(t.Context(), ofTheEntry.ReplaceAllString(q.Query, "!= 0\n"))
			require.NoError(t, err, q.Where)
			assert.True(t, holds, "%s, made from another entry", q.Where)
			holds, err = check.Holds(t.Context(), q.Query)
			require.NoError(t, err, q.Where)
			assert.False(t, holds, "%s, made from this entry", q.Where)
			continue
		}
		waiting = append(waiting, q)
	}
	observed.Eventually(t.Context(), alertsWithin, func(bool) bool {
		check.At = check.From.Now()
		waiting = slices.DeleteFunc(waiting, func(q observed.Question) bool {
			fired, err := check.Holds(t.Context(), fmt.Sprintf("last_over_time(%s[1d])", cmp.Or(firingOfSwapped[q.Alert], q.Firing)))
			require.NoError(t, err, q.Where)
			if q.Alert == alerts.Exhausted {
				if fired {
					spent++
				}
				if fired || spent == 0 {
					return fired
				}
				fired, err = check.Holds(t.Context(), fmt.Sprintf("max_over_time((%s)[1d:1m])", ofThePeriod.ReplaceAllString(q.Query, " > 0\n")))
				require.NoError(t, err, q.Where)
			}
			return fired
		})
		return len(waiting) == 0
	})
	for _, q := range waiting {
		t.Errorf("%s never fired: %s", q.Where, q.Firing)
	}
}
