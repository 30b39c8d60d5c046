// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/ledger"
	"github.com/otelcol-sre/otelcol-sre/internal/month"
	"github.com/otelcol-sre/otelcol-sre/internal/replay"
)

// Events are those of an SLO in one environment and group, as the rules record them: without those in maintenance.
type Events struct {
	SLO         *catalog.SLO
	Environment string
	Group       map[string]string
	minutes     *minutes
	versions    map[string]*minutes
	// unmeasured are the times that the collector's history says were not measured, and why; nil if a Prometheus was asked.
	unmeasured []month.Gap
}

// recording are the rules that record events, and what these read.
var recording = []string{
	recordBad, recordTotal, "slo:sli_counts:bool", "slo:sli_queried_bad:increase5m", "slo:sli_queried_total:increase5m", "slo:sli_group:admitted", "slo:period_total:events",
	recordVersionBad, recordVersionTotal,
}

const (
	recordVersionBad   = "slo:version_bad:increase5m"
	recordVersionTotal = "slo:version_total:increase5m"
)

// Record replays the rules of a service that record its events. It reads a little beyond the end, where the last events are.
func Record(ctx context.Context, server Source, service *catalog.Service, options alerts.Options, files map[string]string, from, to time.Time) (_ []Events, err error) {
	storage, err := replay.OpenStorage()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, storage.Close()) }()
	q := &Question{From: from, To: to.Add(2 * lag), Server: server, Options: options}
	file, _ := alerts.Generate(service, q.Options)
	for i := range file.Groups {
		file.Groups[i].Rules = slices.DeleteFunc(file.Groups[i].Rules, func(r rulefmt.Rule) bool { return !slices.Contains(recording, r.Record) })
	}
	a := &answering{Question: q, service: service, file: file, storage: storage, minutes: map[string]map[string]*minutes{}}
	a.replay, err = replay.New(ctx, rulefmt.RuleGroups{Groups: file.Groups}, replay.Options{
		Storage: storage, Source: server, File: func(group string) string { return cmp.Or(files[group], alerts.FileName(service)) },
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.replay.Close()) }()
	if err := a.replay.Sweep(ctx, replay.Span{Earliest: from, From: from, Until: to.Add(2 * lag)}); err != nil {
		return nil, fmt.Errorf("service %s: %w", service.Slug(), err)
	}
	var all []Events
	for _, slo := range service.SLOs {
		found, err := a.events(ctx, slo)
		if err != nil {
			return nil, err
		}
		for _, key := range slices.Sorted(maps.Keys(found)) {
			set := keyed(key)
			one := Events{SLO: slo, Environment: set.Get(labelEnvironment), Group: labels.NewBuilder(set).Del(labelEnvironment).Labels().Map(), minutes: found[key]}
			if history, ok := server.(interface {
				Unmeasured(of ledger.SLO, environment string, group map[string]string) []ledger.Gap
			}); ok {
				one.unmeasured = month.Gaps(history.Unmeasured(ledger.SLO{Namespace: service.Namespace, Service: service.Name, Name: slo.Name}, one.Environment, one.Group))
			}
			if one.versions, err = a.versions(ctx, slo, one); err != nil {
				return nil, err
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// versions are the events of each version in the minutes that count.
func (a *answering) versions(ctx context.Context, slo *catalog.SLO, of Events) (map[string]*minutes, error) {
	if slo.SLI.Prometheus != nil || !a.Server.Asks() {
		return nil, nil // neither PromQL nor the collector's history knows versions
	}
	bad, err := a.samples(ctx, recordVersionBad, slo)
	if err != nil {
		return nil, err
	}
	total, err := a.samples(ctx, recordVersionTotal, slo)
	if err != nil {
		return nil, err
	}
	failed := map[string][]promql.FPoint{}
	for _, series := range bad {
		if series.Metric.Get(labelEnvironment) == of.Environment {
			failed[series.Metric.Get(labelVersion)] = series.Floats
		}
	}
	all := map[string]*minutes{}
	for _, series := range total {
		if series.Metric.Get(labelEnvironment) == of.Environment {
			version := series.Metric.Get(labelVersion)
			all[version] = newMinutes(failed[version], of.counted(series.Floats))
		}
	}
	return all, nil
}

// counted are the samples of minutes in which the SLO has one; it has none in maintenance.
func (e Events) counted(points []promql.FPoint) []promql.FPoint {
	return slices.DeleteFunc(points, func(p promql.FPoint) bool {
		at := time.UnixMilli(p.T)
		return e.minutes.measured(at.Add(-time.Minute), at) == 0
	})
}

// Between are the bad events and all events in (from, to].
func (e Events) Between(from, to time.Time) (bad, total float64) {
	return e.minutes.events(from.Add(lag), to.Add(lag))
}

// Measured is how long in (from, to] events were recorded, zero or more.
func (e Events) Measured(from, to time.Time) time.Duration { return e.minutes.measured(from, to) }

// Gaps is month.Events': minutes without a sample, whether nothing was measured or nothing counts.
func (e Events) Gaps(time.Time, time.Time) []month.Gap { return e.minutes.gaps() }

// Unmeasured is month.Events'. In a Prometheus, no sample says why there is none.
func (e Events) Unmeasured(from, to time.Time) []month.Gap {
	if e.unmeasured != nil {
		return month.Clip(e.unmeasured, from, to)
	}
	return month.Clip(e.minutes.gaps(), from, to)
}

// Versions are the names of the versions with events in any environment, in order.
func (e Events) Versions() []string { return slices.Sorted(maps.Keys(e.versions)) }

// Version are the events of a version in (from, to].
func (e Events) Version(name string, from, to time.Time) (bad, total float64) {
	return e.versions[name].events(from.Add(lag), to.Add(lag))
}
