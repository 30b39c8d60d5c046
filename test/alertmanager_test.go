// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/notifier"
	"github.com/prometheus/prometheus/rules"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/test/scenario"
)

// The programs of Alertmanager. Later releases lack the assets of its page.
const (
	alertmanagerPackage = "github.com/prometheus/alertmanager/cmd/alertmanager@v0.31.1"
	amtoolPackage       = "github.com/prometheus/alertmanager/cmd/amtool@v0.31.1"
)

var installing sync.Mutex

// installed builds a program and returns its path; one at a time, as gotool does.
func installed(t *testing.T, program string) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	bin, err := filepath.Abs("../.cache/bin")
	require.NoError(t, err)
	install := exec.Command("go", "install", program)
	install.Env = append(os.Environ(), "GOFLAGS=", "GOBIN="+bin)
	install.Dir = t.TempDir() // outside of the module
	out, err := install.CombinedOutput()
	require.NoError(t, err, "%s", out)
	name, _, _ := strings.Cut(path.Base(program), "@")
	return filepath.Join(bin, name)
}

// notified are the alerts that Alertmanager has sent to people, by service.
type notified struct {
	mu        sync.Mutex
	byService map[string]map[string]bool
}

func (n *notified) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var message struct {
		Alerts []struct{ Labels map[string]string }
	}
	if json.NewDecoder(r.Body).Decode(&message) != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range message.Alerts {
		service := a.Labels["service_name"]
		if n.byService[service] == nil {
			n.byService[service] = map[string]bool{}
		}
		n.byService[service][a.Labels["alertname"]] = true
	}
}

func (n *notified) of(service string) map[string]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	got := map[string]bool{}
	for name := range n.byService[service] {
		got[name] = true
	}
	return got
}

// startAlertmanager starts a real one with the generated inhibition rules. It tells the receiver at once.
func startAlertmanager(t *testing.T, receiver string) *server {
	t.Helper()
	program := installed(t, alertmanagerPackage)
	inhibition, err := os.ReadFile("../alerts/examples/alertmanager-inhibit.yaml")
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `
route: {receiver: hook, group_by: ['...'], group_wait: 2s, group_interval: 5s}
receivers: [{name: hook, webhook_configs: [{url: %q}]}]
%s`, receiver, inhibition), 0o600))
	address := freeAddress(t)
	return startServer(t, "http://"+address, exec.Command(program, "--config.file="+file,
		"--storage.path="+dir, "--web.listen-address="+address, "--cluster.listen-address="))
}

// outage is the availability of a service of the example catalog that has gone wrong until now: of all events of the
// last 40 minutes the share is bad.
func outage(t *testing.T, service string, share float64) (*scenario.Scenario, rulefmt.RuleGroups) {
	t.Helper()
	c, problems := catalog.Load("../examples/catalog")
	require.NoError(t, problems.Err())
	for _, s := range c.Services {
		if s.Name != service {
			continue
		}
		file, _ := alerts.Generate(s, alerts.DefaultOptions())
		const before, during = 20 * time.Minute, 40 * time.Minute
		return &scenario.Scenario{
			Name: service, Service: s, SLO: s.SLOs[0], Environment: "production",
			Start: time.Now().Add(-before - during), Length: before + during, Watch: scenario.Span{Begin: before - 10*time.Minute},
			Streams: []scenario.Stream{{Version: "1.0.0", Traffic: []scenario.Phase{
				{For: before, PerMinute: 600}, {For: during, PerMinute: 600, Bad: share}}}},
		}, rulefmt.RuleGroups{Groups: file.Groups}
	}
	require.Fail(t, "no such service", service)
	return nil, rulefmt.RuleGroups{}
}

