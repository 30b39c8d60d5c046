// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Agentcost compares the processor time of agents that send the same spans to gateways: with the gateways exporter, with contrib's loadbalancing, and a bare
// collector (otlp, memory_limiter, batch, otlp_grpc). It needs Linux, and bin/otelcol-sre.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/test/observed"
)

// The agents that are compared. TO is the list of gateways, FIRST one of them, FOLDER an empty folder.
var agents = []struct{ name, exporter, processors string }{
	{"bare, gzip (its default)", "otlp_grpc: {endpoint: FIRST, tls: {insecure: true}, sending_queue: {block_on_overflow: true}}", "memory_limiter, batch"},
	{"bare, snappy", "otlp_grpc: {endpoint: FIRST, compression: snappy, tls: {insecure: true}, sending_queue: {block_on_overflow: true}}", "memory_limiter, batch"},
	{"gateways, 1", "gateways: {endpoints: FIRST, tls: {insecure: true}, sending_queue: {block_on_overflow: true}}", "memory_limiter"},
	{"gateways, 3", "gateways: {endpoints: 'TO', tls: {insecure: true}, sending_queue: {block_on_overflow: true}}", "memory_limiter"},
	{"gateways, 3, queues on disk", "gateways: {endpoints: 'TO', tls: {insecure: true}, sending_queue: {block_on_overflow: true, storage: file_storage}}", "memory_limiter"},
	{"loadbalancing, 3, gzip (its default)", "loadbalancing: {resolver: {static: {hostnames: 'TO'}}, protocol: {otlp: {tls: {insecure: true}, sending_queue: {block_on_overflow: true}}}}", "memory_limiter"},
	{"loadbalancing, 3, snappy", "loadbalancing: {resolver: {static: {hostnames: 'TO'}}, protocol: {otlp: {compression: snappy, tls: {insecure: true}, sending_queue: {block_on_overflow: true}}}}", "memory_limiter"},
}

const config = `
receivers: {otlp: {protocols: {grpc: {endpoint: LISTEN}}}}
processors: {memory_limiter: {check_interval: 1s, limit_mib: 1000}, batch: {}}
exporters: {EXPORTER}
extensions: {file_storage: {directory: FOLDER}}
service:
  extensions: [file_storage]
  telemetry: {metrics: {level: none}, logs: {level: error}}
  pipelines: {traces: {receivers: [otlp], processors: [PROCESSORS], exporters: [NAME]}}
`

func main() {
	requests := flag.Int("requests", 3000, "how many requests of 100 spans each agent gets")
	rounds := flag.Int("rounds", 3, "how often each agent runs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := compare(ctx, *requests, *rounds)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func compare(ctx context.Context, requests, rounds int) error {
	var sinks []*sink
	var to []string
	for range 3 {
		s, err := newSink()
		if err != nil {
			return err
		}
		defer s.server.Stop()
		sinks, to = append(sinks, s), append(to, s.address)
	}
	least := make([]time.Duration, len(agents))
	wire := make([]int64, len(agents))
	for range rounds {
		for i, a := range agents {
			listen, err := observed.FreeAddress()
			if err != nil {
				return err
			}
			folder, err := os.MkdirTemp("", "agentcost")
			if err != nil {
				return err
			}
			name, _, _ := strings.Cut(a.exporter, ":")
			text := strings.NewReplacer("EXPORTER", strings.NewReplacer("TO", strings.Join(to, ","), "FIRST", to[0]).Replace(a.exporter),
				"PROCESSORS", a.processors, "NAME", name, "LISTEN", listen, "FOLDER", folder).Replace(config)
			used, bytes, err := measure(ctx, text, listen, requests, sinks)
			_ = os.RemoveAll(folder)
			if err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			if least[i] == 0 || used < least[i] {
				least[i] = used
			}
			wire[i] = bytes
		}
	}
	fmt.Println("| agent | processor time per span | beside bare | bytes per span on the wire |\n| --- | --- | --- | --- |")
	spans := requests * spansPerRequest
	for i, a := range agents {
		fmt.Printf("| %s | %.1f µs | %.2f | %d |\n", a.name, float64(least[i].Nanoseconds())/1e3/float64(spans), float64(least[i])/float64(least[0]), wire[i]/int64(spans))
	}
	return nil
}
