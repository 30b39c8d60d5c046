// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// Headings of the remedies of SLIMissing.
const (
	giveCatalog   = "Give the collector its catalog"
	generateAgain = "Generate the rules again"
	followMetric  = "Follow the metric to its new name"
)

// guides are by the alert's name; burn rate alerts and those of the collector have their own.
var guides = map[string]guide{
	alerts.Exhausted: exhaustedGuide, alerts.Missing: missingGuide, alerts.Implausible: implausibleGuide,
	alerts.Silent: silentGuide, alerts.Regression: regressionGuide, alerts.Outdated: outdatedGuide,
}

var missingGuide = guide{
	meaning: func(*subject) markdown {
		return "The service sends telemetry, but its SLI has no counters, so it is not measured. The service is not idle: counters of an idle service exist and do not increase. The burn alerts of the SLO have no data.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "The impact is unknown. If requests fail now, no burn alert of this SLO fires.\n\n"
	},
	first: func(c *subject) []markdown {
		return []markdown{
			"The alert's label `slo_name` names the SLO. Do users report failures? Then check the service itself first: this alert only says that the SLO is not measured.",
			sprintf("Which counters exist? %s. None: the collector or its scrape is the cause. Only this SLO's counters are missing: the collector's catalog is the cause.", run("Counters of the service", c, c.q.counters())),
			sprintf("Does the service still send telemetry? %s: seconds since the last telemetry. Above 600: see ServiceSilent instead.", run("Last seen", c, c.q.silence())),
			"Does the collector know the SLO? `srectl status` lists the SLOs that it keeps.",
		}
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		b.paragraph(goDown)
		b.steps(
			sprintf("**Does `srectl status` not list the SLO?** The collector runs with another catalog: it rejected the newest one, reads another folder (`OTELCOL_SRE_CATALOG`), or the service sends to another collector. %s.",
				anchor("Give it its catalog", giveCatalog)),
			sprintf("**Is the SLI PromQL?** Then its queries are under the SLO below. If a query has no result, its metric is missing: %s.", anchor("follow it", followMetric)),
			sprintf("**Are the rules older than the catalog?** `srectl lint` reports it, for example if the SLO or the service was renamed. %s.", anchor("Generate them again", generateAgain)),
			sprintf("**Is only one environment missing?** %s. The service sends another `deployment.environment.name` than the catalog lists: correct the one that is wrong.",
				run("Counters by environment", c, c.q.counters())),
			"**Does the service not send the telemetry that the SLI counts?** Search for it below. The instrumentation changed, most likely with a deployment: inform the owner, or roll back.",
			"**Does the service send it, the collector lists the SLO, and Prometheus has no counters?** The counters do not arrive: check the scrape of port 9464, remote write, and whether `--translation` of `srectl generate` equals Prometheus' own `translation_strategy`.",
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
			when:     "The collector rejected the catalog, or reads an old one.",
			do:       "Fix the catalog, and put it into the folder that the collector reads:",
			commands: []string{"srectl validate CATALOG"},
			verify:   "The counters exist within a minute:",
			check:    []query{c.q.counters()},
			undo:     "Revert the change of the catalog. The collector reads the catalog again automatically.",
		}, {
			name:     generateAgain,
			when:     "The rules are older than the catalog.",
			do:       "Generate them again, review the changes, and load them:",
			commands: []string{"srectl diff --git HEAD~1 CATALOG", "srectl generate alerts --catalog CATALOG --out ."},
			verify:   "`srectl lint` finds nothing, and the alert resolves.",
			undo:     "Load the previous rules.",
		}, {
			name:   followMetric,
			when:   "The SLI is PromQL, and its metric has a new name.",
			do:     "Change the query in the catalog, and generate the rules again.",
			verify: "The queries of the SLO under Diagnosis have results.",
			undo:   "Revert the change of the catalog, and generate the rules again.",
		}}
	},
	silence: 24 * time.Hour,
	stays:   "ServiceSilent stays active. The burn alerts of the silenced SLO have no data while its counters are missing: watch the service manually.",
}

var implausibleGuide = guide{
	meaning: func(*subject) markdown {
		return "The queries of the SLI contradict each other: the number of bad events is negative or exceeds the total. At least one of the queries is wrong.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "Users may not be affected. But the burn alerts of this SLO may fire without a reason or miss failures, and its error budget is wrong.\n\n"
	},
	first: func(c *subject) []markdown {
		return []markdown{
			"The alert's label `slo_name` names the SLO. Does one of its burn alerts fire too? Do not rely on it: check the service itself.",
			sprintf("Which values do the queries return? %s. Then run each query below.", run("The condition, now", c, query{c.alert().Expr, 6})),
		}
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		b.steps(
			"**Is a ratio above 1?** It is in percent, or numerator and denominator count different requests.",
			"**Are there more bad events than total events?** The total excludes events that `errors` counts: compare label matchers, jobs, instances and status codes.",
			"**Is the number of bad events negative?** `errors` is total minus good, and there are more good events than total events: duplicate series (two replicas of Prometheus, two exporters), retries, or another label matcher.",
			"**Did the service change?** It renamed a metric or a label that only one of the queries uses.",
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
			name:     "Fix the query",
			when:     "A query counts the wrong events.",
			do:       "Fix the query in the catalog, generate the rules again, and load them:",
			commands: []string{"srectl validate CATALOG", "srectl generate alerts --catalog CATALOG --out ."},
			verify:   "The alert resolves within 20 minutes. Wrong values that were recorded stay in the budget until they leave the period.",
			undo:     "Revert the change of the catalog, and generate the rules again.",
		}}
	},
	silence: 24 * time.Hour,
	stays:   "The burn alerts of the silenced SLO stay active, but they are unreliable until its queries are fixed.",
}

