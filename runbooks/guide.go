// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
)

// A guide is the text of a page about one kind of alert. The frame around it is the same for all.
type guide struct {
	back, meaning, impact, changed, diagnosis func(*subject) markdown
	first                                     func(*subject) []markdown
	mitigation                                func(*subject) []remedy
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
	check          []ask
	undo           markdown
}

// What pages lead to, by heading.
const (
	rollBack = "Roll back"
	scaleOut = "Scale out"
)

// remedies writes the steps, each with the way to see that it helped and the way back.
func (c *subject) remedies(all []remedy) markdown {
	var b page
	if len(all) == 0 {
		b.paragraph(sprintf("Go back, above; with checks before and after: %s. What else helps is on the page of each SLO.", pageLink("Roll back", rollbackPage+".md")))
	}
	for _, r := range all {
		b.heading(3, r.name)
		b.paragraph(r.when, " ", r.do)
		b.add(bounded("sh", r.commands...))
		if len(r.check) > 0 {
			r.verify += " " + c.answers(r.check)
		}
		b.paragraph(sprintf("Verify: %s Undo: %s", r.verify, r.undo))
	}
	return b.markdown()
}

// An ask is a query, and what its answer is.
type ask struct {
	about markdown
	query query
}

// answers are links that ask.
func (c *subject) answers(asks []ask) markdown {
	if c.o.Prometheus == "" {
		abouts := make([]markdown, len(asks))
		for i, a := range asks {
			abouts[i] = a.about
		}
		return sprintf("%s: %s.", join(abouts, "; "), c.here("on the status page", c.plots(), nil))
	}
	links := make([]markdown, len(asks))
	for i, a := range asks {
		links[i] = run(a.about, c, a.query)
	}
	return join(links, "; ") + "."
}

// plainGuide is for alerts that explain themselves: their own words and the way to their condition.
var plainGuide = guide{
	back:       (*subject).goBack,
	meaning:    (*subject).why,
	impact:     (*subject).impactOfService,
	first:      (*subject).firstOfService,
	changed:    (*subject).changed,
	diagnosis:  (*subject).diagnoseService,
	mitigation: (*subject).mitigateService,
	silence:    24 * time.Hour,
	stays:      "The burn alerts of the service stay active: they fire when the objective is in danger.",
}

// why is for alerts whose rule explains everything.
func (c *subject) why() markdown { return text(c.alert().Why) + "\n\n" }

func (c *subject) impactOfService() markdown {
	return tiers[c.service.Tier] + "\n\n"
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
		"Was anything changed shortly before? Go back now, as above.",
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
	b.paragraph(c.searches())
	return b.markdown()
}

// searches leads to the page of the service's searches.
func (c *subject) searches() markdown {
	return sprintf("Errors in logs, and all of one request: %s.", pageLink("searches", searchPage+".md"))
}

func (c *subject) mitigateService() []remedy { return c.restart() }
