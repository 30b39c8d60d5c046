// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/alert"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/names"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/prometheus"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/words"
)

// A Past is a time in which an alert fired and that is over. It is known to a step of the period.
type Past struct {
	Name     string    `json:"name"`
	Severity string    `json:"severity"`
	SLO      string    `json:"slo"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Runbook  string    `json:"runbook"`
}

// maxPast bounds the past alerts of the page, the newest first.
const maxPast = 30

func (l *loader) fired() string {
	return names.By("max", model.AlertNameLabel+", slo_alert, sloth_severity, severity, "+names.Recorded().SLO.String(), l.recorded(names.Alerts, `alertstate="firing"`))
}

// past finds the times in which an alert fired. One that still does is not past.
func (l *loader) past(d alert.Directory) []Past {
	var all []Past
	for _, series := range l.matrices[l.fired()] {
		label := func(name model.LabelName) string { return words.Bounded(string(series.Metric[name]), 120) }
		for _, s := range spells(series.Values, l.service.Period) {
			all = append(all, Past{
				Name: label(model.AlertNameLabel), Severity: cmp.Or(label("sloth_severity"), label("severity")), SLO: words.Bounded(l.names.SLO.In(series.Metric), 120), From: s[0], To: s[1],
				Runbook: d.Runbook(l.service.Slug(), cmp.Or(string(series.Metric["slo_alert"]), string(series.Metric[model.AlertNameLabel]))),
			})
		}
	}
	slices.SortFunc(all, func(a, b Past) int {
		return cmp.Or(b.From.Compare(a.From), cmp.Compare(a.Name, b.Name), cmp.Compare(a.SLO, b.SLO), cmp.Compare(a.Severity, b.Severity))
	})
	return all[:min(len(all), maxPast)]
}

// spells are the first and the last time of values that follow each other, without what reaches to the present. A
// value is found until five minutes after it was written, unless its end is marked; rules do mark it.
func spells(values []model.SamplePair, p prometheus.Period) (all [][2]time.Time) {
	for i := 0; i < len(values); {
		j := i
		for j+1 < len(values) && values[j+1].Timestamp.Sub(values[j].Timestamp) <= p.Step*3/2 {
			j++
		}
		from, to := values[i].Timestamp.Time().UTC(), values[j].Timestamp.Time().UTC()
		if p.End.Sub(to) > 2*p.Step {
			all = append(all, [2]time.Time{from, to})
		}
		i = j + 1
	}
	return all
}
