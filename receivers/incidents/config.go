// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package incidents

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-sre/otelcol-sre/internal/baseurl"
)

// Config is the configuration of the incidents receiver.
type Config struct {
	// StatusPage is the status_page extension that knows the incidents. The default one may be missing: then there are none.
	StatusPage component.ID `mapstructure:"status_page"`
	// Interval is how often it looks for what is new.
	Interval time.Duration `mapstructure:"interval"`
	// PageURL is the address under which people reach the status page, for links.
	PageURL string `mapstructure:"page_url"`
	// Storage is the storage extension that keeps what was announced; without one, a restart announces open incidents again.
	Storage *component.ID `mapstructure:"storage"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

var defaultPage = component.MustNewID("status_page")

func createDefaultConfig() component.Config {
	return &Config{StatusPage: defaultPage, Interval: 15 * time.Second, PageURL: "http://localhost:8686"}
}

// Validate names each key that is wrong, and the fix.
func (c *Config) Validate() error {
	var errs []error
	if c.StatusPage.Type().String() == "" {
		errs = append(errs, errors.New("status_page: is empty; name the status_page extension"))
	}
	if c.Interval < time.Second {
		errs = append(errs, fmt.Errorf("interval: %v is too short; use 1s or more", c.Interval))
	}
	if _, err := baseurl.Parse(c.PageURL); err != nil {
		errs = append(errs, errors.New("page_url: is not a base URL without a password, query and fragment; set that of the status page, such as https://sre.example.com"))
	}
	return errors.Join(errs...)
}
