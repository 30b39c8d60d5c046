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

	prometheus, alertmanager, jaeger, loki string      // base URLs of their APIs
	jaegerOTLP                             string      // address
	gateways                               []collector // two behind mutual TLS, one behind a token
	agent                                  collector
	shop, buy                              string // URLs of the control server and of orders
	sent                                   int    // orders
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

func (s *scene) startBackends(ctx context.Context) error {
	var am, prom, jaegerAPI, jaegerHealth, lokiAPI, lokiGRPC string
	if err := addresses(&am, &prom, &jaegerAPI, &jaegerHealth, &s.jaegerOTLP, &lokiAPI, &lokiGRPC); err != nil {
		return err
	}
	s.alertmanager, s.prometheus, s.jaeger, s.loki = "http://"+am, "http://"+prom, "http://"+jaegerAPI, "http://"+lokiAPI

	rules, err := filepath.Abs("alerts")
	if err != nil {
		return err
	}
	amConfig, errAM := s.write("alertmanager.yaml", "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
	promConfig, errProm := s.write("prometheus.yaml", fmt.Sprintf(prometheusConfig, am, rules))
	jaegerFile, errJaeger := s.write("jaeger.yaml", fmt.Sprintf(jaegerConfig, s.jaegerOTLP, jaegerAPI, jaegerHealth))
	lokiFile, errLoki := s.write("loki.yaml", fmt.Sprintf(lokiConfig, port(lokiAPI), port(lokiGRPC), filepath.Join(s.folder, "loki")))
	if err := errors.Join(errAM, errProm, errJaeger, errLoki); err != nil {
		return err
	}
	return errors.Join(
		s.start(ctx, "alertmanager", s.alertmanager+"/-/ready", nil, "alertmanager", "--config.file="+amConfig,
			"--storage.path="+filepath.Join(s.folder, "alertmanager"), "--web.listen-address="+am, "--cluster.listen-address="),
		s.start(ctx, "prometheus", s.prometheus+"/-/ready", nil, "prometheus", "--config.file="+promConfig, "--web.listen-address="+prom,
			"--storage.tsdb.path="+filepath.Join(s.folder, "prometheus"), "--web.enable-otlp-receiver", "--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage"),
		s.start(ctx, "jaeger", s.jaeger+"/api/services", nil, "jaeger", "--config", jaegerFile),
		s.start(ctx, "loki", s.loki+"/ready", nil, "loki", "-config.file="+lokiFile),
	)
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
	env := []string{
		"OTELCOL_SRE_PROMETHEUS_OTLP=" + s.prometheus, "OTELCOL_SRE_REMOTE_WRITE=" + s.prometheus + "/api/v1/write",
		"OTELCOL_SRE_JAEGER=" + s.jaegerOTLP, "OTELCOL_SRE_JAEGER_INSECURE=true",
		"OTELCOL_SRE_LOKI=" + s.loki, "OTELCOL_SRE_TLS=" + s.keys.gateway, "OTELCOL_SRE_BEARER_FILE=" + tokens,
		"OTELCOL_SRE_SAMPLING_PERCENTAGE=100", "OTELCOL_SRE_CORRELATION_WAIT=2s",
	}
	for _, g := range []struct {
		name      string
		fragments []string
	}{
		{"gateway-1", []string{"mtls-server", "prometheus-otlp", "jaeger", "loki"}},
		{"gateway-2", []string{"mtls-server", "prometheus-otlp", "jaeger", "loki"}},
		{"gateway-3", []string{"tls-server", "bearer", "prometheus-remote-write", "jaeger", "loki"}},
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
	if err := s.start(ctx, "shop", s.shop, nil, "shop", "--endpoint", s.agent.otlp, "--control", control, "--rate", "0", "--error-rate", "payment=1"); err != nil {
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

const prometheusConfig = `
storage: {tsdb: {out_of_order_time_window: 30m}}
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
rule_files: ["%s/*.rules.yaml"]
`

const jaegerConfig = `
receivers: {otlp: {protocols: {grpc: {endpoint: %q}}}}
exporters: {jaeger_storage_exporter: {trace_storage: memory}}
extensions:
  jaeger_storage: {backends: {memory: {memory: {max_traces: 100000}}}}
  jaeger_query: {storage: {traces: memory}, http: {endpoint: %q}, grpc: {endpoint: %q}}
service:
  extensions: [jaeger_storage, jaeger_query]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}}
`

var lokiConfig = strings.TrimSpace(`
auth_enabled: false
server: {http_listen_address: 127.0.0.1, http_listen_port: %s, grpc_listen_address: 127.0.0.1, grpc_listen_port: %s, log_level: warn}
common:
  instance_addr: 127.0.0.1
  path_prefix: %s
  replication_factor: 1
  ring: {kvstore: {store: inmemory}}
  storage: {filesystem: {chunks_directory: chunks, rules_directory: rules}}
ingester: {lifecycler: {min_ready_duration: 0s}}
schema_config: {configs: [{from: 2024-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: index_, period: 24h}}]}
analytics: {reporting_enabled: false}
`)
