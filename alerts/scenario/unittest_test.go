package scenario_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts/scenario"
	"github.com/otelcol-sre/otelcol-sre/alerts/scenario/gotool"
)

// What happened here happens in promtool too: it reads the scenario and agrees on alerts and ratio.
func TestPromtoolAgrees(t *testing.T) {
	promtool, err := gotool.Build("github.com/prometheus/prometheus/cmd/promtool")
	require.NoError(t, err)

	s := outage(t)
	folder := t.TempDir()
	rules, err := os.ReadFile("testdata/simple.rules.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "simple.rules.yaml"), rules, 0o600))
	test := func(text []byte) ([]byte, error) {
		file := filepath.Join(folder, "outage.test.yaml")
		require.NoError(t, os.WriteFile(file, text, 0o600))
		return exec.Command(promtool, "test", "rules", file).CombinedOutput()
	}

	var text bytes.Buffer
	require.NoError(t, scenario.WriteUnitTest(t.Context(), &text, s, handWritten(t), "simple.rules.yaml", hour, 2*hour+30*minute, 5*hour))
	require.Contains(t, text.String(), "summary: Checkout burns.")
	out, err := test(text.Bytes())
	require.NoError(t, err, "%s\n%s", out, text.String())

	wrong := bytes.Replace(text.Bytes(), []byte("severity: page"), []byte("severity: ticket"), 1)
	out, err = test(wrong)
	require.Error(t, err)
	require.Contains(t, string(out), "FAILED")
}

// outage is one hour of failures after two hours that were clean, with all that a series can do:
// a replica that comes, one that goes, a restart, scrapes that fail.
func outage(t *testing.T) *scenario.Scenario {
	t.Helper()
	s := checkout(t)
	s.Name, s.Length = "an outage", 6*hour
	s.Streams = []scenario.Stream{
		{
			Version: "1.4.0", Instance: "a", Resets: []time.Duration{90 * minute},
			Gaps:    []scenario.Span{{Begin: 4 * hour, End: 4*hour + 2*minute}},
			Traffic: []scenario.Phase{{For: 2 * hour, PerMinute: 600}, {For: hour, PerMinute: 600, Bad: 1}, {For: 3 * hour, PerMinute: 600}},
		},
		{
			Version: "1.4.0", Instance: "b", Life: scenario.Span{Begin: 3*hour + 10*minute, End: 5*hour + 30*minute},
			Traffic: []scenario.Phase{{For: 3 * hour, PerMinute: 600}},
		},
	}
	return &s
}
