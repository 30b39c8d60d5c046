package deployevent

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
)

// checkpointVersion changes with the format of the records.
const checkpointVersion = 1

// unsentKey is the record of the events that the next component has refused, as OTLP.
const unsentKey = "unsent"

func recordKey(n int) string { return fmt.Sprintf("services/%02x", n) }

// restore loads what was saved. A damaged record is set aside: of its services, what runs is taken as it is.
// The error says that storage could not be read at all.
func (c *core) restore(ctx context.Context) error {
	for n := range tracker.Records {
		err := c.load(ctx, recordKey(n), func(payload []byte) error { return c.tracker.Restore(n, payload) })
		if err != nil {
			return err
		}
	}
	return c.load(ctx, unsentKey, func(payload []byte) error {
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(payload)
		if err != nil {
			return err
		}
		c.unsent, err = deploymentsOf(ld)
		c.unsentSaved = err == nil
		return err
	})
}

// load hands a record to read. Damage is reported and is no error.
func (c *core) load(ctx context.Context, key string, read func([]byte) error) error {
	payload, err := c.store.Load(ctx, key)
	if err == nil && payload != nil {
		if failed := read(payload); failed != nil {
			err = errors.Join(fmt.Errorf("%w %q: %w", checkpoint.ErrDamaged, key, failed), c.store.SetAside(ctx, key))
		}
	}
	if errors.Is(err, checkpoint.ErrDamaged) {
		c.trouble(ctx, stageRestore, "A part of what was known of deployments cannot be read; what runs now is taken as it is", err)
		return nil
	}
	return err
}

// deploymentsOf is the way back from events.
func deploymentsOf(ld plog.Logs) (all []deployment.Deployment, err error) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				d, err := deployment.Read(rl.Resource().Attributes(), record)
				if err != nil {
					return nil, err
				}
				all = append(all, *d)
			}
		}
	}
	return all, nil
}

// save saves what has changed, or all. What fails is tried again at the next flush.
func (c *core) save(ctx context.Context, all bool) {
	if c.config.Storage == nil {
		return
	}
	err := c.tracker.Save(all, func(n int, record []byte) error {
		return c.store.Save(ctx, checkpoint.Record{Key: recordKey(n), Payload: record})
	})
	if len(c.unsent) > 0 || c.unsentSaved {
		var payload []byte
		if len(c.unsent) > 0 {
			var failed error
			payload, failed = (&plog.ProtoMarshaler{}).MarshalLogs(c.emitter.events(c.unsent, c.now()))
			err = errors.Join(err, failed)
		}
		failed := c.store.Save(ctx, checkpoint.Record{Key: unsentKey, Payload: payload})
		c.unsentSaved = failed == nil && payload != nil
		err = errors.Join(err, failed)
	}
	if err != nil {
		c.trouble(ctx, stageSave, "What is known of deployments was not saved", err)
	}
}
