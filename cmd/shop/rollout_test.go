// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// busyShop is a shop under a modest load.
type busyShop struct {
	*testing.T
	*Shop
	backend *collector
	load    *Load
	stop    func()
}

func startBusyShop(t *testing.T, settings map[string]Settings) *busyShop {
	t.Helper()
	backend := newCollector(t)
	shop := startShop(t, Config{Exporter: ExporterConfig{Endpoint: backend.grpc}, Settings: settings, Seed: 7})
	load := NewLoad(shop.URL(), 150)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { load.Run(ctx) })
	return &busyShop{t, shop, backend, load, func() {
		stop()
		running.Wait()
	}}
}

// serve waits for n more answers.
func (b *busyShop) serve(n int64) {
	b.Helper()
	before := b.load.Requests().Sent
	require.Eventually(b, func() bool { return b.load.Requests().Sent > before+n }, 10*time.Second, time.Millisecond)
}

// change changes a service as PUT does.
func (b *busyShop) change(service, settings string) {
	b.Helper()
	_, err := b.services[service].Change(b.Context(), func(s *Settings) error { return decode([]byte(settings), s) })
	require.NoError(b, err, settings)
}

// close holds what arrived against what was made: no span, log or count is lost.
func (b *busyShop) close() {
	b.Helper()
	b.stop()
	shutdown(b.T, b.Shop)

	tally := b.Tally()
	require.Zero(b, tally.UnconfirmedSpans)
	arrived := b.backend.spanCounts()
	var requests, messages int64
	for _, made := range tally.Spans {
		ok := SpanCount{Identity: made.Identity, Kind: made.Kind}
		failed := ok
		failed.Errors = 1
		assert.Equal(b, made.Ended-made.Errors, arrived[ok], "%+v", ok)
		assert.Equal(b, made.Errors, arrived[failed], "%+v", failed)
		delete(arrived, ok)
		delete(arrived, failed)
		if made.Service == frontend && made.Kind == "server" {
			requests += made.Ended
		}
		if made.Kind == "consumer" {
			messages += made.Ended
		}
	}
	assert.Empty(b, arrived, "spans that nobody made")
	// At the end the load gives up on answers that a busy machine is slow to give.
	sent := b.load.Requests()
	assert.LessOrEqual(b, requests, sent.Sent)
	assert.GreaterOrEqual(b, requests, sent.Sent-sent.Failed)

	good, bad := map[string]int64{}, map[string]int64{}
	for _, c := range tally.SLOs {
		good[c.SLO] += c.Good
		bad[c.SLO] += c.Bad
	}
	assert.Equal(b, 2*good[sloOrdersAccepted], messages, "every paid order is shipped and has a receipt")
	assert.Equal(b, good[sloOrdersAccepted], b.backend.sum(checkout, "shop.orders", "paid"))
	assert.Equal(b, bad[sloOrdersAccepted], b.backend.sum(checkout, "shop.orders", "failed"))
	assert.Equal(b, good[sloQueueFreshness], b.backend.sum(inventory, "queue.messages", "false"))
	var settled int64
	for _, r := range b.backend.records {
		if _, ok := r.Attributes().Get("order.id"); ok && str(r.resource, "service.name") == checkout {
			settled++
		}
	}
	assert.Equal(b, good[sloOrdersSettled]+bad[sloOrdersSettled], settled)
	assert.Equal(b, good[sloOrdersAccepted], good[sloReceiptsSent])
}

// served counts the server spans of a service that arrived, by version and by instance.
func (b *busyShop) served(service string) (versions, instances map[string]int64) {
	versions, instances = map[string]int64{}, map[string]int64{}
	for _, s := range b.backend.spans {
		if kindName(s.Kind()) == "server" && str(s.resource, "service.name") == service {
			versions[str(s.resource, "service.version")]++
			instances[str(s.resource, "service.instance.id")]++
		}
	}
	return versions, instances
}

func TestARolloutLosesNothing(t *testing.T) {
	settings := quick()
	s := settings[payment]
	s.ErrorRate = 0.2
	settings[payment] = s
	b := startBusyShop(t, settings)
	for _, version := range []string{"1.1.0", "1.2.0"} {
		b.serve(30)
		for _, name := range serviceNames {
			b.change(name, `{"version": "`+version+`"}`)
			require.Equal(t, version, b.services[name].Settings().Version)
		}
	}
	b.serve(30)
	b.close()
	versions, instances := b.served(frontend)
	assert.Len(t, versions, 3)
	assert.Len(t, instances, 3)
}

// Out to three instances, a rolling update, a rollback, and in to one.
func TestARollingUpdateLosesNothing(t *testing.T) {
	b := startBusyShop(t, quick())
	rolled := []string{checkout, inventory, mailer}
	for _, step := range []string{
		`{"instances": 3, "rolloutPause": "20ms"}`, `{"version": "1.1.0"}`, `{"version": "1.0.0"}`, `{"instances": 1}`,
	} {
		b.serve(30)
		for _, name := range rolled {
			began := time.Now()
			b.change(name, step)
			if strings.Contains(step, "version") {
				assert.GreaterOrEqual(t, time.Since(began), 2*20*time.Millisecond, "two pauses between three instances")
			}
		}
	}
	b.serve(30)
	b.close()
	for _, name := range rolled {
		assert.Len(t, b.services[name].instances, 1)
	}
	versions, instances := b.served(checkout)
	assert.Len(t, versions, 2)
	assert.Len(t, instances, 9, "three at first, and three of each rollout")
}

