// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package filestorage

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	upstream "github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-sre/otelcol-sre/extensions/file_storage/internal/metadata"
)

var (
	slo = component.MustNewID("slo")
	sli = component.MustNewID("sli")
)

func open(t testing.TB, directory string) storage.Extension {
	t.Helper()
	config := NewFactory().CreateDefaultConfig().(*upstream.Config)
	config.Directory, config.CreateDirectory, config.Recreate = directory, true, true
	config.Compaction.Directory = directory
	e, err := NewFactory().Create(t.Context(), extensiontest.NewNopSettings(metadata.Type), config)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.WithoutCancel(t.Context()))) })
	return e.(storage.Extension)
}

func clientOf(t testing.TB, e storage.Extension, kind component.Kind, id component.ID) storage.Client {
	t.Helper()
	c, err := e.GetClient(t.Context(), kind, id, "")
	require.NoError(t, err)
	return c
}

// fill saves 200 values and returns the file.
func fill(t testing.TB, directory string) (path string) {
	e := open(t, directory)
	c := clientOf(t, e, component.KindProcessor, slo)
	for n := range 200 {
		require.NoError(t, c.Set(t.Context(), fmt.Sprint("key-", n), make([]byte, 1000)))
	}
	require.NoError(t, c.Close(t.Context()))
	path = filepath.Join(directory, "processor_slo_")
	require.FileExists(t, path)
	return path
}

func asideIn(t *testing.T, directory string) int {
	entries, err := os.ReadDir(directory)
	require.NoError(t, err)
	n := 0
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), aside) {
			n++
		}
	}
	return n
}

func TestSoundFilesStay(t *testing.T) {
	directory := t.TempDir()
	fill(t, directory)
	require.NoError(t, os.WriteFile(filepath.Join(directory, "notes.txt"), []byte("not a database"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "processor_x_.20260101T000000.000.damaged"), []byte("old"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "processor_empty_"), nil, 0o600))
	c := clientOf(t, open(t, directory), component.KindProcessor, slo)
	value, err := c.Get(t.Context(), "key-7")
	require.NoError(t, err)
	require.Len(t, value, 1000)
	require.NoError(t, c.Close(t.Context()))
	require.Equal(t, 1, asideIn(t, directory), "the one that was there")
}

// However the file was cut off, the collector starts, its component begins anew, and the state of the others is there.
func TestTruncatedFilesAreSetAside(t *testing.T) {
	original := t.TempDir()
	content, err := os.ReadFile(fill(t, original))
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	var lengths []int
	for at := 4096; at < len(content); at += 4096 {
		lengths = append(lengths, at)
	}
	for range 20 {
		lengths = append(lengths, 1+random.IntN(len(content)-1))
	}
	setAside := 0
	for _, length := range lengths {
		directory := t.TempDir()
		other := clientOf(t, open(t, directory), component.KindConnector, sli)
		require.NoError(t, other.Set(t.Context(), "count", []byte("7")))
		require.NoError(t, other.Close(t.Context()))
		require.NoError(t, os.WriteFile(filepath.Join(directory, "processor_slo_"), content[:length], 0o600))

		e := open(t, directory)
		c := clientOf(t, e, component.KindProcessor, slo)
		for n := range 200 { // every page that is left is read
			_, err := c.Get(t.Context(), fmt.Sprint("key-", n))
			require.NoError(t, err, "%d of %d bytes", length, len(content))
		}
		require.NoError(t, c.Set(t.Context(), "new", []byte("1")))
		require.NoError(t, c.Close(t.Context()))
		other = clientOf(t, e, component.KindConnector, sli)
		value, err := other.Get(t.Context(), "count")
		require.NoError(t, err)
		require.Equal(t, "7", string(value))
		require.NoError(t, other.Close(t.Context()))
		setAside += asideIn(t, directory)
	}
	require.Greater(t, setAside, len(lengths)/2, "the rest had room for more pages than it has")
}

func TestOverwrittenFilesAreSetAside(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for name, content := range map[string][]byte{
		"zeros": make([]byte, 64<<10),
		"text":  []byte(strings.Repeat("not a database\n", 5000)),
		"short": []byte("x"),
		"noise": func() []byte {
			b := make([]byte, 64<<10)
			for i := range b {
				b[i] = byte(random.Uint32())
			}
			return b
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(directory, "processor_slo_"), content, 0o600))
			c := clientOf(t, open(t, directory), component.KindProcessor, slo)
			require.Equal(t, 1, asideIn(t, directory))
			require.NoError(t, c.Set(t.Context(), "new", []byte("1")))
			require.NoError(t, c.Close(t.Context()))
		})
	}
}

// A file that is damaged while it is open gives errors; the process goes on, and so do the other components.
func TestDamageWhileItIsOpen(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"cut off": func(path string) error { return os.Truncate(path, 8192) },
		"zeroed": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer file.Close()
			_, err = file.WriteAt(make([]byte, info.Size()), 0)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			path := fill(t, directory)
			e := open(t, directory)
			c, other := clientOf(t, e, component.KindProcessor, slo), clientOf(t, e, component.KindConnector, sli)
			require.NoError(t, damage(path))
			failed := false
			for n := range 200 {
				if _, err := c.Get(t.Context(), fmt.Sprint("key-", n)); err != nil {
					require.ErrorContains(t, err, "restart the collector")
					failed = true
				}
			}
			require.True(t, failed)
			require.ErrorIs(t, c.Set(t.Context(), "a", []byte("b")), errDamaged)
			require.ErrorIs(t, c.Batch(t.Context(), storage.SetOperation("a", []byte("b"))), errDamaged)
			require.NoError(t, c.Close(t.Context()))
			require.NoError(t, other.Set(t.Context(), "a", []byte("b")))
			require.NoError(t, other.Delete(t.Context(), "a"))
			require.NoError(t, other.Close(t.Context()))
		})
	}
}

func FuzzDamage(f *testing.F) {
	content, err := os.ReadFile(fill(f, f.TempDir()))
	require.NoError(f, err)
	f.Add(content[:16384])
	f.Add(content[:100])
	f.Add([]byte{})
	path := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, content []byte) {
		require.NoError(t, os.WriteFile(path, content, 0o600))
		damage, err := damageOf(path)
		require.NoError(t, err)
		if len(content) > 0 && len(content) < 2*minPageSize {
			require.NotEmpty(t, damage)
		}
	})
}
