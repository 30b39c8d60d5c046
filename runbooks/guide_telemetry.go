// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"slices"
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

// revertCatalog is the way back from a change of the catalog.
func (c *subject) revertCatalog() markdown {
	return sprintf("Was the catalog changed before the alert? Revert that change: the collector reads the catalog again by itself. Was the service deployed? %s.\n\n", pageLink("Roll back", rollbackPage+".md"))
}

var missingGuide = guide{
	back: (*subject).revertCatalog,
	meaning: func(*subject) markdown {
		return "The service sends telemetry, but its SLI has no counters, so it is not measured. It is not idle: counters of an idle service exist and do not increase.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "The impact is unknown. If requests fail now, no burn alert of this SLO fires.\n\n"
	},
	first: func(c *subject) []markdown {
		return []markdown{
			"Do users report failures? Check the service itself first.",
			sprintf("Which counters exist? %s. None: the collector or its scrape is the cause. Only this SLO's are missing: the collector's catalog is.", run("Counters of the service", c, c.q.counters())),
			sprintf("Does the service still send telemetry? %s. Above 600: see %s instead.", run("Seconds since the last", c, c.q.silence()), c.alertPage(alerts.Silent)),
		}
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		b.steps(
			sprintf("**Does `srectl status` not list the SLO?** The collector rejected the newest catalog, reads another folder (`OTELCOL_SRE_CATALOG`), or another collector gets the telemetry: %s.", anchor("give it its catalog", giveCatalog)),
			sprintf("**Is the SLI PromQL, and one of its queries has no result?** Its metric is missing: %s.", anchor("follow it", followMetric)),
			sprintf("**Does `srectl lint` report rules that are older than the catalog?** Follow %s.", c.alertPage(alerts.Outdated)),
			"**Is only one environment missing?** The service sends another `deployment.environment.name` than the catalog lists.",
			"**Does the service not send what the SLI counts?** The queries of the SLO search for it. The instrumentation changed, most likely with a deployment.",
			"**Is all of this there, and Prometheus has no counters?** Check the scrape of port 9464, remote write, and `--translation` of `srectl generate`.",
		)
		b.add(c.eachSLO(nothing))
		return b.markdown()
	},
	mitigation: func(*subject) []remedy {
		return []remedy{{
			name:     giveCatalog,
			when:     "The collector rejected the catalog, or reads an old one.",
			do:       "Fix the catalog, and put it into the folder that the collector reads:",
			commands: []string{"srectl validate CATALOG"},
			verify:   "The counters exist within a minute.",
			undo:     "Revert the change.",
		}, {
			name:   followMetric,
			when:   "The SLI is PromQL, and its metric has a new name.",
			do:     "Change the query in the catalog, and generate the rules again.",
			verify: "The queries of the SLO have results.",
			undo:   "Revert the change, and generate again.",
		}}
	},
	silence: 24 * time.Hour,
	stays:   "ServiceSilent stays active. The burn alerts of the silenced SLO have no data while its counters are missing: watch the service manually.",
}