// One canary has its share all the time, one is promoted, one fails and is aborted.
func TestACanaryLosesNothing(t *testing.T) {
	settings := quick()
	s := settings[payment]
	s.Canary = &Canary{Version: "1.1.0", Share: 0.1}
	settings[payment] = s
	b := startBusyShop(t, settings)

	b.change(checkout, `{"canary": {"version": "1.2.0", "share": 0.3}}`)
	b.change(inventory, `{"instances": 2, "canary": {"version": "1.3.0", "share": 0.25, "errorRate": 1}}`)
	b.serve(60)
	b.change(inventory, `{"canary": null}`)
	b.change(checkout, `{"version": "1.2.0"}`)
	require.Nil(t, b.services[checkout].Settings().Canary, "promoted")
	b.serve(30)
	b.close()

	versions, _ := b.served(payment)
	assert.Equal(t, (versions["1.0.0"]+versions["1.1.0"])/10, versions["1.1.0"])
	_, instances := b.served(checkout)
	assert.Len(t, instances, 3, "the first, the canary, and the one of the promoted version")
	_, instances = b.served(inventory)
	assert.Len(t, instances, 3)
	for _, c := range b.Tally().Spans {
		if c.Service == inventory && c.Version == "1.3.0" {
			assert.Equal(t, c.Ended, c.Errors, "all that the bad canary did failed")
			assert.Positive(t, c.Ended, c.Kind)
		} else if c.Service == inventory {
			assert.Zero(t, c.Errors)
		}
	}
}

func TestTurns(t *testing.T) {
	const n = 1000
	for _, c := range []struct {
		instances int
		share     float64 // 0 for no canary
		canary    int
	}{
		{1, 0, 0}, {3, 0, 0}, {1, 0.1, 100}, {2, 0.5, 500}, {3, 0.25, 250}, {20, 0.333, 333}, {1, minShare, 1},
	} {
		s := &service{}
		for range c.instances {
			s.instances = append(s.instances, &instance{})
		}
		if c.share > 0 {
			s.canary = &instance{settings: Settings{Canary: &Canary{Share: c.share}}}
		}
		got := map[*instance]int{}
		for range n {
			got[s.acquire(&s.requests)]++
		}
		if s.canary != nil {
			assert.Equal(t, c.canary, got[s.canary], "%+v", c)
		}
		for _, in := range s.instances {
			assert.InDelta(t, float64(n-c.canary)/float64(c.instances), got[in], 1, "%+v", c)
		}
	}
}

// pausedRollout is a shop whose payment has replaced one instance of three, and waits.
func pausedRollout(t *testing.T) (shop *Shop, outcome <-chan error) {
	t.Helper()
	settings := quick()
	s := settings[payment]
	s.Instances, s.RolloutPause = 3, Duration(maxPause)
	settings[payment] = s
	shop = startShop(t, Config{Exporter: ExporterConfig{Endpoint: newCollector(t).grpc}, Settings: settings})
	ended := make(chan error, 1)
	go func() {
		_, err := shop.services[payment].Change(t.Context(), func(s *Settings) error {
			s.Version, s.ErrorRate = "1.1.0", 1
			return nil
		})
		ended <- err
	}()
	require.Eventually(t, func() bool { return inForce(shop)[0] == "1.1.0 1" }, 10*time.Second, time.Millisecond)
	return shop, ended
}

// inForce are the versions and error rates of payment's instances.
func inForce(shop *Shop) (out []string) {
	s := shop.services[payment]
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.instances {
		out = append(out, fmt.Sprint(in.settings.Version, " ", in.settings.ErrorRate))
	}
	return out
}

func TestARolloutIsOvertaken(t *testing.T) {
	shop, first := pausedRollout(t)
	assert.Equal(t, []string{"1.1.0 1", "1.0.0 0", "1.0.0 0"}, inForce(shop), "new faults come with the new version")

	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err := shop.services[payment].Change(gone, func(s *Settings) error {
		s.Version, s.ErrorRate = "1.0.0", 0
		return nil
	})
	require.NoError(t, err, "who asked for it is gone: it goes on")
	require.ErrorIs(t, <-first, errOvertaken)
	assert.Equal(t, []string{"1.0.0 0", "1.0.0 0", "1.0.0 0"}, inForce(shop))
	shutdown(t, shop)
}

func TestAShopClosesInTheMiddleOfARollout(t *testing.T) {
	shop, rollout := pausedRollout(t)
	shutdown(t, shop)
	require.ErrorIs(t, <-rollout, errClosing)

	w := httptest.NewRecorder()
	control(shop, NewLoad(shop.URL(), 0)).ServeHTTP(w,
		httptest.NewRequest(http.MethodPut, "/settings/payment", strings.NewReader(`{"instances": 1}`)))
	assert.Equal(t, http.StatusConflict, w.Code)
	assert.Contains(t, w.Body.String(), "the shop shuts down")
}
