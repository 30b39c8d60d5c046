// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// A module is a Go module, of which some packages are linked.
type module struct {
	path, version string
	root          string   // where its files are
	folders       []string // of its linked packages
}

func (m module) name() string { return m.path + "@" + m.version }

// linked returns the modules of the packages that patterns link, sorted by path. The arguments are those of `go list`.
func linked(folder string, env []string, args ...string) ([]module, error) {
	list := exec.Command("go", append([]string{"list", "-deps", "-json=Dir,Standard,Module"}, args...)...)
	list.Dir, list.Env = folder, append(append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0", "GOOS=linux"), env...)
	var complaint bytes.Buffer
	list.Stderr = &complaint
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", list, err, complaint.String())
	}
	modules := map[string]*module{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir    string
			Module *struct {
				Path, Version, Dir string
				Main               bool
				Replace            *struct{ Path, Version string }
			}
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if p.Module == nil || p.Module.Main {
			continue // the standard library, and this module
		}
		at := p.Module
		m := modules[at.Path]
		if m == nil {
			m = &module{path: at.Path, version: at.Version, root: at.Dir}
			if at.Replace != nil {
				m.path, m.version = at.Replace.Path, at.Replace.Version
			}
			modules[at.Path] = m
		}
		m.folders = append(m.folders, p.Dir)
	}
	all := make([]module, 0, len(modules))
	for _, m := range modules {
		all = append(all, *m)
	}
	return merge(all), nil
}

// merge joins lists of modules to one, sorted by path.
func merge(lists ...[]module) []module {
	byName := map[string]module{}
	for _, m := range slices.Concat(lists...) {
		m.folders = append(m.folders, byName[m.name()].folders...)
		byName[m.name()] = m
	}
	merged := make([]module, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		merged = append(merged, byName[name])
	}
	return merged
}

// licenses returns the licenses of the module's linked packages: those of its root, and those of the folders between the root and a package.
func (m module) licenses() ([]string, error) {
	folders := map[string]bool{m.root: true}
	for _, folder := range m.folders {
		for ; len(folder) > len(m.root); folder = filepath.Dir(folder) {
			folders[folder] = true
		}
	}
	var found []string
	for folder := range maps.Keys(folders) {
		ids, err := licensesIn(folder)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name(), err)
		}
		found = append(found, ids...)
	}
	if len(found) == 0 {
		found = []string{unknown}
	}
	return sorted(found), nil
}
