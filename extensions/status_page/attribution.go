// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package statuspage

import (
	"slices"
	"sync"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
)

// explainers are those that know what ate error budgets. They come as their processors start.
type explainers struct {
	mu   sync.Mutex
	list []attribution.Keeper
}

var _ attribution.Shelf = (*statusPage)(nil)

// KeepAttribution is attribution.Shelf's: the page shows the answers of the keeper, too.
func (s *statusPage) KeepAttribution(k attribution.Keeper) {
	s.explainers.mu.Lock()
	defer s.explainers.mu.Unlock()
	s.explainers.list = append(slices.Clip(s.explainers.list), k)
}

func (e *explainers) all() []attribution.Keeper {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.list
}
