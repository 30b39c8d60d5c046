// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import "time"

var exhaustedGuide = guide{
	meaning: func(c *subject) markdown {
		var b page
		for _, slo := range c.slos() {
			b.paragraph(sprintf("**%s**: the error budget is spent. More than %s of the events of the last %s were bad; the objective is %s good.",
				text(slo.Name), text(number(slo.ErrorBudget()*100)+" %"), text(slo.Window.String()), text(objective(slo)+" %")))
			if slo.Window.Calendar == nil {
				b.paragraph("The window is rolling: the budget recovers as old failures leave the window. One bad hour stays in it for the whole window.")
			} else {
				b.paragraph("The window is a calendar period: the budget is full again when the next period begins.")
			}
		}
		return b.markdown()
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "The objective for this period is missed. This does not mean that the service fails now: burn alerts report that. Decide whether releases continue.\n\n"
	},
	first: func(c *subject) []markdown {
		steps := []markdown{"This is a ticket, not an emergency. Is a burn alert of the same SLO firing? Then follow its runbook first."}
		for _, slo := range c.slos() {
			steps = append(steps, sprintf("%s: %s, %s. A flat line means that the failures have ended; a falling line means that they continue.", text(slo.Name),
				run("budget left over the week", c, c.q.remaining(slo)), run("burn rate now", c, c.q.burnRate(slo))))
		}
		return append(steps, "Find the hours that spent the most budget: the steps down in the graph. Compare them with the deployments below.")
	},
	changed:   (*subject).changed,
	diagnosis: (*subject).burnDiagnosis,
	mitigation: func(c *subject) []remedy {
		freeze := remedy{
			name:   "Freeze releases",
			when:   "The budget is spent, and the causes are known or under investigation.",
			do:     "Agree with the owner to release only changes that improve reliability until the budget is above 0. Write the decision under Known causes.",
			verify: "The budget rises, or at least does not fall:",
			undo:   "End the freeze when the budget is above 0, or the calendar window ends.",
		}
		forgive := remedy{
			name:   "Exclude events that were not failures",
			when:   "The bad events came from a test, a wrong SLI, or a planned outage.",
			do:     "Add a correction of that time to the SLO in the catalog (`corrections`, with `start`, `end`, `as: excluded`, `by` and `reason`), or a reset (`resets`, with `at`, `by` and `reason`). Have the change reviewed.",
			verify: "The collector reads the catalog again, and the budget is what it would be without these events; after a reset, it is full from that moment on:",
			undo:   "Remove the entry. The old failures count again.",
		}
		for _, slo := range c.slos() {
			freeze.check = append(freeze.check, c.q.remaining(slo))
			forgive.check = append(forgive.check, c.q.remaining(slo))
		}
		return append([]remedy{freeze, forgive}, c.mitigateService()...)
	},
	silence: 7 * 24 * time.Hour,
	stays:   "All burn alerts stay active: if the service gets worse, they page.",
}
