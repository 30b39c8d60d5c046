// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// A Version is one that runs or ran.
type Version struct {
	Version   string    `json:"version"`
	Status    string    `json:"status"`
	Revision  string    `json:"revision"`
	Since     time.Time `json:"since"`
	Instances int       `json:"instances"`
	// Deployed is false for the version that ran when the collector first received telemetry of the service.
	Deployed bool `json:"-"`

	// Previous is the version before.
	Previous string `json:"previous"`
	deployment.Facts

	// Rate, Failed and Slowest are requests per second, the share of them that failed and the 95th percentile of their duration in
	// milliseconds, in the time range. NaN is not known.
	Rate    fleet.Number `json:"rate"`
	Failed  fleet.Number `json:"failed_share"`
	Slowest fleet.Number `json:"p95_milliseconds"`

	// Odds are the evidence that it fails more often than the others, to 1, of the SLO with the most; NaN for a version that is
	// older than an hour, or if the rules are not loaded. Over 100 times the number of SLOs, it is worse.
	Odds fleet.Number `json:"odds_of_worse"`

	// Verdict is nil if there were no failures to compare, for a version that is older than a day, or if the rules are not loaded.
	Verdict *Verdict `json:"verdict"`

	// Return says that it is the version to return to from the newest one, and Command how. Who knows what was rolled back sets them.
	Return  bool   `json:"return_to"`
	Command string `json:"return_command"`
}

// maxVersions bounds the versions of the page, the newest first.
const maxVersions = 20

// lately is how far back versions are listed that do not run any more, if Prometheus has them.
const lately = "30d"

func (l *loader) askVersions() ([]Version, error) {
	n := l.names
	by := names.List(n.Version, n.Status, n.Revision)
	latest := func(series string) string { return "last_over_time(" + series + "[" + lately + "])" }
	var failed error
	ask := func(query string) model.Vector {
		if failed != nil {
			return nil
		}
		answer, err := l.source.Instant(l.context, query)
		failed = err
		return answer
	}
	started := ask(names.By("max", by, l.of(n.Start)))
	before := ask(names.By("max", by, latest(l.of(n.Start))))
	running := ask(names.By("sum", n.Version.String(), l.of(n.Instances)))
	earliest := ask("min(min_over_time(" + l.of(n.Start) + "[" + lately + "]))")
	facts := ask(names.By("max", names.List(n.Version, n.Revision, n.Previous, n.Compare, n.Repository, n.Change, n.Run, n.Actor, n.Tickets), latest(l.of(n.Info))))
	gates := ask(names.By("max", names.List(n.Version, n.GateVerdict, n.GateReason), latest(l.of(n.Gated))))
	odds := ask(names.By("max", names.Recorded().Version.String(), l.recorded(names.RecordedEvidence)))
	verdicts := l.askVerdicts(ask)
	if failed != nil {
		return nil, failed
	}
	first := math.Inf(1)
	for _, s := range earliest {
		first = float64(s.Value)
	}
	all := map[string]*Version{}
	for _, statuses := range []model.Vector{before, started} { // what is said now comes before what was said
		newest := map[string]*Version{}
		for _, s := range statuses {
			v := &Version{
				Version: n.Version.In(s.Metric), Status: n.Status.In(s.Metric), Revision: words.Bounded(n.Revision.In(s.Metric), 64),
				Since:    time.UnixMilli(int64(float64(s.Value) * 1000)).UTC(),
				Deployed: float64(s.Value) > first, Rate: fleet.Number(math.NaN()), Failed: fleet.Number(math.NaN()), Slowest: fleet.Number(math.NaN()), Odds: fleet.Number(math.NaN()),
			}
			if other := newest[v.Version]; other == nil || v.Since.After(other.Since) {
				newest[v.Version] = v
			}
		}
		maps.Copy(all, newest)
	}
	for _, s := range running {
		if v := all[n.Version.In(s.Metric)]; v != nil {
			v.Instances = int(s.Value)
		}
	}
	for _, s := range facts {
		if v := all[n.Version.In(s.Metric)]; v != nil {
			v.describe(s.Metric, n)
		}
	}
	deployment.AddGates(gates, n, func(s *model.Sample) *deployment.Facts {
		if v := all[n.Version.In(s.Metric)]; v != nil {
			return &v.Facts
		}
		return nil
	})
	for _, s := range odds {
		if v := all[names.Recorded().Version.In(s.Metric)]; v != nil {
			v.Odds = fleet.Number(s.Value)
		}
	}
	var versions []Version
	for _, v := range all {
		if v.Deployed {
			v.Verdict = verdicts[v.Version]
		}
		versions = append(versions, *v)
	}
	slices.SortFunc(versions, func(a, b Version) int {
		if c := b.Since.Compare(a.Since); c != 0 {
			return c
		}
		return strings.Compare(a.Version, b.Version)
	})
	return versions[:min(len(versions), maxVersions)], nil
}

// describe takes what a series says; of several, each may say more.
func (v *Version) describe(m model.Metric, n names.Names) {
	v.Add(m, n)
	if previous := n.Previous.In(m); previous != "" {
		v.Previous = words.Bounded(previous, 64)
	}
	if v.Revision == "" {
		v.Revision = words.Bounded(n.Revision.In(m), 64)
	}
}

// compared puts the last values of the plots of requests beside the versions.
func (l *loader) compared(versions []Version) {
	last := func(query string) map[string]float64 {
		values := map[string]float64{}
		for _, stream := range l.matrices[query] {
			sum, count := 0.0, 0
			for _, point := range stream.Values {
				if !math.IsNaN(float64(point.Value)) {
					sum, count = sum+float64(point.Value), count+1
				}
			}
			if count > 0 {
				values[l.names.Version.In(stream.Metric)] = sum / float64(count)
			}
		}
		return values
	}
	rates, failed, slowest := last(l.requestRate()), last(l.failedShare()), last(l.slowest())
	for i := range versions {
		v := &versions[i]
		for _, one := range []struct {
			to   *fleet.Number
			from map[string]float64
		}{{&v.Rate, rates}, {&v.Failed, failed}, {&v.Slowest, slowest}} {
			if value, ok := one.from[v.Version]; ok {
				*one.to = fleet.Number(value)
			}
		}
	}
}
