// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A debianPackage is one that CI or a test installs.
type debianPackage struct {
	name, license string
	where         []string
}

var debianLists = []*regexp.Regexp{
	regexp.MustCompile(`packages\+=\(([^)]*)\)`),
	regexp.MustCompile(`apt-get install ([^"\n]*)`),
	regexp.MustCompile(`--include=([\w,.+-]+)`), // of debootstrap
}

// debianPackages reads which packages scripts, the Makefile and workflows install.
func debianPackages(root string, files []string) (packages []debianPackage, err error) {
	where := map[string][]string{}
	for _, file := range files {
		if file != "Makefile" && file != ".ci/run" && !strings.HasPrefix(file, ".github/workflows/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return nil, err
		}
		for _, list := range debianLists {
			for _, match := range list.FindAllSubmatch(text, -1) {
				for name := range strings.FieldsFuncSeq(string(match[1]), func(r rune) bool { return r == ' ' || r == ',' }) {
					if !strings.HasPrefix(name, "-") {
						where[name] = sorted(append(where[name], file))
					}
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(where)) {
		packages = append(packages, debianPackage{name: name, where: where[name]})
	}
	return packages, nil
}
