// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"context"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
)

// A LogRule tells which log records count for an SLO and which of them are good.
type LogRule struct {
	// SLO is the index in the service's list.
	SLO         int
	Groups      Grouping
	match, good *ottl.Condition[*ottllog.TransformContext]
}

// Judge is what the rule says of a log record.
func (r *LogRule) Judge(ctx context.Context, record *ottllog.TransformContext) Judgment {
	if r.match != nil {
		if j := verdict(r.match.Eval(ctx, record)); j != Good {
			return j.unselect()
		}
	}
	return verdict(r.good.Eval(ctx, record))
}
