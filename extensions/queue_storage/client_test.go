// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package queuestorage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-sre/otelcol-sre/extensions/queue_storage/internal/metadata"
)

// small makes many files of little data.
func small(c *Config) { c.SegmentBytes, c.CacheBytes = 1<<16, 1<<14 }

func open(t testing.TB, folder string, change ...func(*Config)) (*client, *queueStorage) {
	config := createDefaultConfig().(*Config)
	config.Directory = folder
	for _, f := range change {
		f(config)
	}
	e, err := NewFactory().Create(context.Background(), extensiontest.NewNopSettings(metadata.Type), config)
	require.NoError(t, err)
	require.NoError(t, e.Start(context.Background(), componenttest.NewNopHost()))
	c, err := e.(storage.Extension).GetClient(context.Background(), component.KindExporter, component.MustNewIDWithName("otlp", "a/b"), "traces")
	require.NoError(t, err)
	return c.(*client), e.(*queueStorage)
}

// killed is what another process finds of a folder whose process is gone.
func killed(t testing.TB, folder string) string {
	to := t.TempDir()
	require.NoError(t, os.CopyFS(to, os.DirFS(folder)))
	return to
}

// Whatever is done in whatever order, and however often the process is killed, the storage is a map.
func TestAsAMap(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 0))
		folder := t.TempDir()
		c, _ := open(t, folder, small)
		model := map[string][]byte{}
		for n := range 3000 {
			var ops []*storage.Operation
			wants := map[*storage.Operation][]byte{}
			for range 1 + random.IntN(4) {
				key := strconv.Itoa(random.IntN(50))
				switch random.IntN(3) {
				case 0:
					value := bytes.Repeat([]byte{byte(n)}, random.IntN(3000))
					ops = append(ops, storage.SetOperation(key, value))
					model[key] = value
				case 1:
					ops = append(ops, storage.DeleteOperation(key))
					delete(model, key)
				case 2:
					op := storage.GetOperation(key)
					ops = append(ops, op)
					wants[op] = model[key]
				}
			}
			require.NoError(t, c.Batch(t.Context(), ops...))
			for op, want := range wants {
				require.True(t, bytes.Equal(want, op.Value) && (want == nil) == (op.Value == nil), "%d: %s", n, op.Key)
			}
			switch random.IntN(300) {
			case 0: // killed
				old := c
				folder = killed(t, folder)
				c, _ = open(t, folder, small)
				require.NoError(t, old.Close(t.Context()))
			case 1:
				require.NoError(t, c.Close(t.Context()))
				c, _ = open(t, folder, small)
			}
			require.LessOrEqual(t, c.cached, int64(1<<14))
		}
		for key, want := range model {
			got, err := c.Get(t.Context(), key)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got))
		}
		require.Len(t, c.index, len(model))
		require.Less(t, len(c.segments), 12, "files go")
		require.NoError(t, c.Close(t.Context()))
	}
}

// A queue that is written and read for a long time takes the room of what is in it.
func TestLongQueueTakesNoRoom(t *testing.T) {
	c, _ := open(t, t.TempDir(), small)
	require.NoError(t, c.Set(t.Context(), "first", []byte("stays")))
	for n := range 20_000 {
		require.NoError(t, c.Batch(t.Context(), storage.SetOperation(strconv.Itoa(n), make([]byte, 1000)), storage.SetOperation("wi", []byte{byte(n)})))
		if n >= 10 {
			item := storage.GetOperation(strconv.Itoa(n - 10))
			require.NoError(t, c.Batch(t.Context(), item, storage.SetOperation("ri", []byte{byte(n)}), storage.DeleteOperation(item.Key)))
			require.Len(t, item.Value, 1000)
		}
	}
	require.LessOrEqual(t, len(c.segments), 3)
	require.Less(t, len(c.recent), 3000)
	got, err := c.Get(t.Context(), "first")
	require.NoError(t, err)
	require.Equal(t, "stays", string(got))
	require.NoError(t, c.Close(t.Context()))
}

