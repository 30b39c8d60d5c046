// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracker

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
)

func number(n int) deployment.Service {
	return deployment.Service{Name: fmt.Sprint("service-", n), Namespace: "shop", Environment: "production"}
}

// fleet sees the services, each with a version on the instances, for half a minute.
func fleet(services, instances int) (*Tracker, *atomic.Int64) {
	var at atomic.Int64
	at.Store(epoch.UnixNano())
	t := New(Default(), func() time.Time { return time.Unix(0, at.Load()) })
	for range 4 {
		for s := range services {
			for i := range instances {
				t.See(Sighting{Service: number(s), Version: "v1.2.3", Instance: fmt.Sprintf("pod-%d-%d", s, i), Time: time.Unix(0, at.Load())})
			}
		}
		t.Due()
		at.Add(int64(10 * time.Second))
	}
	return t, &at
}

// One See is for a resource, so for about a hundred spans.
func BenchmarkSee(b *testing.B) {
	t, at := fleet(1000, 20)
	now := time.Unix(0, at.Load())
	sightings := make([]Sighting, 4096)
	for n := range sightings {
		s, i := n%1000, n%20
		sightings[n] = Sighting{Service: number(s), Version: "v1.2.3", Instance: fmt.Sprintf("pod-%d-%d", s, i), Time: now}
		t.See(sightings[n])
	}
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			t.See(sightings[n%len(sightings)])
		}
	})
	b.Run("each a second later", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			if n%len(sightings) == 0 {
				at.Add(int64(time.Second))
				now = now.Add(time.Second)
			}
			s := sightings[n%len(sightings)]
			s.Time = now
			t.See(s)
		}
	})
	b.Run("handle", func(b *testing.B) {
		b.ReportAllocs()
		h := t.Handle(sightings[0].Service, sightings[0].Version, sightings[0].Instance)
		for b.Loop() {
			h.See(now)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for n := 0; pb.Next(); n++ {
				t.See(sightings[n%len(sightings)])
			}
		})
	})
}

func BenchmarkStamp(b *testing.B) {
	t, _ := fleet(1000, 1)
	key := number(7)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := t.Stamp(key, "v1.2.3"); !ok {
			b.Fatal("not known")
		}
	}
}

func BenchmarkDue(b *testing.B) {
	t, _ := fleet(10_000, 20)
	b.ReportAllocs()
	for b.Loop() {
		t.Due()
	}
}

func BenchmarkSave(b *testing.B) {
	t, _ := fleet(10_000, 20)
	size := 0
	b.ReportAllocs()
	for b.Loop() {
		size = 0
		_ = t.Save(true, func(_ int, record []byte) error { size += len(record); return nil })
	}
	b.ReportMetric(float64(size)/1e6, "MB")
}

// What 10,000 services of 20 instances take.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		before := heap()
		t, _ := fleet(10_000, 20)
		b.ReportMetric(float64(heap()-before)/1e6, "MB")
		runtime.KeepAlive(t)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestNothingIsAllocated(t *testing.T) {
	tracker, at := fleet(10, 20)
	s := Sighting{Service: number(3), Version: "v1.2.3", Instance: "pod-3-4"}
	bare := Sighting{Service: number(3)}
	h := tracker.Handle(s.Service, s.Version, s.Instance)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		at.Add(int64(100 * time.Millisecond))
		now := time.Unix(0, at.Load())
		s.Time, bare.Time = now, now
		tracker.See(s)
		tracker.See(bare)
		h.See(now)
		_, _ = tracker.Stamp(s.Service, s.Version)
	}))
}
