// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

const onEnvironment = "on (deployment_environment_name)"

// minFailures is how many events must have failed before an alert about them fires; see
// [catalog.DefaultMinimumFailures].
//
// A total outage still fires, after its last such failure. Where a pair's long window holds fewer
// events than that, the next longer pair takes its place.
func minFailures(s *catalog.Service, slo *catalog.SLO) int { return s.Alerting(slo).MinimumFailures }

// enough is the guard against alerts on chance failures. Samples are a little late and early
// at the window's edges, hence half an event of grace.
func (o objective) enough(failures string) string {
	return "\nand " + o.on + " " + failures + " >= " + decimal(float64(minFailures(o.service, o.SLO))-0.5)
}

// burning is the kind of the alerts on a pair of burn rate windows.
var burning = kind{behind: 1, holds: func(s story, a Alert, at time.Duration, by float64) bool {
	threshold := a.Pair.Factor * a.SLO.ErrorBudget()
	return !s.uncounted && s.errorRatio(a.Pair.Long, at)*by > threshold && s.errorRatio(a.Pair.Short, at)*by > threshold &&
		s.failures(a.Pair.Long, at) >= float64(minFailures(a.Service, a.SLO))
}}

func (o objective) burn(p catalog.BurnPair) rulefmt.Rule {
	long, short := catalog.FormatDuration(p.Long), catalog.FormatDuration(p.Short)
	threshold := product(p.Factor, o.ErrorBudget())
	expr := o.share(p.Long) + " > " + threshold + "\nand " + o.on + " " + o.share(p.Short) + " > " + threshold
	if _, ok := o.counts(); ok {
		expr += o.enough(o.sum(recordBad, p.Long) + " / " + strconv.Itoa(overlap))
	}
	severity := Ticket
	if p.Page {
		severity = Page
	}
	return o.alert(Alert{
		Name: burnPrefix + p.Name, SLO: o.SLO, Severity: severity, Expr: expr, For: p.For, Pair: &p,
		Annotations: map[string]string{
			"summary": o.title() + " burns its error budget more than " + decimal(p.Factor) + " times too fast" + o.where(),
			"description": fmt.Sprintf("{{ $value | humanizePercentage }} of the events of the last %s were bad, and over %s of the last %s too. "+
				"The objective of %s allows %s.%s", long, percentOf(threshold), short, percentOf(decimal(o.ObjectiveRatio())), percentOf(decimal(o.ErrorBudget())), o.meaning()),
		},
		Why: o.whyBurn(p, threshold),
	})
}

func (o objective) whyBurn(p catalog.BurnPair, threshold string) string {
	long, short := catalog.FormatDuration(p.Long), catalog.FormatDuration(p.Short)
	why := fmt.Sprintf("More than %s of the events were bad over the last %s and over the last %s: %s times what the objective allows. ",
		percentOf(threshold), long, short, decimal(p.Factor))
	if p.Clamped {
		why += "The factor was adjusted: the factor that follows from the budget could never be reached, or would fire for a service that meets its objective. "
	} else {
		why += fmt.Sprintf("At that speed %s of the period's budget is gone after %s. ", percent(p.BudgetShare), long)
	}
	why += fmt.Sprintf("The long window ignores short peaks. The short window (%s) resolves the alert soon after the failures end. The condition must hold for %s. ",
		short, catalog.FormatDuration(p.For))
	if uncounted, ok := o.counts(); !ok {
		return why + "A single failure at low traffic can fire the alert: " + uncounted + "."
	}
	return why + fmt.Sprintf("At least %d events must have failed in the last %s. With less traffic this alert cannot fire: the next longer pair fires instead, "+
		"and in the end "+Exhausted+".", minFailures(o.service, o.SLO), long)
}

// exhausted fires when more events have failed than the period allows.
var exhausted = kind{
	name:     Exhausted,
	severity: "ticket", when: "more events have failed than the whole period allows",
	slow: true, behind: 2, // events of a step, of the period
	ofSLO: func(o objective) []rulefmt.Rule { return []rulefmt.Rule{o.exhausted()} },
	holds: func(s story, a Alert, at time.Duration, by float64) bool {
		if s.uncounted || (objective{SLO: a.SLO}).byCollector() && at < s.failAt+s.failing { // the test has the collector say it at once
			return false
		}
		return s.spent(a.SLO, at)*by >= 1 && s.failures(a.SLO.Window.Nominal(), at) >= float64(minFailures(a.Service, a.SLO))
	},
}

func (o objective) exhausted() rulefmt.Rule {
	expr := o.remaining() + " <= 0"
	why := fmt.Sprintf("No error budget of the period (%s) has been left for %s", o.Window, catalog.FormatDuration(exhaustedFor))
	if _, ok := o.counts(); ok {
		expr += o.enough(o.recorded(recordPeriodBad))
		why += fmt.Sprintf(", and at least %d events failed in it", minFailures(o.service, o.SLO))
	}
	return o.alert(Alert{
		Name: Exhausted, SLO: o.SLO, Severity: Ticket, Expr: expr, For: exhaustedFor,
		Annotations: map[string]string{
			"summary": o.title() + " has spent its error budget" + o.where(),
			"description": fmt.Sprintf("Remaining budget of this %s: {{ $value | printf `%%.2f` }} (1 is the whole budget, below 0 it is overspent). The objective of %s is missed until bad events leave the period.%s",
				o.Window, percentOf(decimal(o.ObjectiveRatio())), o.meaning()),
		},
		Why: why + ". The alert is a ticket: if the budget still burns, the burn rate alerts page.",
	})
}

// exhaustedFor prevents alerts in the first minutes of a new SLO, and while the budget varies around 0.
const exhaustedFor = 15 * interval

// title names the SLO in a sentence, as a template.
func (o objective) title() string { return literal(oneLine(o.service.Name + "/" + o.Name)) }

// where names the environment and the group of a series.
func (o objective) where() string {
	text := inEnvironment
	for _, group := range o.GroupBy {
		text += "{{ with $labels." + group + " }}, " + group + " {{ . }}{{ end }}"
	}
	return text
}

// meaning is the SLO's description, if it has one.
func (o objective) meaning() string {
	if d := oneLine(o.Description); d != "" {
		return " " + literal(d)
	}
	return ""
}
