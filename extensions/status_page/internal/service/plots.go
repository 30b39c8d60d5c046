// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/chart"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// objective draws the remaining budget, and the burn rates with the thresholds of the alerts.
func (l *loader) objective(row *fleet.Row) Objective {
	o := Objective{Row: row}
	o.Left = l.plot("Error budget left", chart.Share)
	o.Left.High, o.Left.Bend = 1, 1
	o.Left.Levels = []chart.Level{{Name: "nothing left", Value: 0, Color: -1}}
	left, burns := l.series(row)
	o.Left.Lines = []chart.Line{{Name: "left", Points: left}}
	o.Left.Summary = l.summary(left, o.Left.Unit)

	o.Burn = l.plot("Burn rate", chart.Times)
	for i, pair := range row.Promise.BurnPairs() {
		long, short := burns[catalog.FormatDuration(pair.Long)], burns[catalog.FormatDuration(pair.Short)]
		both := lowest(long, short)
		o.Burn.High = max(o.Burn.High, pair.Factor) // the lines are seen in calm, too
		what := "a ticket"
		if pair.Page {
			what = "a page"
		}
		name := fmt.Sprintf("%s and %s: %s above %s", catalog.FormatDuration(pair.Long), catalog.FormatDuration(pair.Short), what, words.Burn(pair.Factor))
		o.Burn.Bend = o.Burn.High
		o.Burn.Lines = append(o.Burn.Lines, chart.Line{Name: name, Points: both})
		o.Burn.Levels = append(o.Burn.Levels, chart.Level{Name: name, Value: pair.Factor, Color: i})
	}
	o.Burn.Summary = l.summary(o.Burn.Lines[0].Points, o.Burn.Unit)

	good, events := l.outcomes(row, burns)
	o.SLI = l.plot("Good events", chart.Share)
	o.SLI.Lines = []chart.Line{{Name: "good", Points: good}}
	o.SLI.High, o.SLI.Low = 1, 1-beside*row.Promise.ErrorBudget()
	o.SLI.Levels = []chart.Level{{Name: "objective " + words.Objective(row.Promise.Objective), Value: 1 - row.Promise.ErrorBudget(), Color: -1}}
	o.SLI.Summary = l.summary(good, o.SLI.Unit)
	o.Traffic = l.plot("Events per second", chart.Plain)
	o.Traffic.Lines = []chart.Line{{Name: "events", Points: events}}
	o.Traffic.Summary = l.summary(events, o.Traffic.Unit)
	return o
}

// beside is how many error budgets below 100 % the plot of the SLI reaches at least.
const beside = 2

// outcomes are the share of good events, and the events per second; those of a query are not known.
func (l *loader) outcomes(row *fleet.Row, burns map[string][]chart.Point) (good, events []chart.Point) {
	if row.Promise.SLI.Prometheus != nil {
		for _, p := range burns[shortest] {
			good = append(good, chart.Point{At: p.At, Value: 1 - p.Value*row.Promise.ErrorBudget()})
		}
		return good, nil
	}
	total, failed := map[model.Time]float64{}, map[model.Time]float64{}
	for _, series := range l.matrices[l.eventRate()] {
		if l.names.SLO.In(series.Metric) != row.SLO {
			continue
		}
		for _, v := range series.Values {
			total[v.Timestamp] += float64(v.Value)
			if l.names.Outcome.In(series.Metric) == bad {
				failed[v.Timestamp] += float64(v.Value)
			}
		}
	}
	var share, rate []model.SamplePair
	for _, at := range slices.Sorted(maps.Keys(total)) {
		rate = append(rate, model.SamplePair{Timestamp: at, Value: model.SampleValue(total[at])})
		if total[at] > 0 {
			share = append(share, model.SamplePair{Timestamp: at, Value: model.SampleValue(1 - failed[at]/total[at])})
		}
	}
	return fleet.Points(share, l.service.Period, 1), fleet.Points(rate, l.service.Period, 1)
}

// shortest is the window of an SLI by a query that shows most.
const shortest = "5m"

