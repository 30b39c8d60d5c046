// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxKnown is how many annotations are remembered to save a look-up, about 2 KB each.
const maxKnown = 1024

// writer keeps one annotation for each key, its ID tag. Of one key it writes one at a time: two that look it up at
// once would both find nothing, and both create it.
type writer struct {
	grafana *api
	known   *lru.Cache[string, *annotation]
	locks   [64]sync.Mutex // by hash of the key
	warn    func(reason string, err error)
}

func newWriter(grafana *api, warn func(string, error)) (*writer, error) {
	known, err := lru.New[string, *annotation](maxKnown)
	return &writer{grafana: grafana, known: known, warn: warn}, err
}

// write makes Grafana say what next makes of what it says at present, which is nil if it says nothing.
func (w *writer) write(ctx context.Context, key string, next func(present *annotation) *annotation) (result, error) {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(key))
	lock := &w.locks[hash.Sum32()%uint32(len(w.locks))]
	lock.Lock()
	defer lock.Unlock()

	became, err := w.attempt(ctx, key, next)
	if gone(err) { // somebody deleted it since it was looked up
		return w.attempt(ctx, key, next)
	}
	return became, err
}

func (w *writer) attempt(ctx context.Context, key string, next func(*annotation) *annotation) (result, error) {
	present, ok := w.known.Get(key)
	if !ok {
		var err error
		if present, err = w.lookUp(ctx, key); err != nil {
			return nothing, err
		}
	}
	if present == nil {
		return w.create(ctx, key, next)
	}
	return w.update(ctx, key, present, next)
}

// lookUp returns the key's oldest annotation, nil if there is none. Should another writer have made more of them, they are
// let be, as it may hold on to one of them: see create.
func (w *writer) lookUp(ctx context.Context, key string) (*annotation, error) {
	found, err := w.grafana.find(ctx, key)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if len(found) > 1 {
		w.warn("several", errors.New("several annotations have the tag "+key+"; the oldest is kept up to date, delete the others in Grafana and run one replica"))
	}
	return found[0], nil
}

// create adds the annotation and checks whether another writer was faster. The one with the lowest ID wins, and
// the writer that made another one takes its own back. Nothing else is ever deleted.
func (w *writer) create(ctx context.Context, key string, next func(*annotation) *annotation) (result, error) {
	own := next(nil)
	id, err := w.grafana.create(ctx, own)
	if err != nil {
		return nothing, err
	}
	own.ID = id
	found, err := w.grafana.find(ctx, key)
	if err != nil || id <= 0 { // it is written; the next record looks again
		return created, nil
	}
	if len(found) == 0 || found[0].ID >= id {
		w.known.Add(key, own)
		return created, nil
	}
	if err := w.grafana.remove(ctx, id); err != nil {
		w.warn("remove", err)
	}
	return w.update(ctx, key, found[0], next)
}

func (w *writer) update(ctx context.Context, key string, present *annotation, next func(*annotation) *annotation) (result, error) {
	wanted := next(present)
	wanted.ID = present.ID
	if wanted.says(present) {
		w.known.Add(key, wanted)
		return unchanged, nil
	}
	if err := w.grafana.update(ctx, wanted.ID, wanted); err != nil {
		w.known.Remove(key) // what it says now is not known
		return nothing, err
	}
	w.known.Add(key, wanted)
	return updated, nil
}

// gone reports whether the annotation to be changed is there no more.
func gone(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.gone()
}
