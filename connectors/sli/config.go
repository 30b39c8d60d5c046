// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/otelcol-sre/otelcol-sre/internal/attribution"
	"github.com/otelcol-sre/otelcol-sre/internal/judge"
)

// maxExemplars bounds what a series keeps between two flushes.
const maxExemplars = 100

// Config is the configuration of the sli connector.
type Config struct {
	// Catalog is the service_catalog extension that names the SLOs.
	Catalog component.ID `mapstructure:"catalog"`
	// FlushInterval is the time between two emissions of all counters.
	FlushInterval time.Duration `mapstructure:"flush_interval"`
	// Storage is the storage extension that keeps the counters over a restart; none keeps nothing.
	Storage *component.ID `mapstructure:"storage"`
	// MaxVersions is the maximum number of service.version values per service and environment;
	// further ones count as "other".
	MaxVersions int `mapstructure:"max_versions"`
	// MaxEnvironments is the maximum number of deployment.environment.name values per service that
	// the catalog does not list; further ones count as "other".
	MaxEnvironments int `mapstructure:"max_environments"`
	// Identity are attributes of where a service runs, some of judge.Places: what runs in two places has two series.
	Identity []string `mapstructure:"identity"`
	// MaxPlaces is the maximum number of them per service and environment; further ones count as "other".
	MaxPlaces int `mapstructure:"max_places"`
	// MaxStreams is how many streams of incoming metrics the metrics SLIs follow.
	MaxStreams int `mapstructure:"max_streams"`
	// SettleTimeout is how long an increase of one side of a metrics SLI (good, bad, total)
	// waits for the other side's points of the same time.
	SettleTimeout time.Duration `mapstructure:"settle_timeout"`
	// Exemplars is how many bad events a series shows as exemplars in one flush; 0 is none.
	Exemplars int `mapstructure:"exemplars"`
	// Journal keeps every request on disk before it is answered.
	Journal JournalConfig `mapstructure:"journal"`
	// Deduplicate recognizes events that are sent again.
	Deduplicate DeduplicateConfig `mapstructure:"deduplicate"`
	// LateAfter is the age from which an event is counted apart; 0 is never.
	LateAfter time.Duration `mapstructure:"late_after"`
	// FutureTolerance is how far an event may be ahead of the time; further ones are counted apart.
	FutureTolerance time.Duration `mapstructure:"future_tolerance"`
	// CorrelationAttribute is the span or log attribute that goes with an exemplar; "" is none.
	CorrelationAttribute string `mapstructure:"correlation_attribute"`
	// Ledger counts bad events by their attributes, for the slo processor; without it, nothing does.
	Ledger configoptional.Optional[LedgerConfig] `mapstructure:"ledger"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// JournalConfig says where the counts since the last checkpoint are kept.
type JournalConfig struct {
	// Directory is a folder of this connector alone; "" is no journal.
	Directory string `mapstructure:"directory"`

	_ struct{}
}

// DeduplicateConfig says how many events are remembered.
type DeduplicateConfig struct {
	// Window is how long an event is remembered at least; 0 is no deduplication.
	Window time.Duration `mapstructure:"window"`
	// MaxEvents is the maximum number of events in a window; with more of them the window is shorter.
	MaxEvents int `mapstructure:"max_events"`

	_ struct{}
}

// LedgerConfig says what the budget ledger counts.
type LedgerConfig struct {
	// Allow are attributes that are dimensions although they would be left out, and Deny are none in any case. An entry may begin or end with * for anything.
	Allow []string `mapstructure:"allow"`
	Deny  []string `mapstructure:"deny"`
	// MaxSLOs is the maximum number of SLOs, or groups, with a table in an environment; the bad events of further ones are in none.
	MaxSLOs int `mapstructure:"max_slos"`

	_ struct{}
}

// maxRemembered is the largest max_events: with it an event is wrongly dropped with probability 1.1e-11.
const maxRemembered = 100_000_000

var _ component.Config = (*Config)(nil)

// Validate names the invalid key and its fix.
func (c *Config) Validate() error {
	var errs []error
	if c.Catalog.Type().String() == "" {
		errs = append(errs, errors.New("catalog: is empty; name the service_catalog extension"))
	}
	atLeast := func(key string, value, least int) {
		if value < least {
			errs = append(errs, fmt.Errorf("%s: %d is too small; use %d or more", key, value, least))
		}
	}
	positive := func(key string, value time.Duration) {
		if value <= 0 {
			errs = append(errs, fmt.Errorf("%s: %v is not positive; use a duration such as 5s", key, value))
		}
	}
	positive("flush_interval", c.FlushInterval)
	positive("settle_timeout", c.SettleTimeout)
	atLeast("max_versions", c.MaxVersions, 1)
	atLeast("max_environments", c.MaxEnvironments, 1)
	atLeast("max_places", c.MaxPlaces, 1)
	atLeast("max_streams", c.MaxStreams, 1)
	for n, key := range c.Identity {
		if !slices.Contains(judge.Places[:], key) {
			errs = append(errs, fmt.Errorf("identity[%d]: %.60q is not known; use some of %q", n, key, judge.Places))
		}
	}
	notNegative := func(key string, value time.Duration, zero string) {
		if value < 0 {
			errs = append(errs, fmt.Errorf("%s: %v is negative; use a duration such as 5m, or 0 %s", key, value, zero))
		}
	}
	notNegative("deduplicate::window", c.Deduplicate.Window, "to count what is sent twice twice")
	notNegative("late_after", c.LateAfter, "to count late events like others")
	notNegative("future_tolerance", c.FutureTolerance, "for none")
	if n := c.Deduplicate.MaxEvents; c.Deduplicate.Window > 0 && (n < 1000 || n > maxRemembered) {
		errs = append(errs, fmt.Errorf("deduplicate::max_events: %d is out of range; use 1000 to %d", n, maxRemembered))
	}
	if c.Journal.Directory != "" && c.Storage == nil {
		errs = append(errs, errors.New("journal::directory: needs a checkpoint to continue from; set storage to a storage extension such as file_storage"))
	}
	if c.Ledger.HasValue() {
		l := c.Ledger.Get()
		atLeast("ledger::max_slos", l.MaxSLOs, 1)
		for _, list := range []struct {
			name     string
			patterns []string
		}{{"allow", l.Allow}, {"deny", l.Deny}} {
			for n, pattern := range list.patterns {
				if err := attribution.CheckPattern(pattern); err != nil {
					errs = append(errs, fmt.Errorf("ledger::%s[%d]: %w", list.name, n, err))
				}
			}
		}
	}
	if c.Exemplars < 0 || c.Exemplars > maxExemplars {
		errs = append(errs, fmt.Errorf("exemplars: %d is out of range; use 0 (none) to %d", c.Exemplars, maxExemplars))
	}
	return errors.Join(errs...)
}
