// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"time"
)

var exhaustedGuide = guide{
	back: (*subject).goBack,
	meaning: func(*subject) markdown {
		return "The error budget is spent: more events of the window were bad than the objective allows. A rolling window recovers as old failures leave it; a calendar period begins with a full budget.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "The objective for this period is missed. This does not mean that the service fails now: burn alerts report that.\n\n"
	},
	first: func(c *subject) []markdown {
		return []markdown{
			"Is a burn alert of the same SLO firing? Then follow its runbook first. This one is no emergency.",
			sprintf("Does it go on? %s, %s. A falling line means that it does.",
				run("Budgets left over the week", c, c.q.every("slo:period_error_budget_remaining:ratio", 168)), run("burn rates now", c, c.q.every("slo:current_burn_rate:ratio", 6))),
			sprintf("Which hours spent it? %s. Compare them with the deployments.", c.here("The ledger", "/ledger", c.spent(nil))),
		}
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		b.add(c.eachSLO(nothing))
		b.paragraph(c.searches())
		return b.markdown()
	},
	mitigation: func(*subject) []remedy {
		return []remedy{{
			name:   "Freeze releases",
			when:   "The causes are known or under investigation.",
			do:     sprintf("Only changes that improve reliability are released: %s.", pageLink("how to begin and end it", freezePage+".md")),
			verify: "The budget rises, or at least does not fall.",
			undo:   "End the freeze when the budget is above 0, or the calendar window ends.",
		}, {
			name:   "Exclude events that were not failures",
			when:   "The bad events came from a test, a wrong SLI, or a planned outage.",
			do:     "Add a correction of that time to the SLO in the catalog (`corrections`), or a reset (`resets`). Have the change reviewed.",
			verify: "The budget is what it would be without these events.",
			undo:   "Remove the entry. The old failures count again.",
		}}
	},
	silence: 7 * 24 * time.Hour,
	stays:   "All burn alerts stay active: if the service gets worse, they page.",
}
