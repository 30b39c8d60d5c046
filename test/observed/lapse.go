// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// A Lapse shows a run faster than it was: for its Length, each second stands for Factor seconds, and at its end the
// clock of what is observed is the real one again. So a minute of the shop is half an hour to rules and panels, in which
// a version can become old enough to be judged, and a service silent for long enough to be missed.
// Samples are written at the lapse's times, and values that are points in time are set to it as well. The zero
// Lapse is real time.
type Lapse struct {
	Length time.Duration
	Factor float64
}

type clock struct {
	Lapse
	started time.Time
}

// of is the lapse's time at a real one.
func (c clock) of(actual time.Time) time.Time {
	left := min(max(c.Length-actual.Sub(c.started), 0), c.Length)
	return actual.Add(-time.Duration(float64(left) * max(c.Factor-1, 0)))
}

func (c clock) now() time.Time { return c.of(time.Now()) }

func (c clock) milli(actual int64) int64 { return c.of(time.UnixMilli(actual)).UnixMilli() }

// value sets one that is a point in time, in Unix seconds, of these days; no other number of the collector comes near.
func (c clock) value(v float64) float64 {
	const near = 24 * 60 * 60
	if now := float64(time.Now().Unix()); math.Abs(v-now) <= near {
		return float64(c.milli(int64(v*1000))) / 1000
	}
	return v
}

// lapsed is an appender for a scrape loop that knows real times only.
type lapsed struct {
	storage.Appendable
	clock clock
}

func (l lapsed) Appender(ctx context.Context) storage.Appender {
	return &lapsedAppender{Appender: l.Appendable.Appender(ctx), clock: l.clock}
}

// A lapsedAppender takes one scrape. When that fails nothing ends: a second is short for a busy machine.
type lapsedAppender struct {
	storage.Appender
	clock  clock
	ended  []func() error
	failed bool
}

// Append is storage.Appender's.
func (a *lapsedAppender) Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	t = a.clock.milli(t)
	if value.IsStaleNaN(v) {
		a.ended = append(a.ended, func() error {
			_, err := a.Appender.Append(ref, l, t, v)
			return err
		})
		return ref, nil
	}
	a.failed = a.failed || v == 0 && l.Get(model.MetricNameLabel) == "up"
	return a.Appender.Append(ref, l, t, a.clock.value(v))
}

// Commit is storage.Appender's.
func (a *lapsedAppender) Commit() error {
	if !a.failed {
		for _, end := range a.ended {
			if err := end(); err != nil {
				return errors.Join(err, a.Rollback())
			}
		}
	}
	return a.Appender.Commit()
}

// AppendExemplar is storage.Appender's.
func (a *lapsedAppender) AppendExemplar(ref storage.SeriesRef, l labels.Labels, e exemplar.Exemplar) (storage.SeriesRef, error) {
	e.Ts = a.clock.milli(e.Ts)
	return a.Appender.AppendExemplar(ref, l, e)
}
