// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// A store is a Prometheus storage in a folder of its own.
type store struct {
	*tsdb.DB
	folder string
}

// openStore keeps everything in the head, whatever its age, and takes no sample out of order: a rule
// that would write one shows.
func openStore() (*store, error) {
	folder, err := os.MkdirTemp("", "scenario")
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
	return &store{db, folder}, nil
}

func (s *store) Close() error {
	return errors.Join(s.DB.Close(), os.RemoveAll(s.folder))
}

// A writer appends the samples of one series and marks it stale when they stop.
type writer struct {
	app    storage.Appender
	series labels.Labels
	ref    storage.SeriesRef
	live   bool
	err    error
}

func (w *writer) write(at time.Time, v float64, ok bool) {
	switch {
	case w.err != nil || !ok && !w.live:
		return
	case !ok:
		v = math.Float64frombits(value.StaleNaN)
	}
	w.live = ok
	w.ref, w.err = w.app.Append(w.ref, w.series, at.UnixMilli(), v)
}

// append writes samples, series by series, but for times that are skipped.
func (s *store) append(ctx context.Context, from, to time.Time, step time.Duration, skip func(time.Time) bool, all []series) error {
	for _, one := range all {
		w := writer{app: s.Appender(ctx), series: one.labels}
		for t := from; !t.After(to) && w.err == nil; t = t.Add(step) {
			if skip(t) {
				continue
			}
			v, ok := one.at(t)
			w.write(t, v, ok)
		}
		if err := errors.Join(w.err, w.app.Commit()); err != nil {
			return fmt.Errorf("%s: %w", one.labels, err)
		}
	}
	return nil
}
