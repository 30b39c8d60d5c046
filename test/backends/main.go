// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command backends runs real backends, built from their Go modules: Prometheus, VictoriaMetrics and vmalert, Alertmanager, Jaeger
// and VictoriaLogs. First an agent, two gateways behind mutual TLS and a third behind a bearer token send to them: it looks in each,
// through its own API, for a request to the shop, and tries to get past the gateways without the right certificate or token. Then
// a shop in which all goes wrong does: each query of the dashboards, rules and runbooks has an answer. make test-backends.
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
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\nwhat the programs said is in %s", err, folder)
			return
		}
		err = os.RemoveAll(folder)
	}()
	for _, act := range acts {
		if err := act.play(ctx, filepath.Join(folder, act.name), programs); err != nil {
			return err
		}
	}
	said("all done", time.Since(began).Round(time.Second))
	return nil
}

// An act has a scene of its own, with its own backends.
type act struct {
	name  string
	steps []func(*scene, context.Context) error
}

var acts = []act{
	{"gateways", []func(*scene, context.Context) error{
		(*scene).place, (*scene).tryRules, (*scene).startBackends, (*scene).issueKeys, (*scene).startGateways, (*scene).startAgent,
		(*scene).findRequest, (*scene).findInPanels, (*scene).countRequests, (*scene).findNames, (*scene).seeAlert, (*scene).seeRules,
		(*scene).tryCertificates, (*scene).tryAgent, (*scene).tryTokens,
	}},
	{"story", []func(*scene, context.Context) error{
		(*scene).place, (*scene).beginStory, (*scene).startBackends, (*scene).liveStory, (*scene).askAll,
		(*scene).seeRules, (*scene).seeCollectorAlerts, (*scene).seeVersions, (*scene).followLinks,
	}},
}

func (a act) play(ctx context.Context, folder string, programs map[string]string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	s := &scene{folder: folder, programs: programs}
	defer s.stop()
	for _, step := range a.steps {
		if err := step(s, ctx); err != nil {
			return err
		}
	}
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