const fixTelemetryPath = "Restore the path of the telemetry"

var silentGuide = guide{
	meaning: func(*subject) markdown {
		return "No telemetry has arrived from the service for a while: no span, no log record, no metric. The service is down or disconnected, or its telemetry does not arrive. It is not idle: an idle service still sends metrics. All other alerts of the service have no data.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "Assume an outage until you have seen the service respond.\n\n"
	},
	first: func(c *subject) []markdown {
		steps := []markdown{"Does the service respond? Call it as its users do."}
		if k := c.service.Deployment.Kubernetes; k != nil {
			steps = append(steps, sprintf("Does it run? %s", code(c.kubectl("kubectl get %s"))))
		}
		return append(steps,
			sprintf("%s: seconds since the last telemetry. Are other services silent too? Then the collector or the network is the cause, not the service.", run("Last seen", c, c.q.silence())),
			sprintf("Was it deployed or removed? %s.", run("Recent deploys", c, c.q.deploys())))
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		b.paragraph(goDown)
		b.steps(
			sprintf("**Does it not respond?** It is down: look at its Kubernetes events and last logs below. If it was deployed when the silence began, %s; otherwise restart it.", anchor("roll back", rollBack)),
			sprintf("**Does it respond, and other services are silent too?** %s. The collector or the network is the cause: see the alerts of %s.",
				run("Seconds since the last telemetry of each service", c, c.q.silences()), indexOf(catalog.Dependency{Reference: Collector, Service: c.o.Services.Lookup(Collector)})),
			sprintf("**Does it respond, and only this service is silent?** Check its exporter: the environment variable `OTEL_EXPORTER_OTLP_ENDPOINT`, network policies, certificates, or a `service.name` that a deployment renamed. %s.", anchor("Restore the path", fixTelemetryPath)),
			"**Was the service removed on purpose?** Remove it from the catalog, and generate again.",
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
		back.verify = "Within 5 minutes the old version runs and sends telemetry:"
		back.check = []query{c.q.instances(), c.q.silence()}
		return append([]remedy{back, {
			name:   fixTelemetryPath,
			when:   "The service works, but its telemetry does not arrive.",
			do:     "Revert the change between service and collector: the exporter's endpoint, the network policy, the certificate, or the name of the service.",
			verify: "The number of seconds since the last telemetry falls to a few:",
			check:  []query{c.q.silence()},
			undo:   "Apply the reverted change again.",
		}}, slices.DeleteFunc(c.restart(), func(r remedy) bool { return r.name == scaleOut })...)
	},
	silence: time.Hour,
	stays:   "No other alert replaces it: the burn alerts need events. Watch the service manually.",
}

var regressionGuide = guide{
	meaning: func(*subject) markdown {
		return "A version that was first seen within the last hour fails significantly more often than the previous version, and the error budget burns now. The deployment is the likely cause.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "All users whose requests reach the new version are affected. Their number grows while the rollout continues.\n\n"
	},
	first: func(c *subject) []markdown {
		return []markdown{
			"Acknowledge the alert. Stop the rollout, so that no further instances get the new version.",
			sprintf("Which version? The alert's label `service_version` names it, or see %s.", run("recent deploys", c, c.q.deploys())),
			sprintf("Roll back now (%s). Analyze the code afterwards.", anchor("Mitigation", "Mitigation")),
			sprintf("How much worse is it? See %s, with bounds, and %s.", run("how many times as often it fails", c, c.q.effects()), run("how many seconds of the budget it has cost", c, c.q.costs())),
			sprintf("Inform the person who deployed it. %s: commit, comparison with the previous version, pipeline run and person.", run("What was reported of the deployment", c, c.q.facts())),
		}
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		b.paragraph("Do this after the rollback. Compare the versions: the gap between the lines is the regression.")
		b.steps(
			sprintf("**Does only the new version fail?** %s. The deployment is the cause: find the commit (%s), and a trace of a failed request under the SLO below.",
				run("Share of bad events by version", c, c.q.versions()), anchor("What changed", "What changed")),
			"**Do the old and the new version fail equally often?** The version is not the cause: look for a dependency, or for a change of data that came with the deployment, such as a migration. A rollback may not help.",
			"**Are only some SLOs affected?** They show which function broke.",
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
			when:   "A feature flag controls the new code.",
			do:     "Turn the flag off.",
			verify: "The line of the new version falls to that of the old version:",
			check:  []query{c.q.versions()},
			undo:   "Turn the flag on again, for few users first.",
		}}
	},
	silence: time.Hour,
	stays:   "The burn alerts stay active: they keep firing if the rollback does not help.",
}
