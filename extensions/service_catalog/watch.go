// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/extensions/service_catalog/internal/objects"
)

const (
	// defaultSettle is how long the folders must be unchanged before they are read: a program that
	// writes them is probably not done with the first change.
	defaultSettle = 100 * time.Millisecond
	// maxLooks bounds how often reading is put off for folders that never hold still.
	maxLooks = 50
)

// A watcher calls changed, from one goroutine, each time the directories hold something else
// than when it was last called.
//
// File events only wake it before the next poll. It finds changes by
// comparing fingerprints. So no pattern of writing is special: a ConfigMap's swapped links,
// an editor's rename, a folder that goes and comes back, a file system without events.
type watcher struct {
	directories  []string
	pollInterval time.Duration
	settle       time.Duration
	events       *fsnotify.Watcher // nil: polling only
	objects      *objects.Source   // nil: none
	logger       *zap.Logger
	changed      func()

	known  fingerprint // what changed was last called for
	last   fingerprint // what was seen at the last look
	looks  int         // how many looks in a row have seen something new
	failed bool        // a folder could not be watched, which was logged
}

// newWatcher takes what the directories hold now as known. newEvents makes the
// source of file events; if it fails the watcher polls.
func newWatcher(config *Config, logger *zap.Logger, newEvents func() (*fsnotify.Watcher, error), changed func()) *watcher {
	w := &watcher{
		directories: config.Directory, pollInterval: config.PollInterval, settle: defaultSettle,
		logger: logger, changed: changed,
	}
	events, err := newEvents()
	if err != nil {
		w.warn(err)
	} else {
		w.events = events
	}
	w.known = w.take()
	w.last = w.known
	return w
}

// run watches until the context is done.
func (w *watcher) run(ctx context.Context) {
	var events chan fsnotify.Event
	var errs chan error
	if w.events != nil {
		defer func() { _ = w.events.Close() }() // nobody is left to care
		events, errs = w.events.Events, w.events.Errors
	}
	ticker := time.NewTicker(w.pollInterval)
	defer ticker.Stop()
	var changed <-chan struct{}
	if w.objects != nil {
		changed = w.objects.Changed()
	}
	// The first look finds what changed between the first fingerprint and the first watch.
	next := time.NewTimer(w.settle)
	defer next.Stop()
	waiting := true
	wake := func() {
		if !waiting {
			waiting = true
			next.Reset(w.settle)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			wake()
		case <-changed:
			wake()
		case event := <-events:
			if matters(event) {
				wake()
			}
		case err := <-errs: // events were lost
			w.logger.Debug("Lost file events of the catalog folders", zap.Error(err))
			wake()
		case <-next.C:
			waiting = false
			if w.look() {
				wake()
			}
		}
	}
}

// look calls changed if the directories hold something new and have held it for one look.
// It reports whether another look is due.
func (w *watcher) look() (again bool) {
	now := w.take()
	switch {
	case now == w.known:
	case now != w.last && w.looks < maxLooks:
		w.looks++
		again = true
	default:
		w.known = now
		w.changed()
	}
	w.last = now
	if !again {
		w.looks = 0
	}
	return again
}

// take takes a fingerprint and sets the watches on the folders there are now.
func (w *watcher) take() fingerprint {
	now, folders := takeFingerprint(w.directories)
	if w.objects != nil {
		now = sha256.Sum256(fmt.Appendf(now[:], "%d", w.objects.Changes()))
	}
	if w.events == nil {
		return now
	}
	for _, watched := range w.events.WatchList() {
		if !slices.Contains(folders, watched) {
			_ = w.events.Remove(watched) // fails for a folder that is gone, with its watch
		}
	}
	for _, folder := range folders {
		// Again each time: a folder that was created again under its old name needs a new watch.
		if err := w.events.Add(folder); err != nil {
			w.warn(err)
		}
	}
	return now
}

// warn says once that file events cannot be had.
func (w *watcher) warn(err error) {
	if w.failed {
		return
	}
	w.failed = true
	w.logger.Warn("Cannot watch the catalog folders for file events; changes come into use after poll_interval",
		zap.Duration("poll_interval", w.pollInterval), zap.String("error", printable(err.Error())))
}

// matters tells a change of a catalog file, a link or a folder from writing into other files.
func matters(event fsnotify.Event) bool {
	return event.Op != fsnotify.Write || isCatalogFile(event.Name)
}
