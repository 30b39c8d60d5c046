// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const limit = 1 << 20

func open(t testing.TB, dir string, limit int64) *Journal {
	t.Helper()
	j, err := Open(dir, limit, 4*limit, Seed{1, 2, 3})
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func record(payload string) []byte { return append(make([]byte, Frame), payload...) }

func write(t testing.TB, j *Journal, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		_, err := j.Append(record(p))
		require.NoError(t, err)
	}
}

// all reads all segments of the folder as the next process does.
func all(t testing.TB, dir string) (payloads []string, segments []*Segment) {
	t.Helper()
	j := open(t, dir, limit)
	for _, s := range j.Segments() {
		require.NoError(t, j.Read(s, func(_ Position, payload []byte) error {
			payloads = append(payloads, string(payload))
			return nil
		}))
	}
	segments = j.Segments()
	require.NoError(t, j.Close())
	return payloads, segments
}

func TestRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	j := open(t, dir, limit)
	require.Equal(t, Position{Segment: 1}, j.Position())
	write(t, j, "a", "bc")
	at := j.Position()
	write(t, j, "d")
	require.NoError(t, j.Rotate(7))
	require.NoError(t, j.Rotate(8), "of nothing")
	require.Equal(t, uint64(7), j.Segments()[0].Generation)
	write(t, j, "e")
	require.NoError(t, j.Close())

	j = open(t, dir, limit)
	var after []string
	for _, s := range j.Segments() {
		require.NoError(t, j.Read(s, func(p Position, payload []byte) error {
			if p.Segment > at.Segment || p.Offset > at.Offset {
				after = append(after, string(payload))
			}
			return nil
		}))
		require.Zero(t, s.Unread)
	}
	require.Equal(t, []string{"d", "e"}, after)
	require.Equal(t, Position{Segment: 3}, j.Position())
	require.Equal(t, Seed{1, 2, 3}, j.Seed())
}

func TestTheSeedStays(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, open(t, dir, limit).Close())
	other := func() *Journal {
		j, err := Open(dir, limit, limit, Seed{9})
		require.NoError(t, err)
		return j
	}
	j := other()
	require.Equal(t, Seed{1, 2, 3}, j.Seed(), "of an empty journal, too")
	write(t, j, "a")
	require.NoError(t, j.Close())
	require.NoError(t, os.Truncate(filepath.Join(dir, lockFile), 10))
	j = other()
	require.Equal(t, Seed{1, 2, 3}, j.Seed(), "of the segment")
	require.NoError(t, j.Close())
	for _, s := range j.Segments() {
		require.NoError(t, os.Remove(s.path))
	}
	j = other()
	require.Equal(t, Seed{1, 2, 3}, j.Seed(), "of the lock again")
	require.NoError(t, j.Close())
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, limit)
	write(t, j, "first", "second")
	require.NoError(t, j.Close())
	path := j.path(1)
	sound, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range sound {
		content := append([]byte(nil), sound...)
		content[i] ^= 1 << (i % 8)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		payloads, segments := all(t, dir)
		assert.NotEqual(t, []string{"first", "second"}, payloads, "byte %d", i)
		for _, p := range payloads {
			assert.Equal(t, "first", p)
		}
		assert.NotZero(t, segments[0].Unread, "byte %d", i)
	}
}

func TestEveryTruncationIsTorn(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, limit)
	write(t, j, "first", "second")
	require.NoError(t, j.Close())
	path := j.path(1)
	info, err := os.Stat(path)
	require.NoError(t, err)
	whole := map[int64]bool{int64(headerSize): true, int64(headerSize + frameSize + 5): true, info.Size(): true}
	for length := info.Size(); length >= 0; length-- {
		require.NoError(t, os.Truncate(path, length))
		payloads, segments := all(t, dir)
		assert.Equal(t, !whole[length], segments[0].Torn || length == 0, "%d", length)
		assert.LessOrEqual(t, len(payloads), 2)
	}
}

