// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
)

// newStill is a watcher that looks only when the test says so.
func newStill(t *testing.T, dir string) (*watcher, *int) {
	calls := new(int)
	config := &Config{Directory: []string{dir}, PollInterval: defaultPollInterval}
	w := newWatcher(config, zaptest.NewLogger(t), fsnotify.NewWatcher, func() { *calls++ })
	t.Cleanup(func() { require.NoError(t, w.events.Close()) })
	return w, calls
}

func TestLook(t *testing.T) {
	dir := t.TempDir()
	w, calls := newStill(t, dir)
	assert.False(t, w.look())
	assert.Zero(t, *calls, "nothing has changed")

	write(t, dir, "a.yaml", "1")
	assert.True(t, w.look(), "a change must hold still for a look")
	write(t, dir, "a.yaml", "12")
	assert.True(t, w.look())
	assert.Zero(t, *calls)
	assert.False(t, w.look())
	assert.Equal(t, 1, *calls)
	assert.False(t, w.look())
	assert.Equal(t, 1, *calls)

	write(t, dir, "a.yaml", "other")
	assert.True(t, w.look())
	write(t, dir, "a.yaml", "12")
	assert.False(t, w.look(), "back to what is known")
	assert.Equal(t, 1, *calls)
}

func TestFoldersThatNeverHoldStillAreReadAllTheSame(t *testing.T) {
	dir := t.TempDir()
	w, calls := newStill(t, dir)
	for i := range 3 * (maxLooks + 1) {
		write(t, dir, "a.yaml", strconv.Itoa(i))
		w.look()
	}
	assert.Equal(t, 3, *calls)
}

// Whatever is done to the files, two checks later their content is known, and changed was
// called exactly if that is something else than before.
func TestLookAgainstRandomChanges(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	dir := filepath.Join(t.TempDir(), "catalog")
	w, calls := newStill(t, dir)
	for range 300 {
		before, called := w.known, *calls
		for range random.IntN(4) {
			name := []string{"a.yaml", "b.yaml", "sub/a.yaml", "notes.txt"}[random.IntN(4)]
			switch random.IntN(6) {
			case 0:
				_ = os.Remove(filepath.Join(dir, name))
			case 1:
				require.NoError(t, os.RemoveAll(dir))
			default:
				write(t, dir, name, strconv.Itoa(random.IntN(2)))
			}
			if random.IntN(2) == 0 {
				w.look()
			}
		}
		for w.look() {
		}
		now, _ := takeFingerprint([]string{dir})
		require.Equal(t, now, w.known)
		if *calls == called {
			require.Equal(t, before, now)
		}
	}
	assert.Greater(t, *calls, 100)
}

func TestWatchesFollowTheFolders(t *testing.T) {
	dir := t.TempDir()
	w, _ := newStill(t, dir)
	assert.ElementsMatch(t, []string{dir}, w.events.WatchList())
	write(t, dir, "sub/a.yaml", "1")
	w.look()
	assert.ElementsMatch(t, []string{dir, filepath.Join(dir, "sub")}, w.events.WatchList())
	require.NoError(t, os.Rename(filepath.Join(dir, "sub"), filepath.Join(dir, "other")))
	w.look()
	assert.ElementsMatch(t, []string{dir, filepath.Join(dir, "other")}, w.events.WatchList())
}

func TestMatters(t *testing.T) {
	for name, test := range map[string]struct {
		event fsnotify.Event
		want  bool
	}{
		"a catalog file written":   {fsnotify.Event{Name: "/c/a.yaml", Op: fsnotify.Write}, true},
		"another file written":     {fsnotify.Event{Name: "/c/a.log", Op: fsnotify.Write}, false},
		"a ConfigMap swapped":      {fsnotify.Event{Name: "/c/..data", Op: fsnotify.Create}, true},
		"a folder removed":         {fsnotify.Event{Name: "/c/sub", Op: fsnotify.Remove}, true},
		"a file made unreadable":   {fsnotify.Event{Name: "/c/a.yaml", Op: fsnotify.Chmod}, true},
		"a file renamed over ours": {fsnotify.Event{Name: "/c/a.yml", Op: fsnotify.Create | fsnotify.Write}, true},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, matters(test.event)) })
	}
}
