// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package flush

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"
)

// The stages of a flush that can fail. They are values of the attribute stage of metrics, too.
const (
	Save    = "save"
	Restore = "restore"
	Emit    = "emit"
	Journal = "journal"
	// Backfill is the reading of what happened before.
	Backfill = "backfill"
)

// logEvery is the least time between two log records about a stage that goes on failing.
const logEvery = time.Minute

// Health logs what fails, and shows it as the status of the component: a recoverable error while a stage fails, OK when
// none does any more. Its methods may be called by several goroutines.
type Health struct {
	logger *zap.Logger

	mu      sync.Mutex
	host    component.Host
	logged  map[string]time.Time // by stage
	failing map[string]bool
}

// NewHealth writes to the logger.
func NewHealth(logger *zap.Logger) *Health {
	return &Health{logger: logger, logged: make(map[string]time.Time), failing: make(map[string]bool)}
}

// Start gives the host, to which the status is reported. Call it before the first failure.
func (h *Health) Start(host component.Host) { h.host = host }

// Failed logs that a stage has failed, at most once a minute, and reports the status if the component was healthy.
func (h *Health) Failed(now time.Time, stage, message string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.failing) == 0 {
		h.report(componentstatus.NewRecoverableErrorEvent(err))
	}
	h.failing[stage] = true
	if last, ok := h.logged[stage]; ok && now.Sub(last) < logEvery {
		return
	}
	h.logged[stage] = now
	h.logger.Error(message, zap.Error(err))
}

// Succeeded ends the failure of stages, and reports the status if no other one fails.
func (h *Health) Succeeded(stages ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := len(h.failing)
	for _, stage := range stages {
		delete(h.failing, stage)
	}
	if before > 0 && len(h.failing) == 0 {
		h.report(componentstatus.NewEvent(componentstatus.StatusOK))
	}
}

func (h *Health) report(e *componentstatus.Event) {
	if h.host != nil {
		componentstatus.ReportStatus(h.host, e)
	}
}
