// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
)

// ownMetrics are those of the collector itself.
func ownMetrics() []metric {
	all := []metric{
		ownIncoming, ownOutgoing, ownQueueSize, ownQueueCapacity, ownUptime, ownCPU, ownMemory, ownHeap,
		ownCatalogServices, ownCatalogSLOs, ownCatalogProblems, ownCatalogRead,
		ownTokenReloads, ownCertificateReloads, ownOverflowed,
		ownPoints, ownSLOs, ownSLOStreams, ownSaves, ownSaveFailures, ownSaveDamaged, ownFlushFailures,
		ownSLISeries, ownEventsDropped, ownEventsAdjusted, ownSLIFailures,
		ownItems, ownConflicts, ownInvalid, ownStateSize, ownWaitRefused,
		ownGateways, ownGatewaysLeaving, ownRerouted, ownLookupsFailed,
		ownSampled, ownSampledOut, ownSampledEarly, ownHeldSpans,
		ownFollowed, ownDeploymentEvents, ownDeploymentReports, ownDeploymentDropped, ownDeploymentFailures,
	}
	for _, m := range []signalMetric{ownAccepted, ownRefused, ownFailed, ownSent, ownSendFailed, ownEnqueueFailed, ownLimited} {
		all = append(all, m[:]...)
	}
	return all
}

// ownSeries are series of all of them.
func ownSeries() string {
	values := map[string][]string{
		attrInstance: {"localhost:8888"}, attrSeverity: {"error", "warning"}, attrIDOutcome: {"found", "missed"},
	}
	var b strings.Builder
	for _, m := range ownMetrics() {
		sets := []string{""}
		for _, a := range m.attributes {
			var more []string
			for _, set := range sets {
				of := values[a]
				if of == nil {
					of = []string{"some"}
				}
				for _, v := range of {
					more = append(more, set+fmt.Sprintf("%s=%q,", label(a), v))
				}
			}
			sets = more
		}
		for _, set := range sets {
			fmt.Fprintf(&b, "  %s{%s} 1+1x20\n", m.name, strings.TrimSuffix(set, ","))
		}
	}
	fmt.Fprintf(&b, "  ALERTS{alertname=\"CollectorDown\", alertstate=\"firing\", severity=\"page\", service_name=%q, instance=\"localhost:8888\"} 1x20\n", collectorName)
	return b.String()
}

// A collector had these metrics on its port 8888: with the shop for a minute, and with a backend that was not there.
// Those that begin with their first item are in what the components document.
func TestOwnMetricsAreThoseOfTheCollector(t *testing.T) {
	text, err := os.ReadFile("testdata/collector.prom")
	require.NoError(t, err)
	samples := map[string][]string{}
	for line := range strings.SplitSeq(string(text), "\n") {
		name, _, _ := strings.Cut(line, "{")
		name, _, _ = strings.Cut(name, " ")
		samples[name] = append(samples[name], line)
	}
	documented := documentation(t)
	for _, m := range ownMetrics() {
		if samples[m.name] == nil {
			assert.Contains(t, documented, "### "+m.name+"\n")
			continue
		}
		for _, a := range m.attributes {
			if a != attrInstance { // Prometheus adds it
				assert.Contains(t, strings.Join(samples[m.name], "\n"), label(a)+`="`, m.name)
			}
		}
	}
	assert.Equal(t, collectorName, alerts.CollectorService().Name)
}

// documentation is that of our components, and of those of the collector that count what is lost.
func documentation(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	files, err := filepath.Glob("../*/*/documentation.md")
	require.NoError(t, err)
	for _, module := range []string{"exporter/exporterhelper", "processor/memorylimiterprocessor"} {
		folder, err := exec.Command("go", "list", "-f", "{{.Dir}}", "go.opentelemetry.io/collector/"+module).Output()
		require.NoError(t, err)
		files = append(files, filepath.Join(strings.TrimSpace(string(folder)), "documentation.md"))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}

// What fires about the collector can be seen on its dashboard.
func TestAlertsOfTheCollectorAreShown(t *testing.T) {
	var shown strings.Builder
	for _, f := range generate(t) {
		if strings.HasSuffix(f.Path, "collector.json") {
			for _, query := range promQL(t, decode(t, f.JSON)) {
				shown.WriteString(query)
			}
		}
	}
	for _, g := range alerts.Collector(alerts.DefaultOptions()).Groups {
		for _, r := range g.Rules {
			for _, s := range selectors(t, r.Expr) {
				if strings.HasPrefix(s.Name, "otelcol_") {
					assert.Contains(t, shown.String(), s.Name+"{", r.Alert)
				}
			}
		}
	}
}
