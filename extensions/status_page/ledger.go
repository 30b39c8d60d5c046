// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"slices"
	"sync"

	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
)

// A shelf has the keepers of minutes, which come as their processors start.
type shelf struct {
	mu      sync.Mutex
	keepers []ledger.Keeper
}

var _ ledger.Shelf = (*statusPage)(nil)

// Keep is ledger.Shelf's: the page shows the minutes of the keeper, too.
func (s *statusPage) Keep(k ledger.Keeper) {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	s.shelf.keepers = append(slices.Clip(s.shelf.keepers), k)
}

func (s *shelf) all() []ledger.Keeper {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keepers
}
