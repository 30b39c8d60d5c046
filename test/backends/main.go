// Command backends runs an agent, two gateways behind mutual TLS and a third behind a bearer token, and real backends behind
// them: Prometheus, Alertmanager, Jaeger and Loki, built from their Go modules. It looks in each, through its own API, for a
// request to the shop, and tries to get past the gateways without the right certificate or token: make test-backends.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "backends:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	began := time.Now()
	programs, err := build()
	if err != nil {
		return err
	}
	said("built the backends", time.Since(began).Round(time.Second))
	folder, err := os.MkdirTemp("", "backends")
	if err != nil {
		return err
	}
	s := &scene{folder: folder, programs: programs}
	defer func() {
		s.stop()
		if err != nil {
			err = fmt.Errorf("%w\nwhat the programs said is in %s", err, folder)
			return
		}
		err = os.RemoveAll(folder)
	}()
	if s.keys, err = newKeys(filepath.Join(folder, "tls")); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		s.startBackends, s.startGateways, s.startAgent,
		s.findRequest, s.countRequests, s.findNames, s.seeAlert, s.tryCertificates, s.tryAgent, s.tryTokens,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	said("all done", time.Since(began).Round(time.Second))
	return nil
}

func said(what string, detail any) { fmt.Printf("%-52s %v\n", what, detail) }

// eventually tries until it is done, and returns what stood in the way when time is up.
func eventually(ctx context.Context, within time.Duration, what string, try func() error) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			said(what, time.Since(began).Round(100*time.Millisecond))
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, errors.Join(err, ctx.Err()))
		case <-tick.C:
		}
	}
}
