// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const testPolicy = `
allowed: [Apache-2.0, MIT, MPL-2.0]
exceptions:
  - {program: example.com/linter/cmd/lint, licenses: [GPL-3.0], reason: it is only run}
modules:
  example.com/choice@v1.0.0: {license: MIT OR GPL-3.0-only, reason: its README}
npm:
  bare@1.0.0: {license: MIT, reason: its LICENSE file}
debian:
  make: {license: GPL-3.0-or-later, reason: it is only run}
  nginx-light: {license: MIT}
`

func policyOf(t *testing.T, text string) (*policy, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return readPolicy(file)
}

// needed uses all that testPolicy allows.
func needed() inventory {
	return inventory{
		programs: []item{{name: "example.com/linter/cmd/lint@v1.0.0", licenses: []string{"GPL-3.0"}, links: map[string]int{"MIT": 3, "GPL-3.0": 1}}},
		npm:      []npmPackage{{name: "bare@1.0.0"}},
		debian:   []debianPackage{{name: "make"}, {name: "nginx-light"}},
	}
}

func TestRefused(t *testing.T) {
	module := func(ids ...string) item { return item{name: "example.com/m@v1.0.0", licenses: ids} }
	for name, c := range map[string]struct {
		plant func(*inventory)
		want  string // empty if nothing is wrong
	}{
		"nothing": {func(*inventory) {}, ""},
		"linked: AGPL": {
			func(i *inventory) { i.shipped = append(i.shipped, module("AGPL-3.0", "MIT")) },
			"example.com/m@v1.0.0: AGPL-3.0: who offers the program over a network has to give away its source",
		},
		"linked: GPL": {
			func(i *inventory) { i.shipped = append(i.shipped, module("GPL-2.0-or-later")) },
			"example.com/m@v1.0.0: GPL-2.0-or-later: copyleft",
		},
		"linked: the exception is of a program that is run": {
			func(i *inventory) {
				i.shipped = append(i.shipped, item{name: "example.com/linter/cmd/lint@v1.0.0", licenses: []string{"GPL-3.0"}})
			},
			"example.com/linter/cmd/lint@v1.0.0: GPL-3.0: copyleft",
		},
		"linked into tests: SSPL": {
			func(i *inventory) { i.tests = append(i.tests, module("SSPL-1.0")) },
			"example.com/m@v1.0.0: SSPL-1.0: who offers",
		},
		"linked into tests: source available": {
			func(i *inventory) { i.tests = append(i.tests, module("BUSL-1.1", unknown)) },
			"example.com/m@v1.0.0: BUSL-1.1: the source is available, but use is restricted",
		},
		"linked: unknown": {
			func(i *inventory) { i.shipped = append(i.shipped, module(unknown)) },
			"example.com/m@v1.0.0: unknown: no license file, or a text that is no known license",
		},
		"linked: not listed": {
			func(i *inventory) { i.shipped = append(i.shipped, module("EPL-2.0")) },
			"example.com/m@v1.0.0: EPL-2.0: not among those that test/licenses/policy.yaml allows",
		},
		"run: AGPL": {
			func(i *inventory) {
				i.programs = append(i.programs, item{name: "example.com/loggy/v3@v3.7.8", licenses: []string{"AGPL-3.0"}})
			},
			"example.com/loggy/v3@v3.7.8: AGPL-3.0",
		},
		"run: links AGPL": {
			func(i *inventory) {
				i.programs = append(i.programs, item{name: "example.com/p@v1.0.0", licenses: []string{"MIT"}, links: map[string]int{"AGPL-3.0": 1}})
			},
			"example.com/p@v1.0.0: AGPL-3.0",
		},
		"run: GPL without an exception": {
			func(i *inventory) {
				i.programs = append(i.programs, item{name: "example.com/p@v1.0.0", licenses: []string{"GPL-3.0"}})
			},
			"example.com/p@v1.0.0: GPL-3.0: copyleft; a program that is only run may have an exception",
		},
		"npm: AGPL": {
			func(i *inventory) { i.npm = append(i.npm, npmPackage{name: "a@1.0.0", license: "AGPL-3.0-only"}) },
			"a@1.0.0: AGPL-3.0-only",
		},
		"npm: one of two may be chosen": {
			func(i *inventory) {
				i.npm = append(i.npm, npmPackage{name: "a@1.0.0", license: "(GPL-3.0-or-later OR MIT)"})
			},
			"",
		},
		"npm: both hold": {
			func(i *inventory) {
				i.npm = append(i.npm, npmPackage{name: "a@1.0.0", license: "GPL-3.0-or-later AND MIT"})
			},
			"a@1.0.0: GPL-3.0-or-later: copyleft",
		},
		"npm: none": {
			func(i *inventory) { i.npm = append(i.npm, npmPackage{name: "a@1.0.0"}) },
			"a@1.0.0: unknown",
		},
		"npm: no SPDX expression": {
			func(i *inventory) {
				i.npm = append(i.npm, npmPackage{name: "a@1.0.0", license: "SEE LICENSE IN LICENSE.md"})
			},
			"a@1.0.0: unknown",
		},
		"Debian: not listed": {
			func(i *inventory) { i.debian = append(i.debian, debianPackage{name: "elsewhere"}) },
			"elsewhere: unknown",
		},
		"an exception that nothing needs": {
			func(i *inventory) { i.programs = nil },
			"policy.yaml: the exception of example.com/linter/cmd/lint is not needed: remove it",
		},
		"an npm package that is gone": {
			func(i *inventory) { i.npm = nil },
			"policy.yaml: npm: bare@1.0.0 is not used: remove it",
		},
		"a Debian package that is gone": {
			func(i *inventory) { i.debian = i.debian[:1] },
			"policy.yaml: debian: nginx-light is not used: remove it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policyOf(t, testPolicy)
			require.NoError(t, err)
			i := needed()
			c.plant(&i)
			i.policy = p
			err = errors.Join(i.judge()...)
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}

func TestChosenLicenseIsOnThePage(t *testing.T) {
	p, err := policyOf(t, testPolicy)
	require.NoError(t, err)
	i := needed()
	i.npm = append(i.npm, npmPackage{name: "a@1.0.0", license: "(MPL-2.0 OR Apache-2.0)", locks: []string{"web"}})
	i.policy = p
	require.Empty(t, i.judge())
	assert.Contains(t, i.markdown(), "| a@1.0.0 | (MPL-2.0 OR Apache-2.0): Apache-2.0 | web |")
}

// No reason allows what the project does not take at all.
func TestPolicyThatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"allowed: [MIT, AGPL-3.0]": "allowed: AGPL-3.0: who offers the program over a network",
		"allowed: [Mitt]":          "no SPDX identifiers",
		"allowed: [MIT]\nexceptions: [{program: a.example/b, licenses: [SSPL-1.0], reason: it is only run}]": "no exception for a.example/b: SSPL-1.0",
		"allowed: [MIT]\nexceptions: [{program: a.example/b, licenses: [BUSL-1.1], reason: it is only run}]": "no exception for a.example/b: BUSL-1.1",
		"allowed: [MIT]\nexceptions: [{program: a.example/b, licenses: [unknown], reason: it is only run}]":  "no exception for a.example/b: unknown",
		"allowed: [MIT]\nexceptions: [{program: a.example/b, licenses: [GPL-3.0]}]":                          "needs licenses and a reason",
		"allowed: [MIT]\ndebian: {db: {license: AGPL-3.0-only, reason: it is only run}}":                     "debian: db: AGPL-3.0-only",
		"allowed: [MIT]\ndebian: {db: {license: the usual one, reason: it is only run}}":                     "debian: db: unknown",
		"allowed: [MIT]\nexemptions: []": "field exemptions not found",
	} {
		_, err := policyOf(t, text)
		assert.ErrorContains(t, err, want, text)
	}
}

// What a person has read holds for one version, where its files say too little.
func TestReviewedModule(t *testing.T) {
	p, err := policyOf(t, testPolicy)
	require.NoError(t, err)
	of := func(version, license string) []string {
		root := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(root, "LICENSE"), []byte(license), 0o600))
		ids, err := p.licensesOf(module{path: "example.com/choice", version: version, root: root})
		require.NoError(t, err)
		return ids
	}
	assert.Equal(t, []string{unknown}, of("v1.1.0", "You may choose."))
	assert.Equal(t, []string{"AGPL-3.0-or-later"}, of("v1.0.0", agpl), "what its files say goes first")
	assert.Contains(t, p.unused(true), "test/licenses/policy.yaml: modules: example.com/choice@v1.0.0 is not used: remove it")
	assert.Equal(t, []string{"MIT"}, of("v1.0.0", "You may choose."), "the one that is allowed")
	assert.NotContains(t, p.unused(true), "test/licenses/policy.yaml: modules: example.com/choice@v1.0.0 is not used: remove it")
}
