// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package gotool builds the programs that tests run beside the code: promtool and Alertmanager, in the
// versions that go.mod pins.
package gotool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// tags are those of the Makefile: packages that the repository uses too are compiled once.
const tags = "remove_all_sd,enable_kubernetes_sd,grpcnotrace"

// Build builds the program of a main package and returns its path, in the repository's cache: what is
// there already and up to date is not built again. The program may need modules that nothing else here
// does: it gets a copy of go.mod and go.sum to add them to.
func Build(pkg string) (program string, err error) {
	err = scratch(func(root, folder string) error {
		for _, name := range []string{"go.mod", "go.sum"} {
			text, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
				return err
			}
		}
		program = filepath.Join(root, ".cache", "tools", filepath.Base(pkg))
		build := exec.Command("go", "build", "-modfile", filepath.Join(folder, "go.mod"), "-mod=mod", "-trimpath", "-buildvcs=false", "-tags="+tags, "-o", program, pkg)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
		}
		return nil
	})
	return program, err
}

// One program is built at a time: two tests that want the same one at once would compile it twice.
var building sync.Mutex

// scratch calls do, one call at a time, with the root of this module and with an empty folder, which is gone afterwards.
func scratch(do func(root, folder string) error) error {
	building.Lock()
	defer building.Unlock()
	root, err := Root()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "gotool")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	return do(root, folder)
}

// Root is the nearest folder above the working directory that has a go.mod.
func Root() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(folder, "go.mod"))
		if err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if !errors.Is(err, fs.ErrNotExist) || parent == folder {
			return "", fmt.Errorf("no go.mod above %s: %w", folder, err)
		}
		folder = parent
	}
}
