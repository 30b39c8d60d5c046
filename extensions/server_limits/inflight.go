// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package serverlimits

import (
	"sync"
	"time"
)

// inflight are the requests that are being received. Servers wait for them when they stop, and some never end.
type inflight struct {
	mu    sync.Mutex
	ends  map[*func()]struct{}
	timer *time.Timer
	over  bool
}

// add registers a request with what ends it, and returns what removes it.
func (f *inflight) add(end func()) (done func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		end()
		return func() {}
	}
	if f.ends == nil {
		f.ends = map[*func()]struct{}{}
	}
	f.ends[&end] = struct{}{}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.ends, &end)
	}
}

// endIn ends all requests after a while, those that still come, too.
func (f *inflight) endIn(grace time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.timer = time.AfterFunc(grace, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.over = true
		for end := range f.ends {
			(*end)()
		}
		f.ends = nil
	})
}

func (f *inflight) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer != nil {
		f.timer.Stop()
	}
}
