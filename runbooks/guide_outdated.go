// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import "time"

var outdatedGuide = guide{
	back: (*subject).revertCatalog,
	meaning: func(*subject) markdown {
		return "The alert rules of the service were made from another entry of the catalog than the one by which the collector computes its SLOs now. Or the service is in the collector's catalog no more, but its rules are still loaded.\n\n"
	},
	impact: func(*subject) markdown {
		return "Users are not affected. Alerts may use an old objective, threshold or owner, alerts of a removed SLO may fire, and a new SLO has no alerts.\n\n"
	},
	first: func(c *subject) []markdown {
		return []markdown{
			"Was the catalog changed in the last hour? Then its rollout may still be on its way to the collectors or to the ruler.",
			sprintf("Which numbers do the collectors report? %s. More than one number means that collectors have different catalogs.", run("The condition, now", c, query{c.alert().Expr, 6})),
		}
	},
	changed: (*subject).changed,
	diagnosis: func(*subject) markdown {
		var b page
		b.steps(
			"**Were the rules generated after the last change of the catalog?** `srectl lint` compares the files with the catalog, and `srectl lint --prometheus URL` what is loaded with the files.",
			"**Do collectors have different catalogs?** `srectl validate` and the page `/catalog` of each collector show what it reads.",
			"**Was the service removed?** Then remove its rules, too: `srectl generate --prune`.",
		)
		return b.markdown()
	},
	mitigation: func(*subject) []remedy {
		return []remedy{{
			name:     generateAgain,
			when:     "The rules are older than the catalog.",
			do:       "Generate them again, review the changes, and load them. `prometheus_store` with the key `catalog` needs no rule files: remove the file there.",
			commands: []string{"srectl diff --git HEAD~1 CATALOG", "srectl generate alerts --catalog CATALOG --out . --prune"},
			verify:   "`srectl lint` finds nothing, and the alert resolves at the next evaluation.",
			undo:     "Load the previous rules.",
		}, {
			name:   giveCatalog,
			when:   "A collector has an old catalog.",
			do:     "Put the catalog into the folder that the collector reads. It is read again automatically.",
			verify: "The alert resolves at the next evaluation.",
			undo:   "Put the previous catalog back.",
		}}
	},
	silence: 24 * time.Hour,
	stays:   "All other alerts stay active, by the rules that are loaded.",
}
