// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package checks finds the synthetic checks of services that fail now.
package checks

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// A Source is the Prometheus that is asked.
type Source interface {
	Instant(ctx context.Context, query string) (model.Vector, error)
}

// A Failing is a check whose newest result at a location is a failure.
type Failing struct {
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Check       string `json:"check"`
	Location    string `json:"location"`
	// Step is the one in which it fails.
	Step string    `json:"step"`
	At   time.Time `json:"time"`
}

const (
	// lately is how far back results are looked for: twice the longest interval.
	lately = "2h"
	// maxListed bounds the answer.
	maxListed = 20
	maxName   = 64
)

// Of are the failing checks of those services that have checks, by name. Without any, nothing is asked.
func Of(ctx context.Context, source Source, n names.Names, services ...*catalog.Service) ([]Failing, error) {
	all := []Failing{}
	for _, s := range services {
		if s == nil || len(s.Checks) == 0 {
			continue
		}
		selected := n.CheckTime.With(n.Service.Equal(s.Name), n.Namespace.Equal(s.Namespace))
		answer, err := source.Instant(ctx, names.By("max", names.List(n.Environment, n.Check, n.CheckLocation, n.CheckOutcome, n.CheckStep), "last_over_time("+selected+"["+lately+"])"))
		if err != nil {
			return all, err
		}
		all = append(all, failing(answer, n, s)...)
	}
	slices.SortFunc(all, func(a, b Failing) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Check, b.Check), cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Location, b.Location))
	})
	return all[:min(len(all), maxListed)], nil
}

func failing(answer model.Vector, n names.Names, s *catalog.Service) (all []Failing) {
	type key struct{ environment, check, location string }
	newest := map[key]*model.Sample{}
	for _, sample := range answer {
		k := key{n.Environment.In(sample.Metric), n.Check.In(sample.Metric), n.CheckLocation.In(sample.Metric)}
		if other := newest[k]; other == nil || sample.Value > other.Value {
			newest[k] = sample
		}
	}
	for k, sample := range newest {
		known := slices.ContainsFunc(s.Checks, func(c catalog.Check) bool { return c.Name == k.check })
		if !known || n.CheckOutcome.In(sample.Metric) != semconv.CheckFailed {
			continue
		}
		all = append(all, Failing{
			Service: s.Name, Environment: words.Bounded(k.environment, maxName), Check: k.check, Location: words.Bounded(k.location, maxName),
			Step: words.Bounded(n.CheckStep.In(sample.Metric), maxName), At: time.UnixMilli(int64(float64(sample.Value) * 1000)).UTC(),
		})
	}
	return all
}
