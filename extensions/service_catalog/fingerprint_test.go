// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Each case changes a folder that holds a.yaml and sub/b.yml.
func TestFingerprint(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(t *testing.T, dir string)
		differs bool
	}{
		"nothing":         {func(*testing.T, string) {}, false},
		"another content": {func(t *testing.T, dir string) { write(t, dir, "a.yaml", "B") }, true},
		"another content with the old time": {func(t *testing.T, dir string) {
			info, err := os.Stat(filepath.Join(dir, "a.yaml"))
			require.NoError(t, err)
			write(t, dir, "a.yaml", "B")
			require.NoError(t, os.Chtimes(filepath.Join(dir, "a.yaml"), info.ModTime(), info.ModTime()))
		}, true},
		"another time": {func(t *testing.T, dir string) {
			require.NoError(t, os.Chtimes(filepath.Join(dir, "a.yaml"), time.Unix(1, 0), time.Unix(1, 0)))
		}, false},
		"a new file":     {func(t *testing.T, dir string) { write(t, dir, "c.yaml", "") }, true},
		"a file removed": {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "a.yaml"))) }, true},
		"a file renamed": {func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(filepath.Join(dir, "a.yaml"), filepath.Join(dir, "c.yaml")))
		}, true},
		"a file in a subfolder":  {func(t *testing.T, dir string) { write(t, dir, "sub/b.yml", "C") }, true},
		"a file of another type": {func(t *testing.T, dir string) { write(t, dir, "notes.txt", "C") }, false},
		"a dot file":             {func(t *testing.T, dir string) { write(t, dir, ".a.yaml.swp.yaml", "C") }, false},
		"a dot folder":           {func(t *testing.T, dir string) { write(t, dir, "..data/a.yaml", "C") }, false},
		"a dangling link":        {func(t *testing.T, dir string) { link(t, "nowhere", dir, "c.yaml") }, true},
		"a link to itself":       {func(t *testing.T, dir string) { link(t, "c.yaml", dir, "c.yaml") }, true},
		"a link to its folder":   {func(t *testing.T, dir string) { link(t, ".", dir, "sub/loop") }, true},
		"a link to the parent":   {func(t *testing.T, dir string) { link(t, "..", dir, "sub/loop") }, true},
		"the folder gone":        {func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(dir)) }, true},
		"a file where the folder was": {func(t *testing.T, dir string) {
			require.NoError(t, os.RemoveAll(dir))
			write(t, filepath.Dir(dir), filepath.Base(dir), "A")
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "catalog")
			write(t, dir, "a.yaml", "A")
			write(t, dir, "sub/b.yml", "B")
			before, folders := takeFingerprint([]string{dir})
			assert.Len(t, folders, 2)
			test.change(t, dir)
			after, _ := takeFingerprint([]string{dir})
			assert.Equal(t, test.differs, before != after)
		})
	}
}

// Folders that link to each other have factorially many paths; each is read once.
func TestFingerprintOfTangledLinks(t *testing.T) {
	dir := t.TempDir()
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}
	for _, from := range names {
		write(t, dir, from+"/x.yaml", from)
		for _, to := range names {
			link(t, "../"+to, dir, from+"/"+to)
		}
	}
	_, folders := takeFingerprint([]string{dir})
	assert.Len(t, folders, 1+len(names))
}

// What the loader finds, the fingerprint must cover: else a change would go unseen.
func TestFingerprintCoversWhatTheLoaderReads(t *testing.T) {
	for _, place := range []string{"a.yaml", "a.yml", "sub/a.yaml", "sub/sub/sub/sub/a.yml", "linked/a.yaml", "A B\n.yaml"} {
		t.Run(place, func(t *testing.T) {
			dir, elsewhere := t.TempDir(), t.TempDir()
			link(t, elsewhere, dir, "linked")
			before, _ := takeFingerprint([]string{dir})
			write(t, dir, place, service("checkout"))
			loaded, problems := catalog.Load(dir)
			require.NoError(t, problems.Err())
			require.Len(t, loaded.Services, 1)
			after, _ := takeFingerprint([]string{dir})
			assert.NotEqual(t, before, after)
		})
	}
}

func BenchmarkFingerprint(b *testing.B) {
	dir := b.TempDir()
	for i := range 1000 {
		write(b, dir, revision(i)+".yaml", service(revision(i)))
	}
	b.ReportAllocs()
	for b.Loop() {
		takeFingerprint([]string{dir})
	}
}
