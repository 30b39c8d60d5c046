// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

// startTimeout is how long a program may take until it answers.
const startTimeout = 3 * time.Minute

// A process is a program that runs until it is stopped. Its output goes to a file.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

func start(ctx context.Context, cmd *exec.Cmd, log, url string) (*process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = file, file
	if err = cmd.Start(); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%w (make build builds it)", err)
	}
	p := &process{cmd, log, make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		_ = file.Close()
		close(p.done)
	}()
	if err = p.answers(ctx, url); err != nil {
		p.Stop()
		return nil, fmt.Errorf("%s: %w; its last words: %s", cmd.Path, err, p.lastWords())
	}
	return p, nil
}

// answers waits until a GET of the URL is answered with 200.
func (p *process) answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.done:
			return fmt.Errorf("ended: %s", p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", url, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop ends the process, gracefully if it can.
func (p *process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func (p *process) lastWords() string {
	text, _ := os.ReadFile(p.log)
	const most = 2000
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}

// A Collector is a process of otelcol-sre with ports of its own.
type Collector struct {
	*process
	folder, health string
	// OTLP over gRPC and HTTP in, what it exposes of services, and its own metrics: host:port each.
	OTLP, OTLPHTTP, Services, Own string
}

// CollectorConfig is what a collector is started with.
type CollectorConfig struct {
	// Bin is the folder of the binary, Catalog that of the catalog. State and log are in Folder.
	Bin, Catalog, Folder string
	// YAML is merged over the built-in standalone config.
	YAML string
	// Downstream is a collector that gets everything, too.
	Downstream string
	Backends   Backends
}

// StartCollector starts a collector that has all in one process.
func StartCollector(ctx context.Context, config CollectorConfig) (*Collector, error) {
	free, err := freeAddresses(7)
	if err != nil {
		return nil, err
	}
	c := &Collector{OTLP: free[0], OTLPHTTP: free[1], Services: free[2], Own: free[3], health: free[4], folder: config.Folder}
	host, port, err := net.SplitHostPort(c.Own)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(config.Bin, "otelcol-sre"), "--config", "builtin:standalone")
	for _, fragment := range config.Backends.Fragments {
		cmd.Args = append(cmd.Args, "--config", "builtin:"+fragment)
	}
	cmd.Args = append(cmd.Args,
		"--config", "yaml:"+quickly, "--config", "yaml:exporters::prometheus_store::directory: "+filepath.Join(config.Folder, "prometheus"), "--config", "yaml:"+config.YAML)
	cmd.Env = append(os.Environ(),
		"OTELCOL_SRE_CATALOG="+config.Catalog,
		"OTELCOL_SRE_STORAGE="+c.state(),
		"OTELCOL_SRE_OTLP_GRPC="+c.OTLP,
		"OTELCOL_SRE_OTLP_HTTP="+c.OTLPHTTP,
		"OTELCOL_SRE_PROMETHEUS="+c.Services,
		"OTELCOL_SRE_PROMETHEUS_API="+free[5],
		"OTELCOL_SRE_STATUS_PAGE="+free[6],
		"OTELCOL_SRE_RULES="+config.Folder, // none: the scene has a Prometheus of its own
		"OTELCOL_SRE_HEALTH="+c.health,
		"OTELCOL_SRE_TELEMETRY_HOST="+host,
		"OTELCOL_SRE_TELEMETRY_PORT="+port,
		"OTELCOL_SRE_FLUSH_INTERVAL=1s",
		"OTELCOL_SRE_DOWNSTREAM="+config.Downstream,
		"OTELCOL_SRE_DOWNSTREAM_INSECURE=true",
	)
	cmd.Env = append(cmd.Env, config.Backends.Env...)
	if err = c.start(ctx, cmd); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Collector) start(ctx context.Context, cmd *exec.Cmd) error {
	p, err := start(ctx, cmd, filepath.Join(c.folder, "collector.log"), "http://"+c.health)
	if err == nil {
		c.process = p
	}
	return err
}

// state is the folder that survives a restart.
func (c *Collector) state() string { return filepath.Join(c.folder, "state") }

// databases are the files of the storage extension. Folders beside them are of others.
func (c *Collector) databases() (files []string, err error) {
	entries, err := os.ReadDir(c.state())
	for _, e := range entries {
		if e.Type().IsRegular() {
			files = append(files, filepath.Join(c.state(), e.Name()))
		}
	}
	return files, err
}

// damage stops the collector, spoils all that it has saved, and starts it again.
func (c *Collector) damage(ctx context.Context) error {
	c.Stop()
	files, err := c.databases()
	if err != nil {
		return err
	}
	for _, file := range files {
		if err = spoil(file); err != nil {
			return err
		}
	}
	again := exec.Command(c.cmd.Path, c.cmd.Args[1:]...)
	again.Env = c.cmd.Env
	return c.start(ctx, again)
}

// lose takes the storage from the running collector: in the place of each file there is a folder. When the files are
// replaced next, it is left without any.
func (c *Collector) lose() error {
	files, err := c.databases()
	if err != nil {
		return err
	}
	for _, file := range files {
		err = fs.ErrExist
		for errors.Is(err, fs.ErrExist) { // it was just replaced
			if err = os.Remove(file); err == nil {
				err = os.Mkdir(file, 0o700)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// spoil overwrites all values of a storage file.
func spoil(file string) error {
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(_ []byte, bucket *bbolt.Bucket) error {
			return bucket.ForEach(func(key, _ []byte) error { return bucket.Put(key, []byte("spoilt")) })
		})
	})
	return errors.Join(err, db.Close())
}

// quickly decides in seconds what became of a deployment, and which service called which. It takes counters of SLOs from the test, as a gateway does from agents.
const quickly = "processors: {admission: {reserved_names: accept}}\n" +
	"extensions: {deployment_tracker: {confirm: 1s, settle: 4s, canary_after: 5s, instance_timeout: 6s}}\n" +
	"connectors: {red: {flush_interval: 1s, pairing: {ttl: 2s}}}"

// freeAddresses are n of [FreeAddress].
func freeAddresses(n int) ([]string, error) {
	addresses := make([]string, n)
	errs := make([]error, n)
	for i := range addresses {
		addresses[i], errs[i] = FreeAddress()
	}
	return addresses, errors.Join(errs...)
}
