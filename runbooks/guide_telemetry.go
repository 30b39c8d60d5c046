package runbooks

import (
	"strings"
	"time"
)

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
		b.steps(
			"**`srectl status` does not list the SLO.** The collector runs with another catalog: it refused the newest one (CollectorCatalogRejected), reads another folder (`OTELCOL_SRE_CATALOG`), or is not the one that hears the service.",
			"**It lists the SLO, and Prometheus has no counters.** They do not arrive: the scrape of port 9464, remote write, or `translation` in `srectl generate` that differs from Prometheus' own `translation_strategy`.",
			"**Only one environment is missing.** The service says another `deployment.environment.name` than the catalog lists.",
			"**The rules are older than the catalog.** The SLO or the service was renamed: `srectl lint` says so.",
			"**The SLI is PromQL.** Its metric was renamed, or is not scraped any more: run its queries below.",
		)
		b.add(c.show("Counters of the service", c.q.counters()))
		for _, slo := range c.slos() {
			b.heading(3, text(sloHeading(slo)))
			b.add(c.rule(c.of(slo)))
			b.add(c.requests(slo))
		}
		return b.markdown()
	},
	mitigation: func(c *subject) []remedy {
		return []remedy{{
			when:     "The collector refused the catalog, or reads an old one",
			do:       "Mend it, and put it where the collector reads it:",
			commands: []string{"srectl validate CATALOG"},
			verify:   "The counters are there within a minute:",
			check:    []query{c.q.counters()},
			undo:     "Revert the change of the catalog. The collector reads it again by itself.",
		}, {
			when:     "The rules are older than the catalog",
			do:       "Generate them again, look at what changes, and load them:",
			commands: []string{"srectl diff --git HEAD~1 CATALOG", "srectl generate alerts --catalog CATALOG --out ."},
			verify:   "`srectl lint` finds nothing, and the alert resolves.",
			undo:     "Load the rules as they were.",
		}, {
			when:   "The SLI is PromQL, and its metric has a new name",
			do:     "Change the query in the catalog, and generate the rules again.",
			verify: "The queries of the SLO under Diagnosis have results.",
			undo:   "Revert the change of the catalog, and generate the rules again.",
		}}
	},
	silence: 24 * time.Hour,
	stays:   "ServiceSilent stays on. The burn alerts of the silenced SLO see nothing while its counters are missing: watch it by hand.",
}

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
		b.steps(
			"**It does not answer.** It is down: look at its events and its last logs, then restart or roll back.",
			"**It answers, and others are silent too.** The collector: see the alerts of otelcol-sre.",
			"**It answers, alone silent.** Its exporter: the environment variable `OTEL_EXPORTER_OTLP_ENDPOINT`, a network policy, certificates, `service.name` renamed by a deploy.",
			"**It was removed on purpose.** Remove it from the catalog.",
		)
		b.add(c.show("Seconds since the last telemetry", c.q.silence()))
		b.add(c.show("Instances by version", c.q.instances()))
		if k := c.service.Deployment.Kubernetes; k != nil {
			commands := []string{c.kubectl("kubectl describe %s"), c.kubectl("kubectl logs %s --tail=100")}
			b.add(block("sh", strings.Join(commands, "\n"), "") + "\n")
		}
		return b.markdown()
	},
	mitigation: (*subject).mitigateService,
	silence:    time.Hour,
	stays:      "No other alert replaces it: the burn alerts need events to judge. Watch the service by hand.",
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
			"**Only the new version fails?** The deploy is it. Find the commit, and a trace of a failed request.",
			"**Old and new fail alike?** Not the deploy: a dependency, or a change of data that came with it (a migration). A rollback may not help.",
			"**Only some SLOs?** The one that got worse says what broke.",
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
		for _, slo := range c.service.SLOs {
			if slo.SLI.Prometheus == nil {
				r.check = append(r.check, c.q.byVersion(slo))
			}
		}
		return []remedy{r, {
			when:   "The new code stands behind a feature flag",
			do:     "Turn the flag off.",
			verify: "The new version's line falls to that of the old one.",
			undo:   "Turn the flag on again, for few users first.",
		}}
	},
	silence: time.Hour,
	stays:   "The burn alerts stay on: if the rollback does not help, they say so.",
}
