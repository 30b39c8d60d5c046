// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"errors"
	"math"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// A Storage is Prometheus' storage in a temporary folder of its own.
type Storage struct {
	*tsdb.DB
	folder string
}

// OpenStorage opens an empty one. It keeps everything in the head, whatever its age, and takes no sample out of order: a
// rule that would write one shows. Close it after use: that deletes its folder.
func OpenStorage() (*Storage, error) {
	folder, err := os.MkdirTemp("", "replay")
	if err != nil {
		return nil, err
	}
	o := tsdb.DefaultOptions()
	o.MinBlockDuration, o.MaxBlockDuration = ever.Milliseconds(), ever.Milliseconds()
	o.RetentionDuration = 0
	o.WALSegmentSize = -1      // nothing is kept
	o.StripeSize = 64          // few series
	o.IsolationDisabled = true // one at a time reads or writes
	db, err := tsdb.Open(folder, nil, nil, o, tsdb.NewDBStats())
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	db.DisableCompactions()
	return &Storage{db, folder}, nil
}

// Close deletes all samples.
func (s *Storage) Close() error {
	return errors.Join(s.DB.Close(), os.RemoveAll(s.folder))
}

// queryable is what the rules read.
func (r *Replay) queryable() storage.Queryable {
	if r.options.Before == nil {
		return r.options.Storage
	}
	return storage.QueryableFunc(func(from, until int64) (storage.Querier, error) {
		own, err := r.options.Storage.Querier(from, until)
		if err != nil {
			return nil, err
		}
		before, err := r.options.Before.Querier(from, until)
		if err != nil {
			return nil, errors.Join(err, own.Close())
		}
		return storage.NewMergeQuerier([]storage.Querier{own, withoutAlerts{before}}, nil, storage.ChainedSeriesMerge), nil
	})
}

// withoutAlerts are the samples of another replay. What fired in it did not fire in this one.
type withoutAlerts struct{ storage.Querier }

func (w withoutAlerts) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual && m.Value == alertsMetric {
			return storage.EmptySeriesSet()
		}
	}
	return w.Querier.Select(ctx, sorted, hints, matchers...)
}

// A Writer appends the samples of one series, oldest first, and marks it stale when they stop. Commit it after use.
type Writer struct {
	app    storage.Appender
	series labels.Labels
	ref    storage.SeriesRef
	live   bool
	err    error
}

// Writer writes a series.
func (s *Storage) Writer(ctx context.Context, series labels.Labels) *Writer {
	return &Writer{app: s.Appender(ctx), series: series}
}

// Write appends a sample, or marks the series stale if there is none.
func (w *Writer) Write(at time.Time, v float64, ok bool) {
	switch {
	case w.err != nil || !ok && !w.live:
		return
	case !ok:
		v = math.Float64frombits(value.StaleNaN)
	}
	w.live = ok
	w.ref, w.err = w.app.Append(w.ref, w.series, at.UnixMilli(), v)
}

// Commit makes the samples readable. It returns the first error of all that was written.
func (w *Writer) Commit() error { return errors.Join(w.err, w.app.Commit()) }
