// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/promname"
	"github.com/otelcol-sre/otelcol-sre/internal/replay"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// The recorded series that are read.
const (
	recordBad       = "slo:sli_bad:increase5m"
	recordTotal     = "slo:sli_total:increase5m"
	recordRemaining = "slo:period_error_budget_remaining:ratio"
	recordCoverage  = "slo:period_coverage:ratio"
)

var (
	labelService     = promname.Recorded(semconv.ServiceName)
	labelNamespace   = promname.Recorded(semconv.ServiceNamespace)
	labelEnvironment = promname.Recorded(semconv.Environment)
	labelSLO         = promname.Recorded(semconv.SLOName)
	labelVersion     = promname.Recorded(semconv.ServiceVersion)
)

// A Question is what is asked of each catalog.
type Question struct {
	From, To time.Time
	Server   Source
	Options  alerts.Options
	// Files are the rule files of the groups that the server has loaded.
	Files map[string]string
	// Suggest asks for objectives.
	Suggest bool
}

// A Selection is a service with the SLOs that are asked about.
type Selection struct {
	Service *catalog.Service
	// Whole: all SLOs, and the alerts about the service.
	Whole bool
}

// Select selects the services, by NAME or NAMESPACE/NAME, and their SLOs; none selects all.
func Select(c *catalog.Catalog, services, slos []string) (all []Selection) {
	for _, s := range c.Services {
		if len(services) > 0 && !slices.Contains(services, s.Name) && !slices.Contains(services, FullName(s.Namespace, s.Name)) {
			continue
		}
		one := *s
		if len(slos) > 0 {
			one.SLOs = slices.DeleteFunc(slices.Clone(s.SLOs), func(slo *catalog.SLO) bool { return !slices.Contains(slos, slo.Name) })
		}
		if len(one.SLOs) > 0 {
			all = append(all, Selection{&one, len(slos) == 0})
		}
	}
	return all
}

// Answer replays the rules of a service.
func (q *Question) Answer(ctx context.Context, s Selection) (_ ServiceResult, err error) {
	storage, err := replay.OpenStorage()
	if err != nil {
		return ServiceResult{}, err
	}
	defer func() { err = errors.Join(err, storage.Close()) }()
	file, warnings := alerts.Generate(s.Service, q.Options)
	if !s.Whole {
		file.Groups = slices.DeleteFunc(file.Groups, func(g rulefmt.RuleGroup) bool {
			return !slices.ContainsFunc(g.Rules, func(r rulefmt.Rule) bool {
				return r.Record == recordTotal || r.Record == recordRemaining || r.Alert != "" && r.Labels[labelSLO] != ""
			})
		})
	}
	a := &answering{Question: q, service: s.Service, file: file, storage: storage, minutes: map[string]map[string]*minutes{}}
	a.replay, err = replay.New(ctx, rulefmt.RuleGroups{Groups: file.Groups}, replay.Options{
		Storage: storage, Source: q.Server, Derived: a.derived(), Reach: a.reach(),
		File: func(group string) string { return cmp.Or(q.Files[group], alerts.FileName(s.Service)) },
	})
	if err != nil {
		return ServiceResult{}, err
	}
	defer func() { err = errors.Join(err, a.replay.Close()) }()
	longest := time.Duration(0)
	for _, back := range a.reach() {
		longest = max(longest, back)
	}
	if err := a.replay.Sweep(ctx, replay.Span{Earliest: q.From.Add(-longest), From: q.From, Until: q.To}); err != nil {
		return ServiceResult{}, fmt.Errorf("service %s: %w", s.Service.Slug(), err)
	}
	result := ServiceResult{warnings: warnings}
	for _, slo := range s.Service.SLOs {
		rows, err := a.slo(ctx, slo)
		if err != nil {
			return ServiceResult{}, err
		}
		result.slos = append(result.slos, rows...)
	}
	result.alerts = a.alerts()
	return result, nil
}

// A ServiceResult is what happened to a service.
type ServiceResult struct {
	slos     []SLOResult
	alerts   []AlertResult
	warnings []alerts.Warning
}

// answering is an answer in the making.
type answering struct {
	*Question
	service *catalog.Service
	file    alerts.File
	storage *replay.Storage
	replay  *replay.Replay
	// minutes of each SLO, by environment and group.
	minutes map[string]map[string]*minutes
}

