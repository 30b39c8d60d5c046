// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"time"
)

// A Budgeting says what an error budget is a share of: of events, or of slices of time. The zero value is events.
type Budgeting struct {
	Method BudgetingMethod
	// Slice is the length of a slice.
	Slice time.Duration
	// Target is the percentage of a slice's events that must be good for the slice to be good.
	Target float64
}

// BudgetingMethod is a way to count a budget.
type BudgetingMethod string

const (
	// Occurrences counts events: a busy hour weighs more than a quiet one.
	Occurrences BudgetingMethod = ""
	// TimeSlices counts slices of time, each of which is good or bad.
	TimeSlices BudgetingMethod = "timeslices"
	// RatioTimeSlices is the mean of the shares of bad events in slices of time: each slice weighs the same.
	RatioTimeSlices BudgetingMethod = "ratioTimeslices"
)

const defaultSlice = time.Minute

var budgetingShape = object([]member[Budgeting]{
	need("method", "timeslices: each slice of time is good or bad. ratioTimeslices: the mean of the error ratios of the slices.", oneOf(TimeSlices, RatioTimeSlices), func(b *Budgeting) *BudgetingMethod { return &b.Method }),
	may("slice", "The length of a slice. Rates need at least two samples in it.", duration(checkSlice), func(b *Budgeting) *time.Duration { return &b.Slice }, defaultSlice),
	may("target", "The percentage of good events from which a slice is good. Only with timeslices.", objective, func(b *Budgeting) *float64 { return &b.Target }, 0),
}, soundSlices)

func checkSlice(d time.Duration) (string, string) {
	if d < time.Minute || d > time.Hour || d%time.Minute != 0 {
		return "is not a slice", "write full minutes, 1m to 1h: the rules are evaluated once a minute"
	}
	return "", ""
}

func soundSlices(r *reader, at place, b *Budgeting) {
	switch {
	case b.Method == TimeSlices && b.Target == 0:
		r.problem(at.key("target"), "is missing", "add the percentage of good events from which a slice is good, such as target: 95")
	case b.Method == RatioTimeSlices && b.Target != 0:
		r.problem(at.key("target"), "has no effect with ratioTimeslices", "delete it, or write method: timeslices")
	}
}

// slicesOfCollector refuses slices that the collector cannot cut out of its hours.
func slicesOfCollector(r *reader, at place, s *SLO) {
	if b := s.Budgeting; b.Method != Occurrences && s.SLI.Prometheus == nil && b.Slice > 0 && time.Hour%b.Slice != 0 {
		r.problem(at.key("budgeting", "slice"), FormatDuration(b.Slice)+" is no part of an hour, of which the collector keeps the minutes", "write 1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m or 1h")
	}
}
