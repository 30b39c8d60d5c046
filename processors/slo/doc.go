// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package slo is the slo processor: it adds up the slo.events counters of every sender and says, on
// its own clock, how fast each SLO spends its error budget and how much of it is left.
//
// Counters add up across agents, restarts and replicas; ratios do not. So senders count, and
// ratios are computed here, where all counters of an SLO meet. What is kept of an SLO is its
// totals at boundaries in time (see ring), never single events, so its size does not grow with traffic.
package slo
