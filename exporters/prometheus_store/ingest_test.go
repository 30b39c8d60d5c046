// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func (s *running) counted() map[string]int64 {
	c := &s.ingester.counts
	return map[string]int64{"stored": c.stored.Load(), "out_of_order": c.outOfOrder.Load(), "duplicate": c.duplicate.Load(), "too_new": c.tooNew.Load(), "invalid": c.invalid.Load()}
}

// One sample that cannot be stored does not take the rest of its batch with it.
func TestRefusedSamplesAreLeftOut(t *testing.T) {
	now := time.Now()
	for want, second := range map[string]func() pmetric.Metrics{
		"duplicate": func() pmetric.Metrics { return gauge("queue.depth", 2, now, nil) },
		"out_of_order": func() pmetric.Metrics {
			return gauge("queue.depth", 2, now.Add(-2*time.Hour), nil)
		},
		"too_new": func() pmetric.Metrics { return gauge("queue.depth", 2, now.Add(time.Hour), nil) },
		"invalid": func() pmetric.Metrics {
			md := gauge("queue.depth", 2, now, nil)
			sum := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetEmptySum()
			sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
			sum.DataPoints().AppendEmpty().SetIntValue(1)
			return md
		},
	} {
		t.Run(want, func(t *testing.T) {
			s := start(t, configured(t))
			require.NoError(t, s.push(t.Context(), gauge("queue.depth", 1, now, nil)))
			before := s.counted()["stored"]
			md := second()
			gauge("other", 3, now, nil).ResourceMetrics().MoveAndAppendTo(md.ResourceMetrics())
			require.NoError(t, s.push(t.Context(), md))
			require.Positive(t, s.counted()[want])
			require.Greater(t, s.counted()["stored"], before)
			require.Equal(t, "1", s.query("queue_depth"))
			require.Equal(t, "3", s.query("other"))
			require.Positive(t, s.logs.FilterMessageSnippet("Samples cannot be stored").Len())
		})
	}
}

// Samples that come late, but in the window, are in their place.
func TestLateSamples(t *testing.T) {
	s := start(t, configured(t))
	now := time.Now()
	for _, minute := range []int{0, -2, -1, -20} {
		require.NoError(t, s.push(t.Context(), gauge("queue.depth", float64(minute), now.Add(time.Duration(minute)*time.Minute), nil)))
	}
	require.Equal(t, "4", s.query("count_over_time(queue_depth[30m])"))
	require.Equal(t, "-1", s.query("queue_depth offset 30s"))
}

// A clock that ran ahead and was set right leaves samples that are newer than what follows. Within the window nothing is lost; beyond it
// what follows is refused and counted until the clock has caught up, and the pipeline is not asked to retry.
func TestClockThatRanAhead(t *testing.T) {
	began := time.Now()
	for name, jump := range map[string]struct {
		ahead   time.Duration
		outcome string
	}{"within the window": {20 * time.Minute, "stored"}, "beyond it": {24 * time.Hour, "out_of_order"}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, configured(t))
			at := func(now time.Time, value float64) {
				s.ingester.now = func() time.Time { return now }
				require.NoError(t, s.push(t.Context(), gauge("queue.depth", value, now, nil)))
			}
			at(began, 1)
			at(began.Add(jump.ahead), 2)
			before := s.counted()[jump.outcome]
			at(began.Add(time.Minute), 3)
			require.Greater(t, s.counted()[jump.outcome], before)
			before = s.counted()["stored"]
			at(began.Add(jump.ahead+time.Minute), 4)
			require.Greater(t, s.counted()["stored"], before, "the clock has caught up")
		})
	}
}

type appendable func() storage.AppenderV2

func (a appendable) AppenderV2(context.Context) storage.AppenderV2 { return a() }

type full struct{ storage.AppenderV2 }

func (full) Commit() error { return errors.New("write to WAL: no space left on device") }

// A batch that the storage refuses is not sent again: the other exporters have it.
func TestStorageThatFailsIsPermanent(t *testing.T) {
	s := start(t, configured(t))
	db := s.ingester.storage
	s.ingester.storage = appendable(func() storage.AppenderV2 { return full{db.AppenderV2(t.Context())} })
	err := s.push(t.Context(), gauge("queue.depth", 1, time.Now(), nil))
	require.ErrorContains(t, err, "no space left on device")
	require.True(t, consumererror.IsPermanent(err))
	require.Zero(t, s.counted()["stored"])

	s.ingester.storage = db
	require.NoError(t, s.push(t.Context(), gauge("queue.depth", 2, time.Now(), nil)))
	require.Equal(t, "2", s.query("queue_depth"), "it goes on when there is space")
}

func TestPromotedAttributes(t *testing.T) {
	s := start(t, configured(t, func(c *Config) { c.PromoteResourceAttributes = []string{"service.name", "host.name"} }))
	require.NoError(t, s.push(t.Context(), gauge("queue.depth", 1, time.Now(), nil)))
	require.Equal(t, "1", s.query(`queue_depth{service_name="checkout",host_name="node-1"}`))
}
