// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
)

// filled is a folder with samples in a block and in the write-ahead log.
func filled(t *testing.T) (*Config, string) {
	c := configured(t)
	s, err := create(c)
	require.NoError(t, err)
	require.NoError(t, s.start(t.Context(), componenttest.NewNopHost()))
	now := time.Now()
	require.NoError(t, s.push(t.Context(), gauge("old", 1, now.Add(-20*time.Minute), nil)))
	require.NoError(t, s.push(t.Context(), gauge("queue.depth", 42, now, nil)))
	// A block of its own, as a backfill would make it.
	block := filepath.Join(t.TempDir(), "snapshot")
	require.NoError(t, s.db.Snapshot(block, true))
	require.NoError(t, s.shutdown(t.Context()))
	entries, err := os.ReadDir(block)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	to := filepath.Join(c.Directory, entries[0].Name())
	require.NoError(t, os.Rename(filepath.Join(block, entries[0].Name()), to))
	return c, to
}

func setAside(t *testing.T, s *running) []string {
	found, err := filepath.Glob(filepath.Join(s.config.Directory, damagedFolder, "*", "*"))
	require.NoError(t, err)
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found
}

func TestDamagedBlockIsSetAside(t *testing.T) {
	c, block := filled(t)
	require.NoError(t, os.WriteFile(filepath.Join(block, "index"), []byte("not an index"), 0o600))
	s := start(t, c)
	require.Equal(t, []string{filepath.Base(block)}, setAside(t, s))
	require.Equal(t, "42", s.query("queue_depth"), "it is in the write-ahead log")
	require.Equal(t, 1, s.logs.FilterMessageSnippet("moved to the folder damaged").Len())
	require.NoError(t, s.push(t.Context(), gauge("queue.depth", 43, time.Now(), nil)))
	require.Equal(t, "43", s.query("queue_depth"))
}

func TestCutWriteAheadLogIsRepaired(t *testing.T) {
	c, _ := filled(t)
	require.NoError(t, os.RemoveAll(glob(t, c, "chunk_snapshot.*")))
	wal := glob(t, c, "wal/0*")
	text, err := os.ReadFile(wal)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(wal, append(text[:len(text)/2], "garbage"...), 0o600))
	s := start(t, c)
	require.Empty(t, setAside(t, s), "Prometheus fixes it")
	require.NoError(t, s.push(t.Context(), gauge("queue.depth", 43, time.Now(), nil)))
	require.Equal(t, "43", s.query("queue_depth"))
}

func TestUnreadableWriteAheadLogIsSetAside(t *testing.T) {
	c, _ := filled(t)
	require.NoError(t, os.RemoveAll(filepath.Join(c.Directory, "wal")))
	require.NoError(t, os.WriteFile(filepath.Join(c.Directory, "wal"), []byte("no folder"), 0o600))
	s := start(t, c)
	require.Contains(t, setAside(t, s), "wal")
	require.Equal(t, "42", s.query("queue_depth"), "it is in the block")
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	c := configured(t)
	start(t, c)
	second, err := create(c)
	require.NoError(t, err)
	require.ErrorContains(t, second.start(t.Context(), componenttest.NewNopHost()), "is in use by another process; name another folder")
	require.NoError(t, second.shutdown(t.Context()))

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	third, err := create(configured(t, func(c *Config) { c.Directory = filepath.Join(file, "below") }))
	require.NoError(t, err)
	require.ErrorContains(t, third.start(t.Context(), componenttest.NewNopHost()), "directory: ")
	require.NoError(t, third.shutdown(t.Context()))
}

func glob(t *testing.T, c *Config, pattern string) string {
	found, err := filepath.Glob(filepath.Join(c.Directory, pattern))
	require.NoError(t, err)
	require.Len(t, found, 1, pattern)
	return found[0]
}
