// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	complaintPeriod = time.Minute
	maxComplaints   = 20
)

// complaints logs a reason once a minute, and no more than 20 of them, so that a broken sender does not fill
// the log. What was left unsaid is counted in the next line.
type complaints struct {
	logger *zap.Logger
	now    func() time.Time

	mu    sync.Mutex
	since time.Time
	said  map[string]bool
	left  int
}

func newComplaints(logger *zap.Logger) *complaints {
	return &complaints{logger: logger, now: time.Now, said: map[string]bool{}}
}

func (c *complaints) say(message, reason string, fields ...zap.Field) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.since) >= complaintPeriod {
		c.since = now
		clear(c.said)
	}
	if c.said[reason] || len(c.said) >= maxComplaints {
		c.left++
		return
	}
	c.said[reason] = true
	if c.left > 0 {
		fields = append(fields, zap.Int("not_logged_before", c.left))
		c.left = 0
	}
	c.logger.Warn(message, fields...)
}