// series are what is left, and the burn rates by window, of an SLO.
func (l *loader) series(row *fleet.Row) (left []chart.Point, burns map[string][]chart.Point) {
	burns = map[string][]chart.Point{}
	leftQuery, burnQuery, factor := l.left(), l.burns(), 1.0
	if row.Promise.SLI.Prometheus != nil {
		leftQuery, burnQuery, factor = l.recordedLeft(), l.recordedBurns(), 1/row.Promise.ErrorBudget()
	}
	for _, series := range l.matrices[leftQuery] {
		if l.names.SLO.In(series.Metric) == row.SLO {
			left = fleet.Points(series.Values, l.service.Period, 1)
		}
	}
	for _, series := range l.matrices[burnQuery] {
		if l.names.SLO.In(series.Metric) != row.SLO {
			continue
		}
		window := l.names.Window.In(series.Metric)
		if window == "" {
			window = strings.TrimPrefix(string(series.Metric[model.MetricNameLabel]), string(names.RecordedRatio))
		}
		burns[window] = fleet.Points(series.Values, l.service.Period, factor)
	}
	return left, burns
}

// lowest is the lower of two lines at each time: an alert wants both above its line.
func lowest(long, short []chart.Point) []chart.Point {
	at := make(map[int64]float64, len(short))
	for _, p := range short {
		at[p.At.Unix()] = p.Value
	}
	both := make([]chart.Point, len(long))
	for i, p := range long {
		both[i] = chart.Gap(p.At)
		if other, ok := at[p.At.Unix()]; ok {
			both[i].Value = math.Min(p.Value, other)
		}
	}
	return both
}

// requests are rate, errors and durations, by version.
func (l *loader) requests() []chart.Plot {
	rate := l.plot("Requests per second", chart.Plain)
	rate.Lines = l.byVersion(l.requestRate())
	if rate.Empty() {
		return nil
	}
	failed := l.plot("Failed requests", chart.Share)
	failed.High, failed.Lines = 0.01, l.byVersion(l.failedShare())
	slow := l.plot("Duration, 95th percentile", chart.Milliseconds)
	slow.Lines = l.byVersion(l.slowest())
	for _, slo := range l.service.SLOs {
		if promised := slo.SLI.Latency; promised != nil {
			slow.High = max(slow.High, float64(promised.Threshold)/float64(time.Millisecond))
			slow.Levels = append(slow.Levels, chart.Level{
				Name:  words.Bounded(slo.Name, 40) + ": " + words.Objective(slo.Objective) + " within " + promised.Threshold.String(),
				Value: float64(promised.Threshold) / float64(time.Millisecond), Color: -1,
			})
		}
	}
	plots := []chart.Plot{rate, failed, slow}
	for i := range plots {
		plots[i].Summary = l.ofVersions(plots[i])
	}
	return plots
}

// byVersion is a line for each version, those that were seen last first.
func (l *loader) byVersion(query string) []chart.Line {
	var lines []chart.Line
	for _, series := range l.matrices[query] {
		name := words.Bounded(l.names.Version.In(series.Metric), 40)
		if name == "" {
			name = "no version"
		}
		lines = append(lines, chart.Line{Name: name, Points: fleet.Points(series.Values, l.service.Period, 1)})
	}
	age := map[string]int{}
	for i, v := range l.versions {
		if _, known := age[words.Bounded(v.Version, 40)]; !known {
			age[words.Bounded(v.Version, 40)] = i + 1
		}
	}
	slices.SortStableFunc(lines, func(a, b chart.Line) int {
		if age[a.Name] != age[b.Name] {
			return older(age[a.Name]) - older(age[b.Name])
		}
		return strings.Compare(a.Name, b.Name)
	})
	return lines[:min(len(lines), chart.Colors)]
}

// older puts versions whose beginning is not known behind the others.
func older(age int) int {
	if age == 0 {
		return maxVersions + 1
	}
	return age
}

func (l *loader) plot(title string, unit chart.Unit) chart.Plot {
	p := l.shown
	return chart.Plot{Title: title, Start: p.Start, End: p.End, Unit: unit, Markers: l.markers()}
}

// summary is a line in words: where it is at the end, and where it has been.
func (l *loader) summary(points []chart.Point, unit chart.Unit) string {
	low, high, last := math.Inf(1), math.Inf(-1), math.NaN()
	for _, p := range points {
		if !math.IsNaN(p.Value) {
			low, high, last = math.Min(low, p.Value), math.Max(high, p.Value), p.Value
		}
	}
	if math.IsNaN(last) {
		return "no data"
	}
	when := "now"
	if !l.now {
		when = "at the end"
	}
	return fmt.Sprintf("%s %s, from %s to %s in the time shown", unit.Text(last), when, unit.Text(low), unit.Text(high))
}

func (l *loader) ofVersions(p chart.Plot) string {
	var parts []string
	for _, line := range p.Lines {
		parts = append(parts, line.Name+" "+l.summary(line.Points, p.Unit))
	}
	if len(parts) == 0 {
		return "no data"
	}
	return strings.Join(parts, "; ")
}
