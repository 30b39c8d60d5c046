// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
	"github.com/otelcol-sre/otelcol-sre/internal/heard"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const forAll = `apiVersion: catalog.otelcol-sre.dev/v1
kind: Defaults
metadata: {name: all}
spec:
  slos:
    - {name: availability, objective: 99.9, sli: {availability: {}}}
    - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
`

// withDefaults is a catalog of services and of the Defaults.
func withDefaults(t testing.TB, defaults string, services ...string) *catalog.Catalog {
	c, problems := catalog.Parse("defaults.yaml", []byte(defaults))
	require.NoError(t, problems.Err())
	return catalogOf(t, services...).Otherwise(c.Defaults)
}

// of is a resource of a service.
func of(service string, more ...string) map[string]any {
	return checkout(append([]string{"service.name", service}, more...)...)
}

// A service without an entry counts from its first event on, which rises from 0 as those of the catalog do.
func TestServiceByDefault(t *testing.T) {
	f := start(t, withDefaults(t, forAll, checkoutService))
	f.flush(t)
	f.traces(t, tracesOf(of("payment"), spanOf{kind: server}, spanOf{kind: server, err: true}))
	f.traces(t, tracesOf(of("payment"), spanOf{kind: server, took: time.Second}))
	md := f.flush(t)
	require.Contains(t, texts(md), "payment/production/1.0 availability bad 1")
	require.Contains(t, texts(md), "payment/production/1.0 availability good 2")
	require.Contains(t, texts(md), "payment/production/1.0 latency bad 1")
	zeros := 0
	for _, p := range points(md, semconv.SLOEvents.Name) {
		if attr(p, semconv.ServiceName) == "payment" && p.DoubleValue() == 0 {
			zeros++
		}
	}
	require.Equal(t, 4, zeros, "each series begins with 0")
	require.Contains(t, texts(md), "checkout/-/- availability good 0", "the catalog's are there, too")
	require.Equal(t, []string{"payment"}, names(f))
}

func names(f *fixture) (all []string) {
	for _, s := range f.heard.Services() {
		all = append(all, s.Name)
	}
	return all
}

// What has no event that the SLOs count has no SLO: a client, a job with internal spans, a service that only logs.
func TestNoSLOWithoutAnEvent(t *testing.T) {
	f := start(t, withDefaults(t, forAll))
	f.traces(t, tracesOf(of("job"), spanOf{kind: ptrace.SpanKindInternal}, spanOf{kind: ptrace.SpanKindClient}))
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	fill(rl.Resource().Attributes(), of("logger"))
	rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	require.NoError(t, f.ConsumeLogs(t.Context(), ld))
	f.traces(t, tracesOf(map[string]any{}, spanOf{kind: server}))
	require.Empty(t, f.counts(t))
	require.Empty(t, names(f))

	f.traces(t, tracesOf(of("job"), spanOf{kind: server}))
	require.Contains(t, f.counts(t), "job/production/1.0 availability good 1")
	require.NoError(t, f.ConsumeLogs(t.Context(), ld))
}

func TestEnvironmentsOfDefaults(t *testing.T) {
	f := start(t, withDefaults(t, `apiVersion: catalog.otelcol-sre.dev/v1
kind: Defaults
metadata: {name: all}
spec:
  selector: {environments: [production]}
  slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]
`))
	f.traces(t, tracesOf(of("payment", "deployment.environment.name", "staging"), spanOf{kind: server}))
	f.traces(t, tracesOf(of("payment"), spanOf{kind: server}))
	require.Equal(t, []string{"payment/production/1.0 availability bad 0", "payment/production/1.0 availability good 1"}, f.counts(t))
}

// The counters go on when the service gets an entry, and when it loses it.
func TestServiceGetsAnEntry(t *testing.T) {
	f := start(t, withDefaults(t, forAll))
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	f.flush(t)
	first := points(f.flush(t), semconv.SLOEvents.Name)[0].StartTimestamp()

	f.source.swap(withDefaults(t, forAll, `
metadata: {name: checkout}
spec: {slos: [{name: availability, objective: 99.9, sli: {availability: {}}}]}
`))
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	f.flush(t) // the last points of latency
	require.Equal(t, []string{"checkout/production/1.0 availability bad 0", "checkout/production/1.0 availability good 2"}, f.counts(t))
	require.Empty(t, names(f))

	f.source.swap(withDefaults(t, forAll))
	f.traces(t, tracesOf(checkout(), spanOf{kind: server}))
	f.flush(t)
	md := f.flush(t)
	require.Contains(t, texts(md), "checkout/production/1.0 availability good 3")
	require.Contains(t, texts(md), "checkout/production/1.0 latency good 1", "it began anew")
	for _, p := range points(md, semconv.SLOEvents.Name) {
		if attr(p, semconv.SLOName) == "availability" {
			require.Equal(t, first, p.StartTimestamp())
		}
	}
}

