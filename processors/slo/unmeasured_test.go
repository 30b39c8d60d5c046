// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

// chunkIn is an hour as the archive has it; nil if it has none.
func chunkIn(a *archive, history uint64, hour int64) []byte {
	day, _ := a.day(history, hour)
	return day[hour%hoursPerDay]
}

// resumed are the counters as sli sends them first after a restart: each has a point of what it was when it was stopped, and one without a value, of the time since
// when it counts again.
func (c *counter) resumed(stopped, since, at time.Time) pmetric.Metrics {
	md := c.metrics(at)
	points := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints()
	both := pmetric.NewNumberDataPointSlice()
	for _, dp := range points.All() {
		if !stopped.IsZero() {
			dp.CopyTo(both.AppendEmpty())
			both.At(both.Len() - 1).SetTimestamp(pcommon.NewTimestampFromTime(stopped))
		}
		gap := both.AppendEmpty()
		dp.CopyTo(gap)
		gap.SetDoubleValue(0)
		gap.SetTimestamp(pcommon.NewTimestampFromTime(since))
		gap.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		dp.CopyTo(both.AppendEmpty())
	}
	both.CopyTo(points)
	return md
}

func (r *rig) gaps() []ledger.Gap {
	r.t.Helper()
	places, ok := r.Places(ledger.SLO{Namespace: "shop", Service: "checkout", Name: "availability"})
	require.True(r.t, ok)
	require.Len(r.t, places, 1)
	for i := range places[0].Unmeasured {
		g := &places[0].Unmeasured[i]
		g.From, g.To = g.From.UTC(), g.To.UTC()
	}
	return places[0].Unmeasured
}

func gapOf(from, to time.Time, cause ledger.Cause) ledger.Gap {
	return ledger.Gap{Span: ledger.Span{From: from, To: to}, Cause: cause}
}

// Nobody counted while the collector that counts did not run, although its counters go on. What is counted does not change.
func TestStoppedCounting(t *testing.T) {
	for name, config := range map[string]func() *Config{"memory": func() *Config { return createDefaultConfig().(*Config) }, "saved": stored} {
		t.Run(name, func(t *testing.T) {
			disk := openStorage(t, t.TempDir())
			began := noon.Truncate(minute)
			r := newRigWith(t, config(), began, disk, checkout())
			c := newCounter(began)
			r.traffic(c, 10, func(time.Time) (float64, float64) { return 99, 1 }, func(gauges) {})
			if name == "saved" {
				r.checkpoint(t.Context(), r.clock, true)
			}
			saved, stop := r.clock, r.clock.Add(10*minute)
			r.pass(3 * hour)
			start := r.clock
			c.add(30, 6)
			if name == "saved" {
				r.kill()
				r = newRigWith(t, config(), start, disk, checkout())
			}
			r.pass(5 * time.Second)
			md := c.resumed(stop, start, r.clock)
			out, err := r.consume(t.Context(), md)
			require.NoError(t, err)
			require.Equal(t, 6, md.DataPointCount())
			require.Equal(t, c.metrics(r.clock), out, "what is for this processor only is not passed on")
			require.Equal(t, 2, r.points(ended))
			if name == "saved" { // with the next flush, as it is said once
				r.checkpoint(t.Context(), r.clock, false)
				r.kill()
				r = newRigWith(t, config(), r.clock, disk, checkout())
			}
			r.traffic(c, 7, func(time.Time) (float64, float64) { return 100, 0 }, func(gauges) {})
			require.InDelta(t, (17+1./6)/720, r.flushed().of(t, "slo.period.coverage"), 1e-5)
			r.requireTotal(c.good, c.bad)
			hour := r.history(t).minutes
			h, _ := hour.at(stop.Add(2*time.Hour).UnixNano() / hourLength)
			require.Equal(t, sum{}, h.all(), "nothing happened meanwhile that is known")
			h, _ = hour.at(saved.UnixNano() / hourLength)
			for _, m := range h[saved.Minute():stop.Minute()] {
				require.InDelta(t, 0.6, m[bad].events(), 0.01, "it was counted before, after the last save")
			}

			_, err = r.consume(t.Context(), c.resumed(time.Time{}, start, r.clock.Add(-minute)))
			require.NoError(t, err, "again, and late")
			r.requireTotal(c.good, c.bad)
			require.Equal(t, []ledger.Gap{
				gapOf(r.clock.Add(-30*day), began, ledger.NotFollowed), gapOf(stop, start, ledger.Stopped),
			}, r.gaps())

			// A second sender counted meanwhile.
			other := newCounter(began)
			other.instance = "agent-2"
			r.send(other.add(1, 0))
			require.InDelta(t, 20./720, r.flushed().of(t, "slo.period.coverage"), 1e-4)
			require.Equal(t, []ledger.Gap{gapOf(r.clock.Add(-30*day), began, ledger.NotFollowed)}, r.gaps())
			if name == "saved" {
				require.NoError(t, r.shutdown(t.Context()))
				r = newRigWith(t, config(), r.clock, disk, checkout())
				require.Empty(t, r.history(t).minutes.kept)
				require.Len(t, r.gaps(), 1)
			}
		})
	}
}

