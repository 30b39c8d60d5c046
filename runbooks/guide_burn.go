// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func burnGuide(p catalog.BurnPair) guide {
	return guide{
		meaning:    (*subject).burnMeaning,
		impact:     (*subject).burnImpact,
		first:      (*subject).burnFirst,
		changed:    (*subject).changed,
		diagnosis:  (*subject).burnDiagnosis,
		mitigation: (*subject).mitigateService,
		silence:    burnSilence[p.Page],
		stays:      burnStays[p.Name],
	}
}

// burnSilence is the longest silence: shorter for pages than for tickets.
var burnSilence = map[bool]time.Duration{true: time.Hour, false: 24 * time.Hour}

// A silenced alert still inhibits others in Alertmanager.
var burnStays = map[string]markdown{
	"Critical": "Caution: while this alert fires, silenced or not, the generated inhibition rules mute the slower pairs and ErrorBudgetExhausted of the same SLO. Then no other alert reports on this SLO. They also mute the pages of services that depend on this one.",
	"High":     "ErrorBudgetBurnCritical stays active and pages if the burn rate rises. While this alert fires, silenced or not, the generated inhibition rules mute the slower pairs and ErrorBudgetExhausted of the same SLO, and this alert of services that depend on this one.",
	"Medium":   "The faster pairs stay active and page if the burn rate rises. While this alert fires, silenced or not, the generated inhibition rules mute ErrorBudgetBurnLow of the same SLO.",
	"Low":      "The faster pairs stay active and fire if the burn rate rises.",
}

func (c *subject) burnMeaning() markdown {
	var b page
	p := c.alert().Pair
	b.paragraph(sprintf("The service spends its error budget too fast, over the last %s and over the last %s. The alert resolves soon after the failures end. The spent budget stays spent until the failures leave the window.",
		text(catalog.FormatDuration(p.Long)), text(catalog.FormatDuration(p.Short))))
	b.line("| SLO | objective | fires above | burn rate | effect on the budget |")
	b.line("| --- | --- | --- | --- | --- |")
	for _, a := range c.alerts {
		if a.Pair != nil && a.SLO != nil {
			b.line(sprintf("| %s | %s %% over %s | %s %% bad | %s times the allowed rate | %s |", anchor(text(a.SLO.Name), sloHeading(a.SLO)),
				markdown(objective(a.SLO)), text(a.SLO.Window.String()), markdown(number(a.Pair.Factor*a.SLO.ErrorBudget()*100)),
				markdown(number(a.Pair.Factor)), burnWords(a.SLO, *a.Pair)))
		}
	}
	b.add("\n")
	b.paragraph("The exact rule of each SLO, with its guard against low traffic, is under Diagnosis.")
	return b.markdown()
}

// burnWords says how fast the budget is spent at the pair's threshold, and when none is left.
func burnWords(slo *catalog.SLO, p catalog.BurnPair) markdown {
	period := float64(nominal(slo))
	share := p.Factor * float64(p.Long) / period
	return text(fmt.Sprintf("%s %% of the %s budget in %s: at this speed it is spent in %s",
		number(share*100), windowWords(slo.Window), catalog.FormatDuration(p.Long), hours(period/p.Factor)))
}

// objective is in percent, as the catalog has it.
func objective(slo *catalog.SLO) string { return strconv.FormatFloat(slo.Objective, 'f', -1, 64) }

// nominal is the length of the period that burn rate factors are computed from.
func nominal(slo *catalog.SLO) time.Duration { return slo.Window.Nominal() }

// windowWords is the window before a noun: 30-day, month's.
func windowWords(w catalog.Window) string {
	const day = 24 * time.Hour
	if w.Calendar != nil {
		return w.String() + "'s"
	}
	if w.Rolling%day == 0 {
		return strconv.Itoa(int(w.Rolling/day)) + "-day"
	}
	return w.String()
}

