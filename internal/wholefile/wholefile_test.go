// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package wholefile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWrite(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a", "b", "file")
	for _, text := range []string{"one", "the other", ""} {
		require.NoError(t, Write(path, []byte(text)))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode())
	assert.Equal(t, []string{"file"}, names(t, filepath.Dir(path)))
}

// What cannot be written leaves nothing behind.
func TestWriteFails(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "taken")
	require.NoError(t, os.MkdirAll(filepath.Join(path, "by a folder"), 0o755))
	require.Error(t, Write(path, []byte("text")))
	assert.Equal(t, []string{"taken"}, names(t, folder))
	file := filepath.Join(folder, "file")
	require.NoError(t, Write(file, nil))
	require.Error(t, Write(filepath.Join(file, "below"), []byte("text")))
}

func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