// A point without a value is about the counter before it only, and one that another counter's point follows is the end of its own.
func TestPauses(t *testing.T) {
	r := newRig(t, checkout())
	c := newCounter(noon.Add(-10 * hour))
	r.send(c.add(10, 10))
	r.pass(10 * hour)
	_, err := r.consume(t.Context(), c.resumed(time.Time{}, r.clock.Add(hour), r.clock.Add(-time.Second)))
	require.NoError(t, err, "from the future")
	require.InDelta(t, 20./720, r.flushed().of(t, "slo.period.coverage"), 1e-4)
	gone := c.resumed(time.Time{}, noon, r.clock)
	gone.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().RemoveIf(func(dp pmetric.NumberDataPoint) bool { return !dp.Flags().NoRecordedValue() })
	out, err := r.consume(t.Context(), gone)
	require.NoError(t, err)
	require.Equal(t, 2, out.DataPointCount(), "others want to know of the end")
	_, err = r.consume(t.Context(), each(c.resumed(time.Time{}, noon, r.clock), func(dp pmetric.NumberDataPoint) { dp.Attributes().PutStr("slo.name", "unknown") }))
	require.NoError(t, err)
	r.requireTotal(10, 10)
}

// Why it is not known what happened.
func TestCauses(t *testing.T) {
	at := func(hours int) int64 { return noon.UnixNano() + int64(hours)*hourLength }
	i := &instance{received: at(20), created: at(0), losses: losses{}}
	i.losses.add(at(12), at(13), stopped)
	i.losses.add(at(1), at(2), damaged)
	m := measured{{at(0), at(10)}, {at(14), at(18)}}
	read := func(filling bool) (text []string) {
		for _, g := range i.unmeasured(m, at(-10), at(20), filling) {
			text = append(text, g.From.Sub(noon).String()+" "+g.To.Sub(noon).String()+" "+string(g.Cause))
		}
		return text
	}
	rest := []string{"1h0m0s 2h0m0s damaged", "10h0m0s 12h0m0s no_counters", "12h0m0s 13h0m0s collector_stopped", "13h0m0s 14h0m0s no_counters", "18h0m0s 20h0m0s no_counters"}
	require.Equal(t, append([]string{"-10h0m0s 0s not_followed"}, rest...), read(false))
	require.Equal(t, append([]string{"-10h0m0s 0s backfill_pending"}, rest...), read(true))
	i.filled = at(-4)
	require.Equal(t, append([]string{"-10h0m0s -4h0m0s backfill_pending", "-4h0m0s 0s not_in_history"}, rest...), read(true))
	i.filled = at(-11)
	require.Equal(t, append([]string{"-10h0m0s 0s not_in_history"}, rest...), read(true))
	i.received, m, i.losses = 0, nil, nil
	require.Equal(t, []string{"-10h0m0s 20h0m0s not_followed"}, read(false))
}

// Losses are those of a list of minutes, and repaired hours are none.
func TestLosses(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	for range 300 {
		var l losses
		var model [lossCauses][200]bool
		for range random.IntN(40) {
			from, length, cause := random.IntN(180), random.IntN(20), lossCause(random.IntN(int(lossCauses)))
			if random.IntN(4) == 0 {
				l.repair(int64(from))
				model[damaged][from] = false
				continue
			}
			l.add(int64(from)*hourLength, int64(from+length)*hourLength, cause)
			for n := range length {
				model[cause][from+n] = true
			}
		}
		var got [lossCauses][200]bool
		for _, one := range l {
			for n := one.start / hourLength; n < one.end/hourLength; n++ {
				require.False(t, got[one.cause][n], "twice")
				got[one.cause][n] = true
			}
		}
		require.Equal(t, model, got)
		require.True(t, slices.IsSortedFunc(l, func(a, b loss) int { return int(a.start - b.start) }))
		require.Equal(t, l.damaged(measured{{0, 200 * hourLength}}, 0, 200*hourLength), func() (n int64) {
			for _, is := range model[damaged] {
				if is {
					n += hourLength
				}
			}
			return n
		}())
	}
	var l losses
	for n := range int64(500) {
		l.add(10*n, 10*n+5, stopped)
	}
	require.Len(t, l, maxLosses)
	require.Equal(t, int64(4990), l[maxLosses-1].start)
	l.forget(4990)
	require.Len(t, l, 1)
}

// Nothing of a shard can be read: what there was before is lost, and counters begin again.
func TestLostShard(t *testing.T) {
	disk := openStorage(t, t.TempDir())
	r := newRigWith(t, stored(), noon, disk, checkout())
	c := newCounter(noon)
	r.traffic(c, 5, func(time.Time) (float64, float64) { return 100, 0 }, func(gauges) {})
	n := key{"shop", "checkout", "availability"}.shard()
	require.NoError(t, r.shutdown(t.Context()))
	client := rawClient(t, disk, r.id)
	for _, key := range []string{recordKey(n), spareKey(n)} {
		require.NoError(t, client.Set(t.Context(), key, []byte("x")))
	}
	require.NoError(t, client.Close(t.Context()))
	r = newRigWith(t, stored(), r.clock, disk, checkout())
	restarted := r.clock
	r.pass(minute)
	r.send(newCounter(restarted).add(1, 0))
	require.Equal(t, []ledger.Gap{gapOf(r.clock.Add(-30*day), restarted, ledger.Damaged)}, r.gaps())
}
