// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package flush is what stateful components have in common around a flush: it runs on a clock, once more at shutdown,
// and what fails is logged at a bounded rate and shown in the component's status.
package flush

import (
	"context"
	"sync"
	"time"
)

// LastTimeout is how long the flush at shutdown may take: an exporter that retries without a queue would hold the
// collector up until it is killed.
const LastTimeout = 10 * time.Second

// A Loop calls a function on a clock. The zero value does not run.
type Loop struct {
	end  context.CancelFunc
	done sync.WaitGroup
}

// Run calls do every interval until Stop; then the context of do ends.
func (l *Loop) Run(interval time.Duration, do func(context.Context)) {
	l.Start(func(running context.Context) {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				do(running)
			case <-running.Done():
				return
			}
		}
	})
}

// Start runs a loop that has a clock of its own. It returns when its context ends, at Stop.
func (l *Loop) Start(loop func(context.Context)) {
	running, end := context.WithCancel(context.Background())
	l.end = end
	l.done.Go(func() { loop(running) })
}

// Running tells that Run was called.
func (l *Loop) Running() bool { return l.end != nil }

// Stop ends the loop, and returns when do has.
func (l *Loop) Stop() {
	if l.end != nil {
		l.end()
		l.done.Wait()
	}
}

// Last is the context of the flush at shutdown.
func Last(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, LastTimeout)
}