// What was cut off or changed is lost and reported; everything before it, and in other files, is there.
func TestDamage(t *testing.T) {
	for name, test := range map[string]struct {
		segment int // from the end
		damage  func(t *testing.T, file string)
		lost    func(n int) bool
	}{
		"cut off":       {1, func(t *testing.T, file string) { cut(t, file, 100) }, func(n int) bool { return n == 199 }},
		"zeros":         {1, func(t *testing.T, file string) { cut(t, file, 100); extend(t, file, 5000) }, func(n int) bool { return n == 199 }},
		"in the middle": {2, func(t *testing.T, file string) { change(t, file) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			c, _ := open(t, folder, small)
			for n := range 200 {
				require.NoError(t, c.Set(t.Context(), strconv.Itoa(n), bytes.Repeat([]byte{byte(n)}, 1000)))
			}
			files := []string{}
			for _, s := range c.segments {
				files = append(files, s.file.Name())
			}
			require.NoError(t, c.Close(t.Context()))
			test.damage(t, files[len(files)-test.segment])
			again, _ := open(t, folder, small)
			lost := 0
			for n := range 200 {
				got, err := again.Get(t.Context(), strconv.Itoa(n))
				require.NoError(t, err)
				if got == nil {
					lost++
					if test.lost != nil {
						require.True(t, test.lost(n), "%d", n)
					}
					continue
				}
				require.Equal(t, bytes.Repeat([]byte{byte(n)}, 1000), got)
			}
			require.Positive(t, lost)
			require.Less(t, lost, 70, "not more than one file")
			require.NoError(t, again.Set(t.Context(), "new", []byte("value")))
			require.NoError(t, again.Close(t.Context()))
			third, _ := open(t, folder, small)
			got, err := third.Get(t.Context(), "new")
			require.NoError(t, err)
			require.Equal(t, "value", string(got))
			require.NoError(t, third.Close(t.Context()))
		})
	}
}

func cut(t *testing.T, file string, n int64) {
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(file, info.Size()-n))
}

func extend(t *testing.T, file string, n int64) {
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(file, info.Size()+n))
}

func change(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	text[len(text)/2] ^= 0xff
	require.NoError(t, os.WriteFile(file, text, 0o600))
}

// One process and one component use a folder.
func TestInUse(t *testing.T) {
	folder := t.TempDir()
	c, e := open(t, folder)
	_, err := e.GetClient(t.Context(), component.KindExporter, component.MustNewIDWithName("otlp", "a/b"), "traces")
	require.ErrorContains(t, err, "in use")
	other, err := NewFactory().Create(t.Context(), extensiontest.NewNopSettings(metadata.Type), e.config)
	require.NoError(t, err)
	_, err = other.(storage.Extension).GetClient(t.Context(), component.KindExporter, component.MustNewIDWithName("otlp", "a/b"), "traces")
	require.ErrorContains(t, err, "another process")
	require.NoError(t, c.Close(t.Context()))
	require.NoError(t, c.Close(t.Context()))
	require.ErrorIs(t, c.Set(t.Context(), "key", nil), errClosed)
	again, err := e.GetClient(t.Context(), component.KindExporter, component.MustNewIDWithName("otlp", "a/b"), "traces")
	require.NoError(t, err)
	require.NoError(t, again.Close(t.Context()))
	require.NoError(t, os.WriteFile(filepath.Join(c.folder, "x.segment"), nil, 0o600))
	_, err = e.GetClient(t.Context(), component.KindExporter, component.MustNewIDWithName("otlp", "a/b"), "traces")
	require.ErrorContains(t, err, "move it away")
	require.NoError(t, e.Shutdown(t.Context()))
}

// Whatever a file has in it, reading ends, and what it finds is in the file.
func FuzzRead(f *testing.F) {
	frame := encode([]*storage.Operation{storage.SetOperation("key", []byte("value")), storage.DeleteOperation("other")})
	f.Add(frame)
	f.Add(append(frame, 0, 0, 0, 0))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		r := bytes.NewReader(text)
		for {
			payload, err := readFrame(r, nil)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					require.ErrorIs(t, err, errDamaged)
				}
				return
			}
			_ = operations(payload, func(_ byte, _ string, from, to int) { _ = payload[from:to] })
		}
	})
}
