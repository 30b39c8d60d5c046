package test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// without is what has no answer in a run of a minute, and why. What is in no answer's way is an error, too.
var without = []struct {
	problem *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`client="(payment|inventory|mailer)"`), "they call nobody"},
	{regexp.MustCompile(`http_server_active_requests\{.*job="shop/mailer"`), "it takes messages only"},
	{regexp.MustCompile(`slo_state=~?"burning_fast\|burning_slow"`), "a budget that burns for its first minute is exhausted at once"},
	{regexp.MustCompile(`^\(\(\(max by .*deployment_status=~"started\|canary".*deployment_status=~"completed\|rolled_back\|failed".* unless on .* and on `),
		"what was announced for a service that runs is not told from its first deployment in a minute; dashboards/dora_test.go asks it of hours"},
}

// missing is what must be gone for an alert to fire.
var missing = map[string]string{
	"SLIMissing":    "slo:sli_total:increase5m",
	"CollectorDown": "otelcol_process_uptime",
}

// numbersOnly are alerts for which nothing can be made to go wrong from outside, and why. Their numbers are checked.
var numbersOnly = map[string]string{
	"CollectorCheckpointFailing": "what was saved is spoilt, which is found once, before the first scrape; a storage that fails takes a file system of its own",
	"SLIImplausible":             "the queries of the example are right",
}

// Every query of the generated dashboards, rules and runbooks is asked of what the collector, the shop and
// the rules write in a run with an incident of each kind. Each has an answer, of finite numbers, on which Prometheus has
// no remark. Were any one of the metrics called differently, it would show.
func TestEveryQueryHasAnAnswer(t *testing.T) {
	ctx := t.Context()
	files, err := filepath.Glob("../alerts/*.rules.yaml")
	require.NoError(t, err)
	questions := allQuestions(t, files)

	const silence = time.Minute
	scene, err := observed.Begin(ctx, observed.SceneConfig{
		Bin: "../bin", Catalog: "../examples/catalog", Folder: t.TempDir(), Rules: files,
		Lapse: observed.Lapse{Length: observed.Story + silence, Factor: 20},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, scene.Close()) })
	require.NoError(t, scene.Live(ctx))
	check := observed.Check{Prometheus: scene.Prometheus, At: scene.Prometheus.Now()}
	scene.Silence()
	for offset := range observed.Offsets(questions) {
		require.NoError(t, scene.Prometheus.Copy(ctx, scene.Prometheus.Began(), check.At, -offset), offset)
	}

	t.Run("answers", func(t *testing.T) { assertAnswers(t, check, questions) })
	t.Run("renamed", func(t *testing.T) { assertRenamingShows(t, check, questions) })
	t.Run("alerts", func(t *testing.T) { assertAlertsFire(t, check, questions, silence) })
}

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

// assertAnswers reports problems once each, with where they come from.
func assertAnswers(t *testing.T, check observed.Check, questions []observed.Question) {
	failed, used := map[string][]string{}, map[int]bool{}
	for _, q := range questions {
	problems:
		for _, problem := range check.Problems(t.Context(), q) {
			for i, w := range without {
				if w.problem.MatchString(problem) || strings.HasSuffix(problem, "no answer") && w.problem.MatchString(q.Query) {
					used[i] = true
					continue problems
				}
			}
			failed[problem] = append(failed[problem], q.Where+"\n\t\t"+q.Query)
		}
	}
	for _, problem := range slices.Sorted(maps.Keys(failed)) {
		where := failed[problem]
		t.Errorf("%s\n%d times:\n\t%s", problem, len(where), strings.Join(where[:min(2, len(where))], "\n\t"))
	}
	for i, w := range without {
		assert.True(t, used[i], "%s is answered, although %s", w.problem, w.why)
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
func assertAlertsFire(t *testing.T, check observed.Check, questions []observed.Question, silence time.Duration) {
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
	deadline, stop := context.WithTimeout(t.Context(), silence)
	defer stop()
	for len(waiting) > 0 && deadline.Err() == nil {
		check.At = check.Prometheus.Now()
		waiting = slices.DeleteFunc(waiting, func(q observed.Question) bool {
			fired, err := check.Holds(t.Context(), fmt.Sprintf("last_over_time(%s[1d])", q.Firing))
			require.NoError(t, err, q.Where)
			if fired {
				assert.NotContains(t, numbersOnly, q.Alert, "it fires")
			}
			return fired || numbersOnly[q.Alert] != ""
		})
		time.Sleep(time.Second)
	}
	for _, q := range waiting {
		t.Errorf("%s never fired: %s", q.Where, q.Firing)
	}
}
