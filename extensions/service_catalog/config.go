package servicecatalog

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
)

// defaultPollInterval is a change's longest way into use where no file events arrive.
const defaultPollInterval = 10 * time.Second

// Config is the configuration of the service_catalog extension.
type Config struct {
	// Directory is the folder of catalog files, or a list of folders.
	Directory Directories `mapstructure:"directory"`
	// PollInterval is how often the folders are read again, whether or not the
	// file system has told of a change (NFS, for one, does not).
	PollInterval time.Duration `mapstructure:"poll_interval"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Directories is a list of folders that may be written as a single string.
type Directories []string

var (
	_ component.Config    = (*Config)(nil)
	_ confmap.Unmarshaler = (*Config)(nil)
)

// Unmarshal reads `directory` from a string or from a list of strings.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if one, ok := conf.Get("directory").(string); ok {
		if err := conf.Merge(confmap.NewFromStringMap(map[string]any{"directory": []any{one}})); err != nil {
			return fmt.Errorf("directory: %w", err)
		}
	}
	return conf.Unmarshal(c)
}

// Validate names the key that is wrong and the mend.
func (c *Config) Validate() error {
	var errs []error
	if len(c.Directory) == 0 {
		errs = append(errs, errors.New("directory: is missing; name the folder that holds the catalog files, or a list of folders"))
	}
	seen := make(map[string]bool, len(c.Directory))
	for i, dir := range c.Directory {
		switch {
		case dir == "":
			errs = append(errs, fmt.Errorf("directory[%d]: is empty; name a folder or remove the entry", i))
		case seen[dir]:
			errs = append(errs, fmt.Errorf("directory[%d]: %q is listed twice; remove one", i, dir))
		}
		seen[dir] = true
	}
	if c.PollInterval <= 0 {
		errs = append(errs, fmt.Errorf("poll_interval: %v is not positive; use a duration such as %v", c.PollInterval, defaultPollInterval))
	}
	return errors.Join(errs...)
}
