// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package fleet has the state of every SLO: the objectives of the catalog, joined with data of Prometheus.
package fleet

import (
	"cmp"
	"math"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// Word is a state for people.
func Word(s semconv.State) string {
	switch s {
	case semconv.StateExhausted:
		return "Budget spent"
	case semconv.StateBurningFast:
		return "Burning fast"
	case semconv.StateBurningSlow:
		return "Burning slowly"
	case semconv.StateNoData:
		return "No data"
	case semconv.StateNew:
		return "New"
	case semconv.StateNeverSeen:
		return "Never seen"
	case semconv.StateOK:
		return "OK"
	case semconv.StateIdle:
		return "Idle"
	default:
		return "Unknown"
	}
}

// Icon identifies a state without its color.
func Icon(s semconv.State) string {
	switch s {
	case semconv.StateExhausted:
		return "✖"
	case semconv.StateBurningFast:
		return "▲"
	case semconv.StateBurningSlow:
		return "△"
	case semconv.StateNoData:
		return "∅"
	case semconv.StateNew:
		return "+"
	case semconv.StateNeverSeen:
		return "?"
	case semconv.StateOK:
		return "✔"
	case semconv.StateIdle:
		return "–"
	default:
		return "?"
	}
}

// A Key names an SLO in an environment.
type Key struct {
	Namespace   string `json:"namespace"`
	Service     string `json:"service"`
	SLO         string `json:"slo"`
	Environment string `json:"environment"`
}

// A Number is a value that may not be known.
type Number float64

// MarshalJSON writes null for unknown values; JSON has no NaN.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return marshal(f)
	}
	return []byte("null"), nil
}

// Known reports whether there is a value.
func (n Number) Known() bool { return !math.IsNaN(float64(n)) }

var unknown = Number(math.NaN())

// A Row is one SLO in one environment.
type Row struct {
	Key
	// Page is the URL path of the service.
	Page string `json:"page"`
	// Owner, Tier and Window are the catalog's; an SLO that it does not name has none.
	Owner  string `json:"owner"`
	Tier   int    `json:"tier"`
	Window string `json:"window"`
	// Proposed says that nobody has agreed to the SLO yet: it is the proposal of Defaults, and has no alerts.
	Proposed bool `json:"proposed"`
	// Counting is how events count now: those in maintenance, outside of operating hours or in a correction are excluded, or all good or bad.
	Counting catalog.Counting `json:"counting"`
	// Objective is a share.
	Objective Number        `json:"objective"`
	State     semconv.State `json:"state"`
	// Remaining is the remaining share of the error budget: 1 is all, below 0 is overspent.
	Remaining Number `json:"error_budget_remaining"`
	// Coverage is the share of the period that was measured.
	Coverage Number `json:"period_coverage"`
	// Burn is the burn rate of the last hour.
	Burn Number `json:"burn_rate"`
	// Exhaustion is the seconds until the budget is spent at this burn.
	Exhaustion Number `json:"error_budget_exhaustion_seconds"`
	// Firing are the alerts about it.
	Firing int `json:"alerts_firing"`

	// SLO and Of are the catalog's, if it names them.
	Promise *catalog.SLO     `json:"-"`
	Of      *catalog.Service `json:"-"`
}

// Worst orders by urgency.
func Worst(a, b *Row) int {
	return cmp.Or(
		a.health().Compare(b.health()),
		cmp.Compare(tier(a), tier(b)),
	)
}

func (r *Row) health() semconv.Health {
	return semconv.Health{State: r.State, BurnRate: float64(r.Burn), Remaining: float64(r.Remaining)}
}

// compare orders by names: the last word, so that equal rows do not change places.
func (k Key) compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Service, other.Service), cmp.Compare(k.Namespace, other.Namespace),
		cmp.Compare(k.SLO, other.SLO), cmp.Compare(k.Environment, other.Environment))
}

// ascending and descending put what is not known last.
func ascending(n Number) float64 {
	if !n.Known() {
		return math.Inf(1)
	}
	return float64(n)
}

func descending(n Number) float64 { return ascending(-n) }

func tier(r *Row) int {
	if r.Tier == 0 {
		return math.MaxInt
	}
	return r.Tier
}
