// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-sre/otelcol-sre/internal/encoded"
)

// rooms are the places of queues on disk: one for each gateway that has data there. They are numbered, and a room that is empty is used again: with
// addresses of pods in the names, each restart of a gateway would leave a file behind.
type rooms struct {
	client storage.Client
	// Of is the gateway of each room; "" if it is free.
	Of []string `json:"of"`
}

const roomsKey = "rooms"

// openRooms reads which gateway has which room.
func openRooms(ctx context.Context, host component.Host, id component.ID, set exporter.Settings, s encoded.Signal) (*rooms, error) {
	client, err := openStorage(ctx, host, "sending_queue::storage", id, set, s.Name.String()+"_rooms")
	if err != nil {
		return nil, err
	}
	r := &rooms{client: client}
	data, err := client.Get(ctx, roomsKey)
	if err == nil && data != nil {
		err = json.Unmarshal(data, r)
	}
	if err != nil {
		return nil, fmt.Errorf("sending_queue::storage: which queue is for which gateway cannot be read: %w", err)
	}
	return r, nil
}

// take returns a free room for the gateway, and remembers it.
func (r *rooms) take(ctx context.Context, endpoint string) (int, error) {
	room := slices.Index(r.Of, "")
	if room < 0 {
		room = len(r.Of)
		r.Of = append(r.Of, "")
	}
	r.Of[room] = endpoint
	return room, r.save(ctx)
}

// free forgets the gateway of the room, which must be empty.
func (r *rooms) free(ctx context.Context, room int) error {
	r.Of[room] = ""
	return r.save(ctx)
}

func (r *rooms) save(ctx context.Context) error {
	data, err := json.Marshal(r)
	if err == nil {
		err = r.client.Set(ctx, roomsKey, data)
	}
	if err != nil {
		return fmt.Errorf("sending_queue::storage: %w", err)
	}
	return nil
}

func (r *rooms) close(ctx context.Context) error { return r.client.Close(ctx) }

// A roomHost gives the queue of a gateway the storage of its room: upstream's would be that of its ID.
type roomHost struct {
	component.Host
	storage component.ID
	owner   component.ID
	room    int
}

func (h roomHost) GetExtensions() map[component.ID]component.Component {
	extensions := maps.Clone(h.Host.GetExtensions())
	if inner, ok := extensions[h.storage].(storage.Extension); ok {
		extensions[h.storage] = roomStorage{inner, h}
	}
	return extensions
}

type roomStorage struct {
	storage.Extension
	host roomHost
}

func (s roomStorage) GetClient(ctx context.Context, kind component.Kind, _ component.ID, name string) (storage.Client, error) {
	return s.Extension.GetClient(ctx, kind, s.host.owner, name+"_"+strconv.Itoa(s.host.room))
}
