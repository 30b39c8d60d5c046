// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
	"github.com/otelcol-sre/otelcol-sre/internal/heard"
)

// forAll are Defaults for every service that is not in the catalog.
func forAll() []*catalog.Defaults {
	return []*catalog.Defaults{{Name: "all", Template: catalog.Service{SLOs: checkout().SLOs}}}
}

// swapTo puts a catalog into use.
func (f *fakeCatalog) swapTo(c *catalog.Catalog) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catalog = c
	for _, fn := range f.follow {
		fn(c)
	}
}

// newDefaultRig has a catalog of services, and Defaults for all others.
func newDefaultRig(t *testing.T, config *Config, clock time.Time, services ...*catalog.Service) *rig {
	r := newRigWith(t, config, clock, nil, services...)
	r.catalog.swapTo(&catalog.Catalog{Services: services, Defaults: forAll()})
	return r
}

// The first counter of a service without an entry brings its SLO, with all that was counted before it arrived.
func TestSLOByDefault(t *testing.T) {
	r := newDefaultRig(t, createDefaultConfig().(*Config), noon)
	require.Empty(t, r.flushed())
	r.pass(time.Minute)
	c := newCounter(noon)
	r.send(c.add(99, 1))
	r.requireTotalByDefault(99, 1)
	g := r.flushed()
	require.InDelta(t, 0.01, g.of(t, "slo.error_ratio", "1h"), 1e-9)
	require.Equal(t, "burning_fast", g.state(t))

	c.slo = "speed"
	r.send(c)
	require.Equal(t, 2, r.points(unknownSLO), "the Defaults have no such SLO")
	require.NotContains(t, r.flushed(), "slo.objective{ shop checkout production speed }")
}

// requireTotalByDefault is what was counted of an SLO by Defaults.
func (r *rig) requireTotalByDefault(good, bad float64) {
	r.t.Helper()
	total := (*r.byDefault.Load())[key{"shop", "checkout", "availability"}].instance("production").total()
	require.Equal(r.t, good, total[0].events())
	require.Equal(r.t, bad, total[1].events())
}

// Rules that were made from the entry are compared with its digest. A proposal has no rules.
func TestDigest(t *testing.T) {
	service := checkout()
	r := newDefaultRig(t, createDefaultConfig().(*Config), noon, service)
	require.Equal(t, service.DigestNumber(), r.flushed().of(t, "slo.digest"))
	service = checkout()
	service.SLOs[0].Objective = 98
	r.catalog.swapTo(&catalog.Catalog{Services: []*catalog.Service{service}})
	require.Equal(t, service.DigestNumber(), r.flushed().of(t, "slo.digest"))

	proposal := forAll()
	proposal[0].Proposed = true
	r = newRigWith(t, createDefaultConfig().(*Config), noon, nil)
	r.catalog.swapTo(&catalog.Catalog{Defaults: proposal})
	r.pass(time.Minute)
	r.send(newCounter(noon).add(99, 1))
	for series := range r.flushed() {
		require.NotContains(t, series, "slo.digest")
	}
}

func TestSLOByDefaultGetsAnEntry(t *testing.T) {
	r := newDefaultRig(t, createDefaultConfig().(*Config), noon)
	r.pass(time.Minute)
	c := newCounter(noon)
	r.send(c.add(99, 1))
	before := r.flushed()
	r.catalog.swapTo(&catalog.Catalog{Services: []*catalog.Service{checkout()}, Defaults: forAll()})
	after := r.flushed()
	const digest = "slo.digest{ shop checkout production availability }"
	require.Equal(t, checkout().DigestNumber(), after[digest], "the entry's own")
	delete(before, digest)
	delete(after, digest)
	require.Equal(t, before, after, "it goes on")
	require.Empty(t, *r.byDefault.Load())
	r.requireTotal(99, 1)

	r.catalog.swapTo(&catalog.Catalog{})
	require.Empty(t, r.flushed())
	require.NotEmpty(t, r.ended())
}

func TestSLOByDefaultAfterARestart(t *testing.T) {
	disk := openStorage(t, t.TempDir())
	r := newRigWith(t, stored(), noon, disk)
	r.catalog.swapTo(&catalog.Catalog{Defaults: forAll()})
	c := newCounter(noon)
	r.pass(time.Minute)
	r.send(c.add(998, 2))
	before := r.flushed()
	require.NoError(t, r.shutdown(t.Context()))

	again := &catalog.Catalog{Defaults: forAll()}
	r = newRigOf(t, stored(), r.clock, disk, again)
	require.Equal(t, before, r.flushed())
	r.send(c)
	require.Equal(t, 2, r.points(duplicate))
	require.NoError(t, r.shutdown(t.Context()))

	r = newRigWith(t, stored(), r.clock, disk) // without Defaults it is an SLO that was deleted
	require.Empty(t, r.flushed())
}

// Senders choose names, so there are only so many SLOs.
func TestSLOsByDefaultAreBounded(t *testing.T) {
	r := newDefaultRig(t, createDefaultConfig().(*Config), noon)
	now := func() time.Time { return r.clock }
	r.heard = heard.New(admission.New(admission.Limits{MaxUnknown: 3, MaxPerService: 3}, now), 3, now)
	r.heard.SetCatalog(r.catalog.Catalog())
	r.losses.Store(r.heard.Losses())
	counters := make([]*counter, 10)
	for i := range counters {
		counters[i] = newCounter(noon)
		counters[i].service = fmt.Sprint("service-", i)
		r.send(counters[i].add(1, 0))
	}
	overflow := newCounter(noon)
	overflow.service = admission.Overflow
	r.send(overflow)
	require.Len(t, *r.byDefault.Load(), 3)
	require.Equal(t, 2*8, r.points(unknownSLO))

	r.pass(2 * time.Hour)
	r.send(counters[0]) // still sent, but nothing happens in it
	r.send(counters[1].add(1, 0), counters[2].add(1, 0))
	r.send(counters[7].add(1, 0))
	r.flushed()
	require.NotContains(t, *r.byDefault.Load(), key{"shop", "service-0", "availability"})
	require.Contains(t, *r.byDefault.Load(), key{"shop", "service-7", "availability"})
}

// What a collector inherits from a peer may be of services that it has not heard of.
func TestHistoryOfAServiceByDefault(t *testing.T) {
	rigs := newPeerRigs(t, 2)
	for _, r := range rigs {
		r.catalog.swapTo(&catalog.Catalog{Defaults: forAll()})
	}
	old, newer := rigs[0], rigs[1]
	c := newCounter(noon)
	for range 120 {
		pass(time.Minute, rigs...)
		old.send(c.add(99, 1))
	}
	require.Equal(t, []int{0}, speakers(t, rigs))
	pass(time.Minute, rigs...)
	require.NoError(t, old.shutdown(t.Context()))
	newer.requireTotalByDefault(99*120, 120)
}

func TestPointsByDefaultDoNotAllocate(t *testing.T) {
	r := newRig(t)
	r.catalog.swapTo(&catalog.Catalog{Defaults: forAll()})
	r.requireNoAllocations(t, catalogOf(admission.DefaultLimits().MaxByDefault))
}
