package deploymarker

import (
	"errors"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the deploymarker processor.
type Config struct {
	// DeployEvent is the deployevent connector whose tracker is asked.
	DeployEvent component.ID `mapstructure:"deployevent"`
	// Metrics says whether the resources of metrics are stamped too. Every deployment makes new series of
	// all metrics of its service then.
	Metrics bool `mapstructure:"metrics"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

// Validate names the key that is wrong and the mend.
func (c *Config) Validate() error {
	if c.DeployEvent.Type().String() == "" {
		return errors.New("deployevent: is empty; name the deployevent connector")
	}
	return nil
}
