// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

var errInjected = errors.New("injected fault")

// faults decide which requests fail. The n-th decision of a service is the same in every
// run with the same seed and error rate, however requests interleave: it draws from a
// source of its own.
type faults struct {
	mu              sync.Mutex
	errors, latency *rand.Rand
	flags           *rand.Rand // of what a feature flag breaks
}

func newFaults(seed uint64, service string) *faults {
	for _, c := range []byte(service) { // each service gets a source of its own
		seed = seed*31 + uint64(c)
	}
	return &faults{
		errors:  rand.New(rand.NewPCG(seed, 1)),
		latency: rand.New(rand.NewPCG(seed, 2)),
		flags:   rand.New(rand.NewPCG(seed, 3)),
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
