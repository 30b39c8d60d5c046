// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package tracesampler

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the trace_sampler processor.
type Config struct {
	// Catalog is the service_catalog extension whose SLOs say which events are bad.
	Catalog component.ID `mapstructure:"catalog"`
	// Wait is how long a span is held in case that its trace turns bad.
	Wait time.Duration `mapstructure:"wait"`
	// MaxBytes is the size of all spans that are held, encoded as OTLP. When it is reached, the oldest are decided early.
	MaxBytes int64 `mapstructure:"max_bytes"`
	// Keep are OTTL conditions on spans: a trace with a span that meets one of them is kept.
	Keep []string `mapstructure:"keep"`
	// Percentage of the traces that nothing else keeps, 0 to 100.
	Percentage float64 `mapstructure:"percentage"`
	// MinTracesPerSecond are kept of each service, even if Percentage would keep fewer.
	MinTracesPerSecond float64 `mapstructure:"min_traces_per_second"`
	// MaxSpansPerSecond of each service are kept by Percentage; 0 is any number.
	MaxSpansPerSecond float64 `mapstructure:"max_spans_per_second"`
	// Storage is the storage extension that has the held spans while the collector restarts. Without one they are decided at shutdown.
	Storage *component.ID `mapstructure:"storage"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

func createDefaultConfig() component.Config {
	return &Config{
		Catalog: component.MustNewID("service_catalog"), Wait: 10 * time.Second, MaxBytes: 128 << 20,
		Percentage: 10, MinTracesPerSecond: 0.1, MaxSpansPerSecond: 2000,
	}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	if c.Catalog.Type().String() == "" {
		errs = append(errs, errors.New("catalog: is empty; name the service_catalog extension"))
	}
	if c.Wait < 100*time.Millisecond || c.Wait > 5*time.Minute {
		errs = append(errs, fmt.Errorf("wait: is %s; set it to 100ms to 5m", c.Wait))
	}
	if c.MaxBytes < 1<<20 {
		errs = append(errs, fmt.Errorf("max_bytes: is %d; set it to 1048576 (1 MiB) or more", c.MaxBytes))
	}
	if !(c.Percentage >= 0 && c.Percentage <= 100) {
		errs = append(errs, fmt.Errorf("percentage: is %v; set it to 0 to 100", c.Percentage))
	}
	if !(c.MinTracesPerSecond >= 0) {
		errs = append(errs, fmt.Errorf("min_traces_per_second: is %v; set it to 0 or more", c.MinTracesPerSecond))
	}
	if !(c.MaxSpansPerSecond >= 0) {
		errs = append(errs, fmt.Errorf("max_spans_per_second: is %v; set it to 0 (any number) or more", c.MaxSpansPerSecond))
	}
	if len(c.Keep) > 0 {
		if _, err := compile(c.Keep, component.TelemetrySettings{Logger: nop}); err != nil {
			errs = append(errs, fmt.Errorf("keep: %w", err))
		}
	}
	return errors.Join(errs...)
}
