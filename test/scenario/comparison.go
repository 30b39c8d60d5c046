// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
)

const (
	hour = time.Hour
	day  = 24 * hour
)

// lowTraffic is the scenario that is about alerts, too.
const lowTraffic = "1 request/min, one failure"

// Comparisons are the scenarios in which the usual recipe is known to be off. Each is set on the
// service and SLO of base.
func Comparisons(base Scenario) []*Scenario {
	const busy, quiet = 6000, 60
	even := func(length time.Duration, perMinute, bad float64) Phase { return Phase{length, perMinute, bad} }
	outage := func(peak, night float64) []Phase {
		return []Phase{
			even(6*hour, busy, 0), even(hour, busy, peak), even(5*hour, busy, 0),
			even(6*hour, quiet, 0), even(hour, quiet, night), even(5*hour, quiet, 0),
			even(12*hour, busy, 0), even(12*hour, quiet, 0),
		}
	}
	scenarios := []*Scenario{
		{Name: "1 h outage at peak: 12 h at 6000/min, then 12 h at 60/min, 2 days", Length: 2 * day,
			Streams: []Stream{{Traffic: outage(1, 0)}}},
		{Name: "the same outage at night", Length: 2 * day,
			Streams: []Stream{{Traffic: outage(0, 1)}}},
		{Name: "first-ever error series after 24 clean hours, 10 % for 1 h", Length: 25*hour + 5*time.Minute,
			Streams: []Stream{{Sparse: true, Traffic: []Phase{even(24*hour, quiet, 0), even(hour, quiet, 0.1), even(hour, quiet, 0)}}}},
		{Name: "30 min of silence", Length: day,
			Streams: []Stream{{Traffic: []Phase{even(2*hour, quiet, 0), even(hour/2, 0, 0), even(day, quiet, 0)}}}},
		{Name: "a counter of a new version first scraped at 50 errors", Length: day,
			Streams: []Stream{
				{Traffic: []Phase{even(day, quiet, 0)}},
				{Version: "2", Life: Span{Begin: 2 * hour}, Hidden: time.Minute, Traffic: []Phase{even(time.Minute, 500, 0.1), even(day, quiet, 0)}},
			}},
		{Name: lowTraffic, Length: day,
			Streams: []Stream{{Traffic: []Phase{even(21*hour, 1, 0), even(time.Minute, 1, 1), even(day, 1, 0)}}}},
	}
	for _, s := range scenarios {
		s.Service, s.SLO, s.Environment, s.Start = base.Service, base.SLO, base.Environment, base.Start
		s.Watch = Span{Begin: s.Length - 10*time.Minute}
	}
	last := scenarios[len(scenarios)-1]
	last.Watch = Span{Begin: 21*hour - 10*time.Minute}
	return scenarios
}

// A Row is one scenario as two sets of rules and the raw events have it.
type Row struct {
	Scenario               string
	Ours, Sloth, Truth     float64 // shares of the period's events that were bad
	OurAlerts, SlothAlerts []string
}

// Compare lives through a scenario with the rules and with Sloth's.
func Compare(ctx context.Context, s *Scenario, ours rulefmt.RuleGroups) (Row, error) {
	row := Row{Scenario: s.Name, Truth: Truth{s}.PeriodErrorRatio(s.Length)}
	for _, side := range []struct {
		rules  rulefmt.RuleGroups
		ratio  *float64
		alerts *[]string
	}{{ours, &row.Ours, &row.OurAlerts}, {Sloth(s), &row.Sloth, &row.SlothAlerts}} {
		p, err := Sweep(ctx, s, side.rules)
		if err != nil {
			return row, err
		}
		v, ok, err := p.Query(ctx, s.Length, fmt.Sprintf("slo:sli_error:ratio_rate%s{sloth_service=%q, sloth_slo=%q}", s.SLO.Window, s.Service.Name, s.SLO.Name))
		if !ok {
			v = math.NaN()
		}
		*side.ratio = v
		for _, e := range p.Episodes {
			name := strings.TrimSpace(e.Alert + " " + e.Labels.Get("sloth_severity"))
			if e.Firing != 0 && !slices.Contains(*side.alerts, name) {
				*side.alerts = append(*side.alerts, name)
			}
		}
		if err = errors.Join(err, p.Close()); err != nil {
			return row, err
		}
	}
	return row, nil
}

// WriteTable writes rows as a Markdown table.
func WriteTable(w io.Writer, rows []Row) error {
	var b strings.Builder
	b.WriteString("| scenario | Sloth's rules | these rules | truth |\n| --- | --- | --- | --- |\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Scenario, percent(r.Sloth), percent(r.Ours), percent(r.Truth))
		if r.Scenario == lowTraffic {
			fmt.Fprintf(&b, "| … and what fires | %s | %s | 1 of 60 events of one hour |\n", names(r.SlothAlerts), names(r.OurAlerts))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func percent(v float64) string {
	if math.IsNaN(v) {
		return "NaN"
	}
	return fmt.Sprintf("%.3g %%", 100*v)
}

func names(alerts []string) string {
	if len(alerts) == 0 {
		return "nothing"
	}
	return strings.Join(alerts, ", ")
}
