// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A vulnerability that is planted in the database is found in a program that links its function, and in no other; nothing is asked of the network.
func TestScan(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	pinned := regexp.MustCompile(`(?m)^GOVULNCHECK := (\S+)$`).FindSubmatch(makefile)
	require.NotNil(t, pinned)
	bin, err := filepath.Abs("../../.cache/bin")
	require.NoError(t, err)
	install := exec.Command("go", "install", string(pinned[1]))
	install.Dir, install.Env = t.TempDir(), append(os.Environ(), "GOFLAGS=", "GOBIN="+bin)
	out, err := install.CombinedOutput()
	require.NoError(t, err, "%s", out)

	database := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(database, "GO-2026-0001.json"), []byte(`{"id": "GO-2026-0001", "summary": "Planted in path/filepath",
		"modified": "2026-11-05T23:49:57Z", "published": "2026-11-05T23:49:57Z", "affected": [{"package": {"name": "stdlib", "ecosystem": "Go"},
		"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
		"ecosystem_specific": {"imports": [{"path": "path/filepath", "symbols": ["WalkDir"]}]}}]}`), 0o600))

	t.Setenv("GOPROXY", "off")
	s := scan{program: filepath.Join(bin, "govulncheck"), database: database}
	found := findings{}
	for name, body := range map[string]string{"links": `filepath.WalkDir(os.Args[0], nil)`, "imports": `os.Exit(len(filepath.Base(os.Args[0])))`} {
		folder := t.TempDir()
		main := filepath.Join(folder, "main.go")
		require.NoError(t, os.WriteFile(main, fmt.Appendf(nil, "package main\n\nimport (\"os\"; \"path/filepath\")\n\nfunc main() { %s }\n", body), 0o600))
		build := exec.Command("go", "build", "-ldflags=-w", "-o", name, "main.go")
		build.Dir, build.Env = folder, append(os.Environ(), "GOFLAGS=")
		out, err := build.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NoError(t, s.run(t.Context(), filepath.Join(folder, name), found))
	}
	require.Equal(t, []string{"GO-2026-0001"}, found.ids())
	f := found["GO-2026-0001"]
	assert.Equal(t, map[string]bool{"path/filepath.WalkDir": true}, f.symbols)
	require.Len(t, f.in, 1)
	for program := range f.in {
		assert.Equal(t, "links", filepath.Base(program))
	}

	assert.ErrorContains(t, s.run(t.Context(), filepath.Join(database, "nothing"), found), "govulncheck")
}
