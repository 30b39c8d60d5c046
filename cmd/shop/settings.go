// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Settings are what can be changed of a service while it runs.
type Settings struct {
	// Version and Environment are its service.version and deployment.environment.name.
	// Another value is a rollout: each instance is replaced by a new one.
	Version     string `json:"version"`
	Environment string `json:"environment"`
	// Latency is the mean time one request takes in the service itself; single requests
	// vary evenly between half and one and a half of it.
	Latency Duration `json:"latency"`
	// ErrorRate is the share of requests that fail, 0 to 1.
	ErrorRate float64 `json:"errorRate"`
	// NewCardCheck is a feature flag that payment asks for with each charge, and reports as OpenTelemetry has it. The new check
	// is broken: half of the charges fail.
	NewCardCheck bool `json:"newCardCheck,omitempty"`
	// Instances take turns with the requests, and with the messages.
	Instances int `json:"instances"`
	// RolloutPause is the time between two replaced instances.
	RolloutPause Duration `json:"rolloutPause"`
	// Canary is nil while there is none. What it points to is never changed, only replaced.
	Canary *Canary `json:"canary,omitempty"`
}

// A Canary is one further instance, at a version of its own.
type Canary struct {
	Version string `json:"version"`
	// Share is that of the requests, and of the messages, that the canary takes.
	Share float64 `json:"share"`
	// ErrorRate and Latency are the service's when nil.
	ErrorRate *float64  `json:"errorRate,omitempty"`
	Latency   *Duration `json:"latency,omitempty"`
}

const (
	maxLatency   = time.Minute
	maxName      = 64
	maxInstances = 20
	maxPause     = 10 * time.Minute
	minShare     = 0.001
	maxShare     = 0.5
)

// Validate says which setting is out of bounds, and the bounds.
func (s Settings) Validate() error {
	return errors.Join(
		validName("version", s.Version),
		validName("environment", s.Environment),
		within("latency", time.Duration(s.Latency), 0, maxLatency),
		within("errorRate", s.ErrorRate, 0, 1),
		within("instances", s.Instances, 1, maxInstances),
		within("rolloutPause", time.Duration(s.RolloutPause), 0, maxPause),
		s.validCanary(),
	)
}

func (s Settings) validCanary() error {
	if s.Canary == nil {
		return nil
	}
	if s.Canary.Version == s.Version {
		return errors.New("canary.version is the service's own: must be another (null ends the canary)")
	}
	canary := s.ofCanary()
	return errors.Join(
		validName("canary.version", canary.Version),
		within("canary.share", s.Canary.Share, minShare, maxShare),
		within("canary.errorRate", canary.ErrorRate, 0, 1),
		within("canary.latency", time.Duration(canary.Latency), 0, maxLatency),
	)
}

// ofCanary are the settings that the canary runs with.
func (s Settings) ofCanary() Settings {
	s.Version = s.Canary.Version
	if s.Canary.ErrorRate != nil {
		s.ErrorRate = *s.Canary.ErrorRate
	}
	if s.Canary.Latency != nil {
		s.Latency = *s.Canary.Latency
	}
	return s
}

// clone shares nothing with s: JSON is decoded over it, also where it points to.
func (s Settings) clone() Settings {
	if s.Canary == nil {
		return s
	}
	canary := *s.Canary
	if canary.ErrorRate != nil {
		canary.ErrorRate = new(*canary.ErrorRate)
	}
	if canary.Latency != nil {
		canary.Latency = new(*canary.Latency)
	}
	s.Canary = &canary
	return s
}

func validName(key, value string) error {
	unprintable := strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) })
	if value == "" || len(value) > maxName || unprintable {
		return fmt.Errorf("%s must be 1 to %d printable bytes", key, maxName)
	}
	return nil
}

func within[T time.Duration | float64 | int](key string, value, low, high T) error {
	if value >= low && value <= high { // false for NaN
		return nil
	}
	return fmt.Errorf("%s is %v: must be from %v to %v", key, value, low, high)
}

// Duration is a time.Duration that reads and writes itself as 50ms.
type Duration time.Duration

// MarshalText writes d as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration can.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}
