// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deploymenttracker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
	"go.uber.org/zap"

	changetracker "github.com/otelcol-sre/otelcol-sre/internal/change/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/checkpoint"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
)

// deploymentTracker is the extension. It restores the tracker before pipelines start, and saves it after they have ended.
type deploymentTracker struct {
	config  *Config
	id      component.ID
	logger  *zap.Logger
	tracker *tracker.Tracker
	changes *changetracker.Tracker

	mu      sync.Mutex // guards the rest
	host    component.Host
	store   *checkpoint.Store // nil while the extension does not run
	claimed *component.ID     // the connector that has the claim

	restored    bool // the store had records
	unsent      []deployment.Deployment
	unsentSaved bool // there is a record of them
	damage      error
}

var (
	_ extension.Extension             = (*deploymentTracker)(nil)
	_ extensioncapabilities.Dependent = (*deploymentTracker)(nil)
	_ Source                          = (*deploymentTracker)(nil)
)

func newDeploymentTracker(set extension.Settings, config *Config) *deploymentTracker {
	deployments := config.tracker()
	changes := changetracker.Default()
	changes.Recent, changes.Place = config.Recent, deployments.PlaceOf
	return &deploymentTracker{
		config: config, id: set.ID, logger: set.Logger, tracker: tracker.New(deployments, time.Now), changes: changetracker.New(changes, time.Now),
	}
}

// Dependencies makes the collector start the storage before, and shut it down after the extension.
func (d *deploymentTracker) Dependencies() []component.ID {
	if d.config.Storage == nil {
		return nil
	}
	return []component.ID{*d.config.Storage}
}

// Start restores the saved state.
func (d *deploymentTracker) Start(ctx context.Context, host component.Host) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	store, err := checkpoint.Open(ctx, host, d.config.Storage, component.KindExtension, d.id, checkpointVersion)
	if errors.Is(err, checkpoint.ErrDamaged) {
		d.damage = err
	} else if err != nil {
		return err
	}
	if d.restored, err = d.restore(ctx, store); err != nil {
		return errors.Join(err, store.Close(ctx))
	}
	d.host, d.store = host, store
	return nil
}

// Shutdown saves all records. They include when each instance was last seen, which is no change to save earlier.
func (d *deploymentTracker) Shutdown(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.store == nil {
		return nil
	}
	if err := d.write(ctx, true); err != nil {
		d.logger.Error("The state of deployments was not saved", zap.Error(err))
	}
	err := d.store.Close(ctx)
	d.store = nil
	return err
}

// Tracker implements [Source].
func (d *deploymentTracker) Tracker() *tracker.Tracker { return d.tracker }

// Changes implements [Source].
func (d *deploymentTracker) Changes() *changetracker.Tracker { return d.changes }

// Claim implements [Source].
func (d *deploymentTracker) Claim(ctx context.Context, connector component.ID) (*Claim, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.store == nil {
		return nil, fmt.Errorf("tracker: extension %q is not running", d.id)
	}
	if d.claimed != nil {
		return nil, fmt.Errorf("tracker: %q announces the deployments of %q already; name another extension, such as %q, or use %q in all pipelines",
			d.claimed, d.id, component.NewIDWithName(d.id.Type(), "other"), d.claimed)
	}
	if err := d.takeOver(ctx, connector); err != nil {
		return nil, err
	}
	d.claimed = &connector
	claim := &Claim{Unsent: d.unsent, Damage: d.damage, of: d}
	d.damage = nil // it is reported once
	return claim, nil
}

func (d *deploymentTracker) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.claimed = nil
}

func (d *deploymentTracker) save(ctx context.Context, unsent []deployment.Deployment) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unsent = unsent
	return d.write(ctx, false)
}
