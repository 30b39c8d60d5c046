package runbooks

import "time"

var exhaustedGuide = guide{
	meaning: func(c *subject) markdown {
		var b page
		for _, slo := range c.slos() {
			b.paragraph(sprintf("**%s**: the error budget is spent. More than %s of the events of the last %s were bad; the objective is %s good.",
				text(slo.Name), text(number(slo.ErrorBudget()*100)+" %"), text(slo.Window.String()), text(objective(slo)+" %")))
			if slo.Window.Calendar == nil {
				b.paragraph("The window rolls: the budget comes back as old failures leave it. One bad hour stays in it for the whole window.")
			} else {
				b.paragraph("The window is of the calendar: the budget is full again when the next one begins.")
			}
		}
		return b.markdown()
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "The promise for this period is broken. This says nothing about now: a burn alert does. What it asks for is a decision about releases.\n\n"
	},
	first: func(c *subject) []markdown {
		steps := []markdown{"It is a ticket, not a fire. Is a burn alert of the same SLO firing? Then follow that one's runbook first."}
		for _, slo := range c.slos() {
			steps = append(steps, sprintf("%s: %s, %s. Flat means the damage is done; falling means it goes on.", text(slo.Name),
				run("budget left over the week", c, c.q.remaining(slo)), run("burn rate now", c, c.q.burnRate(slo))))
		}
		return append(steps, "Find the hours that cost the most: the steps down in the budget's graph. Compare with the deploys below.")
	},
	changed:   (*subject).changed,
	diagnosis: (*subject).burnDiagnosis,
	mitigation: func(c *subject) []remedy {
		freeze := remedy{
			name:   "Freeze releases",
			when:   "The budget is spent, and the causes are known or sought.",
			do:     "Agree with the owner to release only what mends reliability, until the budget is above 0. Write the decision under Known causes.",
			verify: "The budget rises, or at least stays:",
			undo:   "End the freeze when the budget is above 0, or the calendar window ends.",
		}
		forgive := remedy{
			name:   "Take out what was no failure",
			when:   "What was counted was a test, a wrong SLI, or an agreed outage.",
			do:     "Add a reset to the SLO in the catalog (`resets`, with `at`, `by` and `reason`), or a maintenance window, by a reviewed change.",
			verify: "The collector logs the reset, and the budget is full from that moment on:",
			undo:   "Remove the entry: the old failures count again.",
		}
		for _, slo := range c.slos() {
			freeze.check = append(freeze.check, c.q.remaining(slo))
			forgive.check = append(forgive.check, c.q.remaining(slo))
		}
		return append([]remedy{freeze, forgive}, c.mitigateService()...)
	},
	silence: 7 * 24 * time.Hour,
	stays:   "All burn alerts stay on: what gets worse still pages.",
}