// reach is how far back events must be known: for the period, and for the longest pair.
func (a *answering) reach() map[string]time.Duration {
	longest := time.Hour
	for _, slo := range a.service.SLOs {
		longest = max(longest, slo.Window.MaxLength())
		for _, pair := range slo.BurnPairs() {
			longest = max(longest, pair.Long)
		}
	}
	longest += time.Hour
	return map[string]time.Duration{recordBad: longest, recordTotal: longest}
}

// derived are the collector's gauges that the rules read. What the server has is that of the catalog of then. The budget, which is read where
// PromQL has no range for the period, is computed. Burn rates are left out: the rules have the same conditions for recorded events.
func (a *answering) derived() map[string]func(context.Context, *parser.VectorSelector) error {
	metric := promname.New(a.Options.Translation).Metric(semconv.SLORemaining.Metric)
	burnRate := promname.New(a.Options.Translation).Metric(semconv.SLOBurnRate.Metric)
	none := func(context.Context, *parser.VectorSelector) error { return nil }
	return map[string]func(context.Context, *parser.VectorSelector) error{burnRate: none, metric: func(ctx context.Context, selector *parser.VectorSelector) error {
		i := slices.IndexFunc(a.service.SLOs, func(slo *catalog.SLO) bool { return selects(selector, slo.Name) })
		if i < 0 {
			return nil
		}
		slo := a.service.SLOs[i]
		all, err := a.events(ctx, slo)
		if err != nil {
			return err
		}
		names := promname.New(a.Options.Translation)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			series := labels.FromStrings(model.MetricNameLabel, metric, names.Attribute(semconv.ServiceName), a.service.Name,
				names.Attribute(semconv.ServiceNamespace), a.service.Namespace, names.Attribute(semconv.SLOName), slo.Name, names.Attribute(semconv.Environment), keyed(key).Get(labelEnvironment))
			w := a.storage.Writer(ctx, labels.NewBuilder(series).Labels())
			m := all[key]
			for i := m.until(a.From.Add(-time.Hour)); i < len(m.at); i++ {
				at := time.UnixMilli(m.at[i])
				remaining, _ := budget(a.service, slo, m, at)
				w.Write(at, remaining, true)
			}
			if err := w.Commit(); err != nil {
				return err
			}
		}
		return nil
	}}
}

func selects(selector *parser.VectorSelector, slo string) bool {
	return slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool { return m.Type == labels.MatchEqual && m.Value == slo })
}

// A key is the environment and the group of a series, as text that sorts.
func (a *answering) key(slo *catalog.SLO, set labels.Labels) string {
	return set.MatchLabels(true, append([]string{labelEnvironment}, slo.GroupLabels()...)...).String()
}

func keyed(key string) labels.Labels {
	set, err := parser.NewParser(parser.Options{}).ParseMetric(key)
	if err != nil { // labels write what the parser reads
		return labels.EmptyLabels()
	}
	return set
}

// events are the recorded events of an SLO, by environment and group.
func (a *answering) events(ctx context.Context, slo *catalog.SLO) (map[string]*minutes, error) {
	if known := a.minutes[slo.Name]; known != nil {
		return known, nil
	}
	bad, err := a.samples(ctx, recordBad, slo)
	if err != nil {
		return nil, err
	}
	total, err := a.samples(ctx, recordTotal, slo)
	if err != nil {
		return nil, err
	}
	failed := map[string][]promql.FPoint{}
	for _, series := range bad {
		failed[a.key(slo, series.Metric)] = series.Floats
	}
	all := map[string]*minutes{}
	for _, series := range total {
		key := a.key(slo, series.Metric)
		all[key] = newMinutes(failed[key], series.Floats)
	}
	a.minutes[slo.Name] = all
	return all, nil
}

// samples are all samples of a recorded series.
func (a *answering) samples(ctx context.Context, record string, slo *catalog.SLO) (promql.Matrix, error) {
	return a.replay.Samples(ctx, a.selector(record, slo), a.To)
}

func (a *answering) selector(record string, slo *catalog.SLO) string {
	return fmt.Sprintf("%s{%s=%q,%s=%q,%s=%q}", record, labelService, a.service.Name, labelNamespace, a.service.Namespace, labelSLO, slo.Name)
}

