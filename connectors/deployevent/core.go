package deployevent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/connectors/deployevent/internal/metadata"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
)

// lastFlushTimeout is how long the flush at shutdown may take: an exporter that retries without a queue
// would hold the collector up until it is killed.
const lastFlushTimeout = 10 * time.Second

// maxUnsent is how many events wait for a next component that refuses them. The oldest go first.
const maxUnsent = 1000

// core is what the instances of one component share.
type core struct {
	config    *Config
	id        component.ID
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	now       func() time.Time
	tracker   *tracker.Tracker

	connecting sync.Mutex // while the pipelines are built and started; guards the next four
	to         outputs
	up         struct{ events, metrics bool } // what is behind the outputs has started
	end        context.CancelFunc             // of the loop; nil until it has begun
	listening  map[pipeline.Signal]bool

	flushing    sync.Mutex // guards the next four
	emitter     *emitter
	unsent      []deployment.Deployment
	unsentSaved bool              // there is a record of them
	store       *checkpoint.Store // nil until the core has started

	loop sync.WaitGroup
}

func newCore(set connector.Settings, cfg *Config) (*core, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	c := &core{
		config: cfg, id: set.ID, logger: set.Logger, telemetry: builder, now: time.Now, listening: map[pipeline.Signal]bool{},
		emitter: newEmitter(set.TelemetrySettings, set.BuildInfo),
	}
	c.tracker = tracker.New(cfg.tracker(), func() time.Time { return c.now() })
	return c, c.observe()
}

func (c *core) start(ctx context.Context, host component.Host) error {
	store, err := checkpoint.Open(ctx, host, c.config.Storage, component.KindConnector, c.id, checkpointVersion)
	if errors.Is(err, checkpoint.ErrDamaged) {
		c.trouble(ctx, stageRestore, "What was known of deployments cannot be read; versions that run now are taken as they are", err)
	} else if err != nil {
		return err
	}
	c.store = store
	if err := c.restore(ctx); err != nil {
		c.store = nil
		return errors.Join(err, store.Close(ctx))
	}
	publish(c.id, c.tracker)
	return nil
}

// started begins to emit when both outputs can take something: instances start one by one, and between two of them others
// start that may take long, as exporters whose queues are full.
func (c *core) started(to outputs) {
	c.connecting.Lock()
	defer c.connecting.Unlock()
	c.up.events = c.up.events || to.events != nil
	c.up.metrics = c.up.metrics || to.metrics != nil
	if c.end != nil || c.to.events != nil && !c.up.events || c.to.metrics != nil && !c.up.metrics {
		return
	}
	running, end := context.WithCancel(context.Background())
	c.end = end
	c.loop.Go(func() {
		ticker := time.NewTicker(c.config.FlushInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				c.flush(running)
			case <-running.Done():
				return
			}
		}
	})
}

// emits tells whether it ever could.
func (c *core) emits() bool {
	c.connecting.Lock()
	defer c.connecting.Unlock()
	return c.end != nil
}

// stop flushes a last time and ends the core. One that was never started has nothing to flush.
func (c *core) stop(ctx context.Context) error {
	defer c.telemetry.Shutdown()
	if c.store == nil {
		return nil
	}
	emits := c.emits()
	if emits {
		c.end()
		c.loop.Wait()
	}
	withdraw(c.id, c.tracker)
	last, cancel := context.WithTimeout(ctx, lastFlushTimeout)
	defer cancel()
	if emits {
		c.flush(last)
	}
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.save(ctx, true) // also when each instance was seen
	return c.store.Close(ctx)
}

// flush emits what has happened and what runs, and saves the state: first the events, so that one that
// could not be sent is sent after a restart too.
func (c *core) flush(ctx context.Context) {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	now := c.now()
	c.send(ctx, c.tracker.Due(), now)
	if c.to.metrics != nil {
		var all []running
		c.tracker.Running(func(d *deployment.Deployment, instances int) {
			all = append(all, running{*d, instances})
		})
		if md := c.emitter.metrics(all, now); md.DataPointCount() > 0 {
			if err := c.to.metrics.ConsumeMetrics(ctx, md); err != nil {
				c.trouble(ctx, stageEmit, "The metrics of deployments were refused; the next flush has them again", err)
			}
		}
	}
	c.save(ctx, false)
}

// send sends the events, and those that could not be sent before.
func (c *core) send(ctx context.Context, happened []deployment.Deployment, now time.Time) {
	if c.to.events == nil {
		return
	}
	for i := range happened {
		c.telemetry.ConnectorDeployeventEvents.Add(ctx, 1, metric.WithAttributes(attribute.String("status", string(happened[i].Status))))
	}
	c.unsent = append(c.unsent, happened...)
	c.unsent = c.unsent[max(0, len(c.unsent)-maxUnsent):]
	if len(c.unsent) == 0 {
		return
	}
	if err := c.to.events.ConsumeLogs(ctx, c.emitter.events(c.unsent, now)); err != nil {
		c.trouble(ctx, stageEmit, fmt.Sprintf("Deployment events were refused and wait for the next flush; at most %d do", maxUnsent), err)
		return
	}
	c.unsent = nil
}

// rejected reports a log record that means to report a deployment and makes no sense.
func (c *core) rejected(ctx context.Context, err error) {
	c.telemetry.ConnectorDeployeventReports.Add(ctx, 1, rejected)
	c.logger.Warn("A report of a deployment is left out", zap.String("problem", fmt.Sprintf("%.1000q", err.Error())))
}
