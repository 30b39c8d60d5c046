// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command live runs the collector and the shop and answers as the Prometheus that scrapes them, for
// who wants to look at dashboards with real data:
//
//	make build && go run ./test/observed/live
//
// It prints a line of JSON when there is something to see, and goes on until it is interrupted.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("live", flag.ContinueOnError)
	bin := flags.String("bin", "bin", "`folder` of otelcol-sre and shop")
	catalog := flags.String("catalog", "examples/catalog", "catalog `folder`")
	rules := flags.String("rules", "alerts/examples", "`folder` of *.rules.yaml")
	address := flags.String("address", "localhost:0", "`address` of Prometheus' API")
	faster := flags.Float64("faster", 20, "how many `times` faster than real the first minute is shown")
	if err = flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "live")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	files, err := filepath.Glob(filepath.Join(*rules, "*.rules.yaml"))
	if err != nil {
		return err
	}
	scene, err := observed.Begin(ctx, observed.SceneConfig{
		Bin: *bin, Catalog: *catalog, Folder: folder, Rules: files, Lapse: observed.Lapse{Length: observed.Story, Factor: *faster},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scene.Close()) }()
	return serve(ctx, *address, scene)
}

func serve(ctx context.Context, address string, scene *observed.Scene) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: scene.Prometheus.Handler(), ReadHeaderTimeout: time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })

	lived := scene.Live(ctx)
	line := map[string]any{"prometheus": "http://" + listener.Addr().String(), "from": scene.Prometheus.Began().UnixMilli(), "to": scene.Prometheus.Now().UnixMilli()}
	if lived == nil {
		lived = json.NewEncoder(os.Stdout).Encode(line)
	}
	if lived != nil {
		_ = server.Close()
	}
	if err = <-served; ctx.Err() != nil || errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(lived, err)
}
