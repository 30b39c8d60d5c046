// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/fleet"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// A Group is a set of values of the labels that an SLO is grouped by.
type Group struct {
	// Name has the labels and their values: host=b, path=/pay.
	Name      string       `json:"name"`
	Remaining fleet.Number `json:"error_budget_remaining"`
	Burn      fleet.Number `json:"burn_rate"`
}

// maxGroups bounds the groups of the page, the worst first.
const maxGroups = 20

// groups are the worst groups of an SLO, of those that are asked for.
func (l *loader) groups(row *fleet.Row) []Group {
	if row.Promise == nil || len(row.Promise.GroupBy) == 0 {
		return nil
	}
	labels := row.Promise.GroupLabels()
	by := strings.Join(labels, ", ")
	slo := names.Recorded().SLO.Equal(row.SLO)
	remaining := names.Containing(l.group, labels, func(more ...string) string { return l.recorded(names.RecordedRemaining, append(more, slo)...) })
	left, err := l.source.Instant(l.context, fmt.Sprintf("bottomk(%d, %s)", maxGroups, names.By("min", by, remaining)))
	if err != nil {
		l.err = cmp.Or(l.err, err)
		return nil
	}
	burns, err := l.source.Instant(l.context, names.By("max", by, l.recorded(names.RecordedRatio+"1h", slo)))
	if err != nil {
		l.err = cmp.Or(l.err, err)
	}
	name := func(m model.Metric) string {
		parts := make([]string, len(labels))
		for i, label := range labels {
			parts[i] = row.Promise.GroupBy[i] + "=" + words.Bounded(string(m[model.LabelName(label)]), 80)
		}
		return strings.Join(parts, ", ")
	}
	rates := map[string]float64{}
	for _, s := range burns {
		rates[name(s.Metric)] = float64(s.Value) / row.Promise.ErrorBudget()
	}
	groups := make([]Group, 0, len(left))
	for _, s := range left {
		g := Group{Name: name(s.Metric), Remaining: fleet.Number(s.Value), Burn: fleet.Number(math.NaN())}
		if rate, ok := rates[g.Name]; ok {
			g.Burn = fleet.Number(rate)
		}
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Remaining, b.Remaining), cmp.Compare(b.Burn, a.Burn), cmp.Compare(a.Name, b.Name))
	})
	return groups
}
