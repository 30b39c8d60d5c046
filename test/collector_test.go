// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

const binary = "../bin/otelcol-sre"

// patience is how long a test waits for what comes within seconds on a machine that does nothing else. It is no promise.
const patience = 3 * time.Minute

// A collector is a process of the built binary with its own ports and state folder. It can be
// stopped, killed and started again on the same.
type collector struct {
	t    *testing.T
	name string
	args []string
	env  []string
	log  string
	// within is a command that runs the collector somewhere else, such as in another network; the collector takes its place.
	within []string
	cmd    *exec.Cmd
	done   chan struct{}

	otlpGRPC, otlpHTTP, prometheus, api, page, health, telemetry string
	// store is the folder of the Prometheus inside.
	store string
}

// newCollector starts a collector with the built-in config.
func newCollector(t *testing.T, builtin, catalogDir string, env ...string) *collector {
	t.Helper()
	c := prepareCollector(t, builtin, catalogDir, env...)
	c.start()
	return c
}

// prepareCollector is newCollector without the start: its arguments and environment can still be changed.
func prepareCollector(t *testing.T, builtin, catalogDir string, env ...string) *collector {
	t.Helper()
	c := &collector{
		t: t, name: builtin, args: []string{"--config", "builtin:" + builtin},
		log:      filepath.Join(t.TempDir(), builtin+".log"),
		otlpGRPC: freeAddress(t), otlpHTTP: freeAddress(t), prometheus: freeAddress(t), api: freeAddress(t), page: freeAddress(t),
		health: freeAddress(t), telemetry: freeAddress(t),
	}
	storage := t.TempDir()
	c.store = filepath.Join(storage, "prometheus")
	_, telemetryPort, err := net.SplitHostPort(c.telemetry)
	require.NoError(t, err)
	c.env = append(os.Environ(),
		"OTELCOL_SRE_CATALOG="+catalogDir,
		"OTELCOL_SRE_STORAGE="+storage,
		"OTELCOL_SRE_OTLP_GRPC="+c.otlpGRPC,
		"OTELCOL_SRE_OTLP_HTTP="+c.otlpHTTP,
		"OTELCOL_SRE_PROMETHEUS="+c.prometheus,
		"OTELCOL_SRE_PROMETHEUS_API="+c.api,
		"OTELCOL_SRE_RULES="+t.TempDir(),
		"OTELCOL_SRE_STATUS_PAGE="+c.page,
		"OTELCOL_SRE_HEALTH="+c.health,
		"OTELCOL_SRE_TELEMETRY_PORT="+telemetryPort,
		"OTELCOL_SRE_TELEMETRY_HOST=127.0.0.1",
		"OTELCOL_SRE_FLUSH_INTERVAL=1s",
	)
	c.env = append(c.env, env...)
	t.Cleanup(func() {
		if c.cmd == nil {
			return
		}
		c.kill()
		if t.Failed() {
			text, _ := os.ReadFile(c.log)
			t.Logf("%s:\n%s", c.log, lastLines(string(text), 40))
		}
	})
	return c
}

func (c *collector) start() {
	c.t.Helper()
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(c.t, err)
	command := slices.Concat(c.within, []string{binary}, c.args)
	c.cmd = exec.Command(command[0], command[1:]...)
	c.cmd.Env, c.cmd.Stdout, c.cmd.Stderr = c.env, log, log
	require.NoError(c.t, c.cmd.Start())
	c.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		_ = log.Close()
		close(done)
	}(c.cmd, c.done)
	require.Eventually(c.t, func() bool {
		response, err := http.Get("http://" + c.health)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, patience, 50*time.Millisecond, "%s is not healthy; see %s", c.name, c.log)
}

// stop ends the collector gracefully and waits for it.
func (c *collector) stop() {
	c.t.Helper()
	require.NoError(c.t, c.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-c.done:
	case <-time.After(time.Minute):
		c.t.Fatalf("%s did not stop; see %s", c.name, c.log)
	}
	require.True(c.t, c.cmd.ProcessState.Success(), "%s: %s; see %s", c.name, c.cmd.ProcessState, c.log)
}

// kill is kill -9.
func (c *collector) kill() {
	_ = c.cmd.Process.Kill()
	<-c.done
}

// scrape reads the Prometheus exporter's endpoint; nil when it does not answer.
func (c *collector) scrape() map[string]*dto.MetricFamily {
	response, err := http.Get("http://" + c.prometheus + "/metrics")
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return nil
	}
	return families
}

// sum adds up the family's metrics that have all the labels, given as name, value, name, value.
func sum(families map[string]*dto.MetricFamily, name string, labels ...string) (total float64, found bool) {
	family := families[name]
	for _, m := range family.GetMetric() {
		if !hasLabels(m, labels) {
			continue
		}
		found = true
		switch {
		case m.Counter != nil:
			total += m.Counter.GetValue()
		case m.Gauge != nil:
			total += m.Gauge.GetValue()
		case m.Untyped != nil:
			total += m.Untyped.GetValue()
		}
	}
	return total, found
}

func hasLabels(m *dto.Metric, labels []string) bool {
	for i := 0; i < len(labels); i += 2 {
		if label(m, labels[i]) != labels[i+1] {
			return false
		}
	}
	return true
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := observed.FreeAddress()
	require.NoError(t, err)
	return address
}

// writeCatalog writes name → text into a new folder.
func writeCatalog(t *testing.T, services map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range services {
		replaceFile(t, filepath.Join(dir, name+".yaml"), text)
	}
	return dir
}

// replaceFile writes the file as an editor does: aside, then renamed over the old one.
func replaceFile(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

func service(name string, slos ...string) string {
	return fmt.Sprintf("apiVersion: catalog.otelcol-sre.dev/v1\nkind: Service\nmetadata: {name: %s}\nspec:\n  owner: test\n  slos:\n    - %s\n",
		name, strings.Join(slos, "\n    - "))
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
