// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package backtest replays the rules of a catalog over a time that has passed: the budgets at its end, each alert that would have fired, and the
// objectives that would have been kept. `srectl backtest` and the status page answer with it.
package backtest

import "github.com/otelcol-sre/otelcol-sre/internal/replay"

// A Source has the past.
type Source interface {
	replay.Source
	// Asks reports whether any query can be asked, not only about the events of SLOs.
	Asks() bool
}
