// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deploymenttracker

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"

	changetracker "github.com/otelcol-sre/otelcol-sre/internal/change/tracker"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/tracker"
)

// A Source gives components the tracker of a deployment_tracker extension.
type Source interface {
	// Tracker returns the tracker. It is the same one for as long as the extension runs.
	Tracker() *tracker.Tracker
	// Changes returns the tracker of changes that are no deployments.
	Changes() *changetracker.Tracker
	// Claim gives the connector the right to take what is due from the tracker and to announce it. One connector has
	// it at a time, so that each deployment is announced once.
	Claim(ctx context.Context, connector component.ID) (*Claim, error)
}

// A Claim is a connector's right to announce deployments.
type Claim struct {
	// Unsent are the deployments that the connector could not announce before the last restart.
	Unsent []deployment.Deployment
	// Damage says which part of the saved state could not be read; nil if there is none. Damaged records are set aside.
	Damage error

	of *deploymentTracker
}

// Save saves what has changed in the tracker, and unsent: the deployments that could not be announced. Call it after
// what [tracker.Tracker.Due] returned was announced or added to unsent.
func (c *Claim) Save(ctx context.Context, unsent []deployment.Deployment) error {
	return c.of.save(ctx, unsent)
}

// Release gives the claim back.
func (c *Claim) Release() { c.of.release() }

// Find returns the deployment_tracker extension that the configuration key `tracker` names.
func Find(host component.Host, id component.ID) (Source, error) {
	found, ok := host.GetExtensions()[id]
	if !ok {
		return nil, fmt.Errorf("tracker: no extension %q is running; add it to extensions and service::extensions, or name the one that is there", id)
	}
	source, ok := found.(Source)
	if !ok {
		return nil, fmt.Errorf("tracker: extension %q is not a deployment tracker; name an extension of type deployment_tracker", id)
	}
	return source, nil
}