// slo gives a row for each environment and group of an SLO; one without numbers if nothing was measured.
func (a *answering) slo(ctx context.Context, slo *catalog.SLO) ([]SLOResult, error) {
	all, err := a.events(ctx, slo)
	if err != nil {
		return nil, err
	}
	recorded := func(record string) (map[string]float64, error) {
		vector, err := a.replay.At(ctx, a.selector(record, slo), a.To)
		values := map[string]float64{}
		for _, sample := range vector {
			values[a.key(slo, sample.Metric)] = sample.F
		}
		return values, err
	}
	remaining, err := recorded(recordRemaining)
	if err != nil {
		return nil, err
	}
	coverage, err := recorded(recordCoverage)
	if err != nil {
		return nil, err
	}
	row := SLOResult{Service: a.service.Name, Namespace: a.service.Namespace, SLO: slo.Name, Objective: slo.ObjectiveRatio(), Window: slo.Window.String()}
	var rows []SLOResult
	for _, key := range slices.Sorted(maps.Keys(all)) {
		m, one := all[key], row
		set := keyed(key)
		one.Environment, one.Group = set.Get(labelEnvironment), labels.NewBuilder(set).Del(labelEnvironment).Labels().Map()
		one.BudgetLeft, one.Coverage = numberOf(remaining, key), numberOf(coverage, key)
		if _, ok := coverage[key]; !ok {
			_, measured := budget(a.service, slo, m, a.To)
			one.Coverage = Number(measured)
		}
		bad, total := m.events(a.From, a.To)
		one.Bad, one.Events = bad, total
		if a.Suggest {
			if one.Suggestion, err = a.suggestion(ctx, slo, m, set); err != nil {
				return nil, err
			}
		}
		rows = append(rows, one)
	}
	if len(rows) == 0 {
		row.BudgetLeft, row.Coverage = Number(math.NaN()), 0
		rows = append(rows, row)
	}
	return rows, nil
}

func numberOf(values map[string]float64, key string) Number {
	if v, ok := values[key]; ok {
		return Number(v)
	}
	return Number(math.NaN())
}

// alerts are those that fired.
func (a *answering) alerts() (all []AlertResult) {
	for _, e := range a.replay.Episodes {
		if e.Firing.IsZero() {
			continue
		}
		rule := a.rule(e.Labels)
		one := AlertResult{
			Alert: e.Alert, Severity: rule.Severity, Service: a.service.Name, Namespace: a.service.Namespace,
			Environment: e.Labels.Get(labelEnvironment), Version: e.Labels.Get(labelVersion), Start: e.Firing.UTC(), End: a.To, Open: e.Resolved.IsZero(),
		}
		if !one.Open {
			one.End = e.Resolved.UTC()
		}
		if rule.SLO != nil {
			one.SLO = rule.SLO.Name
			one.Group = labels.NewBuilder(keyed(a.key(rule.SLO, e.Labels))).Del(labelEnvironment).Labels().Map()
			if m := a.minutes[rule.SLO.Name][a.key(rule.SLO, e.Labels)]; m != nil && rule.Pair != nil {
				a.judge(&one, rule, m)
			}
		}
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(a, b AlertResult) int { return a.Start.Compare(b.Start) })
	return all
}

// rule is the generated alert of an episode.
func (a *answering) rule(set labels.Labels) alerts.Alert {
	name, slo := cmp.Or(set.Get("slo_alert"), set.Get(labels.AlertName)), set.Get(labelSLO)
	for _, alert := range a.file.Alerts {
		if alert.Name == name && (alert.SLO == nil || alert.SLO.Name == slo) {
			return alert
		}
	}
	return alerts.Alert{Name: name}
}

// judge says when the burn began for which an alert fired, and whether it was a page for nothing: at no moment from its firing to its end did
// the failures of its long window take the share of the period's budget that the pair promises.
func (a *answering) judge(one *AlertResult, rule alerts.Alert, m *minutes) {
	pair, slo := rule.Pair, rule.SLO
	detected := Number(one.Start.Sub(m.began(one.Start, pair.Long, pair.Short, pair.Factor*slo.ErrorBudget())).Seconds())
	one.DetectedAfter = &detected
	if rule.Severity != alerts.Page {
		return
	}
	period := slo.Window.Nominal()
	_, events := m.events(one.Start.Add(-period), one.Start)
	if measured := m.measured(one.Start.Add(-period), one.Start); measured > 0 && measured < period {
		events *= float64(period) / float64(measured)
	}
	share := min(pair.Factor*float64(pair.Long)/float64(period), 1)
	one.False = m.worst(pair.Long, one.Start, one.End) < share*slo.ErrorBudget()*events
}
