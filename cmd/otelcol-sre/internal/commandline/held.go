// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package commandline

import (
	"sync"
	"time"

	"go.uber.org/zap/zapcore"
)

const (
	// started is what the Collector logs when all components have started.
	started = "Everything is ready. Begin running and processing data."
	// patience is how long the log of a start is held: a start that takes longer shows what it waits for.
	patience = 10 * time.Second
)

// A heldLog holds what a collector logs until it runs. If it does not start for a reason that one sentence explains, those lines would
// hide that sentence.
type heldLog struct {
	releasing sync.Mutex

	mu      sync.Mutex
	held    []func()
	open    bool // lines pass
	dropped bool
	timer   *time.Timer
}

// newHeldLog holds lines for a time.
func newHeldLog(limit time.Duration) *heldLog {
	l := &heldLog{}
	l.releasing.Lock() // release reads the timer
	defer l.releasing.Unlock()
	l.timer = time.AfterFunc(limit, l.release)
	return l
}

func (l *heldLog) wrap(core zapcore.Core) zapcore.Core { return &heldCore{Core: core, log: l} }

// release writes what is held; further lines pass. Lines that come meanwhile wait for those before them. One core may write to another that
// holds as well, so no line is written under the lock.
func (l *heldLog) release() {
	l.releasing.Lock()
	defer l.releasing.Unlock()
	l.timer.Stop()
	for {
		l.mu.Lock()
		held := l.held
		l.held = nil
		l.open = l.open || len(held) == 0 && !l.dropped
		l.mu.Unlock()
		if len(held) == 0 {
			return
		}
		for _, write := range held {
			write()
		}
	}
}

// drop forgets what is held.
func (l *heldLog) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer.Stop()
	l.held, l.dropped = nil, !l.open
}

type heldCore struct {
	zapcore.Core
	log *heldLog
}

func (c *heldCore) With(fields []zapcore.Field) zapcore.Core {
	return &heldCore{Core: c.Core.With(fields), log: c.log}
}

func (c *heldCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c *heldCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	if c.log.hold(func() { _ = c.Core.Write(entry, fields) }) {
		if entry.Message == started {
			c.log.release()
		}
		return nil
	}
	return c.Core.Write(entry, fields)
}

// hold reports whether it takes the line.
func (l *heldLog) hold(write func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open && !l.dropped {
		l.held = append(l.held, write)
	}
	return !l.open
}
