// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-sre/otelcol-sre/internal/encoded"
)

// unsent is what queues in memory could not send before the collector ended, as OTLP requests on disk, in order. A restart loses nothing by it, and
// it costs nothing while the collector runs.
type unsent struct {
	client storage.Client

	mu          sync.Mutex
	first, next uint64 // numbers of the requests
}

const unsentRange = "range"

func openUnsent(ctx context.Context, host component.Host, id component.ID, set exporter.Settings, s encoded.Signal) (*unsent, error) {
	client, err := openStorage(ctx, host, "storage", id, set, s.Name.String()+"_unsent")
	if err != nil {
		return nil, err
	}
	u := &unsent{client: client}
	data, err := client.Get(ctx, unsentRange)
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	if len(data) == 16 {
		u.first, u.next = binary.BigEndian.Uint64(data), binary.BigEndian.Uint64(data[8:])
	}
	return u, nil
}

// openStorage returns the exporter's place of that name in the storage that a key names.
func openStorage(ctx context.Context, host component.Host, key string, id component.ID, set exporter.Settings, name string) (storage.Client, error) {
	extension, found := host.GetExtensions()[id].(storage.Extension)
	if !found {
		return nil, fmt.Errorf("%s: %s is not a storage extension of this collector; add it to service::extensions", key, id)
	}
	client, err := extension.GetClient(ctx, component.KindExporter, set.ID, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return client, nil
}

func unsentKey(n uint64) string { return strconv.FormatUint(n, 10) }

// numbers is the operation that saves which requests there are.
func numbers(first, next uint64) *storage.Operation {
	return storage.SetOperation(unsentRange, binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, first), next))
}

// keep adds chunks.
func (u *unsent) keep(ctx context.Context, chunks []encoded.Chunk) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	next := u.next
	var operations []*storage.Operation
	for _, c := range chunks {
		operations = append(operations, storage.SetOperation(unsentKey(next), c.Data))
		next++
	}
	if err := u.client.Batch(ctx, append(operations, numbers(u.first, next))...); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	u.next = next
	return nil
}

// restore gives the requests to route, one after the other, and forgets them. What route returns stays. It ends, with an error, at the first one that
// was not taken as a whole.
func (u *unsent) restore(ctx context.Context, route func(data []byte) ([]encoded.Chunk, error)) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.first < u.next {
		data, err := u.client.Get(ctx, unsentKey(u.first))
		if err != nil {
			return fmt.Errorf("storage: %w", err)
		}
		rest, routeErr := route(data)
		operations, next := []*storage.Operation{storage.DeleteOperation(unsentKey(u.first))}, u.next
		for _, c := range rest {
			operations = append(operations, storage.SetOperation(unsentKey(next), c.Data))
			next++
		}
		if err := u.client.Batch(ctx, append(operations, numbers(u.first+1, next))...); err != nil {
			return fmt.Errorf("storage: %w", err)
		}
		u.first, u.next = u.first+1, next
		if len(rest) > 0 {
			return routeErr
		}
	}
	return nil
}

func (u *unsent) close(ctx context.Context) error { return u.client.Close(ctx) }