// number formats three significant digits: 14.4, 0.1, 1.44.
func number(f float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 3, 64), 64)
	if err != nil {
		rounded = f
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// hours writes a duration in hours up to three days, and in days from there on.
func hours(nanoseconds float64) string {
	h := nanoseconds / float64(time.Hour)
	switch {
	case h < 2:
		return strconv.Itoa(int(math.Round(h*60))) + " min"
	case h <= 72:
		return number(h) + " h"
	default:
		return number(h/24) + " days"
	}
}

func (c *subject) burnImpact() markdown {
	var b page
	b.add(c.impactOfService())
	if c.alert().Pair.Page {
		b.paragraph("So many users are affected now that it cannot wait until morning.")
	} else {
		b.paragraph("A small share of users has been affected for a long time. It can wait until morning, but the budget will not last the period.")
	}
	return b.markdown()
}

func (c *subject) burnFirst() []markdown {
	steps := []markdown{
		"Acknowledge the alert. Its label `slo_name` names the SLO, `environment` the environment.",
	}
	return append(steps,
		sprintf("Is the budget still burning? All SLOs: %s, %s, %s. If several burn at once, they likely share a cause, such as a dependency.",
			run("error ratios over 5m", c, c.q.every("slo:sli_error:ratio_rate5m", 6)),
			run("burn rates", c, c.q.every("slo:current_burn_rate:ratio", 6)),
			run("budgets left", c, c.q.every("slo:period_error_budget_remaining:ratio", 168))),
		sprintf("Was anything deployed shortly before? %s. If so, roll back now (%s) and look for the cause afterwards.",
			run("Recent deploys", c, c.q.deploys()), anchor("Mitigation", "Mitigation")),
		"Write in the chat that you work on it, and describe the symptoms. Then continue with Diagnosis.")
}

// burnTree asks for likely causes that are quick to check first.
func (c *subject) burnTree() markdown {
	var steps []markdown
	if c.counts() {
		steps = append(steps, sprintf("**Does one version fail more than the others?** %s. Yes: %s.",
			run("Share of bad events by version", c, c.q.versions()), anchor("roll it back", rollBack)))
	}
	if len(c.service.DependsOn) > 0 {
		steps = append(steps, sprintf("**Does a dependency burn its own budget?** %s. Yes: follow its runbook below, and inform its owner. This service needs no fix.",
			run("Burn rates of dependencies", c, c.q.dependencies())))
	}
	if c.counts() {
		more := markdown("more instances")
		if c.scales() {
			more = anchor(more, scaleOut)
		}
		steps = append(steps, sprintf("**Does traffic differ much from last week?** %s. Above 2: overload; the service needs %s. Below 0.5: a component in front of the service blocks requests, so that a few failures are a large share.",
			run("Share of last week's traffic", c, c.q.load()), more))
	}
	steps = append(steps,
		sprintf("**Is it one kind of request?** Look at some failed requests under the SLO that burns (%s), and at the %s. If all have one route, customer or feature in common: turn off the feature flag, or block that client.",
			join(c.jumps(), ", "), anchor("errors in the logs", logsHeading)),
		sprintf("**Is it one instance?** The attribute %s of traces and logs names it. Yes: save its logs, then restart it.", code("service.instance.id")),
		sprintf("**None of these after 15 minutes?** %s.", anchor("Escalate", "Escalation")))
	var b page
	b.paragraph(goDown)
	b.steps(steps...)
	return b.markdown()
}

// jumps are links to the SLOs of the page.
func (c *subject) jumps() []markdown {
	var jumps []markdown
	for _, slo := range c.slos() {
		jumps = append(jumps, anchor(text(slo.Name), sloHeading(slo)))
	}
	return jumps
}

// counts reports whether the collector counts the events of any SLO of the service.
func (c *subject) counts() bool {
	return slices.ContainsFunc(c.service.SLOs, func(slo *catalog.SLO) bool { return slo.SLI.Prometheus == nil })
}

func (c *subject) burnDiagnosis() markdown {
	var b page
	b.add(c.burnTree())
	b.add(c.dependencies())
	for _, slo := range c.slos() {
		b.heading(3, text(sloHeading(slo)))
		if slo.Description != "" {
			b.paragraph(text(slo.Description))
		}
		b.add(c.rule(c.of(slo)))
		b.add(c.events(slo))
	}
	b.add(c.logs())
	return b.markdown()
}

// events shows the SLO's events, as rates and as single requests.
func (c *subject) events(slo *catalog.SLO) markdown {
	return c.once(part{kind: "events", name: slo.Name}, func(b *page) {
		b.add(c.show("Error ratio over 5m", c.q.ratio(slo)))
		if len(slo.GroupBy) > 0 {
			b.add(c.show("The ten groups with the largest error ratio, by "+text(strings.Join(slo.GroupBy, ", ")), c.q.worstGroups(slo)))
		}
		if slo.SLI.Prometheus == nil {
			b.add(c.show("Share of bad events by version", c.q.byVersion(slo)))
			b.add(c.show("Bad events per minute", c.q.badEvents(slo)))
			b.add(c.show("Traffic, as a share of last week's", c.q.traffic(slo)))
		}
		b.add(c.requests(slo))
	})
}
