// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"slices"
	"sync"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

// A shelf has the keepers of something that the page shows. They come as their processors start.
type shelf[K any] struct {
	mu      sync.Mutex
	keepers []K
}

func (s *shelf[K]) put(k K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepers = append(slices.Clip(s.keepers), k)
}

func (s *shelf[K]) all() []K {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keepers
}

var (
	_ ledger.Shelf      = (*statusPage)(nil)
	_ attribution.Shelf = (*statusPage)(nil)
)

// Keep is ledger.Shelf's: the page shows the minutes of the keeper, too.
func (s *statusPage) Keep(k ledger.Keeper) { s.minutes.put(k) }

// KeepAttribution is attribution.Shelf's: the page shows the answers of the keeper, too.
func (s *statusPage) KeepAttribution(k attribution.Keeper) { s.explainers.put(k) }
