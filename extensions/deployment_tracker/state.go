// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deploymenttracker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
)

// checkpointVersion changes with the format of the records.
const checkpointVersion = 1

// unsentKey is the record of the deployments that could not be announced, as OTLP.
const unsentKey = "unsent"

// changesKey is the record of changes that are no deployments.
const changesKey = "changes"

func recordKey(n int) string { return fmt.Sprintf("services/%02x", n) }

// restore loads the records of the store, and reports whether there were any. A damaged record is set aside: the versions
// of its services that run now are taken as given. The error says that storage could not be read at all.
func (d *deploymentTracker) restore(ctx context.Context, from *checkpoint.Store) (found bool, err error) {
	for n := range tracker.Records {
		one, err := d.load(ctx, from, recordKey(n), func(payload []byte) error { return d.tracker.Restore(n, payload) })
		if err != nil {
			return false, err
		}
		found = found || one
	}
	one, err := d.load(ctx, from, changesKey, d.changes.Restore)
	if err != nil {
		return false, err
	}
	found = found || one
	one, err = d.load(ctx, from, unsentKey, func(payload []byte) error {
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(payload)
		if err != nil {
			return err
		}
		d.unsent, err = deployment.ReadEvents(ld)
		d.unsentSaved = err == nil
		return err
	})
	return found || one, err
}

// load hands the record to read, and reports whether there was one. Damage is kept for the claim and is no error.
func (d *deploymentTracker) load(ctx context.Context, from *checkpoint.Store, key string, read func([]byte) error) (found bool, err error) {
	payload, err := from.Load(ctx, key)
	if err == nil && payload != nil {
		found = true
		if failed := read(payload); failed != nil {
			err = errors.Join(fmt.Errorf("%w %q: %w", checkpoint.ErrDamaged, key, failed), from.SetAside(ctx, key))
		}
	}
	if errors.Is(err, checkpoint.ErrDamaged) {
		d.damage = errors.Join(d.damage, err)
		return true, nil
	}
	return found, err
}

// takeOver restores the state that the connector saved when it owned the tracker, if the extension has no saved state.
// The records are moved, so that this happens once.
func (d *deploymentTracker) takeOver(ctx context.Context, connector component.ID) error {
	if d.restored || d.config.Storage == nil {
		return nil
	}
	d.restored = true
	old, err := checkpoint.Open(ctx, d.host, d.config.Storage, component.KindConnector, connector, checkpointVersion)
	if errors.Is(err, checkpoint.ErrDamaged) {
		d.damage = errors.Join(d.damage, err)
	} else if err != nil {
		return err
	}
	found, err := d.restore(ctx, old)
	if err == nil && found {
		if failed := d.move(ctx, old); failed != nil {
			d.logger.Error("The state of deployments that the connector had saved is in use, but was not moved to the extension; the next save tries again", zap.Error(failed))
		}
	}
	return errors.Join(err, old.Close(ctx))
}

// move saves all, and removes it from where it was.
func (d *deploymentTracker) move(ctx context.Context, from *checkpoint.Store) error {
	if err := d.write(ctx, true); err != nil {
		return err
	}
	removed := []checkpoint.Record{{Key: unsentKey}}
	for n := range tracker.Records {
		removed = append(removed, checkpoint.Record{Key: recordKey(n)})
	}
	return from.Save(ctx, removed...)
}

// write saves what has changed, or all. What fails is tried again the next time.
func (d *deploymentTracker) write(ctx context.Context, all bool) error {
	if d.config.Storage == nil || d.store == nil {
		return nil
	}
	err := d.tracker.Save(all, func(n int, record []byte) error {
		return d.store.Save(ctx, checkpoint.Record{Key: recordKey(n), Payload: record})
	})
	err = errors.Join(err, d.writeChanges(ctx, all))
	if len(d.unsent) == 0 && !d.unsentSaved {
		return err
	}
	var payload []byte
	if len(d.unsent) > 0 {
		var failed error
		events := deployment.Events(d.unsent, pcommon.NewInstrumentationScope(), time.Now())
		if payload, failed = (&plog.ProtoMarshaler{}).MarshalLogs(events); failed != nil {
			return errors.Join(err, failed)
		}
	}
	failed := d.store.Save(ctx, checkpoint.Record{Key: unsentKey, Payload: payload})
	d.unsentSaved = failed == nil && payload != nil
	return errors.Join(err, failed)
}

func (d *deploymentTracker) writeChanges(ctx context.Context, all bool) error {
	record, err := d.changes.Save(all)
	if err != nil || record == nil {
		return err
	}
	if err = d.store.Save(ctx, checkpoint.Record{Key: changesKey, Payload: record}); err != nil {
		d.changes.Unsaved()
	}
	return err
}
