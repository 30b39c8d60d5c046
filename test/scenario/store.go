// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/replay"
)

// write writes samples, series by series, but for times that are skipped.
func write(ctx context.Context, to *replay.Storage, from, until time.Time, step time.Duration, skip func(time.Time) bool, all []series) error {
	for _, one := range all {
		w := to.Writer(ctx, one.labels)
		for t := from; !t.After(until); t = t.Add(step) {
			if skip(t) {
				continue
			}
			v, ok := one.at(t)
			w.Write(t, v, ok)
		}
		if err := w.Commit(); err != nil {
			return fmt.Errorf("%s: %w", one.labels, err)
		}
	}
	return nil
}
