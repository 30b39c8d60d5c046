// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// Copy writes the samples of a time once more, shifted: a week back for what is compared with last
// week, forward for what would be scraped if nothing changed any more. Names, labels and values are those that were
// emitted; so points in time among the values are not those of the copy's time.
func (p *Prometheus) Copy(ctx context.Context, from, to time.Time, shift time.Duration) error {
	querier, err := p.db.Querier(from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return err
	}
	defer querier.Close()
	app := p.db.Appender(ctx)
	set := querier.Select(ctx, false, nil, labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".+"))
	for set.Next() {
		series := set.At()
		samples := series.Iterator(nil)
		for kind := samples.Next(); kind != chunkenc.ValNone; kind = samples.Next() {
			if kind != chunkenc.ValFloat {
				continue
			}
			t, v := samples.At()
			if _, err = app.Append(0, series.Labels(), t+shift.Milliseconds(), v); err != nil {
				_ = app.Rollback()
				return err
			}
		}
	}
	if err = set.Err(); err != nil {
		_ = app.Rollback()
		return err
	}
	return app.Commit()
}

// Names are of all metrics that have samples.
func (p *Prometheus) Names(ctx context.Context) ([]string, error) {
	querier, err := p.db.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	defer querier.Close()
	names, _, err := querier.LabelValues(ctx, "__name__", nil)
	return names, err
}
