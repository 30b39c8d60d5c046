// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func TestSubscribeCallsAtOnceAndAtEverySwap(t *testing.T) {
	first, second, third := &catalog.Catalog{Revision: "1"}, &catalog.Catalog{Revision: "2"}, &catalog.Catalog{Revision: "3"}
	s := newSubscribers(first)
	var got []*catalog.Catalog
	cancel := s.Subscribe(func(c *catalog.Catalog) { got = append(got, c) })
	s.swap(second)
	assert.Same(t, second, s.Catalog())
	cancel()
	s.swap(third)
	cancel() // again is harmless
	assert.Equal(t, []*catalog.Catalog{first, second}, got)
}

func TestCancelTakesOnlyItsOwnSubscription(t *testing.T) {
	s := newSubscribers(&catalog.Catalog{})
	calls := 0
	count := func(*catalog.Catalog) { calls++ }
	s.Subscribe(count)
	cancel := s.Subscribe(count)
	s.Subscribe(count)
	cancel()
	calls = 0
	s.swap(&catalog.Catalog{})
	assert.Equal(t, 2, calls)
}

// Many subscribers come and go while catalogs are swapped: calls never overlap, revisions
// never go back, and none comes after cancel has returned.
func TestSubscribersUnderRace(t *testing.T) {
	s := newSubscribers(&catalog.Catalog{Revision: revision(0)})
	var running atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 50 {
				var canceled atomic.Bool
				last := ""
				cancel := s.Subscribe(func(c *catalog.Catalog) {
					assert.Equal(t, int32(1), running.Add(1), "calls overlap")
					assert.False(t, canceled.Load(), "called after cancel")
					assert.LessOrEqual(t, last, c.Revision)
					last = c.Revision
					running.Add(-1)
				})
				_ = s.Catalog()
				cancel()
				canceled.Store(true)
			}
		})
	}
	for i := range 200 {
		s.swap(&catalog.Catalog{Revision: revision(i + 1)})
	}
	all.Wait()
	assert.Empty(t, s.followers)
}

func revision(i int) string { return fmt.Sprintf("%04d", i) }
