// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployevent

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

var (
	accepted = metric.WithAttributes(attribute.String("result", "accepted"))
	rejected = metric.WithAttributes(attribute.String("result", "rejected"))
)

// observe lets internal telemetry read what the tracker counts.
func (c *core) observe() error {
	reason := func(name string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", name)))
	}
	services, versions, instances, invalid := reason("too_many_services"), reason("too_many_versions"), reason("too_many_instances"), reason("invalid")
	return errors.Join(
		c.telemetry.RegisterConnectorDeployeventServicesCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(c.tracker.Stats().Services)
			return nil
		}),
		c.telemetry.RegisterConnectorDeployeventDroppedCallback(func(_ context.Context, o metric.Int64Observer) error {
			s := c.tracker.Stats()
			o.Observe(s.EvictedServices, services)
			o.Observe(s.RefusedVersions, versions)
			o.Observe(s.RefusedInstances, instances)
			o.Observe(s.Invalid, invalid)
			return nil
		}))
}

// failed counts and reports that a stage has failed.
func (c *core) failed(ctx context.Context, stage, message string, err error) {
	c.telemetry.ConnectorDeployeventFailures.Add(ctx, 1, metric.WithAttributes(attribute.String("stage", stage)))
	c.health.Failed(time.Now(), stage, message, err)
}
