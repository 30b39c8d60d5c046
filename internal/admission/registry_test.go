// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A clock is turned by the test.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func newRegistry(limits Limits, services ...*catalog.Service) (*Registry, *clock) {
	c := &clock{t: time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)}
	r := New(limits, c.now)
	r.SetCatalog(&catalog.Catalog{Services: services})
	return r, c
}

func TestServicesOfTheCatalogPassWhateverOthersSend(t *testing.T) {
	r, _ := newRegistry(DefaultLimits(), &catalog.Service{Name: "checkout", Namespace: "shop", Environments: []string{"production"}})
	over := map[Identity]bool{}
	const sent = 100_000
	for n := range sent {
		got := r.Admit(Identity{"", fmt.Sprint("job-", n), fmt.Sprint("env-", n), fmt.Sprint("v", n)})
		if got.Service == Overflow {
			over[got] = true
		}
	}
	require.Equal(t, map[Identity]bool{{Service: Overflow}: true}, over)
	mine := Identity{"shop", "checkout", "production", "1.0"}
	require.Equal(t, mine, r.Admit(mine))
	require.Equal(t, Overflow, r.Admit(Identity{"mall", "checkout", "production", "1.0"}).Service, "another namespace is another service")
	stats := r.Stats()
	assert.Equal(t, DefaultLimits().MaxUnknown, stats.Unknown)
	assert.Equal(t, 1, stats.Known)
	assert.EqualValues(t, sent-DefaultLimits().MaxUnknown+1, stats.Overflowed)
	assert.InEpsilon(t, sent-DefaultLimits().MaxUnknown+1, stats.Beyond, 0.03)
}

func TestIdentitiesOfAServiceAreBounded(t *testing.T) {
	r, _ := newRegistry(Limits{MaxUnknown: 5, MaxPerService: 10}, &catalog.Service{Name: "checkout", Environments: []string{"production"}})
	distinct := map[Identity]bool{}
	for n := range 10_000 {
		distinct[r.Admit(Identity{fmt.Sprint("ns-", n%50), "checkout", fmt.Sprint("env-", n), fmt.Sprint("v", n)})] = true
		distinct[r.Admit(Identity{"", "checkout", "production", fmt.Sprint("v", n)})] = true
	}
	require.Len(t, distinct, 12, "ten, and two for the rest")
	require.True(t, distinct[Identity{"", "checkout", "production", Overflow}], "the catalog's environment stays apart")
	require.True(t, distinct[Identity{"", "checkout", Overflow, Overflow}])
}

func TestWhatIsIdleGivesWay(t *testing.T) {
	r, c := newRegistry(Limits{MaxUnknown: 2, MaxPerService: 1})
	a, b, d := Identity{Service: "a"}, Identity{Service: "b"}, Identity{Service: "d"}
	r.Admit(a)
	c.pass(time.Minute)
	r.Admit(b)
	c.pass(idleAfter - time.Minute - 1)
	require.Equal(t, Overflow, r.Admit(d).Service)
	c.pass(1)
	require.Equal(t, d, r.Admit(d), "a has been idle for an hour")
	require.Equal(t, b, r.Admit(b))
	require.Equal(t, Overflow, r.Admit(a).Service)
}

func TestCatalogSwap(t *testing.T) {
	r, _ := newRegistry(Limits{MaxUnknown: 1, MaxPerService: 5})
	checkout := Identity{"shop", "checkout", "", "1"}
	require.Equal(t, checkout, r.Admit(checkout))
	r.SetCatalog(&catalog.Catalog{Services: []*catalog.Service{{Name: "checkout", Namespace: "shop"}}})
	require.Equal(t, checkout, r.Admit(checkout))
	require.Equal(t, Stats{Known: 1}, r.Stats(), "it has left its room to others")
	r.SetCatalog(&catalog.Catalog{})
	require.Equal(t, checkout, r.Admit(checkout))
	require.Equal(t, Stats{Unknown: 1}, r.Stats())
}

func TestTexts(t *testing.T) {
	r, _ := newRegistry(DefaultLimits())
	got := r.Admit(Identity{Service: strings.Repeat("é", 1000), Version: "a\xffb"})
	require.Equal(t, Identity{Service: strings.Repeat("é", 128), Version: "a?b"}, got)
	require.Equal(t, Identity{}, r.Admit(Identity{}), "no name is one, too")
}

func TestConcurrency(t *testing.T) {
	r, _ := newRegistry(Limits{MaxUnknown: 50, MaxPerService: 10}, &catalog.Service{Name: "checkout"})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 2000 {
				r.Admit(Identity{Service: fmt.Sprint("job-", n%(60+g))})
				assert.Equal(t, "checkout", r.Admit(Identity{Service: "checkout", Version: strconv.Itoa(n % 20)}).Service)
				if n%100 == 0 {
					r.SetCatalog(&catalog.Catalog{Services: []*catalog.Service{{Name: "checkout"}}})
					r.Stats()
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, r.Stats().Unknown, 50)
}

func TestValidate(t *testing.T) {
	limits := DefaultLimits()
	require.NoError(t, limits.Validate())
	limits.MaxUnknown, limits.MaxPerService = 0, -1
	require.ErrorContains(t, limits.Validate(), "max_unknown: 0 is too small")
	require.ErrorContains(t, limits.Validate(), "max_per_service: -1")
}

func BenchmarkAdmit(b *testing.B) {
	r, _ := newRegistry(DefaultLimits(), &catalog.Service{Name: "checkout"})
	for name, id := range map[string]Identity{
		"catalog": {"", "checkout", "production", "1.2.3"},
		"unknown": {"shop", "cart", "production", "1.2.3"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r.Admit(id)
				}
			})
		})
	}
	b.Run("overflow", func(b *testing.B) {
		for n := range 3000 {
			r.Admit(Identity{Service: strconv.Itoa(n)})
		}
		b.ReportAllocs()
		for b.Loop() {
			r.Admit(Identity{Service: "beyond"})
		}
	})
}
