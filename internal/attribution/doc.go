// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package attribution is the budget ledger: which values of which attributes the bad events of an SLO have that its good ones have less often.
package attribution
