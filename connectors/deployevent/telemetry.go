package deployevent

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

// What failed.
const (
	stageSave    = "save"
	stageRestore = "restore"
	stageEmit    = "emit"
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

// trouble reports what the user has to know of.
func (c *core) trouble(ctx context.Context, stage, what string, err error) {
	c.telemetry.ConnectorDeployeventFailures.Add(ctx, 1, metric.WithAttributes(attribute.String("stage", stage)))
	c.logger.Error(what, zap.Error(err))
}
