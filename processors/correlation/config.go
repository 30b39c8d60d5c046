// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package correlation

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Values of the keys that name a choice.
const (
	generateTraceID = "trace_id"
	generateUUIDv7  = "uuidv7"
	generateNone    = "none"

	invalidDrop = "drop"
	invalidHash = "hash"

	conflictFirst = "first"
	conflictRoot  = "root"
	conflictKeep  = "keep"
)

// Bounds of what can be configured.
const (
	maxSources  = 64
	longestID   = 1024
	minHashKey  = 16
	largestBody = 1 << 20
	longestWait = time.Minute
	mostTraces  = 1024
)

// Config is the configuration of the correlation processor.
type Config struct {
	// Attribute is where the ID is written, and the first place where it is looked for.
	Attribute string `mapstructure:"attribute"`
	// Sources are where IDs are looked for, the best first. A list replaces the default one.
	Sources []Source `mapstructure:"sources"`
	// Generate is what an item of a trace without an ID gets: trace_id, uuidv7 or none.
	Generate string `mapstructure:"generate"`
	// MaxLength is the longest ID in bytes.
	MaxLength int `mapstructure:"max_length"`
	// LowerCase makes IDs lower-case, for senders that disagree about it.
	LowerCase bool `mapstructure:"lower_case"`
	// OnInvalid is what becomes of a value that is too long or has other characters than an ID
	// may have: drop or hash.
	OnInvalid string `mapstructure:"on_invalid"`
	// HashKey, if it is set, makes every ID its keyed hash (HMAC-SHA256), for IDs that are personal data.
	HashKey configopaque.String `mapstructure:"hash_key"`
	// MaxBody is how many bytes of a log body are searched.
	MaxBody int `mapstructure:"max_body"`
	// TraceContext gives log records without a trace ID the one in their attributes or body.
	TraceContext bool `mapstructure:"trace_context"`
	// OnConflict decides between two IDs of one trace: first, root or keep.
	OnConflict string `mapstructure:"on_conflict"`
	// MaxTraces is how many traces may show one ID within the time that they are remembered. An ID of more is not that of a request.
	MaxTraces int `mapstructure:"max_traces"`
	// MaxEntries bounds the state: the traces that are remembered, and as many IDs for the way back.
	MaxEntries int `mapstructure:"max_entries"`
	// MaxBytes bounds the state's estimated size in bytes.
	MaxBytes int `mapstructure:"max_bytes"`
	// TTL is how long a trace is remembered after it was last seen.
	TTL time.Duration `mapstructure:"ttl"`
	// Wait is how long spans and log records without an ID are held back for their trace to show one.
	// 0 is not at all.
	Wait time.Duration `mapstructure:"wait"`
	// After is the correlation that all items have passed just before, in the same collector. Both have one state, and this one looks only at what the other
	// has left open.
	After *component.ID `mapstructure:"after"`
	// MaxWaitBytes bounds the encoded size of what is held back, all pipelines together.
	MaxWaitBytes int `mapstructure:"max_wait_bytes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

func createDefaultConfig() component.Config {
	return &Config{
		Attribute:    semconv.CorrelationID,
		Sources:      defaultSources(),
		Generate:     generateTraceID,
		MaxLength:    128,
		OnInvalid:    invalidDrop,
		MaxBody:      8 << 10,
		TraceContext: true,
		OnConflict:   conflictFirst,
		MaxTraces:    16,
		MaxEntries:   100_000,
		MaxBytes:     64 << 20,
		TTL:          10 * time.Minute,
		MaxWaitBytes: 32 << 20,
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
	choice := func(key, value string, choices ...string) {
		if slices.Contains(choices, value) {
			return
		}
		errs = append(errs, fmt.Errorf("%s: is %.100q; use one of %q", key, value, choices))
	}
	fix(c.Attribute == "", "attribute: is empty; name the attribute that the ID is written to, such as correlation.id")
	fix(c.Attribute == semconv.CorrelationConflict, "attribute: %s is reserved for conflicting IDs; use another one", semconv.CorrelationConflict)
	fix(len(c.Sources) > maxSources, "sources: has %d entries; use %d or fewer", len(c.Sources), maxSources)
	choice("generate", c.Generate, generateTraceID, generateUUIDv7, generateNone)
	fix(c.MaxLength < hashLength || c.MaxLength > longestID,
		"max_length: is %d; set it from %d (the length of a trace ID and of a hash) to %d", c.MaxLength, hashLength, longestID)
	choice("on_invalid", c.OnInvalid, invalidDrop, invalidHash)
	fix(c.HashKey != "" && len(c.HashKey) < minHashKey, "hash_key: is shorter than %d bytes and can be guessed; use a random one", minHashKey)
	fix(c.MaxBody < 0 || c.MaxBody > largestBody, "max_body: is %d; set it from 0 (bodies are not searched) to %d", c.MaxBody, largestBody)
	choice("on_conflict", c.OnConflict, conflictFirst, conflictRoot, conflictKeep)
	fix(c.MaxTraces < 1 || c.MaxTraces > mostTraces, "max_traces: is %d; set it from 1 to %d", c.MaxTraces, mostTraces)
	fix(c.MaxEntries < shards, "max_entries: is %d; set it to %d or more", c.MaxEntries, shards)
	fix(c.MaxBytes < shards*largestEntry, "max_bytes: is %d; set it to %d or more", c.MaxBytes, shards*largestEntry)
	fix(c.TTL < time.Second, "ttl: is %v; set it to 1s or more", c.TTL)
	fix(c.Wait < 0 || c.Wait > longestWait, "wait: is %v; set it from 0s (items do not wait) to %v", c.Wait, longestWait)
	fix(c.MaxWaitBytes < 1, "max_wait_bytes: is %d; set it to 1 or more, or wait to 0s", c.MaxWaitBytes)
	for i := range c.Sources {
		if err := c.Sources[i].validate(); err != nil {
			errs = append(errs, fmt.Errorf("sources[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}
