// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// record is a sound record of the shard that the checkout SLO is in.
func record(tb testing.TB) (record []byte, number int) {
	tb.Helper()
	s := newBenchRig(tb, []*catalog.Service{checkout(resets(catalog.Reset{At: noon.Add(time.Second)}))})
	c := newCounter(noon)
	for range 50 {
		s.clock = s.clock.Add(5 * time.Second)
		_, err := s.consume(tb.Context(), c.add(9, 1.5).metrics(s.clock))
		require.NoError(tb, err)
	}
	number = key{"shop", "checkout", "availability"}.shard()
	return first(s.shards[number].encode()), number
}

// Whatever a record holds, decoding it ends, with bounded memory, in an error or in a state that can be
// computed with and saved again.
func FuzzDecode(f *testing.F) {
	sound, number := record(f)
	f.Add(sound)
	f.Add([]byte{})
	f.Add([]byte{0, 0})
	for _, at := range []int{0, 1, 2, 10, 40, 60, 80, 100, 150, 200, len(sound) - 1} {
		broken := append([]byte(nil), sound...)
		broken[at] ^= 0xff
		f.Add(broken)
		f.Add(sound[:at])
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		s := &shard{slos: make(map[key]*tracked)}
		if err := s.decode(record, number, noon.UnixNano()); err != nil {
			return
		}
		again := &shard{slos: make(map[key]*tracked)}
		require.NoError(t, again.decode(first(s.encode()), number, noon.UnixNano()), "what was read can be written and read")
		for _, tracked := range s.slos {
			service := checkout()
			tracked.adopt(service, service.SLOs[0], noon.UnixNano())
			for _, i := range tracked.instances {
				v, next := i.compute(tracked.objective, noon.UnixNano(), time.Minute)
				requireFinite(t, v)
				require.GreaterOrEqual(t, next.until(), noon.UnixNano())
			}
		}
	})
}

func requireFinite(t *testing.T, v values) {
	t.Helper()
	require.False(t, math.IsNaN(v.remaining) || math.IsInf(v.remaining, 0))
	for _, ratio := range v.errorRatio {
		require.True(t, ratio >= 0 && ratio <= 1, ratio)
	}
	require.GreaterOrEqual(t, v.exhaustion, time.Duration(0))
}

// Whatever OTLP arrives, it is taken, gauges stay finite, and the state can be saved and loaded.
func FuzzConsume(f *testing.F) {
	marshal := func(md pmetric.Metrics) []byte {
		b, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
		require.NoError(f, err)
		return b
	}
	c := newCounter(noon)
	f.Add(marshal(c.add(9, 1).metrics(noon.Add(time.Minute))), int64(time.Minute))
	f.Add(marshal(c.add(9, 1).metrics(noon.Add(-72*time.Hour))), int64(time.Hour))
	f.Add(marshal(c.add(1e200, -1).metrics(noon.Add(time.Hour))), int64(math.MaxInt64))
	f.Add([]byte{}, int64(-1))
	f.Fuzz(func(t *testing.T, otlp []byte, pass int64) {
		md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(otlp)
		if err != nil {
			return
		}
		r := newBenchRig(t, []*catalog.Service{checkout(environments())})
		for range 3 {
			_, err := r.consume(t.Context(), md)
			require.NoError(t, err)
			r.clock = r.clock.Add(time.Duration(pass))
			for i := range r.shards {
				s := &r.shards[i]
				found := findings{now: r.clock.UnixNano(), whole: true}
				r.read(s, i, &found)
				for _, reading := range found.readings {
					requireFinite(t, reading.values)
				}
				again := &shard{slos: make(map[key]*tracked)}
				require.NoError(t, again.decode(first(s.encode()), i, noon.UnixNano()))
			}
		}
	})
}

// A benchRig is a processor without a test's rig around it.
type benchRig struct {
	*sloProcessor
	clock time.Time
}

func newBenchRig(tb testing.TB, services []*catalog.Service) *benchRig {
	tb.Helper()
	p, err := newProcessor(settings(zap.NewNop()), createDefaultConfig().(*Config), consumertest.NewNop())
	require.NoError(tb, err)
	r := &benchRig{sloProcessor: p, clock: noon}
	p.now = func() time.Time { return r.clock }
	p.adopt(&catalog.Catalog{Services: services})
	tb.Cleanup(p.telemetry.Shutdown)
	return r
}

func first[T, U any](one T, _ U) T { return one }
