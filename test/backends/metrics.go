// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// metrics are two servers that get the same metrics and evaluate the same rules, by their base URLs.
type metrics struct{ prometheus, victoriaMetrics, vmalert string }

// A server has a name and the base URL of its API.
type server struct{ name, url string }

// stores are the servers that can be asked.
func (m metrics) stores() []server {
	return []server{{"Prometheus", m.prometheus}, {"VictoriaMetrics", m.victoriaMetrics}}
}

// rulers are the servers that evaluate rules.
func (m metrics) rulers() []server {
	return []server{{"Prometheus", m.prometheus}, {"vmalert", m.vmalert}}
}

// startMetrics starts the servers, which scrape what collectors say of themselves: all in Prometheus, all but the first, which
// sends it, in VictoriaMetrics.
func (s *scene) startMetrics(ctx context.Context) error {
	rules, err := filepath.Abs(ruleFiles)
	if err != nil {
		return err
	}
	prometheus, errP := s.write("prometheus.yaml", fmt.Sprintf(prometheusConfig, host(s.alertmanager), rules, list(s.own)))
	scraped, errV := s.write("scraped.yaml", fmt.Sprintf(victoriaConfig, list(s.own[min(1, len(s.own)):])))
	if err := errors.Join(errP, errV); err != nil {
		return err
	}
	m := s.metrics
	if err := errors.Join(
		s.start(ctx, "prometheus", m.prometheus+"/-/ready", nil, "prometheus", "--config.file="+prometheus, "--web.listen-address="+host(m.prometheus),
			"--storage.tsdb.path="+filepath.Join(s.folder, "prometheus"), "--web.enable-otlp-receiver", "--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage"),
		s.start(ctx, "victoria-metrics", m.victoriaMetrics+"/health", nil, "victoria-metrics", "-httpListenAddr="+host(m.victoriaMetrics),
			"-storageDataPath="+filepath.Join(s.folder, "victoria-metrics"), "-promscrape.config="+scraped),
	); err != nil {
		return err
	}
	return s.start(ctx, "vmalert", m.vmalert+"/health", nil, "vmalert", "-rule="+rules, "-httpListenAddr="+host(m.vmalert),
		"-datasource.url="+m.victoriaMetrics, "-remoteWrite.url="+m.victoriaMetrics, "-remoteRead.url="+m.victoriaMetrics,
		"-notifier.url="+s.alertmanager, "-external.label=ruler=vmalert")
}

const ruleFiles = "alerts/examples/*.rules.yaml"

// tryRules has vmalert look at the rule files without evaluating them.
func (s *scene) tryRules(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, s.programs["vmalert"], "-dryRun", "-rule="+ruleFiles).CombinedOutput()
	if err != nil {
		return fmt.Errorf("vmalert -dryRun: %w: %s", err, out)
	}
	said("vmalert -dryRun takes all rule files", "")
	return nil
}

func list(addresses []string) string {
	quoted := make([]string, len(addresses))
	for i, a := range addresses {
		quoted[i] = fmt.Sprintf("%q", a)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// rulesOf are the rules that a ruler has, those whose last evaluation failed, and those that have not been evaluated yet.
func rulesOf(ctx context.Context, ruler string) (all int, failed, waiting []string, err error) {
	var answer struct {
		Data struct {
			Groups []struct {
				Name  string
				Rules []struct{ Name, Health, LastError, LastEvaluation string }
			}
		}
	}
	if err := ask(ctx, ruler+"/api/v1/rules", &answer); err != nil {
		return 0, nil, nil, err
	}
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			all++
			switch {
			case r.LastError != "":
				failed = append(failed, g.Name+": "+r.Name+": "+r.LastError)
			case strings.HasPrefix(r.LastEvaluation, "0001-"), r.Health == "unknown":
				waiting = append(waiting, g.Name+": "+r.Name)
			}
		}
	}
	return all, failed, waiting, nil
}

// seeRules waits until every rule has been evaluated by both, all that the files have.
func (s *scene) seeRules(ctx context.Context) error {
	want, err := rulesIn(ruleFiles)
	if err != nil {
		return err
	}
	for _, ruler := range s.metrics.rulers() {
		if err := eventually(ctx, 5*time.Minute, ruler.name+" evaluates every rule without an error", func() error {
			all, failed, waiting, err := rulesOf(ctx, ruler.url)
			switch {
			case err != nil:
				return err
			case all != want:
				return fmt.Errorf("%d of %d rules", all, want)
			case len(failed) > 0:
				return fmt.Errorf("%d fail: %s", len(failed), strings.Join(failed[:min(3, len(failed))], "; "))
			case len(waiting) > 0:
				return fmt.Errorf("%d have not been evaluated: %s", len(waiting), waiting[0])
			}
			return nil
		}); err != nil {
			return err
		}
	}
	said("  rules", want)
	return nil
}

// rulesIn counts the rules of the files.
func rulesIn(pattern string) (rules int, err error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		rules += strings.Count(string(text), "- record: ") + strings.Count(string(text), "- alert: ")
	}
	return rules, nil
}

const prometheusConfig = `
storage: {tsdb: {out_of_order_time_window: 30m}}
global: {external_labels: {ruler: prometheus}}
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
rule_files: [%q]
scrape_configs:
  - {job_name: otelcol-sre, metric_name_escaping_scheme: underscores, scrape_interval: 5s, static_configs: [{targets: %s}]}
`

const victoriaConfig = `
scrape_configs:
  - {job_name: otelcol-sre, scrape_interval: 5s, static_configs: [{targets: %s}]}
`
