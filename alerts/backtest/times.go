// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"fmt"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/printable"
)

// Times are a beginning and an end, or a length until the end, as people write them; "" is the usual.
type Times struct{ From, To, Last string }

// usualLength is that of a time without a beginning and a length.
const usualLength = 7 * day

// maxTime bounds a text in an error.
const maxTime = 200

// Bounds are the beginning and the end in UTC, in whole minutes. The mark is put before the names of the texts in errors, such as -- for flags.
func (t *Times) Bounds(mark string, now time.Time, most time.Duration) (from, to time.Time, err error) {
	to = now
	if t.To != "" {
		if to, err = instant(mark+"to", t.To); err != nil {
			return from, to, err
		}
	}
	switch {
	case t.From != "" && t.Last != "":
		return from, to, fmt.Errorf("%[1]sfrom and %[1]slast are both set: write one of them", mark)
	case t.From != "":
		if from, err = instant(mark+"from", t.From); err != nil {
			return from, to, err
		}
	default:
		last := usualLength
		if t.Last != "" {
			if last, err = catalog.ParseDuration(t.Last); err != nil || last <= 0 {
				return from, to, fmt.Errorf("%slast %q is not a duration: write one such as 30d", mark, printable.Text(t.Last, maxTime))
			}
		}
		from = to.Add(-last)
	}
	from, to = from.UTC().Truncate(time.Minute), to.UTC().Truncate(time.Minute)
	switch {
	case to.After(now):
		return from, to, fmt.Errorf("%sto %s has not come yet: write a time in the past", mark, to.Format(time.RFC3339))
	case !from.Before(to):
		return from, to, fmt.Errorf("the time from %s to %s is empty: write a %sfrom before %[3]sto", from.Format(time.RFC3339), to.Format(time.RFC3339), mark)
	case to.Sub(from) > most:
		return from, to, fmt.Errorf("the time is longer than %s: write a later %sfrom, or a shorter %[2]slast", catalog.FormatDuration(most), mark)
	}
	return from, to, nil
}

func instant(name, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s %q is not a time: write a date such as 2026-10-01 (midnight in UTC), or a time with an offset such as 2026-10-01T08:00:00+02:00", name, printable.Text(text, maxTime))
}
