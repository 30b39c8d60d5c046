// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/wayback"
)

// MaxWords bounds every page: so much can be read while something is on fire.
const MaxWords = 600

// What the catalog may have more of than such a page has room for.
const (
	maxDescription  = 16 // words
	maxName         = 6  // words
	maxDependencies = 6
	maxFlags        = 2
	maxAlerts       = 6  // that lead to one page
	maxSLOs         = 5  // with a heading of their own
	maxNamed        = 60 // SLOs that are named at all
	maxBlock        = 40 // words of a block of code
	maxQuery        = 60 // words of a query
	maxCommand      = 10 // words of the command that turns a flag off
)

// bounded is a block of code; of one that is too long there are only words.
func bounded(language string, lines ...string) markdown {
	return boundedTo(maxBlock, language, lines...)
}

func boundedTo(words int, language string, lines ...string) markdown {
	s := strings.Join(lines, "\n")
	switch {
	case s == "":
		return ""
	case len(strings.Fields(s)) > words:
		return "This is too long for the page: see the catalog.\n\n"
	}
	return block(language, s, "") + "\n"
}

// aboutBudget are the alerts that lead to the page of the SLO.
func aboutBudget(all []alerts.Alert, slo *catalog.SLO) (some []alerts.Alert) {
	for _, a := range all {
		if a.SLO == slo && a.Runbook() == alerts.SLORunbook(slo.Name) {
			some = append(some, a)
		}
	}
	return some
}

// sloRunbook is the page of an SLO: the way back first, then what to look at, in order.
func (c *subject) sloRunbook(notes *notebook) page {
	slo := c.alerts[0].SLO
	var b page
	b.add(c.mark(sprintf("%s of %s", text(slo.Name), text(c.service.Name))))
	promise := sprintf("Promise: %s %% over %s.", markdown(objective(slo)), text(slo.Window.String()))
	if slo.Description != "" {
		promise += " " + brief(slo.Description)
	}
	facts := []markdown{c.reach(), promise}
	if now := c.now(slo); now != "" {
		facts = append(facts, now)
	}
	b.list(append(facts, sprintf("All pages of the service: %s.", pageLink(text(c.service.Name), Index)))...)

	b.heading(2, goBackFirst)
	c.writeGoBack(&b, maxFlags)

	b.heading(2, "Then look, in order")
	b.add(c.look(slo))

	if remedies := c.restart(); len(remedies) > 0 {
		b.heading(2, "If no change is the cause")
		for _, r := range remedies {
			b.paragraph("**", r.name, ".** ", r.when)
			b.add(bounded("sh", r.commands...))
			b.paragraph("Undo: ", r.undo)
		}
	}

	b.heading(2, "Alerts that lead here")
	b.line("| alert | fires above | at this speed the budget lasts |")
	b.line("| --- | --- | --- |")
	for _, a := range c.alerts[:min(len(c.alerts), maxAlerts)] {
		above, spent := markdown("all of the budget"), markdown("it is spent")
		if a.Pair != nil {
			above = sprintf("%s %% bad over %s and %s", markdown(number(a.Pair.Factor*slo.ErrorBudget()*100)), text(catalog.FormatDuration(a.Pair.Long)), text(catalog.FormatDuration(a.Pair.Short)))
			spent = text(lasts(slo, *a.Pair))
		}
		b.line(sprintf("| %s | %s | %s |", pageLink(text(a.Name), a.Name+".md"), above, spent))
	}
	b.add("\n")
	b.paragraph(sprintf("Their rules, and all queries: %s.", pageLink("queries", queriesOf(slo)+".md")))

	b.heading(2, "Known causes")
	b.add(notes.block(knownCauses), "\n")
	b.add(lastRun())
	return b
}

// lasts is how long the budget lasts at the pair's threshold.
func lasts(slo *catalog.SLO, p catalog.BurnPair) string {
	return hours(float64(slo.Window.Nominal()) / p.Factor)
}

// mark is the header that identifies a generated page, and its title.
func (c *subject) mark(title markdown) markdown {
	var b page
	b.line(marker, markdown(comment(c.o.Command)), " -->")
	b.line(inputMarker, markdown(c.input), " -->")
	b.heading(1, title)
	return b.markdown()
}

// reach says where help is.
func (c *subject) reach() markdown {
	ways := []markdown{sprintf("Owner: **%s**", orNone(c.service.Owner))}
	for _, way := range []struct {
		name    markdown
		address string
	}{{"pager", c.service.Escalation.Pager}, {"chat", c.service.Escalation.Chat}} {
		if way.address != "" {
			ways = append(ways, sprintf("%s: %s", way.name, link(short(way.address), way.address)))
		}
	}
	return join(ways, ", ") + "."
}

// brief is a text of the catalog, cut after so many words; short is one of a name or address.
func brief(s string) markdown { return cut(s, maxDescription) }
func short(s string) markdown { return cut(s, maxName) }

func cut(s string, most int) markdown {
	words := strings.Fields(s)
	if len(words) > most {
		return text(strings.Join(words[:most], " ")) + " …"
	}
	return text(s)
}

