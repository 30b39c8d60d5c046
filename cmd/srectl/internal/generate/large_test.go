// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/commandtest"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
)

// largeCatalog has so many services with three SLOs each.
func largeCatalog(tb testing.TB, services int) string {
	tb.Helper()
	dir := tb.TempDir()
	for i := range services {
		text := fmt.Sprintf(`apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: service-%04[1]d, namespace: shop}
spec:
  owner: team-%[2]d
  description: Service %[1]d of the shop.
  tier: %[3]d
  repository: https://git.example.com/shop/service-%04[1]d
  environments: [production]
  dependsOn: [service-%04[4]d]
  escalation: {chat: "#team-%[2]d", pager: "https://pager.example.com/team-%[2]d"}
  deployment: {kubernetes: {namespace: shop, kind: Deployment, name: service-%04[1]d}}
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
    - {name: orders, objective: 99.5, window: 28d, sli: {spans: {match: 'attributes["order.total"] != nil', good: 'attributes["order.paid"] == true'}}}
`, i, i%20, 1+i%3, (i+1)%services)
		require.NoError(tb, os.WriteFile(filepath.Join(dir, fmt.Sprintf("service-%04d.yaml", i)), []byte(text), 0o600))
	}
	return dir
}

// BenchmarkGenerate is the whole command for 1,000 services with three SLOs each, into an empty folder.
func BenchmarkGenerate(b *testing.B) {
	dir := largeCatalog(b, 1000)
	for _, kinds := range []string{"alerts runbooks", "tests", "dashboards", "all"} {
		b.Run(strings.ReplaceAll(kinds, " ", "+"), func(b *testing.B) {
			before := processorTime(b)
			for b.Loop() {
				b.StopTimer()
				out := b.TempDir()
				b.StartTimer()
				root := commandtest.Root(NewCommand())
				root.SetErr(io.Discard)
				root.SetArgs(append([]string{"generate", "--catalog", dir, "--out", out}, strings.Fields(kinds)...))
				require.NoError(b, root.Execute())
			}
			b.ReportMetric((processorTime(b)-before)/float64(b.N), "cpu-s/op")
		})
	}
}

// processorTime is what the process has used, in seconds: on a shared machine it says more than a clock.
func processorTime(b *testing.B) float64 {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// Services are generated at the same time, and everything is as if they were not: the files, and the order of what is said.
func TestGenerateIsTheSameEveryTime(t *testing.T) {
	dir := largeCatalog(t, 12)
	for i := range 12 { // a warning each
		commandtest.Edit(t, filepath.Join(dir, fmt.Sprintf("service-%04d.yaml", i)), "window: 28d, sli: {spans: {match: 'attributes[\"order.total\"] != nil', good: 'attributes[\"order.paid\"] == true'}}",
			"calendar: {unit: month, timeZone: Europe/Madrid}, sli: {prometheus: {errors: 'sum(rate(bad[{{.window}}]))', total: 'sum(rate(all[{{.window}}]))'}}")
	}
	one, other := t.TempDir(), t.TempDir()
	said := generate(t, exit.OK, "--catalog", dir, "--out", one)
	assert.Equal(t, said, generate(t, exit.OK, "--catalog", dir, "--out", other))
	lines := strings.Split(strings.TrimSpace(said), "\n")
	require.Len(t, lines, 12, "one warning a service, though four kinds are generated")
	for i, line := range lines {
		assert.Contains(t, line, fmt.Sprintf("service-%04d.yaml:", i))
	}
	want, err := os.ReadDir(filepath.Join(one, "alerts"))
	require.NoError(t, err)
	require.Len(t, want, 12+12+3)
	for _, entry := range want {
		a, err := os.ReadFile(filepath.Join(one, "alerts", entry.Name()))
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(other, "alerts", entry.Name()))
		require.NoError(t, err)
		assert.Equal(t, string(a), string(b))
	}
}

// The first message in order is printed, whichever unit finished first.
func TestTogether(t *testing.T) {
	var units []unit
	for i := range 100 {
		units = append(units, func(a *account) error {
			a.tell("%d", i)
			if i >= 50 {
				return fmt.Errorf("unit %d", i)
			}
			return nil
		})
	}
	var all account
	require.EqualError(t, together(units, &all), "unit 50")
	assert.Equal(t, 51, strings.Count(all.text.String(), "\n"))
	assert.True(t, strings.HasPrefix(all.text.String(), "0\n1\n2\n"))
	require.NoError(t, together(nil, &all))
}
