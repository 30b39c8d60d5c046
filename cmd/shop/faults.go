package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Settings are what can be changed of a service while it runs.
type Settings struct {
	// Version and Environment are its service.version and deployment.environment.name.
	// Another value is a rollout: a new instance with a service.instance.id of its own.
	Version     string `json:"version"`
	Environment string `json:"environment"`
	// Latency is the mean time one request takes in the service itself; single requests
	// vary evenly between half and one and a half of it.
	Latency Duration `json:"latency"`
	// ErrorRate is the share of requests that fail, 0 to 1.
	ErrorRate float64 `json:"errorRate"`
}

const (
	maxLatency = time.Minute
	maxName    = 64
)

// Validate says which setting is out of bounds, and the bounds.
func (s Settings) Validate() error {
	return errors.Join(
		validName("version", s.Version),
		validName("environment", s.Environment),
		within("latency", time.Duration(s.Latency), 0, maxLatency),
		within("errorRate", s.ErrorRate, 0, 1),
	)
}

func validName(key, value string) error {
	unprintable := strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) })
	if value == "" || len(value) > maxName || unprintable {
		return fmt.Errorf("%s must be 1 to %d printable bytes", key, maxName)
	}
	return nil
}

func within[T time.Duration | float64](key string, value, low, high T) error {
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

var errInjected = errors.New("injected fault")

// faults decide which requests fail. The n-th decision of a service is the same in every
// run with the same seed and error rate, however requests interleave: it draws from a
// source of its own.
type faults struct {
	mu              sync.Mutex
	errors, latency *rand.Rand
}

func newFaults(seed uint64, service string) *faults {
	for _, c := range []byte(service) { // each service gets a source of its own
		seed = seed*31 + uint64(c)
	}
	return &faults{
		errors:  rand.New(rand.NewPCG(seed, 1)),
		latency: rand.New(rand.NewPCG(seed, 2)),
	}
}

// work takes the time that one request takes in the service, and fails if it is its turn.
func (f *faults) work(ctx context.Context, s Settings) error {
	f.mu.Lock()
	fails := f.errors.Float64() < s.ErrorRate
	takes := time.Duration(float64(s.Latency) * (0.5 + f.latency.Float64()))
	f.mu.Unlock()

	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(takes):
	}
	if fails {
		return errInjected
	}
	return nil
}
