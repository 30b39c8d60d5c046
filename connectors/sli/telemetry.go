// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package sli

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-sre/otelcol-sre/connectors/sli/internal/metadata"
)

// Why an event is in neither outcome.
const (
	// reasonConditionError: an OTTL condition failed on it.
	reasonConditionError = "condition_error"
	// reasonNoDuration: the span ends before it starts, or has no start.
	reasonNoDuration = "no_duration"
	// reasonNotACounter: the data point is of a kind or temporality that does not count events.
	reasonNotACounter = "not_a_counter"
	// reasonThreshold: the threshold is no bound of the histogram's buckets.
	reasonThreshold = "threshold_not_a_bound"
	// reasonUnit: the threshold is a duration, the metric's unit is not.
	reasonUnit = "threshold_unit"
	// reasonStreams: max_streams are followed already.
	reasonStreams = "too_many_streams"
	// reasonRegressed: a cumulative value fell without a restart.
	reasonRegressed = "regressed"
	// reasonInvalidPoint: no time, or no finite value of 0 or more.
	reasonInvalidPoint = "invalid_point"
)

// Reasons for counting an event with an adjustment.
const (
	// reasonTracestate: the sampling threshold cannot be read; the span counts once.
	reasonTracestate = "malformed_tracestate"
	// reasonWeightCapped: the span claims to represent more than adjusted.Max spans.
	reasonWeightCapped = "weight_capped"
	// reasonVersionOverflow: max_versions; it counts under "other".
	reasonVersionOverflow = "version_overflow"
	// reasonEnvironmentOverflow: max_environments; it counts under "other".
	reasonEnvironmentOverflow = "environment_overflow"
	// reasonPlaceOverflow: max_places; it counts under "other".
	reasonPlaceOverflow = "place_overflow"
	// reasonGroupOverflow: maxGroups of the SLO; it counts in the group of all others.
	reasonGroupOverflow = "group_overflow"
	// reasonPartExceedsTotal: more good (or bad) events than there were in total.
	reasonPartExceedsTotal = "good_exceeds_total"
	// reasonTimeout: the good (or bad) events of a total did not come in time.
	reasonTimeout = "settled_by_timeout"
)

// telemetry is what the connector says of itself.
type telemetry struct{ builder *metadata.TelemetryBuilder }

func newTelemetry(set component.TelemetrySettings) (telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set)
	return telemetry{builder}, err
}

// attributes names the SLO, if the remark is about one.
func (r remark) attributes() metric.MeasurementOption {
	if r.slo == "" {
		return metric.WithAttributes(attribute.String("reason", r.reason))
	}
	service := r.service.name
	if r.service.namespace != "" {
		service = r.service.namespace + "/" + service
	}
	return metric.WithAttributes(attribute.String("reason", r.reason), attribute.String("service", service), attribute.String("slo", r.slo))
}

func (t telemetry) fail(ctx context.Context, stage string) {
	t.builder.ConnectorSliFlushFailures.Add(ctx, 1, metric.WithAttributes(attribute.String("stage", stage)))
}

// report reports the remarks and forgets them.
func (t telemetry) report(ctx context.Context, r *remarks) {
	for about, n := range r.dropped {
		t.builder.ConnectorSliEventsDropped.Add(ctx, n, about.attributes())
	}
	for about, n := range r.adjusted {
		t.builder.ConnectorSliEventsAdjusted.Add(ctx, n, about.attributes())
	}
	clear(r.dropped)
	clear(r.adjusted)
	r.exceeded = r.exceeded[:0]
}
