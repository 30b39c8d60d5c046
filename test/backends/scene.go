// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// A scene is what runs, and where.
type scene struct {
	folder    string
	programs  map[string]string
	processes []*process
	keys      keys

	jaeger, victoriaLogs string // base URLs of their APIs
	alertmanager         string
	metrics              metrics
	own                  []string    // where collectors' own metrics are scraped
	jaegerOTLP           string      // address
	gateways             []collector // two behind mutual TLS, one behind a token
	agent                collector
	shop, buy            string // URLs of the control server and of orders
	sent                 int    // orders
	story                *observed.Scene
}

// A collector's addresses.
type collector struct{ otlp, telemetry string }

// addresses are free ones, one for each.
func addresses(all ...*string) error {
	for _, a := range all {
		free, err := observed.FreeAddress()
		if err != nil {
			return err
		}
		*a = free
	}
	return nil
}

func (s *scene) write(name, text string) (string, error) {
	file := filepath.Join(s.folder, name)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// place chooses where the backends are to be.
func (s *scene) place(context.Context) error {
	var am, jaegerAPI, logs, prometheus, victoriaMetrics, vmalert string
	if err := addresses(&am, &jaegerAPI, &s.jaegerOTLP, &logs, &prometheus, &victoriaMetrics, &vmalert); err != nil {
		return err
	}
	s.alertmanager, s.jaeger, s.victoriaLogs = "http://"+am, "http://"+jaegerAPI, "http://"+logs
	s.metrics = metrics{"http://" + prometheus, "http://" + victoriaMetrics, "http://" + vmalert}
	return nil
}

func (s *scene) startBackends(ctx context.Context) error {
	var health string
	if err := addresses(&health); err != nil {
		return err
	}
	amConfig, errAM := s.write("alertmanager.yaml", "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
	jaegerFile, errJaeger := s.write("jaeger.yaml", fmt.Sprintf(jaegerConfig, s.jaegerOTLP,
		filepath.Join(s.folder, "jaeger", "keys"), filepath.Join(s.folder, "jaeger", "values"), host(s.jaeger), health))
	if err := errors.Join(errAM, errJaeger); err != nil {
		return err
	}
	return errors.Join(
		s.start(ctx, "alertmanager", s.alertmanager+"/-/ready", nil, "alertmanager", "--config.file="+amConfig,
			"--storage.path="+filepath.Join(s.folder, "alertmanager"), "--web.listen-address="+host(s.alertmanager), "--cluster.listen-address="),
		s.start(ctx, "jaeger", s.jaeger+"/api/services", nil, "jaeger", "--config", jaegerFile),
		s.start(ctx, "victoria-logs", s.victoriaLogs+"/health", nil, "victoria-logs", "-storageDataPath="+filepath.Join(s.folder, "victoria-logs"),
			"-httpListenAddr="+host(s.victoriaLogs)),
		s.startMetrics(ctx),
	)
}

// host is the host and port of a base URL.
func host(url string) string { return strings.TrimPrefix(url, "http://") }

// fragments send to all of the backends, and backends are the variables that they read.
var fragments = []string{"prometheus-otlp", "victoriametrics", "jaeger", "victorialogs"}

func (s *scene) backends() []string {
	return []string{
		"OTELCOL_SRE_PROMETHEUS_OTLP=" + s.metrics.prometheus, "OTELCOL_SRE_VICTORIAMETRICS=" + s.metrics.victoriaMetrics,
		"OTELCOL_SRE_JAEGER=" + s.jaegerOTLP, "OTELCOL_SRE_JAEGER_INSECURE=true", "OTELCOL_SRE_VICTORIALOGS=" + s.victoriaLogs,
	}
}

// startCollector starts a role with fragments, and waits until it is healthy.
func (s *scene) startCollector(ctx context.Context, name, role string, fragments []string, env ...string) (c collector, err error) {
	var http, scrape, health string
	if err := addresses(&c.otlp, &http, &scrape, &health, &c.telemetry); err != nil {
		return c, err
	}
	catalog, err := filepath.Abs("examples/catalog")
	if err != nil {
		return c, err
	}
	args := []string{"--config", "builtin:" + role}
	for _, fragment := range fragments {
		args = append(args, "--config", "builtin:"+fragment)
	}
	env = append(env,
		"OTELCOL_SRE_CATALOG="+catalog, "OTELCOL_SRE_STORAGE="+filepath.Join(s.folder, name), "HOSTNAME="+name,
		"OTELCOL_SRE_OTLP_GRPC="+c.otlp, "OTELCOL_SRE_OTLP_HTTP="+http, "OTELCOL_SRE_PROMETHEUS="+scrape, "OTELCOL_SRE_HEALTH="+health,
		"OTELCOL_SRE_TELEMETRY_HOST=127.0.0.1", "OTELCOL_SRE_TELEMETRY_PORT="+port(c.telemetry), "OTELCOL_SRE_FLUSH_INTERVAL=1s",
	)
	return c, s.start(ctx, name, "http://"+health, env, "otelcol-sre", args...)
}

func (s *scene) startGateways(ctx context.Context) error {
	tokens, err := s.write("tokens", token+"\n")
	if err != nil {
		return err
	}
	env := append(s.backends(),
		"OTELCOL_SRE_REMOTE_WRITE="+s.metrics.prometheus+"/api/v1/write",
		"OTELCOL_SRE_TLS="+s.keys.gateway, "OTELCOL_SRE_BEARER_FILE="+tokens,
		"OTELCOL_SRE_SAMPLING_PERCENTAGE=100", "OTELCOL_SRE_CORRELATION_WAIT=2s",
	)
	for _, g := range []struct {
		name      string
		fragments []string
	}{
		{"gateway-1", append([]string{"mtls-server"}, fragments...)},
		{"gateway-2", append([]string{"mtls-server"}, fragments...)},
		{"gateway-3", []string{"tls-server", "bearer", "prometheus-remote-write", "jaeger", "victorialogs"}},
	} {
		c, err := s.startCollector(ctx, g.name, "gateway", g.fragments, env...)
		if err != nil {
			return err
		}
		s.gateways = append(s.gateways, c)
	}
	return nil
}

// startAgent starts the agent of the first two gateways, and the shop beside it, without load.
func (s *scene) startAgent(ctx context.Context) (err error) {
	s.agent, err = s.startCollector(ctx, "agent", "agent", []string{"mtls-client"},
		"OTELCOL_SRE_GATEWAY="+s.gateways[0].otlp+","+s.gateways[1].otlp, "OTELCOL_SRE_TLS="+s.keys.agent)
	if err != nil {
		return err
	}
	var control string
	if err := addresses(&control); err != nil {
		return err
	}
	s.shop = "http://" + control
	if err := s.start(ctx, "shop", s.shop, nil, "shop", "--endpoint", s.agent.otlp, "--control", control, "--rate", "0"); err != nil {
		return err
	}
	overview, err := get(ctx, s.shop)
	if err != nil {
		return err
	}
	frontend := regexp.MustCompile(`frontend +(\S+)`).FindSubmatch(overview)
	if frontend == nil {
		return fmt.Errorf("the shop does not say where its frontend is: %s", overview)
	}
	s.buy = string(frontend[1]) + "/buy"
	return nil
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// In memory this version of Jaeger does not find error=true, which its own page asks for.
const jaegerConfig = `
receivers: {otlp: {protocols: {grpc: {endpoint: %q}}}}
exporters: {jaeger_storage_exporter: {trace_storage: badger}}
extensions:
  jaeger_storage: {backends: {badger: {badger: {ephemeral: false, directories: {keys: %q, values: %q}}}}}
  jaeger_query: {storage: {traces: badger}, http: {endpoint: %q}, grpc: {endpoint: %q}}
service:
  extensions: [jaeger_storage, jaeger_query]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}}
`

func (s *scene) issueKeys(context.Context) (err error) {
	s.keys, err = newKeys(filepath.Join(s.folder, "tls"))
	return err
}
