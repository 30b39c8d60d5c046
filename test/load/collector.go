// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
	"github.com/otelcol-sre/otelcol-sre/test/process"
)

// A collector is a process of the built binary.
type collector struct {
	otlp, prometheus string
	cmd              *exec.Cmd
}

// start starts a built-in config on free ports, and waits until it is healthy.
func start(ctx context.Context, program, builtin, folder string, interval time.Duration, more ...string) (*collector, error) {
	addresses := make([]string, 5)
	var err error
	for i := range addresses {
		var errFree error
		addresses[i], errFree = observed.FreeAddress()
		err = errors.Join(err, errFree)
	}
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addresses[4])
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c := &collector{otlp: "http://" + addresses[0], prometheus: "http://" + addresses[2] + "/metrics"}
	c.cmd = exec.Command(program, append([]string{"--config", "builtin:" + builtin}, more...)...)
	c.cmd.Stdout, c.cmd.Stderr = log, log
	c.cmd.Env = append(os.Environ(),
		"OTELCOL_SRE_CATALOG="+filepath.Join(folder, "catalog"), "OTELCOL_SRE_STORAGE="+filepath.Join(folder, "state"),
		"OTELCOL_SRE_FLUSH_INTERVAL="+interval.String(), "OTELCOL_SRE_STORE=false",
		"OTELCOL_SRE_OTLP_HTTP="+addresses[0], "OTELCOL_SRE_OTLP_GRPC="+addresses[1], "OTELCOL_SRE_PROMETHEUS="+addresses[2],
		"OTELCOL_SRE_HEALTH="+addresses[3], "OTELCOL_SRE_TELEMETRY_HOST="+host, "OTELCOL_SRE_TELEMETRY_PORT="+port)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	for range 600 {
		if response, err := http.Get("http://" + addresses[3]); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return c, nil
			}
		}
		wait(ctx, 100*time.Millisecond)
	}
	c.stop()
	text, _ := os.ReadFile(log.Name())
	return nil, fmt.Errorf("the collector is not healthy\n%s", text[max(0, len(text)-2000):])
}

func (c *collector) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	_ = c.cmd.Wait()
}

// scrape reads the metrics as Prometheus does.
func (c *collector) scrape(ctx context.Context) (text []byte, wire int64, _ error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.prometheus, http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Accept-Encoding", "gzip") // by hand, so that the size on the wire is seen
	request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.2")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	counting := &counter{from: response.Body}
	var body io.Reader = counting
	if response.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(counting); err != nil {
			return nil, 0, err
		}
	}
	text, err = io.ReadAll(body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the scrape: %s", response.Status)
	}
	return text, counting.n, err
}

// A counter counts the bytes that it reads.
type counter struct {
	from io.Reader
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// reportScrape prints the time and size of a scrape.
func (c *collector) reportScrape(ctx context.Context) error {
	cpu, _ := process.ProcessorTime(c.cmd.Process.Pid)
	began := time.Now()
	text, wire, err := c.scrape(ctx)
	took := time.Since(began)
	after, _ := process.ProcessorTime(c.cmd.Process.Pid)
	fmt.Printf("scrape: %.2f s (processor time %.2f s), %.1f MB on the wire, %.1f MB of text, %d lines\n",
		took.Seconds(), (after - cpu).Seconds(), float64(wire)/1e6, float64(len(text))/1e6, strings.Count(string(text), "\n"))
	return err
}
