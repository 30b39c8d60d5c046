// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
)

// MemoryVersion is the format of what is kept.
const MemoryVersion = 1

// keyNames is the record of the names of all objects that are kept. Each has a record of its own, under its name.
const keyNames = "names"

// A memory keeps objects as they were without an error last, for a start without an API server.
type memory struct {
	store *checkpoint.Store // nil: keeps nothing
	kept  map[string][]byte // records by name
	fails bool              // was logged
}

// A keptObject is the record of an object.
type keptObject struct {
	Group      string    `json:"group"`
	Version    string    `json:"version"`
	Resource   string    `json:"resource"`
	Namespace  string    `json:"namespace"`
	Name       string    `json:"name"`
	UID        types.UID `json:"uid"`
	Generation int64     `json:"generation"`
	Created    time.Time `json:"created"`
	Text       string    `json:"text"`
}

// keep writes what has changed of the objects that count, if anything has.
func (m *memory) keep(logger *zap.Logger, objects []*Object, accepted accepted) {
	if m.store == nil {
		return
	}
	now := map[string][]byte{}
	for _, o := range objects {
		if text := accepted[o.Name]; text != nil {
			p := o.place
			record, err := json.Marshal(keptObject{p.Group, p.Version, p.Resource, p.namespace, o.name, o.uid, o.generation, o.created, string(text)})
			if err == nil { // no such value fails
				now[o.Name] = record
			}
		}
	}
	var changes []checkpoint.Record
	for name, record := range now {
		if !bytes.Equal(m.kept[name], record) {
			changes = append(changes, checkpoint.Record{Key: name, Payload: record})
		}
	}
	names := slices.Sorted(maps.Keys(now))
	if !slices.Equal(names, slices.Sorted(maps.Keys(m.kept))) {
		for name := range m.kept {
			if now[name] == nil {
				changes = append(changes, checkpoint.Record{Key: name})
			}
		}
		list, err := json.Marshal(names)
		if err != nil {
			return
		}
		changes = append(changes, checkpoint.Record{Key: keyNames, Payload: list})
	}
	if len(changes) == 0 {
		return
	}
	if err := m.store.Save(context.Background(), changes...); err != nil {
		if !m.fails {
			logger.Warn("Cannot keep the catalog objects for a start without the API server; the catalog is in use all the same. Check the disk of the storage extension", zap.Error(err))
		}
		m.fails = true
		return
	}
	m.fails, m.kept = false, now
}

// Recall takes the objects that an earlier run has kept in the store, and keeps those of this one there. They count until the API server says otherwise. It is called
// before Run. The error is about what is damaged; the rest is used.
func (s *Source) Recall(ctx context.Context, store *checkpoint.Store) error {
	s.memory = memory{store: store, kept: map[string][]byte{}}
	list, err := store.Load(ctx, keyNames)
	if err != nil || list == nil {
		return err
	}
	var names []string
	if err := json.Unmarshal(list, &names); err != nil {
		return errors.Join(err, store.SetAside(ctx, keyNames))
	}
	var damaged []error
	for _, name := range names {
		record, err := store.Load(ctx, name)
		if err != nil {
			damaged = append(damaged, err)
		}
		if record == nil {
			continue
		}
		var kept keptObject
		if err := json.Unmarshal(record, &kept); err != nil {
			damaged = append(damaged, err, store.SetAside(ctx, name))
			continue
		}
		s.memory.kept[name] = record // what is not read any more is deleted with the next change
		at := place{schema.GroupVersionResource{Group: kept.Group, Version: kept.Version, Resource: kept.Resource}, kept.Namespace}
		if !slices.Contains(kinds, at.GroupVersionResource) || !slices.Contains(s.Namespaces, at.namespace) {
			continue
		}
		o := &Object{
			Name: at.String() + "/" + kept.Name, text: []byte(kept.Text),
			place: at, name: kept.Name, uid: kept.UID, generation: kept.Generation, created: kept.Created, recalled: true,
		}
		s.accepted[o.Name] = o.text
		s.watches[at] = cmp.Or(s.watches[at], &watching{})
		s.store.recall(o)
	}
	return errors.Join(damaged...)
}

func (s *store) recall(o *Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(o)
}

// recalled reports whether objects are those of an earlier run.
func (s *store) recalled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.objects {
		if o.recalled {
			return true
		}
	}
	return false
}
