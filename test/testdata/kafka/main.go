// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command kafka is a Kafka of one broker in memory, at the address that is its argument: of franz-go's kfake. Users are
// NAME:PASSWORD, for SCRAM-SHA-512; without one everybody may in. Topics have two partitions, but one that ends in .slo has one.
// Tests build it with kfake's go.mod; nothing that is released contains it.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(address string, users []string) error {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	options := []kfake.Opt{
		kfake.NumBrokers(1), kfake.Ports(port),
		kfake.SeedTopics(2, "otelcol-sre.traces", "otelcol-sre.logs", "otelcol-sre.metrics"), kfake.SeedTopics(1, "otelcol-sre.slo"),
	}
	for _, user := range users {
		name, password, _ := strings.Cut(user, ":")
		options = append(options, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", name, password))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return err
	}
	defer cluster.Close()
	done := make(chan os.Signal, 1)
	signal.Notify(done, syscall.SIGTERM, os.Interrupt)
	<-done
	return nil
}