func TestOtherDefaults(t *testing.T) {
	f := start(t, withDefaults(t, forAll))
	f.traces(t, tracesOf(of("payment"), spanOf{kind: server}))
	f.flush(t)
	f.source.swap(withDefaults(t, `apiVersion: catalog.otelcol-sre.dev/v1
kind: Defaults
metadata: {name: all}
spec: {slos: [{name: latency, objective: 99, sli: {latency: {threshold: 1s}}}]}
`))
	f.traces(t, tracesOf(of("payment"), spanOf{kind: server, took: 2 * time.Second}))
	f.flush(t)
	require.Equal(t, []string{"payment/production/1.0 latency bad 1", "payment/production/1.0 latency good 1"}, f.counts(t))

	f.source.swap(&catalog.Catalog{})
	f.flush(t)
	f.traces(t, tracesOf(of("payment"), spanOf{kind: server}))
	require.Empty(t, f.counts(t))
}

// After a restart the counters are there before any telemetry is.
func TestServiceByDefaultAfterARestart(t *testing.T) {
	dir, cat := t.TempDir(), withDefaults(t, forAll)
	first := startUnbound(t, cat, stored(t, dir))
	first.traces(t, tracesOf(of("payment"), spanOf{kind: server}, spanOf{kind: server, err: true}))
	require.NoError(t, first.Shutdown(t.Context()))

	second := start(t, cat, stored(t, dir))
	second.clock.add(time.Hour)
	require.Contains(t, second.counts(t), "payment/production/1.0 availability bad 1")
	second.traces(t, tracesOf(of("payment"), spanOf{kind: server}))
	require.Contains(t, second.counts(t), "payment/production/1.0 availability good 2")
}

// Clients choose names, so the number of services by Defaults is bounded, and what is beyond has no SLO, under no name.
func TestNamesAreBounded(t *testing.T) {
	f := start(t, withDefaults(t, forAll))
	clock := f.clock.Now
	registry := admission.New(admission.Limits{MaxUnknown: 3, MaxPerService: 3}, clock)
	f.heard = heard.New(registry, 3, clock)
	f.heard.SetCatalog(f.source.catalog)
	send := func(i int) {
		f.traces(t, tracesOf(map[string]any{"service.name": fmt.Sprint("service-", i)}, spanOf{kind: server}))
	}
	for i := range 10 {
		send(i)
	}
	f.flush(t)
	require.Equal(t, []string{"service-0", "service-1", "service-2"}, names(f))
	require.Len(t, f.counts(t), 3*4)

	f.clock.add(2 * time.Hour)
	send(1)
	send(2)
	send(7) // in the place of 0, which was silent for longest
	require.Equal(t, []string{"service-1", "service-2", "service-7"}, names(f))
	f.flush(t) // the last points of 0
	require.Len(t, f.counts(t), 3*4)
	for i := range shards {
		for key := range f.registry.shards[i].services {
			require.NotEqual(t, "service-0", key.name)
		}
	}
}

// However many requests bring a new service at once, nothing is lost.
func TestNewServicesAtOnce(t *testing.T) {
	f := start(t, withDefaults(t, forAll))
	var senders sync.WaitGroup
	const requests, services = 50, 8
	for range requests {
		senders.Go(func() {
			for i := range services {
				_ = f.ConsumeTraces(t.Context(), tracesOf(of(fmt.Sprint("service-", i)), spanOf{kind: server}))
			}
		})
	}
	for range 5 {
		f.core.flush(t.Context())
	}
	senders.Wait()
	got := f.counts(t)
	for i := range services {
		require.Contains(t, got, fmt.Sprintf("service-%d/production/1.0 availability good %d", i, requests))
	}
}

// A span of a service by Defaults costs no allocation either.
func TestServiceByDefaultDoesNotAllocate(t *testing.T) {
	f := start(t, withDefaults(t, forAll))
	td := benchmarkBatches(1)[0]
	f.traces(t, td)
	allocated := testing.AllocsPerRun(100, func() { _ = f.ConsumeTraces(t.Context(), td) })
	require.Less(t, allocated/spansPerBatch, 0.05, "a span; the pool may be emptied in between")
}
