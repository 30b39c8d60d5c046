// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An npmPackage is one of a package-lock.json.
type npmPackage struct {
	name, license string // the license as an SPDX expression; empty if it has none
	locks         []string
}

const modulesFolder = "node_modules/"

// npmPackages reads package-lock.json files, which have the license of each package.
func npmPackages(root string, locks []string) ([]npmPackage, error) {
	byName := map[string]*npmPackage{}
	for _, lock := range locks {
		text, err := os.ReadFile(filepath.Join(root, lock))
		if err != nil {
			return nil, err
		}
		var content struct {
			Packages map[string]struct {
				Version, License string
				Link             bool
			}
		}
		if err := json.Unmarshal(text, &content); err != nil {
			return nil, fmt.Errorf("%s: %w", lock, err)
		}
		for path, p := range content.Packages {
			if p.Link || !strings.HasPrefix(path, modulesFolder) {
				continue // in this repository
			}
			name := path[strings.LastIndex(path, modulesFolder)+len(modulesFolder):] + "@" + p.Version
			if byName[name] == nil {
				byName[name] = &npmPackage{name: name, license: p.License}
			}
			if of := filepath.Dir(lock); !slices.Contains(byName[name].locks, of) {
				byName[name].locks = append(byName[name].locks, of)
			}
		}
	}
	packages := make([]npmPackage, 0, len(byName))
	for _, p := range byName {
		packages = append(packages, *p)
	}
	slices.SortFunc(packages, func(a, b npmPackage) int { return strings.Compare(a.name, b.name) })
	return packages, nil
}
