package alerts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/alerts/scenario"
	"github.com/otelcol-sre/otelcol-sre/alerts/scenario/gotool"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Users can run scenarios on the rules they have: promtool comes to the same alerts, with the same
// labels and annotations, and to the same budget.
func TestUnitTestsForUsers(t *testing.T) {
	promtool, err := gotool.Build("github.com/prometheus/prometheus/cmd/promtool")
	require.NoError(t, err)
	c, problems := catalog.Load("../examples/catalog/checkout.yaml")
	require.NoError(t, problems.Err())
	service := c.Services[0]
	service.SLOs = service.SLOs[:2]
	file, _ := alerts.Generate(service, alerts.DefaultOptions())

	folder := t.TempDir()
	write := func(name string, write func(*os.File) error) string {
		path := filepath.Join(folder, name)
		f, err := os.Create(path)
		require.NoError(t, err)
		require.NoError(t, write(f))
		require.NoError(t, f.Close())
		return path
	}
	write("checkout.rules.yaml", func(f *os.File) error { return file.WriteRules(f) })
	test := write("checkout.test.yaml", func(f *os.File) error {
		return scenario.WriteOutageTests(t.Context(), f, service, rulefmt.RuleGroups{Groups: file.Groups}, "checkout.rules.yaml")
	})
	text, err := os.ReadFile(test)
	require.NoError(t, err)
	require.Contains(t, string(text), "exp_alerts")
	out, err := exec.Command(promtool, "test", "rules", test).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
