package runbooks

import (
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// What the tree of SLIMissing leads to, by heading.
const (
	giveCatalog   = "Give the collector its catalog"
	generateAgain = "Generate the rules again"
	followMetric  = "Follow the metric to its new name"
)

// guides are by the alert's name; burn rate alerts and those of the collector have their own.
var guides = map[string]guide{
	alerts.Exhausted: exhaustedGuide, alerts.Missing: missingGuide, alerts.Implausible: implausibleGuide,
	alerts.Silent: silentGuide, alerts.Regression: regressionGuide,
}

var missingGuide = guide{
	meaning: func(*subject) markdown {
		return "The service is alive, but its SLI is not measured: there are no counters of it. That is not idleness: an idle service has counters that stand still. The burn alerts of the SLO are blind.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "Unknown: that is the trouble. Failures of this kind would not alert.\n\n"
	},
	first: func(c *subject) []markdown {
		return []markdown{
			"The alert's label `slo_name` says which SLO. Do users complain? Then look at the service itself first; this alert only says that nobody would be told.",
			sprintf("Which counters are there? %s. None at all: the collector or its scrape. Only this one missing: its catalog.", run("Counters of the service", c, c.q.counters())),
			sprintf("Does the service still send telemetry? %s: seconds since the last. Above 600: see ServiceSilent instead.", run("Last seen", c, c.q.silence())),
			"Does the collector know the SLO? `srectl status` lists those it keeps.",
		}
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		b.paragraph(goDown)
		b.steps(
			sprintf("**Does `srectl status` not list the SLO?** The collector runs with another catalog: it refused the newest one, reads another folder (`OTELCOL_SRE_CATALOG`), or is not the one that hears the service. %s.",
				anchor("Give it its catalog", giveCatalog)),
			sprintf("**Is the SLI PromQL?** Then its queries are under the SLO below. One without a result has lost its metric: %s.", anchor("follow it", followMetric)),
			sprintf("**Are the rules older than the catalog?** `srectl lint` says so, where the SLO or the service was renamed. %s.", anchor("Generate them again", generateAgain)),
			sprintf("**Is only one environment missing?** %s. The service says another `deployment.environment.name` than the catalog lists: mend the one that is wrong.",
				run("Counters by environment", c, c.q.counters())),
			"**Does the service not send what is counted?** Search for it below. Its instrumentation changed, most likely with a deploy: tell its owner, or roll back.",
			"**It sends it, the collector lists the SLO, and Prometheus has no counters.** They do not arrive: the scrape of port 9464, remote write, or `--translation` of `srectl generate` that differs from Prometheus' own `translation_strategy`.",
		)
		b.add(c.show("Counters of the service", c.q.counters()))
		for _, slo := range c.slos() {
			b.heading(3, text(sloHeading(slo)))
			b.add(c.rule(c.of(slo)))
			b.add(c.counted(slo))
		}
		return b.markdown()
	},
	mitigation: func(c *subject) []remedy {
		return []remedy{{
			name:     giveCatalog,
			when:     "The collector refused the catalog, or reads an old one.",
			do:       "Mend it, and put it where the collector reads it:",
			commands: []string{"srectl validate CATALOG"},
			verify:   "The counters are there within a minute:",
			check:    []query{c.q.counters()},
			undo:     "Revert the change of the catalog. The collector reads it again by itself.",
		}, {
			name:     generateAgain,
			when:     "The rules are older than the catalog.",
			do:       "Generate them again, look at what changes, and load them:",
			commands: []string{"srectl diff --git HEAD~1 CATALOG", "srectl generate alerts --catalog CATALOG --out ."},
			verify:   "`srectl lint` finds nothing, and the alert resolves.",
			undo:     "Load the rules as they were.",
		}, {
			name:   followMetric,
			when:   "The SLI is PromQL, and its metric has a new name.",
			do:     "Change the query in the catalog, and generate the rules again.",
			verify: "The queries of the SLO under Diagnosis have results.",
			undo:   "Revert the change of the catalog, and generate the rules again.",
		}}
	},
	silence: 24 * time.Hour,
	stays:   "ServiceSilent stays on. The burn alerts of the silenced SLO see nothing while its counters are missing: watch it by hand.",
}

var implausibleGuide = guide{
	meaning: func(*subject) markdown {
		return "The queries of the SLI contradict each other: fewer bad events than none, or more than there were at all. One of them does not ask what its author meant.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "Users may see nothing of it. But the burn alerts of this SLO call for nothing, or stay quiet when they should not, and its budget is wrong.\n\n"
	},
	first: func(c *subject) []markdown {
		return []markdown{
			"The alert's label `slo_name` says which SLO. Does one of its burn alerts fire too? Do not trust it: look at the service itself.",
			sprintf("What do the queries give? %s. Then run each of them, below.", run("The condition, now", c, query{c.alert().Expr, 6})),
		}
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		b.steps(
			"**A ratio is above 1?** It is in percent, or its halves are not of the same requests.",
			"**More bad than all?** The total leaves out what errors counts: a label matcher, a job, an instance, a status.",
			"**Less than none?** Errors is total minus good, and good has more: duplicated series (two replicas of Prometheus, two exporters), retries, another label matcher.",
			"**The service changed?** A metric or a label was renamed, in one of the queries only.",
		)
		for _, slo := range c.slos() {
			b.heading(3, text(sloHeading(slo)))
			b.add(c.rule(c.of(slo)))
			b.add(c.requests(slo))
		}
		return b.markdown()
	},
	mitigation: func(*subject) []remedy {
		return []remedy{{
			name:     "Mend the query",
			when:     "A query does not ask what it should.",
			do:       "Mend it in the catalog, generate the rules again and load them:",
			commands: []string{"srectl validate CATALOG", "srectl generate alerts --catalog CATALOG --out ."},
			verify:   "The alert resolves within 20 minutes. What was recorded wrongly stays in the budget until it leaves the period.",
			undo:     "Revert the change of the catalog, and generate the rules again.",
		}}
	},
	silence: 24 * time.Hour,
	stays:   "The burn alerts of the silenced SLO stay on, and cannot be trusted until its queries are mended.",
}

const mendWay = "Mend the way of its telemetry"

var silentGuide = guide{
	meaning: func(c *subject) markdown {
		return "Nothing came from the service for a while: no span, no log record, no metric. It is down, cut off, or its telemetry is. An idle service still sends metrics, so silence is not idleness. All other alerts of the service are blind.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "Assume an outage until you have seen the service answer.\n\n"
	},
	first: func(c *subject) []markdown {
		steps := []markdown{"Does the service answer? Call it as its users do."}
		if k := c.service.Deployment.Kubernetes; k != nil {
			steps = append(steps, sprintf("Does it run? %s", code(c.kubectl("kubectl get %s"))))
		}
		return append(steps,
			sprintf("%s: seconds since the last telemetry. Are other services silent too? Then the collector or the network is the trouble, not the service.", run("Last seen", c, c.q.silence())),
			sprintf("Was it deployed or removed? %s.", run("Recent deploys", c, c.q.deploys())))
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		b.paragraph(goDown)
		b.steps(
			sprintf("**Does it not answer?** It is down: look at its events and its last logs below. Then %s, if it was deployed when the silence began; else restart it.", anchor("roll back", rollBack)),
			sprintf("**It answers. Are other services silent too?** %s. The collector or the network: see the alerts of %s.",
				run("Seconds since the last telemetry of each service", c, c.q.silences()), indexOf(catalog.Dependency{Reference: Collector, Service: c.o.Services.Lookup(Collector)})),
			sprintf("**It answers, and it alone is silent?** Its exporter: the environment variable `OTEL_EXPORTER_OTLP_ENDPOINT`, a network policy, certificates, `service.name` renamed by a deploy. %s.", anchor("Mend the way", mendWay)),
			"**Was it removed on purpose?** Remove it from the catalog, and generate again.",
		)
		b.add(c.show("Seconds since the last telemetry", c.q.silence()))
		b.add(c.show("Instances by version", c.q.instances()))
		if k := c.service.Deployment.Kubernetes; k != nil {
			commands := []string{c.kubectl("kubectl describe %s"), c.kubectl("kubectl logs %s --tail=100")}
			b.add(block("sh", strings.Join(commands, "\n"), "") + "\n")
		}
		return b.markdown()
	},
	mitigation: func(c *subject) []remedy {
		back := c.rollback()
		back.when = "The silence began with a new version."
		back.verify = "Within 5 minutes the old version runs, and the seconds since the last telemetry are few:"
		back.check = []query{c.q.instances(), c.q.silence()}
		return append([]remedy{back, {
			name:   mendWay,
			when:   "The service works, and what it sends does not arrive.",
			do:     "Set back what changed on the way: the exporter's endpoint, the network policy, the certificate, the name of the service.",
			verify: "The seconds since the last telemetry are few:",
			check:  []query{c.q.silence()},
			undo:   "Take the change of the way back again.",
		}}, slices.DeleteFunc(c.restart(), func(r remedy) bool { return r.name == scaleOut })...)
	},
	silence: time.Hour,
	stays:   "No other alert replaces it: the burn alerts need events to judge. Watch the service by hand.",
}

var regressionGuide = guide{
	meaning: func(c *subject) markdown {
		return "A version first seen within the hour fails more often than the one before it, by more than chance explains, and the error budget burns now. The deploy is the likely cause.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "Everyone whose request meets the new version. It grows as the rollout goes on.\n\n"
	},
	first: func(c *subject) []markdown {
		return []markdown{
			"Acknowledge the alert. Stop the rollout: no further instances.",
			sprintf("Which version? The alert's label `service_version` says so, or %s.", run("recent deploys", c, c.q.deploys())),
			sprintf("Roll back now (%s). A look at the code can wait; a rollback is cheap.", anchor("Mitigation", "Mitigation")),
			"Tell who deployed it.",
		}
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		b.paragraph("After the rollback. Compare the versions; the gap between the lines is the regression.")
		b.steps(
			sprintf("**Does only the new version fail?** %s. The deploy is it: find the commit (%s), and a trace of a failed request under the SLO below.",
				run("Share of bad events by version", c, c.q.versions()), anchor("What changed", "What changed")),
			"**Do old and new fail alike?** Not the deploy: a dependency, or a change of data that came with it (a migration). A rollback may not help.",
			"**Is it some SLOs only?** The one that got worse says what broke.",
		)
		b.add(c.dependencies())
		for _, slo := range c.service.SLOs {
			if slo.SLI.Prometheus == nil {
				b.heading(3, text(sloHeading(slo)))
				b.add(c.show("Share of bad events by version", c.q.byVersion(slo)))
				b.add(c.requests(slo))
			}
		}
		b.add(c.logs())
		return b.markdown()
	},
	mitigation: func(c *subject) []remedy {
		r := c.rollback()
		r.check = append(r.check, c.q.versions())
		return []remedy{r, {
			name:   "Turn the feature flag off",
			when:   "The new code stands behind a feature flag.",
			do:     "Turn the flag off.",
			verify: "The new version's line falls to that of the old one:",
			check:  []query{c.q.versions()},
			undo:   "Turn the flag on again, for few users first.",
		}}
	},
	silence: time.Hour,
	stays:   "The burn alerts stay on: if the rollback does not help, they say so.",
}
