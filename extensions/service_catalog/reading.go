// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"slices"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// A Reading is what became of the newest reading of the folders.
type Reading struct {
	// Time is when the folders were read, InUse when they last held the catalog in use. Both are
	// zero before the first reading.
	Time, InUse time.Time
	// Refused tells that there are errors and the catalog in use stays; Partial that there are
	// errors and the services without are in use.
	Refused, Partial bool
	// Errors and Warnings count all problems, also those that Source.Problems leaves out.
	Errors, Warnings int
}

// maxKept bounds the problems that are kept of one reading.
const maxKept = 100

// kept are the problems for those who ask: errors first, safe to print, and not too many.
func kept(failures, warnings catalog.Problems) catalog.Problems {
	all := slices.Concat(failures, warnings)
	all = all[:min(len(all), maxKept)]
	for i := range all {
		p := &all[i]
		p.File, p.Path, p.Message, p.Fix = printable(p.File), printable(p.Path), printable(p.Message), printable(p.Fix)
	}
	return slices.Clip(all)
}

// keep remembers a reading.
func (r *reporter) keep(now time.Time, o outcome, failures, warnings catalog.Problems) {
	next := newest{
		Reading: Reading{
			Time: now, InUse: now, Refused: o == refused, Partial: o == partial,
			Errors: len(failures), Warnings: len(warnings),
		},
		problems: kept(failures, warnings),
	}
	if o == refused {
		next.InUse = r.newest.Load().InUse
	}
	r.newest.Store(&next)
}

// newest is the newest reading with its problems.
type newest struct {
	Reading
	problems catalog.Problems
}
