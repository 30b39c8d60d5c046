// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package flush

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Loop
		l.Stop() // of one that never ran
		assert.False(t, l.Running())
		calls := 0
		var last context.Context
		l.Run(time.Second, func(ctx context.Context) { calls, last = calls+1, ctx })
		assert.True(t, l.Running())
		time.Sleep(3500 * time.Millisecond) // of the bubble's clock
		l.Stop()
		assert.Equal(t, 3, calls)
		assert.Error(t, last.Err())
		time.Sleep(10 * time.Second)
		assert.Equal(t, 3, calls)
	})
}

func TestLastIsBounded(t *testing.T) {
	ctx, cancel := Last(t.Context())
	defer cancel()
	_, bounded := ctx.Deadline()
	assert.True(t, bounded)
}

// A host takes statuses.
type host struct {
	component.Host
	statuses []componentstatus.Status
}

func (h *host) Report(e *componentstatus.Event) { h.statuses = append(h.statuses, e.Status()) }

func TestHealth(t *testing.T) {
	core, logs := observer.New(zap.ErrorLevel)
	on := &host{}
	h := NewHealth(zap.New(core))
	now := time.Unix(0, 0)
	full := errors.New("full")
	h.Failed(now, Save, "not saved", full) // before there is a host
	h.Succeeded(Save)
	h.Start(on)
	for second := range 130 { // about two minutes of failures
		at := now.Add(time.Minute + time.Duration(second)*time.Second)
		h.Failed(at, Save, "not saved", full)
		h.Failed(at, Emit, "refused", full)
	}
	assert.Equal(t, 1+3, logs.FilterMessage("not saved").Len(), "once a minute")
	assert.Equal(t, 3, logs.FilterMessage("refused").Len())
	h.Succeeded(Save)
	assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, on.statuses, "one stage fails still")
	h.Succeeded(Emit)
	h.Succeeded(Emit)
	assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}, on.statuses)
}
