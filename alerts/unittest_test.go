// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

// What the tests expect is computed from events alone, and promtool finds it in the rules: for every kind of period, for
// objectives whose alerts are clamped, without translation. Rules that are wrong do not pass.
func TestPromtoolPassesTheUnitTests(t *testing.T) {
	promtool, err := gotool.Build("github.com/prometheus/prometheus/cmd/promtool")
	require.NoError(t, err)
	one := oddCatalog(t, "{name: one, objective: 99.9, sli: {availability: {}}}")
	for name, test := range map[string]struct {
		catalog     string
		translation otlptranslator.TranslationStrategyOption
		// old in the rules is replaced, and the tests must find it.
		old, by string
	}{
		"periods": {catalog: oddCatalog(t,
			"{name: coin, objective: 50, window: 7d, sli: {availability: {}}}",
			"{name: low, objective: 90, window: 28d, sli: {availability: {}}}",
			"{name: long, objective: 99, window: 90d, sli: {availability: {}}}",
			"{name: calendar, objective: 99.9, calendar: {unit: month, timeZone: Europe/Madrid}, sli: {availability: {}}}",
			"{name: reset, objective: 99.99, resets: [{at: 2026-03-01T00:00:00Z, by: sre, reason: agreed}], sli: {availability: {}}}",
			"{name: queried, objective: 99, sli: {prometheus: {errorRatio: 'vector(0.5) + 0 * {{.window}}'}}}",
		)},
		"no translation":  {catalog: one, translation: otlptranslator.NoTranslation},
		"wrong threshold": {catalog: one, old: "> 0.0144", by: "> 0.99"},
		"wrong counter":   {catalog: one, old: `slo_outcome="bad"`, by: `slo_outcome="worse"`},
	} {
		t.Run(name, func(t *testing.T) {
			o := alerts.DefaultOptions()
			if test.translation != "" {
				o.Translation = test.translation
			}
			file, _ := alerts.Generate(load(t, test.catalog), o)
			var rules, tests bytes.Buffer
			require.NoError(t, file.WriteRules(&rules))
			require.NoError(t, file.WriteTests(&tests, o))
			require.Contains(t, rules.String(), test.old)

			folder := t.TempDir()
			testsFile := filepath.Join(folder, alerts.TestFileName(file.Service))
			require.NoError(t, os.WriteFile(filepath.Join(folder, alerts.FileName(file.Service)), []byte(strings.ReplaceAll(rules.String(), test.old, test.by)), 0o600))
			require.NoError(t, os.WriteFile(testsFile, tests.Bytes(), 0o600))
			out, err := exec.Command(promtool, "test", "rules", testsFile).CombinedOutput()
			if test.old == "" {
				require.NoError(t, err, "%s", out)
				return
			}
			require.Error(t, err)
			require.Contains(t, string(out), "FAILED")
		})
	}
}

// Each alert is expected in some story.
func TestUnitTestsExpectEachAlert(t *testing.T) {
	var text bytes.Buffer
	file, _ := alerts.Generate(load(t, "../examples/catalog/payment.yaml"), alerts.DefaultOptions())
	require.NoError(t, file.WriteTests(&text, alerts.DefaultOptions()))
	for _, alert := range file.Alerts {
		if !alerts.CanHold(alert) {
			continue
		}
		slo := ""
		if alert.SLO != nil {
			slo = fmt.Sprintf(`, slo_alert="%s", slo_name="%s"`, alert.Name, alert.SLO.Name)
		}
		assert.Contains(t, text.String(), fmt.Sprintf(`{alertname="%s", severity="%s"%s}`, alert.Name, alert.Severity, slo))
	}
	assert.True(t, strings.HasPrefix(text.String(), alerts.Header+"# Input: "))
}

// load reads a catalog of one service.
func load(t *testing.T, path string) *catalog.Service {
	t.Helper()
	c, problems := catalog.Load(path)
	require.NoError(t, problems.Err())
	require.Len(t, c.Services, 1)
	return c.Services[0]
}

// oddCatalog is a service without an environment, and with a maintenance window on the day of the stories.
func oddCatalog(t *testing.T, slos ...string) string {
	file := filepath.Join(t.TempDir(), "odd.yaml")
	text := `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: odd}
spec:
  maintenance: [{start: 2026-03-16T01:00:00Z, end: 2026-03-16T05:00:00Z, reason: a new rack}]
  slos:
`
	for _, slo := range slos {
		text += "    - " + slo + "\n"
	}
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}
