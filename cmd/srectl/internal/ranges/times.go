// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package ranges

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Times are the flags --from, --to and --last.
type Times struct{ from, to, last string }

// Flags adds the flags.
func (t *Times) Flags(flags *pflag.FlagSet) {
	flags.StringVar(&t.from, "from", "", "the beginning: a date, or a time such as 2026-10-01T08:00:00Z")
	flags.StringVar(&t.to, "to", "", "the end: a date, or a time (default now)")
	flags.StringVar(&t.last, "last", "", "the time until the end, instead of --from, such as 30d (default 7d)")
}

// Bounds are the beginning and the end in UTC, in whole minutes.
func (t *Times) Bounds(now time.Time, most time.Duration) (from, to time.Time, err error) {
	to = now
	if t.to != "" {
		if to, err = instant("to", t.to); err != nil {
			return from, to, err
		}
	}
	switch {
	case t.from != "" && t.last != "":
		return from, to, errors.New("--from and --last are both set: write one of them")
	case t.from != "":
		if from, err = instant("from", t.from); err != nil {
			return from, to, err
		}
	default:
		last := 7 * 24 * time.Hour
		if t.last != "" {
			if last, err = catalog.ParseDuration(t.last); err != nil || last <= 0 {
				return from, to, fmt.Errorf("--last %q is not a duration: write one such as 30d", t.last)
			}
		}
		from = to.Add(-last)
	}
	from, to = from.UTC().Truncate(time.Minute), to.UTC().Truncate(time.Minute)
	switch {
	case to.After(now):
		return from, to, fmt.Errorf("--to %s has not come yet: write a time in the past", to.Format(time.RFC3339))
	case !from.Before(to):
		return from, to, fmt.Errorf("the time from %s to %s is empty: write a --from before --to", from.Format(time.RFC3339), to.Format(time.RFC3339))
	case to.Sub(from) > most:
		return from, to, fmt.Errorf("the time is longer than %s: write a later --from, or a shorter --last", catalog.FormatDuration(most))
	}
	return from, to, nil
}

func instant(flag, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("--%s %q is not a time: write a date such as 2026-10-01 (midnight in UTC), or a time with an offset such as 2026-10-01T08:00:00+02:00", flag, text)
}
