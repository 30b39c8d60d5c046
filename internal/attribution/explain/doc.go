// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package explain says which attributes explain the bad events of an SLO, from the tables of its ledger.
package explain
