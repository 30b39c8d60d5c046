// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package queuestorage

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
)

// Config is the configuration of the queue_storage extension.
type Config struct {
	// Directory has a folder for each queue.
	Directory string `mapstructure:"directory"`
	// SegmentBytes is the size at which a file is complete, and the next one begins.
	SegmentBytes int64 `mapstructure:"segment_bytes"`
	// CacheBytes of the newest values of each queue are in memory, so that a queue that is not long is not read from the disk.
	CacheBytes int64 `mapstructure:"cache_bytes"`
	// Fsync waits for the disk at each append, so that not even a loss of power loses anything.
	Fsync bool `mapstructure:"fsync"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

func createDefaultConfig() component.Config {
	return &Config{Directory: "/var/lib/otelcol-sre/queues", SegmentBytes: 16 << 20, CacheBytes: 8 << 20}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	if c.Directory == "" {
		errs = append(errs, errors.New("directory: is empty; name a folder that this collector alone uses"))
	}
	if c.SegmentBytes < 1<<16 || c.SegmentBytes > 1<<30 {
		errs = append(errs, fmt.Errorf("segment_bytes: is %d; set it to 65536 (64 KiB) to 1073741824 (1 GiB)", c.SegmentBytes))
	}
	if c.CacheBytes < 0 {
		errs = append(errs, fmt.Errorf("cache_bytes: is %d; set it to 0 (no cache) or more", c.CacheBytes))
	}
	return errors.Join(errs...)
}
