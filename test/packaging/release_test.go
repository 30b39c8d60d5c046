// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package packaging

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const release = "../../bin/release"

// What make release wrote has what docs/install.md names, and the checksum of each file.
func TestReleaseIsComplete(t *testing.T) {
	sums, err := os.ReadFile(filepath.Join(release, "SHA256SUMS"))
	require.NoError(t, err, "make release")
	listed := map[string]bool{}
	for line := range strings.Lines(string(sums)) {
		sum, name, found := strings.Cut(strings.TrimSpace(line), "  ")
		require.True(t, found, line)
		content, err := os.ReadFile(filepath.Join(release, name))
		require.NoError(t, err)
		of := sha256.Sum256(content)
		assert.Equal(t, sum, hex.EncodeToString(of[:]), name)
		listed[name] = true
	}
	entries, err := os.ReadDir(release)
	require.NoError(t, err)
	assert.Len(t, entries, len(listed)+1, "all but the list itself")

	arch := runtime.GOARCH
	for _, pattern := range []string{"otelcol-sre-linux-" + arch + ".tar.gz", "*_" + arch + ".deb", "*.rpm", "otelcol-sre-image.tar"} {
		found, err := filepath.Glob(filepath.Join(release, pattern))
		require.NoError(t, err)
		assert.NotEmpty(t, found, pattern)
	}
	for _, statement := range []string{"cdx", "spdx", "provenance"} {
		text, err := os.ReadFile(filepath.Join(release, "otelcol-sre-linux-"+arch+"."+statement+".json"))
		require.NoError(t, err)
		assert.True(t, json.Valid(text), statement)
	}
}

// The archive, unpacked where nothing else is, has programs that run; the same commit gives the same archive.
func TestArchiveIsUnpackedAndRuns(t *testing.T) {
	archive := filepath.Join(release, "otelcol-sre-linux-"+runtime.GOARCH+".tar.gz")
	content, err := os.ReadFile(archive)
	require.NoError(t, err, "make release")
	unzipped, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	reader := tar.NewReader(unzipped)
	var names []string
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		assert.Zero(t, header.Uid, header.Name)
		assert.Zero(t, header.Mode&0o022, "%s: only its owner may write it", header.Name)
		names = append(names, header.Name)
	}
	assert.Subset(t, names, []string{"bin/otelcol-sre", "bin/srectl", "share/man/man1/srectl.1", "share/bash-completion/completions/srectl", "share/doc/otelcol-sre/LICENSE"})

	folder := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "tar", "--extract", "--gzip", "--file", archive, "--directory", folder).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, command := range [][]string{{"otelcol-sre", "validate", "--config", "builtin:standalone"}, {"srectl", "validate", "../../examples/catalog"}} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "bin", command[0]), command[1:]...)
		cmd.Env = append(os.Environ(), "OTELCOL_SRE_STORAGE="+t.TempDir(), "OTELCOL_SRE_CATALOG="+t.TempDir())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", command, out)
	}

	again := filepath.Join(t.TempDir(), "again.tar.gz")
	pack := exec.CommandContext(t.Context(), "deploy/packages/archive", "bin/linux/"+runtime.GOARCH, again, committed(t))
	pack.Dir = "../.."
	out, err = pack.CombinedOutput()
	require.NoError(t, err, "%s", out)
	second, err := os.ReadFile(again)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, second))
}

// committed is when the newest commit was made, in seconds.
func committed(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "log", "-1", "--format=%ct").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}
