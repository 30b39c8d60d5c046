// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package prometheusstore

import (
	"sync"

	"github.com/prometheus/prometheus/model/metadata"
)

// maxFamilies bounds the metric families whose metadata is kept in memory.
const maxFamilies = 20_000

// families are what is known of metrics besides their samples: the API tells it, for editors that complete names. The
// storage does not keep it.
type families struct {
	mu     sync.RWMutex
	byName map[string]metadata.Metadata
}

func (f *families) add(name string, m metadata.Metadata) {
	f.mu.RLock()
	old, known := f.byName[name]
	full := len(f.byName) >= maxFamilies
	f.mu.RUnlock()
	if known && old == m || !known && full || name == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byName == nil {
		f.byName = map[string]metadata.Metadata{}
	}
	f.byName[name] = m
}

// list returns up to limit families, all if it is below 0; of one name, unless that is empty.
func (f *families) list(name string, limit int) map[string][]metadata.Metadata {
	f.mu.RLock()
	defer f.mu.RUnlock()
	found := map[string][]metadata.Metadata{}
	if name != "" {
		if m, ok := f.byName[name]; ok {
			found[name] = []metadata.Metadata{m}
		}
		return found
	}
	for name, m := range f.byName {
		if limit >= 0 && len(found) >= limit {
			break
		}
		found[name] = []metadata.Metadata{m}
	}
	return found
}
