// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package judge says which events count for an SLO, and which of them are good, by the catalog's SLIs.
//
// It keeps no state: who counts, and who decides what to keep of a trace, judge alike. An event is a span, a log record
// or a data point. A rule carries the index of its SLO in the service's list.
package judge
