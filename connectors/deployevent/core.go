package deployevent

import (
	"context"
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
	deploymenttracker "github.com/otelcol-sre/otelcol-sre/extensions/deployment_tracker"
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
	tracker   *tracker.Tracker // nil until it starts, as is the claim
	claim     *deploymenttracker.Claim

	connecting sync.Mutex // while the pipelines are built and started; guards the next three
	to         outputs
	listening  map[pipeline.Signal]bool
	starting   int // instances that have not started yet

	flushing sync.Mutex // guards the next two
	emitter  *emitter
	unsent   []deployment.Deployment

	end  context.CancelFunc // of the loop; nil until it runs
	loop sync.WaitGroup
}

func newCore(set connector.Settings, cfg *Config) (*core, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &core{
		config: cfg, id: set.ID, logger: set.Logger, telemetry: builder, listening: map[pipeline.Signal]bool{},
		emitter: newEmitter(set.TelemetrySettings, set.BuildInfo),
	}, nil
}

func (c *core) start(ctx context.Context, host component.Host) error {
	source, err := deploymenttracker.Find(host, c.config.Tracker)
	if err != nil {
		return err
	}
	claim, err := source.Claim(ctx, c.id)
	if err != nil {
		return err
	}
	if claim.Damage != nil {
		c.trouble(ctx, stageRestore, "A part of what was known of deployments cannot be read; what runs now is taken as it is", claim.Damage)
	}
	c.tracker, c.claim, c.unsent = source.Tracker(), claim, claim.Unsent
	return c.observe()
}

// run flushes until the core is stopped.
func (c *core) run() {
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

// stop flushes a last time and ends the core. One whose instances have not all started has nothing to flush.
func (c *core) stop(ctx context.Context) error {
	defer c.telemetry.Shutdown()
	if c.claim == nil {
		return nil
	}
	defer c.claim.Release()
	if c.end == nil {
		return nil
	}
	c.end()
	c.loop.Wait()
	last, cancel := context.WithTimeout(ctx, lastFlushTimeout)
	defer cancel()
	c.flush(last)
	return nil
}

// flush emits what has happened and what runs, and saves the state: first the events, so that one that
// could not be sent is sent after a restart too.
func (c *core) flush(ctx context.Context) {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	now := time.Now()
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
	if err := c.claim.Save(ctx, c.unsent); err != nil {
		c.trouble(ctx, stageSave, "What is known of deployments was not saved", err)
	}
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