// spent asks the ledger for what failed in the last hour.
func (c *subject) spent(slo *catalog.SLO) url.Values {
	values := url.Values{"service": {c.service.Slug()}, "only": {"spent"}, "window": {"1h"}}
	if slo != nil {
		values.Set("slo", slo.Name)
	}
	return values
}

// goBack is the way back from a version, and from one feature flag: the page of an SLO has more.
func (c *subject) goBack() markdown {
	return c.once(part{kind: "back"}, func(b *page) { c.writeGoBack(b, 1) })
}

func (c *subject) writeGoBack(b *page, maxFlags int) {
	b.paragraph("Is a version or a feature flag newer than the problem? Undo it now, and look for the cause afterwards.")
	r := c.rollback()
	b.paragraph(r.do)
	b.add(bounded("sh", r.commands...))
	b.add(c.migrations())
	b.paragraph(sprintf("Undo: %s With checks before and after: %s.", r.undo, pageLink("Rollback", rollbackPage+".md")))
	flags := c.service.Deployment.Flags
	for _, f := range flags[:min(len(flags), maxFlags)] {
		b.paragraph(sprintf("Turn the feature flag %s off:", code(f.Name)))
		b.add(boundedTo(maxCommand, "sh", wayback.Shell(f.Off)))
	}
	if more := len(flags) - maxFlags; more > 0 {
		b.paragraph("More flags: `spec.deployment.flags` of the catalog.")
	}
}

// migrations is the version past which nobody goes back: that of the last one in the catalog.
func (c *subject) migrations() markdown {
	all := c.service.Deployment.Migrations
	if len(all) == 0 {
		return ""
	}
	last := all[len(all)-1]
	return sprintf("**Not past %s:** %s\n\n", text(last.Version), brief(last.Reason))
}

// look asks what is likely and quick to check first. Two queries and a search are shown, the others are links.
func (c *subject) look(slo *catalog.SLO) markdown {
	counted := slo.SLI.Prometheus == nil
	var b page
	if counted {
		b.paragraph("**1. Does one version fail more than the others?** Then roll it back.")
		b.add(c.query(c.q.byVersion(slo)))
	} else {
		b.paragraph("**1. What is the share of bad events?** The SLI is a query of the catalog.")
		b.add(c.query(c.q.ratio(slo)))
	}
	b.paragraph(sprintf("**2. Did something else change?** %s: versions, feature flags, configuration.", c.here("Newest changes", "/deployments", nil)))
	n := 3
	step := func(question, rest markdown) {
		b.paragraph(sprintf("**%s. %s** %s", markdown(strconv.Itoa(n)), question, rest))
		n++
	}
	if more := c.depends(); more != "" {
		step("Does a dependency burn?", more)
	}
	if search := c.bad(slo); search.text != "" {
		step("What fails?", sprintf("Open some of the requests, and look at %s.", c.here("what they have in common", "/ledger", c.spent(slo))))
		b.add(c.search(search))
	} else {
		step("What fails?", sprintf("Look at %s.", c.here("what the failed requests have in common", "/ledger", c.spent(slo))))
	}
	if len(slo.GroupBy) > 0 {
		step("Is it one group?", sprintf("%s.", run("The ten groups with the largest error ratio", c, c.q.worstGroups(slo))))
	}
	if counted {
		step("Does traffic differ much from last week?", sprintf("%s. Above 2 it is overload.", run("Share of last week's traffic", c, c.q.traffic(slo))))
	}
	b.paragraph(sprintf("**None of these after 15 minutes?** Escalate, and let somebody %s.", pageLink("lead", leadPage+".md")))
	return b.markdown()
}

// depends are the services that this one calls.
func (c *subject) depends() markdown {
	all := c.q.dependsOn
	if len(all) == 0 {
		return ""
	}
	names := make([]markdown, 0, maxDependencies+1)
	for _, d := range all[:min(len(all), maxDependencies)] {
		names = append(names, indexOf(d))
	}
	if more := len(all) - maxDependencies; more > 0 {
		names = append(names, sprintf("and %s more", markdown(strconv.Itoa(more))))
	}
	return sprintf("%s. Yes: this service needs no fix; inform the owner of %s.", run("Burn rates of dependencies", c, c.q.dependencies()), join(names, ", "))
}

// bad is the search for single events that are bad by the SLO; without a text there is none, or no store of traces that could be searched.
func (c *subject) bad(slo *catalog.SLO) search {
	if c.o.Grafana == "" && c.o.Jaeger == "" {
		return search{}
	}
	switch sli := slo.SLI; {
	case sli.Availability != nil:
		return c.traces(form{failed: true}, append(kinds(sli.Availability.SpanSelection), failed)...)
	case sli.Latency != nil:
		return c.traces(form{minDuration: sli.Latency.Threshold.String()}, append(kinds(sli.Latency.SpanSelection), slow(sli.Latency)...)...)
	case sli.Spans != nil:
		return c.traces(form{failed: true}, failed)
	}
	return search{}
}
