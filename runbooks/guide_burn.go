// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

func burnGuide(p catalog.BurnPair) guide {
	return guide{
		back:       (*subject).goBack,
		meaning:    (*subject).burnMeaning,
		impact:     (*subject).burnImpact,
		first:      (*subject).burnFirst,
		changed:    (*subject).changed,
		diagnosis:  (*subject).burnDiagnosis,
		mitigation: func(*subject) []remedy { return nil }, // on the page of the SLO
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
	p := c.alert().Pair
	return sprintf("The service spends its error budget too fast, over the last %s and over the last %s. The alert resolves soon after the failures end; the spent budget stays spent until they leave the window.\n\n",
		text(catalog.FormatDuration(p.Long)), text(catalog.FormatDuration(p.Short)))
}

// objective is in percent, as the catalog has it.
func objective(slo *catalog.SLO) string { return strconv.FormatFloat(slo.Objective, 'f', -1, 64) }

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
	return []markdown{
		"Acknowledge the alert, and say in the chat that you work on it. Its label `slo_name` names the SLO, `environment` the environment.",
		"Was anything changed shortly before? Go back now, as above.",
		sprintf("Does it still burn? %s. If several SLOs burn at once, they likely share a cause, such as a dependency.",
			join([]markdown{
				run("Error ratios over 5m", c, c.q.every("slo:sli_error:ratio_rate5m", 6)),
				run("burn rates", c, c.q.every("slo:current_burn_rate:ratio", 6)),
				run("budgets left", c, c.q.every("slo:period_error_budget_remaining:ratio", 168))}, ", ")),
	}
}

// burnDiagnosis leads to the page of each SLO, which says what to look at.
func (c *subject) burnDiagnosis() markdown {
	var b page
	b.paragraph("The page of the SLO says what to look at, in order.")
	if c.counts() {
		b.paragraph(sprintf("All of them: %s, %s.", run("share of bad events by version", c, c.q.versions()), run("share of last week's traffic", c, c.q.load())))
	}
	b.add(c.eachSLO(func(slo *catalog.SLO) markdown {
		for _, a := range c.of(slo) {
			if a.Pair != nil {
				return sprintf(" Fires above %s %% bad.", markdown(number(a.Pair.Factor*slo.ErrorBudget()*100)))
			}
		}
		return ""
	}))
	b.paragraph(c.searches())
	return b.markdown()
}

// eachSLO has a heading for each SLO of the page, up to a limit, with links to its pages and some words.
func (c *subject) eachSLO(words func(*catalog.SLO) markdown) markdown {
	var b page
	slos := c.slos()
	for _, slo := range slos[:min(len(slos), maxSLOs)] {
		b.heading(3, text(sloHeading(slo)))
		b.paragraph(sprintf("%s, %s.", c.sloPage(slo, "what to do"), pageLink("rules and queries", queriesOf(slo)+".md")), words(slo))
	}
	if len(slos) > maxSLOs {
		b.paragraph(sprintf("%s more are in %s.", markdown(strconv.Itoa(len(slos)-maxSLOs)), pageLink("the index", Index)))
	}
	return b.markdown()
}

// nothing is for SLOs of which there is no more to say.
func nothing(*catalog.SLO) markdown { return "" }

// counts reports whether the collector counts the events of any SLO of the service.
func (c *subject) counts() bool {
	return slices.ContainsFunc(c.service.SLOs, func(slo *catalog.SLO) bool { return slo.SLI.Prometheus == nil })
}
