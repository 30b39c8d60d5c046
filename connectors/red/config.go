// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package red

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the red connector.
type Config struct {
	// Catalog is the service_catalog extension that says which services are known.
	Catalog component.ID `mapstructure:"catalog"`
	// FlushInterval is the time between two emissions of all series.
	FlushInterval time.Duration `mapstructure:"flush_interval"`
	// Expiration is how long a series must not have changed before it ends.
	Expiration time.Duration `mapstructure:"expiration"`
	// Buckets are the upper bounds of the durations of spans.
	Buckets []time.Duration `mapstructure:"buckets"`
	// MaxSeries is how many series (identity × span kind × status) services have that the catalog does not name.
	MaxSeries int `mapstructure:"max_series"`
	// MaxEdges is how many edges the graph has that do not connect two services of the catalog.
	MaxEdges int `mapstructure:"max_edges"`
	// Pairing is how the two spans of a call find each other.
	Pairing Pairing `mapstructure:"pairing"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Pairing is how the spans of a call, that of the client and that of the server, find each other.
type Pairing struct {
	// TTL is how long a span waits for the other one.
	TTL time.Duration `mapstructure:"ttl"`
	// MaxSpans is how many spans wait at once.
	MaxSpans int `mapstructure:"max_spans"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

func createDefaultConfig() component.Config {
	const ms = time.Millisecond
	return &Config{
		Catalog:       component.MustNewID("service_catalog"),
		FlushInterval: 15 * time.Second,
		Expiration:    time.Hour,
		Buckets: []time.Duration{
			5 * ms, 10 * ms, 25 * ms, 50 * ms, 75 * ms, 100 * ms, 150 * ms, 250 * ms, 400 * ms, 600 * ms,
			time.Second, 2500 * ms, 5 * time.Second, 10 * time.Second, 30 * time.Second,
		},
		MaxSeries: 1000,
		MaxEdges:  200,
		Pairing:   Pairing{TTL: 10 * time.Second, MaxSpans: 50_000},
	}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	if c.Catalog.Type().String() == "" {
		errs = append(errs, errors.New("catalog: is empty; name the service_catalog extension"))
	}
	for _, key := range []struct {
		name  string
		value time.Duration
	}{{"flush_interval", c.FlushInterval}, {"expiration", c.Expiration}, {"pairing::ttl", c.Pairing.TTL}} {
		if key.value <= 0 {
			errs = append(errs, fmt.Errorf("%s: %v is not positive; use a duration such as 15s", key.name, key.value))
		}
	}
	for _, key := range []struct {
		name  string
		value int
	}{{"max_series", c.MaxSeries}, {"max_edges", c.MaxEdges}, {"pairing::max_spans", c.Pairing.MaxSpans}} {
		if key.value < 1 {
			errs = append(errs, fmt.Errorf("%s: %d is too small; use 1 or more", key.name, key.value))
		}
	}
	if len(c.Buckets) == 0 || c.Buckets[0] <= 0 || !slices.IsSorted(c.Buckets) || len(slices.Compact(slices.Clone(c.Buckets))) != len(c.Buckets) {
		errs = append(errs, errors.New("buckets: are not durations that rise; use a list such as [10ms, 100ms, 1s]"))
	}
	return errors.Join(errs...)
}
