// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/internal/replay"
)

// Sweep is Run with range queries only, which is many times cheaper; see package replay for how they differ.
func Sweep(ctx context.Context, s *Scenario, file rulefmt.RuleGroups) (*Playback, error) {
	return live(ctx, s, file, nil, (*replay.Replay).Sweep)
}
