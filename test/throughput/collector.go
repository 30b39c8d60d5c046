// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
	"github.com/otelcol-sre/otelcol-sre/test/process"
)

// A collector is a process that runs one of the configurations.
type collector struct {
	role, folder       string
	otlp, metrics, own string // addresses
	process            *exec.Cmd
}

// bare only passes data on.
const bare = `yaml:
receivers: {otlp: {protocols: {grpc: {endpoint: %s, max_recv_msg_size_mib: 64}}}}
processors: {memory_limiter: {check_interval: 1s, limit_percentage: 80}, batch: {}}
exporters: {otlp_grpc: {endpoint: %s, tls: {insecure: true}}}
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: localhost, port: %s}}}}]}}
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_grpc]}
    logs: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_grpc]}`

const service = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Service
metadata: {name: checkout}
spec:
  owner: load
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 250ms}}}
`

func start(ctx context.Context, program, role, profile string, s *sink) (_ *collector, err error) {
	c := &collector{role: role}
	if c.folder, err = os.MkdirTemp("", "throughput"); err != nil {
		return nil, err
	}
	catalog := filepath.Join(c.folder, "catalog")
	if err := errors.Join(os.Mkdir(catalog, 0o755), os.WriteFile(filepath.Join(catalog, "checkout.yaml"), []byte(service), 0o644)); err != nil {
		return nil, err
	}
	addresses := make([]string, 6)
	for i := range addresses {
		if addresses[i], err = observed.FreeAddress(); err != nil {
			return nil, err
		}
	}
	c.otlp, c.metrics, c.own = addresses[0], addresses[1], addresses[2]
	_, port, _ := net.SplitHostPort(c.own)
	var arguments []string
	switch role {
	case "bare":
		arguments = []string{"--config", fmt.Sprintf(bare, c.otlp, s.grpc, port)}
	case "agent":
		arguments = []string{"--config", "builtin:agent"}
	case "gateway": // with three backends
		arguments = []string{"--config", "builtin:gateway", "--config", "builtin:tempo", "--config", "builtin:loki", "--config", "builtin:mimir"}
	}
	if profile != "" {
		arguments = append(arguments, "--config", fmt.Sprintf("yaml:{extensions: {pprof: {endpoint: %q, save_to_file: %q}}, service: {extensions: [pprof]}}", addresses[5], profile))
	}
	c.process = exec.CommandContext(ctx, program, arguments...)
	c.process.Env = append(os.Environ(), "OTELCOL_SRE_CATALOG="+catalog, "OTELCOL_SRE_STORAGE="+filepath.Join(c.folder, "state"),
		"OTELCOL_SRE_OTLP_GRPC="+c.otlp, "OTELCOL_SRE_OTLP_HTTP="+addresses[3], "OTELCOL_SRE_PROMETHEUS="+c.metrics, "OTELCOL_SRE_TELEMETRY_PORT="+port,
		"OTELCOL_SRE_HEALTH="+addresses[4], "OTELCOL_SRE_GATEWAY="+s.grpc, "OTELCOL_SRE_GATEWAY_INSECURE=true",
		"OTELCOL_SRE_TEMPO="+s.grpc, "OTELCOL_SRE_TEMPO_INSECURE=true", "OTELCOL_SRE_LOKI=http://"+s.http, "OTELCOL_SRE_MIMIR=http://"+s.http)
	log, err := os.Create(filepath.Join(c.folder, "log"))
	if err != nil {
		return nil, err
	}
	c.process.Stdout, c.process.Stderr = log, log
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if connection, err := net.Dial("tcp", c.otlp); err == nil {
			return c, connection.Close()
		}
		if time.Since(began) > time.Minute {
			text, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("the collector does not answer after a minute: %s", text[max(0, len(text)-2000):])
		}
	}
}

func (c *collector) stop() error {
	err := c.process.Process.Signal(syscall.SIGTERM)
	return errors.Join(err, c.process.Wait(), os.RemoveAll(c.folder))
}

// raw sends bytes as they are.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)   { return *v.(*[]byte), nil }
func (raw) Unmarshal(_ []byte, _ any) error { return nil }
func (raw) Name() string                    { return "proto" }

// connections are how many clients send at once.
const connections = 4

// send sends requests, numbered from `from` on, and each again until it is acknowledged.
func (c *collector) send(ctx context.Context, l load, requests, from int) error {
	var next atomic.Int64
	var clients sync.WaitGroup
	errs := make(chan error, connections)
	for range connections {
		clients.Go(func() {
			client, err := grpc.NewClient(c.otlp, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
			if err != nil {
				errs <- err
				return
			}
			defer client.Close()
			var body, answer []byte
			for n := next.Add(1); n <= int64(requests); n = next.Add(1) {
				body = l.numbered(uint64(from)+uint64(n), body)
				for client.Invoke(ctx, l.method, &body, &answer) != nil {
					if ctx.Err() != nil {
						errs <- ctx.Err()
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	clients.Wait()
	close(errs)
	return <-errs
}

// settle returns when the process has nothing more to do: it takes less than a tenth of a processor, and what was sent has arrived. A gateway holds
// some of it back for ten seconds, twice; what has not arrived after thirty does not.
func (c *collector) settle(ctx context.Context, arrived func() bool) error {
	const interval = 500 * time.Millisecond
	idle, began := 0, time.Now()
	for last := time.Duration(0); idle < 4 || !arrived() && time.Since(began) < 30*time.Second; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
		now, err := process.ProcessorTime(c.process.Process.Pid)
		if err != nil {
			return err
		}
		if now-last < interval/10 {
			idle++
		} else {
			idle = 0
		}
		last = now
	}
	return nil
}

// missing says what has not arrived of so many items.
func (c *collector) missing(l load, s *sink, items int) string {
	arrived := s.logs.Load()
	if l.method == methodTraces {
		arrived = s.spans.Load()
	}
	if c.role != "gateway" || l.method == methodLogs || l.failing == 20 { // otherwise it samples
		if arrived != int64(items) {
			return fmt.Sprintf("%d of %d arrived", arrived, items)
		}
	} else if bad := int64(items / spansPerTrace * l.failing / 20); arrived < bad {
		return fmt.Sprintf("%d of at least %d bad spans arrived", arrived, bad)
	}
	return ""
}

// check says what was lost or double of so many items: in the sink, and, for events of an SLO, in the counters.
func (c *collector) check(l load, s *sink, items int) (wrong string, err error) {
	if wrong := c.missing(l, s, items); wrong != "" {
		return wrong, nil
	}
	if c.role == "gateway" && l.method == methodTraces {
		return c.checkCalls(items)
	}
	return "", nil
}

// checkCalls compares the requests that the gateway has counted.
func (c *collector) checkCalls(items int) (string, error) {
	const name = "traces_span_metrics_calls_total"
	var counted float64
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(time.Second) { // they are emitted at times
		response, err := http.Get("http://" + c.metrics + "/metrics")
		if err != nil {
			return "", err
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			return "", err
		}
		counted = 0
		for _, m := range families[name].GetMetric() {
			counted += m.GetCounter().GetValue()
		}
		if counted == float64(items) {
			return "", nil
		}
	}
	return fmt.Sprintf("%.0f of %d counted", counted, items), nil
}
