// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package filestorage

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/extensions/file_storage/internal/metadata"
)

var errDamaged = errors.New("the state file is damaged; restart the collector, and it sets the file aside")

// A client is contrib's, but that a damaged file gives errors. After the first one the file is not touched any more: the database's locks and
// pages may be in any state.
type client struct {
	inner     storage.Client
	component string
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	damaged   atomic.Bool
}

var _ storage.Client = (*client)(nil)

// Get reads the value of the key.
func (c *client) Get(ctx context.Context, key string) (value []byte, err error) {
	return value, c.do(ctx, func() (err error) {
		value, err = c.inner.Get(ctx, key)
		return err
	})
}

// Set saves the value.
func (c *client) Set(ctx context.Context, key string, value []byte) error {
	return c.do(ctx, func() error { return c.inner.Set(ctx, key, value) })
}

// Delete removes the value of the key.
func (c *client) Delete(ctx context.Context, key string) error {
	return c.do(ctx, func() error { return c.inner.Delete(ctx, key) })
}

// Batch does the operations in one transaction.
func (c *client) Batch(ctx context.Context, operations ...*storage.Operation) error {
	return c.do(ctx, func() error { return c.inner.Batch(ctx, operations...) })
}

// Close closes the file. That of a damaged file stays open until the process ends: the database cannot be asked any more.
func (c *client) Close(ctx context.Context) error {
	if c.damaged.Load() {
		return nil
	}
	return c.do(ctx, func() error { return c.inner.Close(ctx) })
}

func (c *client) do(ctx context.Context, access func() error) error {
	if c.damaged.Load() {
		return errDamaged
	}
	err := guarded(access)
	if _, fault := errors.AsType[*faultError](err); fault {
		if !c.damaged.Swap(true) {
			c.logger.Error("A state file is damaged; nothing is saved in it any more. Restart the collector, and it sets the file aside",
				zap.String("component", c.component), zap.Error(err))
		}
		c.telemetry.ExtensionFileStorageFaults.Add(ctx, 1)
		return fmt.Errorf("%w (%w)", errDamaged, err)
	}
	return err
}

// A faultError is a panic of the database, or of memory that the file does not have any more.
type faultError struct{ cause any }

func (f *faultError) Error() string { return fmt.Sprintf("database: %.200v", f.cause) }

// guarded calls access, and returns its panic as an error. Memory faults panic, too, for that time.
func guarded(access func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = &faultError{cause}
		}
	}()
	return access()
}

// A walkingClient also visits all pairs.
type walkingClient struct {
	*client
	walker storage.Walker
}

var _ storage.Walker = walkingClient{}

// Walk calls fn for every key and value.
func (c walkingClient) Walk(ctx context.Context, fn storage.WalkFunc) error {
	return c.do(ctx, func() error { return c.walker.Walk(ctx, fn) })
}
