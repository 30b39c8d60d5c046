package observed

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// startTimeout is how long a program may take until it answers.
const startTimeout = time.Minute

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
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
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
	// OTLP over gRPC and HTTP in, what it exposes of services, and its own metrics: host:port each.
	OTLP, OTLPHTTP, Services, Own string
}

// StartCollector starts bin/otelcol-sre with the built-in standalone config, and further arguments and
// environment variables. Its state and its log are in the folder.
func StartCollector(ctx context.Context, bin, catalog, folder string, args, env []string) (*Collector, error) {
	free, err := freePorts(5)
	if err != nil {
		return nil, err
	}
	c := &Collector{OTLP: free[0], OTLPHTTP: free[1], Services: free[2], Own: free[3]}
	health := free[4]
	host, port, err := net.SplitHostPort(c.Own)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(bin, "otelcol-sre"), append([]string{"--config", "builtin:standalone"}, args...)...)
	cmd.Env = append(os.Environ(),
		"OTELCOL_SRE_CATALOG="+catalog,
		"OTELCOL_SRE_STORAGE="+filepath.Join(folder, "state"),
		"OTELCOL_SRE_OTLP_GRPC="+c.OTLP,
		"OTELCOL_SRE_OTLP_HTTP="+c.OTLPHTTP,
		"OTELCOL_SRE_PROMETHEUS="+c.Services,
		"OTELCOL_SRE_HEALTH="+health,
		"OTELCOL_SRE_TELEMETRY_HOST="+host,
		"OTELCOL_SRE_TELEMETRY_PORT="+port,
		"OTELCOL_SRE_FLUSH_INTERVAL=1s",
	)
	cmd.Env = append(cmd.Env, env...)
	c.process, err = start(ctx, cmd, filepath.Join(folder, "collector.log"), "http://"+health)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Targets are what to scrape of it.
func (c *Collector) Targets() map[string][]string {
	return map[string][]string{JobServices: {c.Services}, JobCollector: {c.Own}}
}

// freePorts are addresses on which nobody listens at this moment.
func freePorts(n int) ([]string, error) {
	addresses := make([]string, n)
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() //nolint:errcheck // all are held until the last is found
		addresses[i] = l.Addr().String()
	}
	return addresses, nil
}
