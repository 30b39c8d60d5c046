// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"

	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
)

var errCardCheck = errors.New("new card check: no answer from the card network")

// asks evaluates a feature flag, and says so as an event of the span, with the attributes of the semantic conventions.
func (in *instance) asks(ctx context.Context, key string, of func(*Settings) bool) bool {
	in.service.mu.Lock()
	on := of(&in.settings)
	in.service.mu.Unlock()
	variant := "off"
	if on {
		variant = "on"
	}
	trace.SpanFromContext(ctx).AddEvent("feature_flag.evaluation", trace.WithAttributes(
		semconv.FeatureFlagKey(key), semconv.FeatureFlagProviderName("shop"), semconv.FeatureFlagResultVariant(variant)))
	return on
}

// brokenShare is the share of charges that the new card check breaks.
const brokenShare = 0.5

// refuses decides whether the new card check fails.
func (f *faults) refuses() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.flags.Float64() < brokenShare
}
