// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page is what `make licenses` writes, and nothing on it is refused.
func TestPageIsUpToDate(t *testing.T) {
	root, page := "../..", "../../docs/licenses.md"
	committed, err := os.ReadFile(page)
	require.NoError(t, err)
	p, err := readPolicy("policy.yaml")
	require.NoError(t, err)
	i, err := takeInventory(root, page, p, false)
	require.NoError(t, err)
	require.Empty(t, i.judge())
	assert.Equal(t, string(committed), i.markdown(), "run make licenses")
}

func TestProgramsAreReadBackFromThePage(t *testing.T) {
	i := needed()
	i.policy = &policy{Exceptions: []*exception{{Program: "example.com/linter/cmd/lint", Licenses: []string{"GPL-3.0"}, Reason: "it is only run"}}}
	i.programs = append(i.programs, item{name: "example.com/files@v1.0.0", licenses: []string{"Apache-2.0", "MIT"}, links: map[string]int{}})
	page := filepath.Join(t.TempDir(), "licenses.md")
	assert.Contains(t, i.markdown(), "\nException for example.com/linter/cmd/lint (GPL-3.0): it is only run\n")
	require.NoError(t, os.WriteFile(page, []byte(i.markdown()), 0o600))
	known, err := knownPrograms(page)
	require.NoError(t, err)
	assert.Equal(t, map[string]item{i.programs[0].name: i.programs[0], i.programs[1].name: i.programs[1]}, known)
}

// What a program of others may be written as in this repository.
func TestDiscover(t *testing.T) {
	root := t.TempDir()
	files := map[string]string{
		"Makefile":                 "LINT := example.com/lint/cmd/lint@v1.2.3\nmake@home: user@example.com\n",
		".github/workflows/ci.yml": "- run: go install example.com/sign@v0.1.0\n",
		"docs/old.md":              "go run example.com/old@v0.0.1",
		"go.mod":                   "module m\nrequire example.com/pinned v1.5.0\n",
		"cluster/go.mod":           "module m/cluster\nrequire example.com/cluster v1.36.3\nrequire example.com/cmd v1.0.0 // indirect\n",
		"a_test.go": `package a
			var crds = map[string][]string{"example.com/operator@v0.85.0": {"crds.yaml"}}
			var server = gotool.Module{Path: "example.com/server/v2", Version: "v2.1.0", Sum: "h1:a=", GoModSum: "h1:b=", Sources: []string{"app/handler.go"}}
			var apiServer = &Tool{Name: "api", Package: "example.com/cluster/cmd/api", Module: "cluster"}
			func TestA() { gotool.Build("example.com/pinned/cmd/tool"); run(server, "cmd/serve") }`,
		"test/testdata/ask/main.go": "package main\nimport _ \"example.com/server/v2/client\"\n",
	}
	var names []string
	for name, text := range files {
		names = append(names, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	found, err := discover(root, names)
	require.NoError(t, err)
	byName := map[string]foreign{}
	for _, f := range found {
		byName[f.name()] = f
	}
	server := byName["example.com/server/v2@v2.1.0"]
	require.NotNil(t, server.module)
	assert.Equal(t, []string{"app/handler.go"}, server.module.Sources)
	assert.Equal(t, []string{"cmd/serve"}, server.folders)
	assert.Equal(t, []string{"test/testdata/ask"}, server.sources)
	delete(byName, server.name())
	assert.Equal(t, map[string]foreign{
		"example.com/lint/cmd/lint@v1.2.3":    {path: "example.com/lint/cmd/lint", version: "v1.2.3"},
		"example.com/sign@v0.1.0":             {path: "example.com/sign", version: "v0.1.0"},
		"example.com/operator@v0.85.0":        {path: "example.com/operator", version: "v0.85.0", files: true},
		"example.com/pinned/cmd/tool@v1.5.0":  {path: "example.com/pinned/cmd/tool", version: "v1.5.0", pinned: true, nested: "."},
		"example.com/cluster/cmd/api@v1.36.3": {path: "example.com/cluster/cmd/api", version: "v1.36.3", nested: "cluster"},
	}, byName)

	require.NoError(t, os.WriteFile(filepath.Join(root, "a_test.go"), []byte(`package a; var _ = "example.com/" + name + "@v1.0.0"`), 0o600))
	_, err = discover(root, []string{"a_test.go"})
	assert.ErrorContains(t, err, "as one string", "a program whose name is put together is not overlooked")
}

func TestDebianPackagesOfScripts(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, ".ci"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, ".ci/run"), []byte("packages+=(gcc libc6-dev) # why\napt-get install -qy \"${packages[@]}\"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(root, "Makefile"), []byte("\tdebootstrap --variant=minbase --include=systemd,rpm bookworm\n\tapt-get install -qy --no-install-recommends debootstrap gcc\n"), 0o600))
	packages, err := debianPackages(root, []string{".ci/run", "Makefile"})
	require.NoError(t, err)
	assert.Equal(t, []debianPackage{
		{name: "debootstrap", where: []string{"Makefile"}}, {name: "gcc", where: []string{".ci/run", "Makefile"}}, {name: "libc6-dev", where: []string{".ci/run"}},
		{name: "rpm", where: []string{"Makefile"}}, {name: "systemd", where: []string{"Makefile"}},
	}, packages)
}
