// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command beside sends the same OTLP metrics to the collector's prometheus_store and to a stand-alone Prometheus, built from
// the module that go.mod pins, and prints what each needs for it: make bench-store.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/otelcol-sre/otelcol-sre/test/gotool"
)

func main() {
	series := flag.Int("series", 200_000, "active series")
	interval := flag.Duration("interval", 10*time.Second, "between two samples of a series")
	length := flag.Duration("length", 5*time.Minute, "how long samples are sent")
	collector := flag.String("collector", "bin/otelcol-sre", "the collector")
	flag.Parse()
	if err := run(*collector, load{*series, *interval, *length}); err != nil {
		fmt.Fprintln(os.Stderr, "beside:", err)
		os.Exit(1)
	}
}

func run(collector string, l load) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	prometheus, err := gotool.Build("github.com/prometheus/prometheus/cmd/prometheus")
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "beside")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	ours, err := startCollector(ctx, collector, filepath.Join(folder, "collector"))
	if err != nil {
		return err
	}
	defer ours.stop()
	theirs, err := startPrometheus(ctx, prometheus, filepath.Join(folder, "prometheus"))
	if err != nil {
		return err
	}
	defer theirs.stop()

	servers := []*server{ours, theirs}
	samples, err := l.send(ctx, servers)
	if err != nil {
		return err
	}
	fmt.Printf("%d series every %s for %s, %d samples\n\n", l.series, l.interval, l.length, samples)
	return report(ctx, os.Stdout, servers, samples)
}