// What could not be written leaves nothing behind that hides the next record.
func TestAFailedWrite(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, limit)
	write(t, j, "a")
	sound := j.file
	broken, err := os.OpenFile(j.path(1), os.O_RDONLY, 0)
	require.NoError(t, err)
	defer broken.Close()
	j.file = broken
	at := j.Position()
	_, err = j.Append(record("lost"))
	require.ErrorContains(t, err, "write journal")
	require.Equal(t, at, j.Position())
	j.file = sound
	write(t, j, "b")
	require.NoError(t, j.Close())
	payloads, _ := all(t, dir)
	require.Equal(t, []string{"a", "b"}, payloads)
}

func TestSizeIsLimited(t *testing.T) {
	j := open(t, t.TempDir(), 1000)
	payload := string(make([]byte, 500))
	write(t, j, payload)
	_, reached := j.Size()
	require.False(t, reached)
	write(t, j, payload)
	_, reached = j.Size()
	require.True(t, reached)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		require.NoError(t, j.Rotate(0))
		_, err = j.Append(record(payload))
	}
	require.ErrorIs(t, err, ErrFull)
	require.LessOrEqual(t, len(j.Segments()), 8)
	require.NoError(t, j.Forget(func(*Segment) bool { return true }))
	write(t, j, payload)
}

func TestForgetKeepsTheNewestDamage(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, limit)
	for i := range 3 {
		write(t, j, strconv.Itoa(i))
		require.NoError(t, j.Rotate(0))
	}
	for _, s := range j.Segments() {
		s.Unread = 1
	}
	j.Segments()[2].Unread = 0
	require.NoError(t, j.Forget(func(*Segment) bool { return true }))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, []string{"damaged-00000000000000000002.journal", "lock"}, names)
}

func TestAFolderHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, limit)
	_, err := Open(dir, limit, limit, Seed{})
	require.ErrorContains(t, err, "is in use by another collector or connector; give each a folder of its own")
	require.NoError(t, j.Close())
	require.NoError(t, open(t, dir, limit).Close())
}

func TestAFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Open(filepath.Join(file, "journal"), limit, limit, Seed{})
	require.ErrorContains(t, err, "name one that the collector can write")
}

func TestLost(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"removed":  os.Remove,
		"cut":      func(path string) error { return os.Truncate(path, 3) },
		"replaced": func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			j := open(t, t.TempDir(), limit)
			require.False(t, j.Lost())
			write(t, j, "a")
			require.False(t, j.Lost())
			require.NoError(t, lose(j.path(1)))
			require.True(t, j.Lost())
		})
	}
}

func TestConcurrentAppends(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, limit)
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 100 {
				_, err := j.Append(record(fmt.Sprintf("%d/%d", w, i)))
				assert.NoError(t, err)
			}
		})
	}
	writers.Wait()
	require.NoError(t, j.Close())
	payloads, _ := all(t, dir)
	seen := map[string]bool{}
	for _, p := range payloads {
		seen[p] = true
	}
	require.Len(t, seen, 800)
}

func FuzzRead(f *testing.F) {
	dir := f.TempDir()
	j := open(f, dir, limit)
	write(f, j, "first", "second")
	content, err := os.ReadFile(j.path(1))
	require.NoError(f, err)
	f.Add(content)
	f.Add(content[headerSize:])
	f.Fuzz(func(t *testing.T, content []byte) {
		s := &Segment{Number: 1, path: filepath.Join(t.TempDir(), "x")}
		require.NoError(t, os.WriteFile(s.path, content, 0o600))
		read := int64(0)
		require.NoError(t, j.Read(s, func(_ Position, payload []byte) error {
			read += int64(len(payload))
			return nil
		}))
		require.LessOrEqual(t, read+s.Unread, int64(len(content)))
	})
}

func BenchmarkAppend(b *testing.B) {
	j := open(b, b.TempDir(), 1<<40)
	r := append(make([]byte, Frame), make([]byte, 880)...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Append(r); err != nil {
			b.Fatal(err)
		}
	}
}
