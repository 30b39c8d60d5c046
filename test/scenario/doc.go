// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package scenario tests alert rules over time: it simulates the events of an SLO (an outage at night,
// a replica that starts, a counter that is reset), evaluates the rules with Prometheus' own storage, query engine and
// rule groups, and computes the expected results from the raw events.
//
// Three parts meet in a test:
//
//   - a [Scenario] says what happened, in streams of events;
//   - [Run] writes what a scrape of these counters reads, and evaluates rule files over it;
//   - [Truth] counts the events themselves, without any PromQL.
//
// Weeks are affordable because only the part of a scenario that is watched runs rule group by rule
// group. For what lies before, recording rules that others read over a range are evaluated as one
// range query each, which gives the very samples that the groups would have written.
package scenario
