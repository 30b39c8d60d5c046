// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package slo

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
)

// Config is the configuration of the slo processor.
type Config struct {
	// Catalog is the service_catalog extension that says which SLOs there are.
	Catalog component.ID `mapstructure:"catalog"`
	// FlushInterval is how often gauges are emitted while they change.
	FlushInterval time.Duration `mapstructure:"flush_interval"`
	// Heartbeat is how often a gauge is emitted that does not change.
	Heartbeat time.Duration `mapstructure:"heartbeat"`
	// Storage is the storage extension that keeps the state; without one a restart starts from zero
	// from what the senders' counters hold.
	Storage *component.ID `mapstructure:"storage"`
	// CheckpointInterval is the longest that a change stays unsaved.
	CheckpointInterval time.Duration `mapstructure:"checkpoint_interval"`
	// StreamTTL is how long a sender's counter that has fallen silent is remembered, and
	// an SLO that has left the catalog.
	StreamTTL time.Duration `mapstructure:"stream_ttl"`
	// MaxStreamsPerSLO bounds the senders' counters that are followed for one SLO in one environment.
	MaxStreamsPerSLO int `mapstructure:"max_streams_per_slo"`
	// MaxEnvironments bounds the environments of an SLO whose service lists none in the catalog.
	MaxEnvironments int `mapstructure:"max_environments"`
	// Ownership says for which SLOs gauges are emitted: all of the catalog, or those whose counters arrive here.
	Ownership Ownership `mapstructure:"ownership"`
	// Peers are the collectors that share the counters; without it, an SLO that moves leaves its history behind.
	Peers configoptional.Optional[PeersConfig] `mapstructure:"peers"`
	// History is where the past of SLOs is read that were not followed here; without it, it counts as not known.
	History configoptional.Optional[HistoryConfig] `mapstructure:"history"`
	// Ledger bounds the tables of the budget ledger.
	Ledger LedgerConfig `mapstructure:"ledger"`
}

// LedgerConfig bounds the tables of the budget ledger, which say which requests spent the error budget.
type LedgerConfig struct {
	// MaxMiB is how much all of them take, MaxMiBPerSLO those of one SLO, or group, in one environment.
	MaxMiB       int `mapstructure:"max_mib"`
	MaxMiBPerSLO int `mapstructure:"max_mib_per_slo"`
}

// maxHeartbeat is the longest heartbeat: two of them can be lost before Prometheus forgets a series.
const maxHeartbeat = 100 * time.Second

func createDefaultConfig() component.Config {
	return &Config{
		Catalog:            component.MustNewID("service_catalog"),
		FlushInterval:      5 * time.Second,
		Heartbeat:          time.Minute,
		CheckpointInterval: time.Minute,
		StreamTTL:          24 * time.Hour,
		MaxStreamsPerSLO:   4096,
		MaxEnvironments:    20,
		Ownership:          Sole,
		Peers:              configoptional.Default(defaultPeers()),
		History:            configoptional.Default(defaultHistory()),
		Ledger:             LedgerConfig{MaxMiB: 64, MaxMiBPerSLO: 4},
	}
}

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	var errs []error
	fix := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	fix(c.Catalog == component.ID{}, "catalog: is empty; name the service_catalog extension")
	fix(c.FlushInterval < 100*time.Millisecond || c.FlushInterval > time.Hour,
		"flush_interval: is %v; set it from 100ms to 1h", c.FlushInterval)
	fix(c.Heartbeat < time.Second || c.Heartbeat > maxHeartbeat,
		"heartbeat: is %v; set it from 1s to %v, as Prometheus forgets a series after 5m", c.Heartbeat, maxHeartbeat)
	fix(c.CheckpointInterval < c.FlushInterval,
		"checkpoint_interval: is %v; set it to flush_interval (%v) or more", c.CheckpointInterval, c.FlushInterval)
	fix(c.StreamTTL < c.FlushInterval || c.StreamTTL < time.Minute,
		"stream_ttl: is %v; set it to 1m or more and not below flush_interval", c.StreamTTL)
	fix(c.MaxStreamsPerSLO < 2, "max_streams_per_slo: is %d; every sender needs two, one for each outcome", c.MaxStreamsPerSLO)
	fix(c.MaxEnvironments < 1, "max_environments: is %d; set it to 1 or more", c.MaxEnvironments)
	fix(c.Ownership != Sole && c.Ownership != Shared, "ownership: is %q; set it to sole or shared", c.Ownership)
	fix(c.Peers.HasValue() && c.Ownership == Sole, "peers: are only asked if ownership is shared; set it, or remove peers")
	fix(c.Ledger.MaxMiBPerSLO < 1 || c.Ledger.MaxMiBPerSLO > 1024, "ledger::max_mib_per_slo: is %d; set it from 1 to 1024", c.Ledger.MaxMiBPerSLO)
	fix(c.Ledger.MaxMiB < c.Ledger.MaxMiBPerSLO || c.Ledger.MaxMiB > 1<<20, "ledger::max_mib: is %d; set it to max_mib_per_slo (%d) or more, at most %d", c.Ledger.MaxMiB, c.Ledger.MaxMiBPerSLO, 1<<20)
	return errors.Join(errs...)
}
