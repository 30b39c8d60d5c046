// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command vulnerabilities looks for known vulnerabilities in programs: those whose vulnerable functions are linked. It fails on one without
// a reason in accepted.yaml, and on a reason that is not needed, or whose time is over.
//
// The database is the Go module of the vulnerability database: nobody is asked about what the programs are built from.
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
	if err := check(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	scanner := flag.String("govulncheck", "", "path of `govulncheck`")
	database := flag.String("database", "", "the database's `module@version`")
	file := flag.String("accepted", "test/vulnerabilities/accepted.yaml", "the `file` of findings that are accepted, with reasons")
	flag.Parse()
	accepted, err := readAccepted(*file)
	if err != nil {
		return err
	}
	if flag.NArg() == 0 {
		return errors.New("which programs? Give their paths")
	}
	folder, err := download(ctx, *database)
	if err != nil {
		return err
	}
	s := scan{program: *scanner, database: filepath.Join(folder, "data", "osv")}
	found := findings{}
	for _, program := range flag.Args() {
		if err := s.run(ctx, program, found); err != nil {
			return err
		}
	}
	fmt.Printf("%s: %d vulnerabilities of modules in %s\n", *database, len(found), strings.Join(flag.Args(), ", "))
	for _, id := range found.ids() {
		fmt.Println(found[id])
	}
	return errors.Join(decide(found, accepted, *file, time.Now())...)
}
