// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
)

// A guide is the text of a page about one kind of alert. The frame around it is the same for all.
type guide struct {
	meaning, impact, changed, diagnosis func(*subject) markdown
	first                               func(*subject) []markdown
	mitigation                          func(*subject) []remedy
	// silence is how long a silence may last. stays says which alerts remain active meanwhile.
	silence time.Duration
	stays   markdown
}

// guideOf chooses by what the alert is: a burn rate by its pair, the others by name. An alert without a guide
// explains itself.
func guideOf(a alerts.Alert) guide {
	switch {
	case a.Pair != nil:
		return burnGuide(*a.Pair)
	case ofCollector(a):
		return collectorGuide(a)
	}
	if g, ok := guides[a.Name]; ok {
		return g
	}
	return plainGuide
}

// A remedy is one step of mitigation: it is taken, checked, and taken back.
type remedy struct {
	name, when, do markdown
	commands       []string
	verify         markdown
	check          []query
	undo           markdown
}

// What trees lead to, by heading.
const (
	rollBack = "Roll back"
	scaleOut = "Scale out"
)

// remedies writes the steps, each with the way to see that it helped and the way back.
func (c *subject) remedies(all []remedy) markdown {
	var b page
	for _, r := range all {
		b.heading(3, r.name)
		b.paragraph("**When.** ", r.when)
		b.paragraph("**Do.** ", r.do)
		if len(r.commands) > 0 {
			b.add(block("sh", strings.Join(r.commands, "\n"), ""), "\n")
		}
		b.paragraph("**Verify.** ", r.verify)
		for _, q := range r.check {
			b.add(c.query(q))
		}
		b.paragraph("**Undo.** ", r.undo)
	}
	return b.markdown()
}

// plainGuide is for alerts that explain themselves: their own words and the way to their condition.
var plainGuide = guide{
	meaning:    nothing,
	impact:     (*subject).impactOfService,
	first:      (*subject).firstOfService,
	changed:    (*subject).changed,
	diagnosis:  (*subject).diagnoseService,
	mitigation: (*subject).mitigateService,
	silence:    24 * time.Hour,
	stays:      "The burn alerts of the service stay active: they fire when the objective is in danger.",
}

// nothing is for alerts whose rule explains everything.
func nothing(*subject) markdown { return "" }

func (c *subject) impactOfService() markdown {
	var b page
	if d := c.service.Description; d != "" {
		b.paragraph(sprintf("The service: %s", text(d)))
	}
	b.paragraph(tiers[c.service.Tier])
	var promises []markdown
	for _, slo := range c.slos() {
		if slo.Description != "" {
			promises = append(promises, sprintf("%s: %s", text(slo.Name), text(slo.Description)))
		}
	}
	if len(promises) > 0 {
		b.list(promises...)
	}
	return b.markdown()
}

// tiers say how much a service matters. The catalog has 1 to 4; 0 means that it gives none.
var tiers = map[int]markdown{
	0: "The catalog gives no tier: ask the owner how much it matters.",
	1: "Tier 1: customers notice at once, and money is lost.",
	2: "Tier 2: customers notice soon. Some features do not work.",
	3: "Tier 3: customers notice late or not at all. Other teams notice.",
	4: "Tier 4: nobody outside the team notices.",
}

func (c *subject) firstOfService() []markdown {
	return []markdown{
		"Acknowledge the alert, so that others know that you work on it.",
		sprintf("Is it still true? %s.", run("The condition, now", c, query{c.alert().Expr, 6})),
		sprintf("Was anything deployed? %s. If a version is newer than the problem, roll back first and investigate later (%s).",
			run("Recent deploys", c, c.q.deploys()), anchor("Mitigation", "Mitigation")),
		sprintf("Are other alerts of the service firing? See %s.", pageLink("its alerts", Index)),
	}
}

// run is a link that runs a query, within a sentence.
func run(label markdown, c *subject, q query) markdown {
	return c.once(part{"link", string(label), q}, func(b *page) {
		b.add(c.ask(label, q))
	})
}

func (c *subject) diagnoseService() markdown {
	var b page
	b.add(c.dependencies())
	b.add(c.logs())
	return b.markdown()
}

func (c *subject) mitigateService() []remedy {
	return append([]remedy{c.rollback()}, c.restart()...)
}

// goDown explains how to read a decision tree.
const goDown = "Answer the questions in order. Stop at the first yes."
