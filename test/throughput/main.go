// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command throughput measures what a span and a log record cost in the built collector, beside a bare collector, and checks that none is lost or
// counted twice: `go run ./test/throughput -h` lists its flags.
//
// It starts one collector after the other, by the same program: one that only passes data on (`otlp`, `memory_limiter`, `batch`, `otlp_grpc`), and the built-in
// agent and gateway. Each gets the same requests. Processor time is what the kernel has accounted for its process.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	program := flag.String("collector", "bin/otelcol-sre", "the collector")
	items := flag.Int("items", 300_000, "spans or log records of each measurement")
	history := flag.String("history", "", "a file to which the results are added, a line of JSON each")
	only := flag.String("only", "", "measure only the loads whose name contains this")
	profiles := flag.String("profiles", "", "a folder for a profile of the processor time of each collector")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *program, *items, *only, *history, *profiles); err != nil {
		fmt.Fprintln(os.Stderr, "throughput:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program string, items int, only, history, profiles string) error {
	fmt.Println("| load | " + "collector | µs per item | × bare | peak memory, MiB | lost or double |")
	fmt.Println("| --- | --- | --- | --- | --- | --- |")
	var errs []error
	for _, l := range loads() {
		if !strings.Contains(l.name, only) {
			continue
		}
		bare := 0.0
		for _, role := range []string{"bare", "agent", "gateway"} {
			if l.gatewayOnly && role == "agent" {
				continue
			}
			r, err := measure(ctx, program, role, profiles, l, items)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s, %s: %w", l.name, role, err))
				continue
			}
			if role == "bare" {
				bare = r.PerItem
			}
			r.Ratio = r.PerItem / bare
			fmt.Printf("| %s | %s | %.2f | %.2f | %d | %s |\n", l.name, role, r.PerItem, r.Ratio, r.Peak>>20, r.exactness())
			if r.Wrong != "" {
				errs = append(errs, fmt.Errorf("%s, %s: %s", l.name, role, r.Wrong))
			}
			errs = append(errs, r.remember(history, l.name, role))
		}
	}
	return errors.Join(errs...)
}

// measure sends a load to one collector.
func measure(ctx context.Context, program, role, profiles string, l load, items int) (_ result, err error) {
	sink, err := newSink()
	if err != nil {
		return result{}, err
	}
	defer sink.close()
	c, err := start(ctx, program, role, profileFile(profiles, l.name, role), sink)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	requests := l.requests(items)
	if err := c.send(ctx, l, requests/10, 0); err != nil { // it is warm then
		return result{}, err
	}
	if err := c.settle(ctx); err != nil {
		return result{}, err
	}
	before, err := c.processorTime()
	if err != nil {
		return result{}, err
	}
	if err := c.send(ctx, l, requests, requests); err != nil {
		return result{}, err
	}
	if err := c.settle(ctx); err != nil {
		return result{}, err
	}
	after, err := c.processorTime()
	if err != nil {
		return result{}, err
	}
	r := result{PerItem: float64((after - before).Microseconds()) / float64(requests*l.size), Time: time.Now().UTC()}
	if r.Peak, err = c.peakMemory(); err != nil {
		return r, err
	}
	r.Wrong, err = c.check(l, sink, (requests+requests/10)*l.size)
	return r, err
}

// profileFile is where the profile is written; empty if none is wanted.
func profileFile(folder, load, role string) string {
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, strings.ReplaceAll(strings.ReplaceAll(load, ", ", "-"), " ", "-")+"-"+role+".pprof")
}
