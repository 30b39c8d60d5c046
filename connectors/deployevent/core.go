// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	servicecatalog "github.com/otelcol-sre/otelcol-sre/extensions/service_catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/connectors/deployevent/internal/metadata"
	deploymenttracker "github.com/otelcol-sre/otelcol-sre/extensions/deployment_tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/change"
	changetracker "github.com/otelcol-sre/otelcol-sre/internal/change/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/flush"
)

// maxUnsent is how many events wait for a next component that refuses them. The oldest go first.
const maxUnsent = 1000

// core is what the instances of one component share.
type core struct {
	config    *Config
	id        component.ID
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	tracker   *tracker.Tracker // nil until it starts, as is the claim
	changes   *changetracker.Tracker
	admission *admission.Registry
	catalog   servicecatalog.Source // nil without one
	claim     *deploymenttracker.Claim

	connecting sync.Mutex // while the pipelines are built and started; guards the next four
	to         outputs
	writers    writers
	listening  map[pipeline.Signal]bool
	starting   int // instances that have not started yet

	flushing sync.Mutex // guards the next three
	ending   bool       // the output of events has been taken away
	emitter  *emitter
	unsent   []deployment.Deployment

	turn       atomic.Uint32       // of the spans that are searched
	flagsFound atomic.Bool         // some service evaluates feature flags
	sum        func([]byte) string // of the changes' tracker

	health *flush.Health
	loop   flush.Loop
}

func newCore(set connector.Settings, cfg *Config) (*core, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &core{
		config: cfg, id: set.ID, logger: set.Logger, telemetry: builder, listening: map[pipeline.Signal]bool{},
		emitter: newEmitter(set.TelemetrySettings, set.BuildInfo), health: flush.NewHealth(set.Logger),
	}, nil
}

func (c *core) start(ctx context.Context, host component.Host) error {
	source, err := deploymenttracker.Find(host, c.config.Tracker)
	if err != nil {
		return err
	}
	if c.admission, err = c.registry(host); err != nil {
		return err
	}
	claim, err := source.Claim(ctx, c.id)
	if err != nil {
		return err
	}
	c.health.Start(host)
	if claim.Damage != nil {
		c.failed(ctx, flush.Restore, "A part of what was known of deployments cannot be read; what runs now is taken as it is", claim.Damage)
	}
	c.tracker, c.changes, c.claim, c.unsent = source.Tracker(), source.Changes(), claim, claim.Unsent
	c.sum = c.changes.Sum
	if c.catalog != nil {
		c.tracker.Fleets(c.isFleet)
	}
	return c.observe()
}

// registry is the catalog's. Without a catalog, no service is known.
func (c *core) registry(host component.Host) (*admission.Registry, error) {
	if _, ok := host.GetExtensions()[c.config.Catalog]; !ok && c.config.Catalog == defaultCatalog {
		return admission.New(admission.DefaultLimits(), time.Now), nil
	}
	source, err := servicecatalog.Find(host, c.config.Catalog)
	if err != nil {
		return nil, err
	}
	c.catalog = source
	return servicecatalog.Admission(source), nil
}

// isFleet reports whether the catalog says that users run many versions of the service at once.
func (c *core) isFleet(s deployment.Service) bool {
	known := c.catalog.Catalog().Emitter(s.Namespace, s.Name)
	return known != nil && known.Versions == catalog.VersionsMany
}

// stop flushes a last time and ends the core. One whose instances have not all started has nothing to flush.
func (c *core) stop(ctx context.Context) error {
	defer c.telemetry.Shutdown()
	if c.claim == nil {
		return nil
	}
	defer c.claim.Release()
	if !c.loop.Running() {
		return nil
	}
	c.loop.Stop()
	last, cancel := flush.Last(ctx)
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
	if err := errors.Join(c.sendEvents(ctx, c.tracker.Due(), now), c.sendChanges(ctx, now), c.sendMetrics(ctx, now)); err != nil {
		c.failed(ctx, flush.Emit, fmt.Sprintf("Deployments were not accepted by the next component. The next flush sends them again, at most %d events", maxUnsent), err)
	} else {
		c.health.Succeeded(flush.Emit)
	}
	if err := c.claim.Save(ctx, c.unsent); err != nil {
		c.failed(ctx, flush.Save, "The state of deployments was not saved", err)
	} else {
		c.health.Succeeded(flush.Save, flush.Restore)
	}
}

// sendEvents sends the events, and those that could not be sent before.
func (c *core) sendEvents(ctx context.Context, happened []deployment.Deployment, now time.Time) error {
	if c.to.events == nil && !c.ending {
		return nil
	}
	for i := range happened {
		c.telemetry.ConnectorDeployeventEvents.Add(ctx, 1, metric.WithAttributes(attribute.String("status", string(happened[i].Status))))
	}
	c.unsent = append(c.unsent, happened...)
	c.unsent = c.unsent[max(0, len(c.unsent)-maxUnsent):]
	if len(c.unsent) == 0 || c.to.events == nil {
		return nil // the next start sends them
	}
	if err := c.to.events.ConsumeLogs(ctx, c.emitter.events(c.unsent, now)); err != nil {
		return fmt.Errorf("events: %w", err)
	}
	c.unsent = nil
	return nil
}

// sendChanges sends what has changed besides. What is refused comes again.
func (c *core) sendChanges(ctx context.Context, now time.Time) error {
	due := c.changes.Due()
	if len(due) == 0 || c.to.events == nil {
		return nil
	}
	if err := c.to.events.ConsumeLogs(ctx, change.Events(due, c.emitter.scope, now)); err != nil {
		return fmt.Errorf("events of changes: %w", err)
	}
	c.changes.Announced(due)
	for i := range due {
		c.telemetry.ConnectorDeployeventEvents.Add(ctx, 1, metric.WithAttributes(attribute.String("status", string(due[i].Kind))))
	}
	return nil
}

// sendMetrics sends the metrics of all versions that run, and of changes that are recent.
func (c *core) sendMetrics(ctx context.Context, now time.Time) error {
	if c.to.metrics == nil {
		return nil
	}
	var all []running
	c.tracker.Running(func(d *deployment.Deployment, instances int) {
		all = append(all, running{*d, instances})
	})
	md := c.emitter.metrics(all, now)
	recent := c.changes.Recent()
	c.emitter.changes(md, recent, now)
	c.emitter.verdicts(md, recent, now)
	if md.DataPointCount() == 0 {
		return nil
	}
	if err := c.to.metrics.ConsumeMetrics(ctx, md); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// rejected reports a log record that means to report a deployment and makes no sense.
func (c *core) rejected(ctx context.Context, err error) {
	c.telemetry.ConnectorDeployeventReports.Add(ctx, 1, rejected)
	c.logger.Warn("A report of a deployment is left out", zap.String("problem", fmt.Sprintf("%.1000q", err.Error())))
}
