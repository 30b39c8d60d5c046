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
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/test/process"
)

// settings are what is measured, and where results go.
type settings struct {
	program  string
	items    int
	only     string
	history  string
	profiles string
	document string
}

func main() {
	var s settings
	flag.StringVar(&s.program, "collector", "bin/otelcol-sre", "the collector")
	flag.IntVar(&s.items, "items", 300_000, "spans or log records of each measurement")
	flag.StringVar(&s.only, "only", "", "measure only the loads whose name contains this")
	flag.StringVar(&s.history, "history", "", "a file to which the results are added, a line of JSON each")
	flag.StringVar(&s.profiles, "profiles", "", "a folder for a profile of the processor time of each collector")
	flag.StringVar(&s.document, "write", "", "a Markdown file that gets the table, between <!-- throughput --> and <!-- /throughput -->")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := s.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "throughput:", err)
		os.Exit(1)
	}
}

func (s settings) run(ctx context.Context) error {
	var table strings.Builder
	out := io.MultiWriter(os.Stdout, &table)
	fmt.Fprint(out, "| load | collector | µs per item | ratio to bare | peak memory, MiB | lost or double |\n| --- | --- | --- | --- | --- | --- |\n")
	var errs []error
	for _, l := range loads() {
		if !strings.Contains(l.name, s.only) {
			continue
		}
		bare := 0.0
		for _, role := range []string{"bare", "agent", "gateway"} {
			r, err := s.measure(ctx, role, l)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s, %s: %w", l.name, role, err))
				continue
			}
			if role == "bare" {
				bare = r.PerItem
			}
			r.Ratio = r.PerItem / bare
			fmt.Fprintf(out, "| %s | %s | %.1f | %.2f | %d | %s |\n", l.name, role, r.PerItem, r.Ratio, r.Peak>>20, r.exactness())
			if r.Wrong != "" {
				errs = append(errs, fmt.Errorf("%s, %s: %s", l.name, role, r.Wrong))
			}
			errs = append(errs, r.remember(s.history, l.name, role))
		}
	}
	return errors.Join(append(errs, write(s.document, table.String()))...)
}

// write puts the table into the document.
func write(document, table string) error {
	if document == "" {
		return nil
	}
	const begin, end = "<!-- throughput -->\n", "<!-- /throughput -->"
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("%s has no place for the table: add %q and %q", document, begin, end)
	}
	return os.WriteFile(document, []byte(before+begin+"\n"+table+"\n"+end+after), 0o644)
}

// measure sends a load to one collector.
func (s settings) measure(ctx context.Context, role string, l load) (_ result, err error) {
	sink, err := newSink()
	if err != nil {
		return result{}, err
	}
	defer sink.close()
	c, err := start(ctx, s.program, role, profileFile(s.profiles, l.name, role), sink)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	requests := l.requests(s.items)
	if err := c.send(ctx, l, requests/10, 0); err != nil { // it is warm then
		return result{}, err
	}
	warm := requests / 10 * l.size
	if err := c.settle(ctx, func() bool { return c.missing(l, sink, warm) == "" }); err != nil {
		return result{}, err
	}
	before, err := process.ProcessorTime(c.process.Process.Pid)
	if err != nil {
		return result{}, err
	}
	if err := c.send(ctx, l, requests, requests); err != nil {
		return result{}, err
	}
	if err := c.settle(ctx, func() bool { return c.missing(l, sink, (requests+requests/10)*l.size) == "" }); err != nil {
		return result{}, err
	}
	after, err := process.ProcessorTime(c.process.Process.Pid)
	if err != nil {
		return result{}, err
	}
	r := result{PerItem: float64((after - before).Microseconds()) / float64(requests*l.size), Time: time.Now().UTC()}
	if _, r.Peak, err = process.Memory(c.process.Process.Pid); err != nil {
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
