// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Command licenses writes docs/licenses.md: the license of everything that is linked, shipped, or run by make and by tests. It fails on a
// license that policy.yaml does not allow.
//
// What is linked here is read anew each time. What a program of others links is taken from the page that is there, if it has the program
// in the same version: a version of a module does not change. With -all that is read anew too, which downloads what the programs are built from.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "the `folder` of the repository")
	all := flag.Bool("all", false, "read what the programs of others link anew")
	flag.Parse()
	if err := write(*root, *all); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write writes the page, if nothing in it is refused.
func write(root string, all bool) error {
	page := filepath.Join(root, "docs", "licenses.md")
	p, err := readPolicy(filepath.Join(root, "test", "licenses", "policy.yaml"))
	if err != nil {
		return err
	}
	i, err := takeInventory(root, page, p, all)
	if err != nil {
		return err
	}
	if problems := i.judge(); len(problems) > 0 {
		return errors.Join(problems...)
	}
	return os.WriteFile(page, []byte(i.markdown()), 0o644)
}