// Prometheus evaluates the generated rules and sends what fires to an Alertmanager with the generated inhibition rules. Of an
// outage people get the page and not the slower alerts that say the same; another service's are not muted.
func TestAlertmanagerMutesWhatSaysTheSame(t *testing.T) {
	t.Parallel()
	got := &notified{byService: map[string]map[string]bool{}}
	hook := httptest.NewServer(got)
	t.Cleanup(hook.Close)
	am := startAlertmanager(t, hook.URL)

	sender := notifier.NewManager(&notifier.Options{QueueCapacity: 1000}, model.UTF8Validation, slog.New(slog.DiscardHandler))
	address := strings.TrimPrefix(am.url, "http://")
	require.NoError(t, sender.ApplyConfig(&config.Config{AlertingConfig: config.AlertingConfig{
		AlertmanagerConfigs: config.AlertmanagerConfigs{{
			Scheme: "http", APIVersion: config.AlertmanagerAPIVersionV2, Timeout: model.Duration(5 * time.Second),
		}},
	}}))
	groups := make(chan map[string][]*targetgroup.Group, 1)
	groups <- map[string][]*targetgroup.Group{"config-0": {{Targets: []model.LabelSet{{model.AddressLabel: model.LabelValue(address)}}}}}
	var running sync.WaitGroup
	running.Go(func() { sender.Run(groups) })
	t.Cleanup(func() {
		sender.Stop()
		running.Wait()
	})
	require.Eventually(t, func() bool { return len(sender.Alertmanagers()) == 1 }, patience, 50*time.Millisecond)

	fired := map[string]map[string]bool{}
	firing := map[string]map[string]*rules.Alert{} // by name and service
	for service, share := range map[string]float64{"checkout": 1, "payment": 0.015} {
		s, file := outage(t, service, share)
		fired[service] = map[string]bool{}
		p, err := scenario.Run(t.Context(), s, file, func(_ context.Context, _ string, all ...*rules.Alert) {
			for _, a := range all {
				if name := a.Labels.Get("alertname"); a.State == rules.StateFiring {
					fired[service][name] = true
					if firing[name] == nil {
						firing[name] = map[string]*rules.Alert{}
					}
					firing[name][service] = a
				}
			}
		})
		require.NoError(t, err)
		require.NoError(t, p.Close())
	}
	require.Equal(t, map[string]bool{"ErrorBudgetBurnCritical": true, "ErrorBudgetBurnHigh": true}, pairs(fired["checkout"]))
	require.Equal(t, map[string]bool{"ErrorBudgetBurnHigh": true}, pairs(fired["payment"]))
	// The page came a quarter of an hour before the next pair. Here all is sent now, so one waits for the other.
	send := rules.SendAlerts(sender, "http://prometheus.example.com")
	send(t.Context(), "", firing["ErrorBudgetBurnCritical"]["checkout"])
	require.Eventually(t, func() bool { return len(got.of("checkout")) > 0 }, patience, 50*time.Millisecond)
	for _, service := range []string{"checkout", "payment"} {
		send(t.Context(), "", firing["ErrorBudgetBurnHigh"][service])
	}
	require.Eventually(t, func() bool {
		return len(pairs(got.of("checkout"))) > 0 && len(pairs(got.of("payment"))) > 0
	}, patience, 100*time.Millisecond)
	suppressed := suppressedBy(t, am)
	assert.Equal(t, []string{"checkout ErrorBudgetBurnHigh"}, suppressed)
	assert.Equal(t, map[string]bool{"ErrorBudgetBurnCritical": true}, pairs(got.of("checkout")))
	assert.Equal(t, map[string]bool{"ErrorBudgetBurnHigh": true}, pairs(got.of("payment")))
}

// pairs are those of the alerts that are about a burn rate.
func pairs(all map[string]bool) map[string]bool {
	burn := map[string]bool{}
	for name := range all {
		if strings.HasPrefix(name, "ErrorBudgetBurn") {
			burn[name] = true
		}
	}
	return burn
}

// suppressedBy are the burn rate alerts that Alertmanager has and holds back because of others.
func suppressedBy(t *testing.T, am *server) (names []string) {
	t.Helper()
	response, err := http.Get(am.url + "/api/v2/alerts")
	require.NoError(t, err)
	defer response.Body.Close()
	var all []struct {
		Labels map[string]string
		Status struct{ InhibitedBy []string }
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&all))
	for _, a := range all {
		if len(a.Status.InhibitedBy) > 0 && strings.HasPrefix(a.Labels["alertname"], "ErrorBudgetBurn") {
			names = append(names, a.Labels["service_name"]+" "+a.Labels["alertname"])
		}
	}
	return names
}
