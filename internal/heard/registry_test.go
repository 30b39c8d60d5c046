// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package heard

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
)

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// all is a catalog with a service, checkout in shop, and Defaults for every other one.
func all() *catalog.Catalog {
	return &catalog.Catalog{
		Services: []*catalog.Service{{Name: "checkout", Namespace: "shop"}},
		Defaults: []*catalog.Defaults{{Name: "all", Template: catalog.Service{Owner: "ops"}}},
	}
}

func newRegistry(limit int, c *catalog.Catalog) (*Registry, *clock) {
	clock := &clock{now: time.Unix(1e9, 0)}
	r := New(admission.New(admission.Limits{MaxUnknown: limit, MaxPerService: 10}, clock.Now), limit, clock.Now)
	r.SetCatalog(c)
	return r, clock
}

func id(service string) admission.Identity { return admission.Identity{Service: service} }

func TestHear(t *testing.T) {
	r, _ := newRegistry(10, all())
	s := r.Hear(id("payment"))
	require.NotNil(t, s)
	assert.Equal(t, "ops", s.Owner)
	assert.Same(t, s, r.Hear(admission.Identity{Service: "payment", Environment: "staging", Version: "2"}), "one service in all environments and versions")
	assert.NotSame(t, s, r.Hear(admission.Identity{Namespace: "bank", Service: "payment"}))
	assert.Nil(t, r.Hear(admission.Identity{Namespace: "shop", Service: "checkout"}), "it has an entry")
	assert.Nil(t, r.Hear(id("")))

	assert.Empty(t, r.Services(), "nothing has counted")
	require.True(t, r.Counted(s))
	require.True(t, r.Counted(s))
	assert.Equal(t, []*catalog.Service{s}, r.Services())
	assert.False(t, r.Counted(nil))
	assert.False(t, r.Counted(&catalog.Service{Name: "payment"}), "another one of the name")
}

func TestNoDefaults(t *testing.T) {
	r, _ := newRegistry(10, &catalog.Catalog{})
	assert.Nil(t, r.Hear(id("payment")))
	assert.Nil(t, None().Hear(id("payment")))
	assert.Empty(t, r.services)

	r, _ = newRegistry(10, &catalog.Catalog{Defaults: []*catalog.Defaults{{Name: "a", Selector: catalog.Selector{Services: []string{"x*"}}}}})
	assert.Nil(t, r.Hear(id("payment")))
	assert.NotNil(t, r.Hear(id("x-ray")))
}

// The catalog with them changes when they do, and only then.
func TestCatalogWithServices(t *testing.T) {
	r, _ := newRegistry(10, all())
	before := r.Catalog()
	assert.Len(t, before.Services, 1)
	s := r.Hear(id("payment"))
	assert.Same(t, before, r.Catalog())
	r.Counted(s)
	with := r.Catalog()
	assert.Len(t, with.Services, 2)
	assert.Same(t, with, r.Catalog())
	assert.Equal(t, "all", with.Lookup("payment").Origin.Name)

	losses := r.Losses()
	next := all()
	next.Defaults[0].Template.Owner = "others"
	r.SetCatalog(next)
	assert.Equal(t, "others", r.Catalog().Lookup("payment").Owner, "it is made anew")
	assert.NotSame(t, s, r.Hear(id("payment")))
	assert.Greater(t, r.Losses(), losses)

	next = all()
	next.Services = append(next.Services, &catalog.Service{Name: "payment"})
	r.SetCatalog(next)
	assert.Empty(t, r.Services())
	assert.Nil(t, r.Catalog().Lookup("payment").Origin)
	assert.Nil(t, r.Hear(id("payment")))
}

func TestLimit(t *testing.T) {
	r, clock := newRegistry(2, all())
	a, b := r.Hear(id("a")), r.Hear(id("b"))
	require.NotNil(t, a)
	require.NotNil(t, b)
	r.Counted(a)
	assert.Nil(t, r.Hear(id("c")))
	for version := range 10 { // which takes identities, but none from a service that is known
		assert.Same(t, a, r.Hear(admission.Identity{Service: "a", Version: strconv.Itoa(version)}))
	}
	clock.add(idleAfter + time.Minute)
	r.Saw("", "a")
	r.Saw("", "nobody")
	losses := r.Losses()
	require.NotNil(t, r.Hear(id("c")), "b was silent for long")
	assert.Greater(t, r.Losses(), losses)
	assert.Same(t, a, r.Hear(id("a")))
	assert.Nil(t, r.Hear(id("b")))
	assert.Equal(t, []*catalog.Service{a}, r.Services())
}

func TestRecall(t *testing.T) {
	r, clock := newRegistry(2, all())
	r.Recall("shop", "checkout", clock.Now())
	assert.Empty(t, r.Services(), "it has an entry")
	r.Recall("", "a", clock.Now().Add(-2*idleAfter))
	r.Recall("", "b", clock.Now().Add(time.Hour)) // a clock that was ahead
	r.Recall("", "c", clock.Now())
	require.Len(t, r.Services(), 2)
	assert.Equal(t, []string{"b", "c"}, []string{r.Services()[0].Name, r.Services()[1].Name}, "a was silent for long")
}

// Names are those that telemetry counts under everywhere else.
func TestHostileNames(t *testing.T) {
	r, _ := newRegistry(10, all())
	s := r.Hear(id("a\xff" + string(make([]byte, 1000))))
	require.NotNil(t, s)
	assert.LessOrEqual(t, len(s.Name), 256)
	assert.Contains(t, s.Name, "a?")
	assert.Same(t, s, r.Hear(id("a\xff"+string(make([]byte, 1000)))))
}

func TestHearDoesNotAllocate(t *testing.T) {
	r, _ := newRegistry(10, all())
	r.Hear(id("payment"))
	assert.Zero(t, testing.AllocsPerRun(100, func() { r.Hear(id("payment")) }))
}

func TestConcurrently(t *testing.T) {
	r, _ := newRegistry(50, all())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 200 {
				r.Counted(r.Hear(id(fmt.Sprint("service-", i%60))))
				r.Catalog()
			}
		})
	}
	for range 20 {
		r.SetCatalog(all())
	}
	group.Wait()
	assert.LessOrEqual(t, len(r.Services()), 50)
}
