package test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// An exemption is a part of one query that has no answer in the run, and why. What is in no answer's way is an error, too.
type exemption struct{ where, part, why string }

func exemptions() []exemption {
	all := []exemption{{`mailer.json: panel "Queues and threads" target A`, "http_server_active_requests{", "it takes messages only"}}
	for _, service := range []string{"payment", "inventory", "mailer"} {
		for _, target := range []string{
			`panel "Who calls it, and what it calls" target calls`, `panel "Who calls it, and what it calls" target errors`,
			`panel "Who calls it, and what it calls" target took`, `panel "Errors of calls" target A`,
		} {
			all = append(all, exemption{service + ".json: " + target, `{client="` + service + `"`, "it calls nobody"})
		}
	}
	return all
}

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
	files, err := filepath.Glob("../alerts/*.rules.yaml")
	require.NoError(t, err)
	questions := allQuestions(t, files)

	scene, err := observed.Begin(ctx, observed.SceneConfig{
		Bin: "../bin", Catalog: "../examples/catalog", Folder: t.TempDir(), Rules: append(files, rulesOfSwapped(t)),
		Lapse: observed.Lapse{Length: observed.Story + slowest, Factor: 20},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, scene.Close()) })
	require.NoError(t, scene.Live(ctx))
	check := observed.Check{Prometheus: scene.Prometheus, At: scene.Prometheus.Now()}
	for offset := range observed.Offsets(questions) {
		require.NoError(t, scene.Prometheus.Copy(ctx, scene.Prometheus.Began(), check.At, -offset), offset)
	}

	t.Run("answers", func(t *testing.T) { assertAnswers(t, check, questions) })
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
	panels, elsewhere, err := observed.FromDashboards("../dashboards")
	require.NoError(t, err)
	pages, err := observed.FromRunbooks("../runbooks", rules)
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

// assertAnswers reports problems once each, with where they come from. What has no answer is asked again.
func assertAnswers(t *testing.T, check observed.Check, questions []observed.Question) {
	without := exemptions()
	unused := slices.Clone(without)
	failed := map[string][]string{}
	passing := func(problem error) bool { return errors.Is(problem, observed.ErrNone) }
	ask := func(q observed.Question, last bool) (answered bool) {
		problems := slices.DeleteFunc(check.Problems(t.Context(), q), func(problem error) bool {
			exempts := func(e exemption) bool { return e.where == q.Where && strings.Contains(problem.Error(), e.part) }
			unused = slices.DeleteFunc(unused, exempts)
			return slices.ContainsFunc(without, exempts)
		})
		if !last && slices.ContainsFunc(problems, passing) { // whatever else there is will be there again
			return false
		}
		for _, problem := range problems {
			failed[problem.Error()] = append(failed[problem.Error()], q.Where+"\n\t\t"+q.Query)
		}
		return true
	}
	eventually(t, answersWithin, func(last bool) bool {
		questions = slices.DeleteFunc(slices.Clone(questions), func(q observed.Question) bool { return ask(q, last) })
		check.At = check.Prometheus.Now()
		return len(questions) == 0
	})
	for _, problem := range slices.Sorted(maps.Keys(failed)) {
		where := failed[problem]
		t.Errorf("%s\n%d times:\n\t%s", problem, len(where), strings.Join(where[:min(2, len(where))], "\n\t"))
	}
	for _, e := range unused {
		t.Errorf("%s: %s is answered, although %s", e.where, e.part, e.why)
	}
}

// eventually tries every second until it is done, a last time when time is up.
func eventually(t *testing.T, within time.Duration, try func(last bool) (done bool)) {
	t.Helper()
	end := time.After(within)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for !try(false) {
		select {
		case <-end:
			try(true)
			return
		case <-ticker.C:
		}
	}
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

// assertAlertsFire looks for each rule's alert: it fired in the run, or now that the shop is silent, or it holds
// without the metric that it is there to miss.
func assertAlertsFire(t *testing.T, check observed.Check, questions []observed.Question) {
	var waiting []observed.Question
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
		waiting = append(waiting, q)
	}
	eventually(t, alertsWithin, func(bool) bool {
		check.At = check.Prometheus.Now()
		waiting = slices.DeleteFunc(waiting, func(q observed.Question) bool {
			fired, err := check.Holds(t.Context(), fmt.Sprintf("last_over_time(%s[1d])", cmp.Or(firingOfSwapped[q.Alert], q.Firing)))
			require.NoError(t, err, q.Where)
			return fired
		})
		return len(waiting) == 0
	})
	for _, q := range waiting {
		t.Errorf("%s never fired: %s", q.Where, q.Firing)
	}
}
