// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"debug/buildinfo"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
)

// A bill is what the programs of an image are built from.
type bill struct {
	goVersion string
	modules   []module
}

// A module is a Go module that is compiled in. Its sum is the one of go.sum.
type module struct{ path, version, sum string }

// readModules reads what the Go toolchain writes into each program: `go version -m` prints the same.
func readModules(programs ...string) (bill, error) {
	var b bill
	for _, program := range programs {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return bill{}, fmt.Errorf("%s: %w", program, err)
		}
		b.goVersion = strings.TrimPrefix(info.GoVersion, "go")
		for _, m := range info.Deps {
			b.modules = append(b.modules, compiled(m))
		}
	}
	slices.SortFunc(b.modules, func(x, y module) int {
		return cmp.Or(strings.Compare(x.path, y.path), strings.Compare(x.version, y.version))
	})
	b.modules = slices.Compact(b.modules)
	return b, nil
}

// compiled is the module that was compiled for m: m, or what go.mod replaces it by.
func compiled(m *debug.Module) module {
	if m.Replace != nil {
		m = m.Replace
	}
	return module{m.Path, m.Version, m.Sum}
}

// purl is the package's URL, as https://github.com/package-url/purl-spec writes it.
func (m module) purl() string {
	return "pkg:golang/" + m.path + "@" + strings.ReplaceAll(m.version, "+", "%2B")
}