var implausibleGuide = guide{
	back: (*subject).revertCatalog,
	meaning: func(*subject) markdown {
		return "The queries of the SLI contradict each other: the number of bad events is negative or exceeds the total. At least one of the queries is wrong.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "Users may not be affected. But the burn alerts of this SLO may fire without a reason or miss failures, and its error budget is wrong.\n\n"
	},
	first: func(c *subject) []markdown {
		return []markdown{
			"The alert's label `slo_name` names the SLO. Does one of its burn alerts fire too? Do not rely on it: check the service itself.",
			sprintf("Which values do they return? %s.", run("The condition, now", c, query{c.alert().Expr, 6})),
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
		b.add(c.eachSLO(nothing))
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
	back: (*subject).goBack,
	meaning: func(*subject) markdown {
		return "No telemetry has arrived from the service: it is down, or its telemetry does not arrive. It is not idle: an idle service still sends metrics. All other alerts of the service have no data.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "Assume an outage until the service responds.\n\n"
	},
	first: func(c *subject) []markdown {
		steps := []markdown{"Does the service respond? Call it as its users do."}
		if k := c.service.Deployment.Kubernetes; k != nil {
			steps = append(steps, sprintf("Does it run? %s", code(c.kubectl("kubectl get %s"))))
		}
		return append(steps, sprintf("Are other services silent too? %s. Then the collector or the network is the cause.", run("Seconds since the last telemetry of each", c, c.q.silences())))
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		looks := markdown("look at its last logs")
		if c.service.Deployment.Kubernetes != nil {
			looks = "look at its events and last logs"
		}
		b.steps(
			sprintf("**Does it not respond?** It is down: %s. Newly deployed? %s; otherwise restart it.", looks, anchor("Go back", goBackFirst)),
			sprintf("**Does it respond, and other services are silent too?** See the alerts of %s.", indexOf(catalog.Dependency{Reference: Collector, Service: c.o.Services.Lookup(Collector)})),
			sprintf("**Does it respond, and only it is silent?** Check its exporter: the environment variable `OTEL_EXPORTER_OTLP_ENDPOINT`, network policies, certificates, or a `service.name` that a deployment renamed. %s.", anchor("Restore the path", fixTelemetryPath)),
			"**Was the service removed on purpose?** Remove it from the catalog, and generate again.",
		)
		if k := c.service.Deployment.Kubernetes; k != nil {
			b.shell(c.kubectl("kubectl describe %s"), c.kubectl("kubectl logs %s --tail=100"))
		}
		return b.markdown()
	},
	mitigation: func(c *subject) []remedy {
		return append([]remedy{{
			name:   fixTelemetryPath,
			when:   "The service works, but its telemetry does not arrive.",
			do:     "Revert the change of the exporter's endpoint, the network policy, the certificate, or the service's name.",
			verify: "The number falls to a few:",
			check:  []ask{{"seconds since the last telemetry", c.q.silence()}},
			undo:   "Apply the reverted change again.",
		}}, slices.DeleteFunc(c.restart(), func(r remedy) bool { return r.name == scaleOut })...)
	},
	silence: time.Hour,
	stays:   "No other alert replaces it: the burn alerts need events. Watch the service manually.",
}

var regressionGuide = guide{
	back: (*subject).goBack,
	meaning: func(*subject) markdown {
		return "A version that was first seen within the last hour fails significantly more often than the previous version, and the error budget burns now. The deployment is the likely cause.\n\n"
	},
	impact: func(c *subject) markdown {
		return c.impactOfService() + "All users of the new version are affected: more while the rollout continues.\n\n"
	},
	first: func(c *subject) []markdown {
		return []markdown{
			"Acknowledge the alert. Stop the rollout, so that no further instances get the new version.",
			"Go back now, as above. The label `service_version` names the version.",
			sprintf("How much worse is it? %s, and %s.", run("How many times as often it fails", c, c.q.effects()), run("how many seconds of the budget it has cost", c, c.q.costs())),
			sprintf("Inform the person who deployed it: %s.", run("commit, comparison with the previous version, pipeline run and person", c, c.q.facts())),
		}
	},
	changed: (*subject).changed,
	diagnosis: func(c *subject) markdown {
		var b page
		b.steps(
			sprintf("**Does only the new version fail?** %s. The deployment is the cause: find the commit (%s), and a failed request on the page of the SLO.",
				run("Share of bad events by version", c, c.q.versions()), anchor("What changed", "What changed")),
			"**Do the old and the new version fail equally often?** Look for a dependency, or for a migration of data. A rollback may not help.",
			sprintf("**Are only some SLOs affected?** They show which function broke: %s.", pageLink("all SLOs", Index)),
		)
		b.add(c.dependencies())
		b.paragraph(c.searches())
		return b.markdown()
	},
	mitigation: func(c *subject) []remedy {
		return []remedy{{
			name:   "Turn the feature flag off",
			when:   "A feature flag controls the new code.",
			do:     "Turn the flag off.",
			verify: "The line of the new version falls to that of the old version:",
			check:  []ask{{"share of bad events by version", c.q.versions()}},
			undo:   "Turn the flag on again, for few users first.",
		}}
	},
	silence: time.Hour,
	stays:   "The burn alerts stay active: they keep firing if the rollback does not help.",
}
