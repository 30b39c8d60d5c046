// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"math/big"
	"slices"
	"strconv"
	"time"
)

// A BurnPair is one multi-window burn-rate condition (Site Reliability Workbook, chapter 5):
// it holds when the burn rate over both windows is above Factor.
type BurnPair struct {
	// Name is the alert's name without its prefix: Critical, High, Medium, Low.
	Name        string
	Long, Short time.Duration
	// BudgetShare of the period's budget is gone after Long at Factor. The catalog sets one of the two.
	BudgetShare float64
	Factor      float64
	// For is how long the condition holds before it alerts.
	For time.Duration
	// Page is true for a page and false for a ticket.
	Page bool
	// Clamped: the Factor that follows from the budget share could never be reached, or
	// would fire on a service that meets its objective; it was adjusted.
	Clamped bool
}

const hour = time.Hour

// DefaultBurnPairs are the alert conditions before the objective and the window of an SLO, most urgent first.
var DefaultBurnPairs = []BurnPair{
	{Name: "Critical", Long: hour, Short: 5 * time.Minute, BudgetShare: 0.02, For: 2 * time.Minute, Page: true},
	{Name: "High", Long: 6 * hour, Short: 30 * time.Minute, BudgetShare: 0.05, For: 15 * time.Minute, Page: true},
	{Name: "Medium", Long: 24 * hour, Short: 2 * hour, BudgetShare: 0.1, For: hour},
	{Name: "Low", Long: 72 * hour, Short: 6 * hour, BudgetShare: 0.1, For: 3 * hour},
}

// BurnWindows are the windows burn rates are computed over, besides the SLO's own, shortest first.
var BurnWindows = []time.Duration{
	5 * time.Minute, 30 * time.Minute, hour, 2 * hour, 6 * hour, 24 * hour, 72 * hour,
}

// maxErrorRatio is the error ratio at which a clamped pair fires: a total outage passes it
// whatever the rounding.
const maxErrorRatio = 0.99

// BurnPairs are the SLO's alert conditions, most urgent first. Factor = budget share × period ÷
// long window. A factor below 1 is raised to 1; one that no error ratio can exceed
// (factor × (1 − objective) ≥ 1) is lowered so that a total outage still exceeds it.
func (s *SLO) BurnPairs() []BurnPair {
	period, budget := float64(s.Window.Nominal()), s.ErrorBudget()
	pairs := slices.Clone(s.pairs())
	for i := range pairs {
		p := &pairs[i]
		if p.BudgetShare > 0 {
			p.Factor = p.BudgetShare * period / float64(p.Long)
		} else {
			p.BudgetShare = p.Factor * float64(p.Long) / period
		}
		if p.Factor < 1 {
			p.Factor, p.Clamped = 1, true
		}
		if p.Factor*budget >= 1 {
			p.Factor, p.Clamped = maxErrorRatio/budget, true
		}
	}
	return pairs
}

// pairs are the conditions as the catalog has them: the SLO's, else the service's, else the default.
func (s *SLO) pairs() []BurnPair {
	for _, pairs := range [][]BurnPair{s.Alerts.Pairs, s.inherited} {
		if len(pairs) > 0 {
			return pairs
		}
	}
	return DefaultBurnPairs
}

// ErrorBudget is the share of events that may be bad, 1 − objective, rounded once from the
// exact decimal: 0.001 for 99.9, not 0.0009999999999999432.
func (s *SLO) ErrorBudget() float64 {
	f, _ := s.errorBudget().Float64()
	return f
}

// ObjectiveRatio is the objective as a share, rounded once from the exact decimal.
func (s *SLO) ObjectiveRatio() float64 {
	one := big.NewRat(1, 1)
	f, _ := one.Sub(one, s.errorBudget()).Float64()
	return f
}

func (s *SLO) errorBudget() *big.Rat {
	objective, ok := new(big.Rat).SetString(strconv.FormatFloat(s.Objective, 'f', -1, 64))
	if !ok { // not a number; the loader does not let it through
		return new(big.Rat)
	}
	budget := big.NewRat(100, 1)
	return budget.Sub(budget, objective).Quo(budget, big.NewRat(100, 1))
}
