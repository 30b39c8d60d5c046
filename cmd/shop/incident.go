// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"time"
)

// What goes wrong: a new version of inventory fails every fifth request.
const (
	incidentService   = inventory
	incidentVersion   = "1.1.0"
	incidentErrorRate = 0.2
)

// startIncident deploys the bad version after a while, unless ctx ends before. It is over when ended is closed.
func (shop *Shop) startIncident(ctx context.Context, after time.Duration) (ended <-chan struct{}) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		select {
		case <-ctx.Done():
			return
		case <-time.After(after):
		}
		_, err := shop.services[incidentService].Change(ctx, func(settings *Settings) error {
			settings.Version, settings.ErrorRate = incidentVersion, incidentErrorRate
			return nil
		})
		slog.Info("a bad version is deployed", "service", incidentService, "version", incidentVersion, "error", err)
	}()
	return over
}
