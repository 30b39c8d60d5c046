// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command load measures what budgets cost in the built collector: `go run ./test/load -h` lists its flags.
//
// By default it starts the built-in gateway with a catalog of many SLOs, sends their counters as agents do, and prints
// processor time, memory, and the time and size of a scrape. With -freshness it starts the built-in standalone, sends failed spans, and prints how long
// each takes to be seen in the burn rate.
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

	"github.com/otelcol-sre/otelcol-sre/test/process"
)

// A load is what is sent and measured.
type load struct {
	services, slos, senders int
	interval                time.Duration // between two counters of a sender, and the flush interval
	warm, length            time.Duration
	// traffic: the counters increase at each interval, by perSecond events a second, of which one in a hundred is bad.
	traffic   bool
	perSecond float64
	// silent: after the first counters nothing is sent.
	silent bool
	// arguments are further ones of the collector.
	arguments []string
}

func main() {
	var l load
	collector := flag.String("collector", "bin/otelcol-sre", "the collector")
	freshness := flag.Bool("freshness", false, "measure the time from an event to the burn rate in standalone instead")
	flag.IntVar(&l.services, "services", 10_000, "services of the catalog")
	flag.IntVar(&l.slos, "slos", 1, "SLOs of a service")
	flag.IntVar(&l.senders, "senders", 1, "agents that send counters of each SLO")
	flag.DurationVar(&l.interval, "interval", 5*time.Second, "between two flushes")
	flag.DurationVar(&l.warm, "warm", 75*time.Second, "how long counters are sent before the measurement")
	flag.DurationVar(&l.length, "length", time.Minute, "how long the measurement takes")
	flag.BoolVar(&l.traffic, "traffic", false, "counters increase at every flush")
	flag.Float64Var(&l.perSecond, "rate", 10, "events a second and SLO, with -traffic")
	flag.BoolVar(&l.silent, "silent", false, "send counters only once; the collector is the only one of its SLOs")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "load [flags] [-- further arguments of the collector]")
		flag.PrintDefaults()
	}
	flag.Parse()
	l.arguments = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	measure := l.run
	if *freshness {
		measure = l.freshness
	}
	err := measure(ctx, *collector)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// run measures the gateway.
func (l load) run(ctx context.Context, program string) (err error) {
	folder, err := os.MkdirTemp("", "load")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := l.writeCatalog(filepath.Join(folder, "catalog"), true); err != nil {
		return err
	}
	more := l.arguments
	if l.silent {
		more = append(more, "--set=processors::slo::ownership=sole")
	}
	c, err := start(ctx, program, "gateway", folder, l.interval, more...)
	if err != nil {
		return err
	}
	defer c.stop()

	sending, end := context.WithCancel(ctx)
	sent := make(chan error, 1)
	go func() { sent <- l.send(sending, c) }()
	defer func() { end(); err = errors.Join(err, <-sent) }()
	wait(ctx, l.warm)
	if err := c.reportScrape(ctx); err != nil { // what it takes is a part of the memory below
		return err
	}
	wait(ctx, l.interval)
	before, err := process.ProcessorTime(c.cmd.Process.Pid)
	if err != nil {
		return err
	}
	wait(ctx, l.length)
	after, err := process.ProcessorTime(c.cmd.Process.Pid)
	if err != nil {
		return err
	}
	now, most, err := process.Memory(c.cmd.Process.Pid)
	fmt.Printf("%d services × %d SLOs, traffic: %t, silent: %t\n", l.services, l.slos, l.traffic, l.silent)
	fmt.Printf("processor time: %.1f ms per second\nmemory: %.0f MB, at most %.0f MB\n", 1000*(after-before).Seconds()/l.length.Seconds(), float64(now)/1e6, float64(most)/1e6)
	return err
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
