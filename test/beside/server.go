// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// A server takes OTLP and answers Prometheus' API.
type server struct {
	name, otlp, api string
	data            string
	cmd             *exec.Cmd
}

func startCollector(ctx context.Context, program, folder string) (*server, error) {
	otlp, errOTLP := observed.FreeAddress()
	api, errAPI := observed.FreeAddress()
	if err := errors.Join(errOTLP, errAPI); err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`
receivers: {otlp: {protocols: {http: {endpoint: %q}}}}
exporters: {prometheus_store: {endpoint: %q, directory: %q}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], exporters: [prometheus_store]}}
`, otlp, api, filepath.Join(folder, "data"))
	s := &server{name: "prometheus_store", otlp: "http://" + otlp + "/v1/metrics", api: "http://" + api, data: filepath.Join(folder, "data")}
	return s, s.start(ctx, folder, config, func(file string) *exec.Cmd {
		cmd := exec.Command(program, "--config", file)
		cmd.Env = append(os.Environ(), "GOGC=75") // as Prometheus sets it for itself
		return cmd
	})
}

func startPrometheus(ctx context.Context, program, folder string) (*server, error) {
	api, err := observed.FreeAddress()
	if err != nil {
		return nil, err
	}
	s := &server{name: "Prometheus", otlp: "http://" + api + "/api/v1/otlp/v1/metrics", api: "http://" + api, data: filepath.Join(folder, "data")}
	return s, s.start(ctx, folder, "storage: {tsdb: {out_of_order_time_window: 30m}}\n", func(file string) *exec.Cmd {
		return exec.Command(program, "--config.file", file, "--web.listen-address", api, "--web.enable-otlp-receiver",
			"--storage.tsdb.path", s.data, "--storage.tsdb.retention.time", "40d")
	})
}

// start writes the config, runs the program, and waits until it is ready.
func (s *server) start(ctx context.Context, folder, config string, command func(file string) *exec.Cmd) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	file := filepath.Join(folder, "config.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = command(file)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if response, err := http.Get(s.api + "/-/ready"); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			s.stop()
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("%s is not ready: %w\n%s", s.name, ctx.Err(), text[max(0, len(text)-2000):])
		case <-tick.C:
		}
	}
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// disk is what the data takes, in bytes that were written.
func (s *server) disk() (bytes float64, err error) {
	err = filepath.WalkDir(s.data, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			bytes += float64(info.Sys().(*syscall.Stat_t).Blocks) * 512
		}
		return err
	})
	return bytes, err
}
