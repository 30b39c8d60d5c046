// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package ranges

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/otelcol-sre/otelcol-sre/alerts/backtest"
)

// Times are the flags --from, --to and --last.
type Times struct{ times backtest.Times }

// Flags adds the flags.
func (t *Times) Flags(flags *pflag.FlagSet) {
	flags.StringVar(&t.times.From, "from", "", "the beginning: a date, or a time such as 2026-10-01T08:00:00Z")
	flags.StringVar(&t.times.To, "to", "", "the end: a date, or a time (default now)")
	flags.StringVar(&t.times.Last, "last", "", "the time until the end, instead of --from, such as 30d (default 7d)")
}

// Bounds are the beginning and the end in UTC, in whole minutes.
func (t *Times) Bounds(now time.Time, most time.Duration) (from, to time.Time, err error) {
	return t.times.Bounds("--", now, most)
}
