// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/otelcol-sre/otelcol-sre/internal/admission"

	"go.opentelemetry.io/collector/component"
)

// defaultPollInterval is the longest way of a change into use where no file events arrive.
const defaultPollInterval = 10 * time.Second

// Config is the configuration of the service_catalog extension.
type Config struct {
	// Directory is a folder of catalog files, or a list of folders. confmap splits a
	// string at its commas, so one environment variable can name several.
	Directory []string `mapstructure:"directory"`
	// PollInterval is how often the folders are checked when the file system reports
	// no change. NFS never does.
	PollInterval time.Duration `mapstructure:"poll_interval"`
	// Admission bounds how many services, environments and versions clients can make.
	Admission admission.Limits `mapstructure:"admission"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

// Validate returns every invalid key with its fix. A folder that does not exist is
// not an error here: it may come later.
func (c *Config) Validate() error {
	var errs []error
	if len(c.Directory) == 0 {
		errs = append(errs, errors.New("directory: is missing; name the folder with the catalog files, or a list of folders"))
	}
	seen := make(map[string]bool, len(c.Directory))
	for i, directory := range c.Directory {
		clean := filepath.Clean(directory)
		switch {
		case directory == "":
			errs = append(errs, fmt.Errorf("directory[%d]: is empty; name a folder or remove the entry", i))
		case seen[clean]:
			errs = append(errs, fmt.Errorf("directory[%d]: %q is listed twice; remove one", i, directory))
		}
		seen[clean] = true
	}
	if c.PollInterval <= 0 {
		errs = append(errs, fmt.Errorf("poll_interval: %v is not positive; use a duration such as %v", c.PollInterval, defaultPollInterval))
	}
	return errors.Join(errs...)
}
