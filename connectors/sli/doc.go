// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package sli counts the good and bad events of every SLO in the service catalog.
//
// It is a connector from traces, logs and metrics to metrics. The instances of one component,
// one per signal, share one core: a registry of cumulative counters that is flushed as the metric
// slo.events. What counts and what is good comes from the catalog, compiled at every swap into
// rules that are read through an atomic pointer; the counters outlive the rules, so a swap
// loses nothing.
//
// A request of spans or logs is judged first, without a lock. Then it is committed as a whole: events that were seen before
// are left out, the rest goes into the journal and only then into the counters. A checkpoint and the journal after it are all counters.
package sli
