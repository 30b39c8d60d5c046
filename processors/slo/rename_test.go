// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

func renamed(name, formerly string) func(*catalog.Service, *catalog.SLO) {
	return func(_ *catalog.Service, slo *catalog.SLO) { slo.Name, slo.Formerly = name, formerly }
}

// An SLO keeps its history under a new name, at a reload and at a restart, and after a crash whatever was saved last.
func TestRenamedSLO(t *testing.T) {
	for name, restart := range map[string]bool{"reload": false, "restart": true} {
		t.Run(name, func(t *testing.T) {
			disk := openStorage(t, t.TempDir())
			r := newRigWith(t, stored(), noon, disk, checkout())
			c := newCounter(noon.Add(-10 * day))
			r.send(c.add(14000, 400))
			for range 8 * 60 {
				r.pass(minute)
				r.send(c.add(100, 3))
			}
			before := r.flushed()
			if restart {
				require.NoError(t, r.shutdown(t.Context()))
				r = newRigWith(t, stored(), r.clock, disk, checkout(renamed("answers", "availability")))
			} else {
				r.catalog.swap(checkout(renamed("answers", "availability")))
			}
			under := func(name string) func(pmetric.NumberDataPoint) {
				return func(dp pmetric.NumberDataPoint) { dp.Attributes().PutStr(semconv.SLOName, name) }
			}
			r.late(each(c.metrics(r.clock), under("availability"))) // an agent has yet to read the catalog
			after := r.flushed()
			require.Len(t, after, len(before))
			for name, v := range before {
				if !strings.HasPrefix(name, "slo.state{") && !strings.HasPrefix(name, "slo.digest{") { // it is another entry
					require.InDelta(t, v, after[strings.Replace(name, " availability ", " answers ", 1)], 1e-9, name)
				}
			}
			if !restart {
				require.Contains(t, r.ended(), "slo.objective{ shop checkout production availability }", "what was under the old name ends")
			}
			r.pass(minute)
			r.late(each(c.add(100, 3).metrics(r.clock), under("availability")))
			fresh := newCounter(r.clock)
			r.pass(minute)
			r.late(each(fresh.add(7, 1).metrics(r.clock), under("answers")))
			total := func() sum {
				of := subject{key{"shop", "checkout", "answers"}, "production"}
				i := r.shards[of.shard()].slos[of.key].instance(of.environment)
				require.Nil(t, r.shards[key{"shop", "checkout", "availability"}.shard()].slos[key{"shop", "checkout", "availability"}])
				return i.total()
			}
			want := sum{(14000 + 481*100 + 7) * oneEvent, (400 + 481*3 + 1) * oneEvent}
			require.Equal(t, want, total())
			r.checkpoint(t.Context(), r.clock, false)
			r.kill()
			r = newRigWith(t, stored(), r.clock, disk, checkout(renamed("answers", "availability")))
			require.Equal(t, want, total())
			of := subject{key{"shop", "checkout", "answers"}, "production"}
			i := r.shards[of.shard()].slos[of.key].instance(of.environment)
			hour := i.history.minutes.hour((noon.UnixNano() / hourLength) + 2)
			require.InDelta(t, 3, hour[30][bad].events(), 0.1, "sealed hours come along")
			require.True(t, slices.IsSorted([]int64{noon.Add(-10 * day).UnixNano(), i.measured[0].start}))
			require.Len(t, i.measured, 1)
		})
	}
}
