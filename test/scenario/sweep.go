// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/internal/replay"
)

// Sweep is Run with range queries only: it evaluates each rule over the whole watched time at once,
// and derives an alert's state from the times at which its expression held. That is many times cheaper, and gives
// the same episodes, with two exceptions: templates in labels and annotations are not expanded, and
// keep_firing_for is ignored.
func Sweep(ctx context.Context, s *Scenario, file rulefmt.RuleGroups) (*Playback, error) {
	return live(ctx, s, file, nil, (*replay.Replay).Sweep)
}
